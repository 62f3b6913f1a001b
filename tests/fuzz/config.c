/* SPDX-License-Identifier: MIT
 * The configuration. The input is the file's text and, behind an octet FE, the two variables. What
 * compiles gives whole routes to every question; what does not is refused in one readable line, in
 * which the word "hunter2" never stands when it was somebody's password. */
#include "core/config.h"

#include "core/excerpt.h"
#include "fuzz.h"

#define SECRET "hunter2"

static const char *const hosts[] = {"example.com", "a.b.example", "localhost",   "127.0.0.1",
                                    "10.1.2.3",    "192.0.2.1",   "2001:db8::1", "::1"};

static unsigned count_lines(const char *text, size_t len)
{
    unsigned lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

static void check_route(const struct route *route, const struct config *config)
{
    MUST(route && route->text && route->timeout_ms > 0);
    MUST(route->kind == ROUTE_DIRECT || route->kind == ROUTE_BLOCK || route->kind == ROUTE_PROXY);
    if (route->kind != ROUTE_PROXY) {
        MUST(route->hop_count == 0);
        return;
    }
    MUST(route->hop_count >= 1 && route->hop_count <= ROUTE_HOPS_MAX);
    for (size_t i = 0; i < route->hop_count; i++) {
        size_t index = config_proxy_index(config, route->hop[i]);
        MUST(index < config_proxy_count(config) && config_proxy(config, index) == route->hop[i]);
    }
}

enum { QUESTIONS = COUNT(hosts) * 5 };

/* The decisions about each of the hosts, said in numbers that two configurations can be compared
 * by. */
static void decide(const struct config *config, unsigned lines, unsigned said[static QUESTIONS])
{
    static const uint16_t ports[] = {0, 1, 80, 443, 65535};
    _Static_assert(QUESTIONS == COUNT(hosts) * COUNT(ports), "one for each host and port");
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct target target;
        const char *host = hosts[i / COUNT(ports)];
        MUST(target_set_host(&target, host, strlen(host), ports[i % COUNT(ports)]) == STATUS_OK);
        struct decision tcp = rules_decide(config_rules(config), &target);
        check_route(tcp.route, config);
        struct decision udp = rules_decide(config_udp(config), &target);
        check_route(udp.route, config);
        MUST(udp.route->kind != ROUTE_PROXY && tcp.line <= lines && udp.line <= lines);
        if (rules_name_is_direct(config_rules(config), host, strlen(host)) &&
            target.kind == TARGET_NAME)
            MUST(tcp.route->kind == ROUTE_DIRECT);
        *said++ = tcp.line << 4 | tcp.route->kind << 2 | udp.route->kind;
    }
}

/* Lines as they are shown: each once, in order, within the text. */
static void check_excerpts(const struct config_file *file)
{
    struct excerpt_section section = {0};
    unsigned lines = count_lines(file->text, file->len), before = 0;
    for (unsigned i = 0; i <= lines + 1; i++) {
        struct word line = excerpt_line(file, i);
        MUST(line.len == 0 ||
             (line.at >= file->text && line.at + line.len <= file->text + file->len));
        MUST(line.len == 0 || !memchr(line.at, '\n', line.len));
    }
    for (; excerpt_next_section(file, &section); before = section.line)
        MUST(section.line > before && section.line <= lines && section.heading.at[0] == '[');
}

static void check_compiled(const struct config *config, const struct config_source *source)
{
    const struct config_file file = {source->text, source->len, source->app, COUNT(source->app)};
    check_excerpts(&file);
    bool has_password = false;
    for (size_t i = 0; i < config_proxy_count(config); i++) {
        const struct proxy *proxy = config_proxy(config, i);
        MUST(proxy->name && *proxy->name && proxy->address.port > 0);
        MUST(config_proxy_index(config, proxy) == i);
        has_password |= proxy->password_len > 0;
    }
    MUST(has_password || !config_has_password(config));
    const struct target *server = config_dns_server(config);
    MUST(!server || server->port > 0);
    unsigned lines = count_lines(source->text, source->len), said[2][QUESTIONS];
    char error[CONFIG_ERROR_MAX];
    struct config *again = NULL;
    MUST(config_compile(source, &again, error) == STATUS_OK);
    decide(config, lines, said[0]);
    decide(again, lines, said[1]);
    MUST(memcmp(said[0], said[1], sizeof(said[0])) == 0);
    config_free(again);
}

/* True when it stands nowhere but as somebody's password. */
static bool is_secret(const char *text, size_t len)
{
    const char *end = text + len, *at = text;
    for (; (at = memmem(at, (size_t)(end - at), SECRET, strlen(SECRET))); at += strlen(SECRET)) {
        static const char before[] = "user:";
        size_t n = strlen(before);
        if (at - text < (ptrdiff_t)n || memcmp(at - n, before, n) != 0 || end - at < 9 ||
            at[strlen(SECRET)] != '@')
            return false;
    }
    return true;
}

static void check_refusal(const char *error, const struct config_source *source)
{
    MUST(memchr(error, '\0', CONFIG_ERROR_MAX) && *error);
    for (const char *c = error; *c; c++)
        MUST((unsigned char)*c >= ' ' && *c != 0x7f);
    unsigned line;
    if (sscanf(error, "file:%u:", &line) == 1)
        MUST(line >= 1 && line <= count_lines(source->text, source->len));
    if (is_secret(source->text, source->len) && is_secret(source->proxy, strlen(source->proxy)) &&
        is_secret(source->fallback_proxy, strlen(source->fallback_proxy)))
        MUST(!strstr(error, SECRET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *mark = len ? memchr(data, 0xfe, len) : NULL;
    size_t text_len = mark ? (size_t)(mark - data) : len;
    struct input variables = {data + text_len + (mark != NULL), mark ? len - text_len - 1 : 0};
    mark = variables.left ? memchr(variables.at, 0xfe, variables.left) : NULL;
    size_t proxy_len = mark ? (size_t)(mark - variables.at) : variables.left;
    char *text = copy_exactly(data, text_len);
    char *proxy = take_string(&variables, proxy_len);
    take_octet(&variables);
    char *fallback = take_string(&variables, variables.left);
    const struct config_source source = {
        .file = "file",
        .text = text,
        .len = text_len,
        .proxy = proxy,
        .fallback_proxy = fallback,
        .app = {"ssh", "git-remote-http"},
        .timeout_ms = (uint32_t)(len % 2),
    };

    char error[CONFIG_ERROR_MAX];
    memset(error, 'x', sizeof(error));
    struct config *config = NULL;
    enum status status = config_compile(&source, &config, error);
    MUST(status == STATUS_OK || status == STATUS_BAD_INPUT);
    MUST((config != NULL) == (status == STATUS_OK));
    if (config)
        check_compiled(config, &source);
    else
        check_refusal(error, &source);
    config_free(config);
    free(text);
    free(proxy);
    free(fallback);
    return 0;
}
