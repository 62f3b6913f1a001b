/* SPDX-License-Identifier: MIT
 * The configuration, line by line. The sections of programs stand after the general lines but are
 * read before them, because their rules come first; so every line is read once, and each rule can
 * be handed over as soon as it is read. Names of proxies are looked up at the end. */
#include "core/config.h"

#include "core/arena.h"
#include "core/text.h"

#include <fnmatch.h>
#include <limits.h>
#include <string.h>

enum { REASON_MAX = 192, SHOWN_WORD_MAX = 96, SHOWN_FILE_MAX = 200 };

/* A word of the text, not NUL-terminated. */
struct word {
    const char *at;
    size_t len;
};

/* A proxy as it was defined. */
struct definition {
    struct proxy proxy; /* first, for config_proxy_index */
    struct definition *next;
    size_t index;
    unsigned line; /* 0: in the environment */
};

/* A route as lines of the file write it, once for all of them. */
struct written_route {
    struct route route; /* text and kind at once, the rest at the end */
    struct written_route *next;
    size_t text_len;
    unsigned line; /* the first one */
};

enum part { PART_GENERAL, PART_APPS, PART_ENVIRONMENT, PART_COUNT };

struct config {
    struct arena *arena;
    struct rules *rules;
    struct rules *udp;
    struct definition *definitions[PART_COUNT]; /* each list in order */
    const struct proxy **proxies;
    size_t proxy_count;
    struct target *dns_server;
    bool strict;
    bool has_password;
};

/* What one part of the file says beside its rules; lines are 0 where it says nothing. */
struct choice {
    struct written_route *otherwise;
    struct target *dns_server;
    unsigned otherwise_line;
    unsigned timeout_line;
    unsigned dns_server_line;
    unsigned strict_line;
    uint32_t timeout_ms;
    bool strict;
};

struct parser {
    const struct config_source *source;
    struct config *config;
    char *error;
    struct written_route *routes;
    struct definition **definitions_end[PART_COUNT];
    enum part part;
    unsigned line;
    struct word rest;      /* of the line */
    bool section_applies;  /* to this program */
    struct choice section; /* of the section we are in */
    struct choice general; /* what holds in the end... */
    struct choice app;     /* ...of all sections of this program together */
};

/* Words may hold anything: keep the message one readable line. */
static void add_shown(struct text *text, const char *word, size_t len)
{
    size_t shown = len < SHOWN_WORD_MAX ? len : SHOWN_WORD_MAX;
    for (size_t i = 0; i < shown; i++) {
        bool printable = (unsigned char)word[i] >= ' ' && word[i] != 0x7f;
        text_add_bytes(text, printable ? &word[i] : "?", 1);
    }
    if (shown < len)
        text_add(text, "...");
}

/* The end of a long path tells more than its start. */
static void add_file(struct text *text, const char *file)
{
    size_t len = strlen(file);
    if (len > SHOWN_FILE_MAX) {
        text_add(text, "...");
        file += len - SHOWN_FILE_MAX;
    }
    text_add(text, file);
}

static void add_place(struct text *text, const struct parser *parser)
{
    add_file(text, parser->source->file ? parser->source->file : "configuration");
    text_add(text, ":");
    text_add_number(text, parser->line);
    text_add(text, ": ");
}

static bool may_hold_secret(struct word word)
{
    return memchr(word.at, '@', word.len) || memmem(word.at, word.len, "://", 3);
}

/* "PLACE: WORD: why" where where is a variable, or NULL for the current line. */
static enum status fail_at(struct parser *parser, const char *where, struct word word, bool secret,
                           const char *why)
{
    struct text text = text_start(parser->error, CONFIG_ERROR_MAX);
    if (where) {
        text_add(&text, where);
        text_add(&text, ": ");
    } else {
        add_place(&text, parser);
    }
    if (secret || may_hold_secret(word)) {
        char shown[2 * SHOWN_WORD_MAX];
        proxy_hide_secret(word.at, word.len, shown, sizeof(shown));
        add_shown(&text, shown, strlen(shown));
    } else {
        add_shown(&text, word.at, word.len);
    }
    text_add(&text, ": ");
    text_add(&text, why);
    return STATUS_BAD_INPUT;
}

static enum status fail(struct parser *parser, struct word word, const char *why)
{
    return fail_at(parser, NULL, word, false, why);
}

static enum status fail_with_line(struct parser *parser, struct word word, const char *why,
                                  unsigned line)
{
    char words[REASON_MAX];
    struct text text = text_start(words, sizeof(words));
    text_add(&text, why);
    text_add_number(&text, line);
    return fail(parser, word, words);
}

static enum status out_of_memory(struct parser *parser)
{
    text_join(parser->error, CONFIG_ERROR_MAX, status_text(STATUS_NO_MEMORY), NULL);
    return STATUS_NO_MEMORY;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r'); /* \r: lines may end in CR LF */
}

static bool word_is(struct word word, const char *text)
{
    size_t i = 0;
    while (i < word.len && word.at[i] == text[i]) /* a word has no NUL, so this ends with text */
        i++;
    return i == word.len && !text[i];
}

/* The next word of the line; a # where one would start makes the rest a comment. */
static bool next_word(struct word *rest, struct word *word)
{
    const char *at = rest->at;
    const char *end = at + rest->len;
    while (at < end && is_blank(*at))
        at++;
    const char *start = at;
    if (at < end && *at == '#')
        at = start = end;
    while (at < end && ((unsigned char)*at > ' ' || !is_blank(*at)))
        at++;
    *word = (struct word){start, (size_t)(at - start)};
    *rest = (struct word){at, (size_t)(end - at)};
    return word->len > 0;
}

static enum status expect_end(struct parser *parser, const char *why)
{
    struct word surplus;
    return next_word(&parser->rest, &surplus) ? fail(parser, surplus, why) : STATUS_OK;
}

/* What stands before the first comma, which is taken off with it. */
static struct word take_item(struct word *rest)
{
    const char *comma = memchr(rest->at, ',', rest->len);
    struct word item = {rest->at, comma ? (size_t)(comma - rest->at) : rest->len};
    size_t taken = comma ? item.len + 1 : item.len;
    rest->at += taken;
    rest->len -= taken;
    return item;
}

static struct definition *find_definition(const struct config *config, struct word name)
{
    for (enum part part = PART_GENERAL; part <= PART_APPS; part++) {
        for (struct definition *d = config->definitions[part]; d; d = d->next) {
            if (word_is(name, d->proxy.name))
                return d;
        }
    }
    return NULL;
}

static struct definition *new_definition(struct parser *parser, enum part part, unsigned line)
{
    struct definition *definition = arena_alloc(parser->config->arena, sizeof(*definition));
    if (!definition)
        return NULL;
    definition->line = line;
    *parser->definitions_end[part] = definition;
    parser->definitions_end[part] = &definition->next;
    parser->config->proxy_count++;
    return definition;
}

static bool is_proxy_name(struct word name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = text_lower(name.at[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return name.len > 0 && !word_is(name, "direct") && !word_is(name, "block");
}

/* The route that text writes; *route may be shared with other lines. */
static enum status write_route(struct parser *parser, struct word text,
                               struct written_route **route)
{
    /* The latest one stands in front: files have their lines in runs of one route. */
    struct written_route **link = &parser->routes;
    while (*link &&
           ((*link)->text_len != text.len || memcmp((*link)->route.text, text.at, text.len) != 0))
        link = &(*link)->next;

    struct written_route *found = *link;
    if (found) {
        *link = found->next;
    } else {
        found = arena_alloc(parser->config->arena, sizeof(*found));
        char *copy = arena_copy(parser->config->arena, text.at, text.len);
        if (!found || !copy)
            return out_of_memory(parser);
        found->route.text = copy;
        found->route.kind = word_is(text, "direct")  ? ROUTE_DIRECT
                            : word_is(text, "block") ? ROUTE_BLOCK
                                                     : ROUTE_PROXY;
        found->text_len = text.len;
    }
    found->next = parser->routes;
    parser->routes = found;
    if (!found->line || parser->line < found->line)
        found->line = parser->line;
    *route = found;
    return STATUS_OK;
}

/* The deadline of a route: the command line's, else the longest that its proxies ask for, else the
 * program's section's, else the general one. */
static void set_timeout(const struct parser *parser, struct route *route)
{
    uint32_t timeout_ms = parser->source->timeout_ms;
    for (size_t i = 0; i < route->hop_count && !parser->source->timeout_ms; i++) {
        if (route->hop[i]->timeout_ms > timeout_ms)
            timeout_ms = route->hop[i]->timeout_ms;
    }
    if (!timeout_ms)
        timeout_ms = parser->app.timeout_ms;
    if (!timeout_ms)
        timeout_ms = parser->general.timeout_ms;
    route->timeout_ms = timeout_ms ? timeout_ms : CONFIG_TIMEOUT_MS;
}

static enum status set_hops(struct parser *parser, struct route *route,
                            const struct proxy *const *hops, size_t count)
{
    const struct proxy **copy = arena_alloc(parser->config->arena, count * sizeof(*copy));
    if (!copy)
        return out_of_memory(parser);
    memcpy(copy, hops, count * sizeof(*copy));
    route->hop = copy;
    route->hop_count = (uint8_t)count;
    return STATUS_OK;
}

static const char *const too_long = "expected a chain of at most 16 proxies";
_Static_assert(ROUTE_HOPS_MAX == 16, "too_long says so");

/* Look up the proxies of a route, now that all are known. */
static enum status complete_route(struct parser *parser, struct written_route *written)
{
    struct route *route = &written->route;
    const struct proxy *hops[ROUTE_HOPS_MAX];
    size_t count = 0;
    if (route->kind != ROUTE_PROXY) {
        set_timeout(parser, route);
        return STATUS_OK;
    }
    parser->line = written->line;
    struct word text = {route->text, written->text_len};
    struct word rest = text;
    bool more = true;
    while (more) {
        more = memchr(rest.at, ',', rest.len) != NULL;
        struct word name = take_item(&rest);
        if (!name.len)
            return fail(parser, text, "expected names of proxies with a single comma between");
        if (word_is(name, "direct") || word_is(name, "block"))
            return fail(parser, text, "expected proxies only in a chain");
        const struct definition *definition = find_definition(parser->config, name);
        if (!definition)
            return fail(parser, name,
                        memmem(name.at, name.len, "://", 3)
                            ? "expected a name, defined by a line \"proxy NAME URL\""
                            : "expected direct, block or a proxy that a line \"proxy NAME URL\" "
                              "defines");
        if (count == ROUTE_HOPS_MAX)
            return fail(parser, text, too_long);
        hops[count++] = &definition->proxy;
    }
    enum status status = set_hops(parser, route, hops, count);
    if (status == STATUS_OK)
        set_timeout(parser, route);
    return status;
}

/* Of several mistakes the first one in the file is told. */
static enum status complete_routes(struct parser *parser)
{
    enum status result = STATUS_OK;
    unsigned first = UINT_MAX;
    for (struct written_route *route = parser->routes; route; route = route->next) {
        if (route->line >= first)
            continue;
        enum status status = complete_route(parser, route);
        if (status != STATUS_OK) {
            result = status;
            first = route->line;
        }
    }
    return result;
}

static enum status read_proxy(struct parser *parser, struct word directive)
{
    char why[REASON_MAX];
    struct word name, url, option;
    if (!next_word(&parser->rest, &name) || !next_word(&parser->rest, &url))
        return fail(parser, directive, "expected: proxy NAME URL [OPTION=VALUE...]");
    if (!is_proxy_name(name))
        return fail_at(parser, NULL, name, true,
                       "expected a name for the proxy: letters, digits and - _ . (not direct or "
                       "block)");

    struct definition *same = find_definition(parser->config, name);
    if (same) {
        /* The general lines are read last, but stand first. */
        unsigned other = same->line;
        if (parser->line < other) {
            other = parser->line;
            parser->line = same->line;
        }
        return fail_with_line(parser, name, "expected another name, for it is defined on line ",
                              other);
    }
    struct definition *definition = new_definition(parser, parser->part, parser->line);
    if (!definition)
        return out_of_memory(parser);
    struct proxy *proxy = &definition->proxy;
    enum status status = proxy_parse_url(proxy, url.at, url.len, why, sizeof(why));
    /* Parsing begins with a clean slate, and later lines look for names. */
    proxy->name = arena_copy(parser->config->arena, name.at, name.len);
    if (!proxy->name)
        return out_of_memory(parser);
    if (status != STATUS_OK)
        return fail_at(parser, NULL, url, true, why);
    while (next_word(&parser->rest, &option)) {
        if (proxy_set_option(proxy, option.at, option.len, why, sizeof(why)) != STATUS_OK)
            return fail_at(parser, NULL, option, true, why);
    }
    if (proxy->password_len)
        parser->config->has_password = true;
    return STATUS_OK;
}

static enum status read_default(struct parser *parser, struct word directive)
{
    struct word text;
    struct choice *section = &parser->section;
    if (!next_word(&parser->rest, &text))
        return fail(parser, directive, "expected: default NAME[,NAME...], direct or block");
    if (section->otherwise_line)
        return fail_with_line(parser, directive,
                              "expected one default only, and there is one on line ",
                              section->otherwise_line);
    enum status status = write_route(parser, text, &section->otherwise);
    if (status != STATUS_OK)
        return status;
    section->otherwise_line = parser->line;
    return expect_end(parser, "expected nothing after the route (a chain is written NAME,NAME)");
}

static enum status read_timeout(struct parser *parser, struct word directive)
{
    struct word duration;
    struct choice *section = &parser->section;
    if (!next_word(&parser->rest, &duration))
        return fail(parser, directive, "expected: timeout DURATION");
    if (section->timeout_line)
        return fail_with_line(parser, directive,
                              "expected one timeout only, and there is one on line ",
                              section->timeout_line);
    if (proxy_parse_duration(duration.at, duration.len, &section->timeout_ms) != STATUS_OK)
        return fail(parser, duration, "expected " PROXY_DURATION_WORDS);
    section->timeout_line = parser->line;
    return expect_end(parser, "expected nothing after the duration");
}

/* dns-server ADDRESS[:PORT] */
static enum status read_dns_server(struct parser *parser, struct word directive)
{
    enum { DNS_PORT = 53 };
    struct word text;
    struct target target;
    struct choice *section = &parser->section;
    if (!next_word(&parser->rest, &text))
        return fail(parser, directive, "expected: dns-server ADDRESS[:PORT]");
    if (section->dns_server_line)
        return fail_with_line(parser, directive,
                              "expected one dns-server only, and there is one on line ",
                              section->dns_server_line);
    if (memchr(text.at, '/', text.len) ||
        target_from_text(&target, text.at, text.len, DNS_PORT) != STATUS_OK)
        return fail(parser, text,
                    "expected an address or a host name, with :PORT when it is not 53 (an IPv6 "
                    "address in brackets then)");
    section->dns_server = arena_alloc(parser->config->arena, sizeof(target));
    if (!section->dns_server)
        return out_of_memory(parser);
    *section->dns_server = target;
    section->dns_server_line = parser->line;
    return expect_end(parser, "expected nothing after the address");
}

/* strict yes|no */
static enum status read_strict(struct parser *parser, struct word directive)
{
    struct word answer;
    struct choice *section = &parser->section;
    if (!next_word(&parser->rest, &answer))
        return fail(parser, directive, "expected: strict yes|no");
    if (section->strict_line)
        return fail_with_line(parser, directive,
                              "expected one strict only, and there is one on line ",
                              section->strict_line);
    section->strict = word_is(answer, "yes");
    if (!section->strict && !word_is(answer, "no"))
        return fail(parser, answer, "expected yes or no");
    section->strict_line = parser->line;
    return expect_end(parser, "expected nothing after yes or no");
}

/* The rest of the line: patterns for a route, of datagrams or of connections. *count is their
 * number. */
static enum status read_patterns(struct parser *parser, struct word text, bool udp, size_t *count)
{
    struct word pattern;
    struct written_route *route;
    enum status status = write_route(parser, text, &route);
    if (status != STATUS_OK)
        return status;
    struct rules *rules = udp ? parser->config->udp : parser->config->rules;
    if (!parser->section_applies)
        rules = NULL;
    for (*count = 0; next_word(&parser->rest, &pattern); ++*count) {
        char why[REASON_MAX];
        status = (udp ? rules_add_address : rules_add)(
            rules, pattern.at, pattern.len, &route->route, parser->line, why, sizeof(why));
        if (status == STATUS_NO_MEMORY)
            return out_of_memory(parser);
        if (status != STATUS_OK)
            return fail(parser, pattern, why);
    }
    return STATUS_OK;
}

static enum status read_rule(struct parser *parser, struct word directive, struct word route)
{
    size_t count;
    enum status status = read_patterns(parser, route, false, &count);
    if (status == STATUS_OK && count == 0)
        return fail(parser, directive,
                    "expected a host name, *.SUFFIX, an address, ADDRESS/LENGTH, localnet or * "
                    "after it");
    return status;
}

/* The word of these two directives is the route. */
static enum status read_direct_or_block(struct parser *parser, struct word directive)
{
    return read_rule(parser, directive, directive);
}

static enum status read_via(struct parser *parser, struct word directive)
{
    struct word route;
    if (!next_word(&parser->rest, &route))
        return fail(parser, directive, "expected: via NAME[,NAME...] PATTERN...");
    return read_rule(parser, directive, route);
}

/* udp block|direct [PATTERN...] */
static enum status read_udp(struct parser *parser, struct word directive)
{
    struct word route;
    if (!next_word(&parser->rest, &route))
        return fail(parser, directive, "expected: udp block|direct [PATTERN...]");
    if (!word_is(route, "block") && !word_is(route, "direct"))
        return fail(parser, route, "expected block or direct: datagrams take no proxy");
    size_t count;
    enum status status = read_patterns(parser, route, true, &count);
    if (status != STATUS_OK || count > 0)
        return status;
    parser->rest = (struct word){"*", 1};
    return read_patterns(parser, route, true, &count);
}

/* A shell pattern, or mostly a plain name: fnmatch takes much stack, and in some locales memory. */
static bool is_program(const char *program, const char *pattern)
{
    if (!program)
        return false;
    return strpbrk(pattern, "*?[\\") ? fnmatch(pattern, program, 0) == 0
                                     : strcmp(pattern, program) == 0;
}

static enum status read_program(struct parser *parser, struct word word)
{
    char pattern[NAME_MAX + 1];
    if (word.len > NAME_MAX || memchr(word.at, '/', word.len))
        return fail(parser, word, "expected the name of a program without its folder");
    memcpy(pattern, word.at, word.len);
    pattern[word.len] = '\0';
    for (size_t i = 0; i < sizeof(parser->source->app) / sizeof(*parser->source->app); i++) {
        if (is_program(parser->source->app[i], pattern))
            parser->section_applies = true;
    }
    return STATUS_OK;
}

/* Of several sections that apply, the first that says something has it. */
static void close_section(struct parser *parser)
{
    struct choice *holds = parser->part == PART_GENERAL ? &parser->general : &parser->app;
    const struct choice *section = &parser->section;
    if (parser->section_applies && !holds->otherwise) {
        holds->otherwise = section->otherwise;
        holds->otherwise_line = section->otherwise_line;
    }
    if (parser->section_applies && !holds->timeout_ms)
        holds->timeout_ms = section->timeout_ms;
    if (parser->section_applies && !holds->dns_server)
        holds->dns_server = section->dns_server;
    if (parser->section_applies && !holds->strict_line) {
        holds->strict = section->strict;
        holds->strict_line = section->strict_line;
    }
    parser->section = (struct choice){0};
    parser->section_applies = false;
}

/* [app NAME...] */
static enum status read_section(struct parser *parser, struct word directive)
{
    struct word word, ahead;
    size_t count = 0;
    bool closed = false;
    close_section(parser);
    parser->rest.len += (size_t)(parser->rest.at - (directive.at + 1));
    parser->rest.at = directive.at + 1;
    while (next_word(&parser->rest, &word)) {
        struct word rest = parser->rest;
        /* Only the last ] of the line closes: [ and ] are also part of shell patterns. */
        closed = !next_word(&rest, &ahead) && word.at[word.len - 1] == ']';
        word.len -= closed;
        if (count == 0 && !word_is(word, "app"))
            break;
        if (count > 0 && word.len > 0) {
            enum status status = read_program(parser, word);
            if (status != STATUS_OK)
                return status;
        }
        count += word.len > 0;
    }
    if (count == 0)
        return fail(parser, directive, "unknown section: expected [app NAME...]");
    if (!closed)
        return fail(parser, directive, "expected a ] at the end of the line: [app NAME...]");
    if (count == 1)
        return fail(parser, directive, "expected at least one program: [app NAME...]");
    return STATUS_OK;
}

static enum status read_line(struct parser *parser)
{
    static const struct {
        const char *directive;
        enum status (*read)(struct parser *, struct word);
    } directives[] = {
        {"direct", read_direct_or_block},
        {"block", read_direct_or_block},
        {"via", read_via},
        {"proxy", read_proxy},
        {"default", read_default},
        {"timeout", read_timeout},
        {"udp", read_udp},
        {"dns-server", read_dns_server},
        {"strict", read_strict},
    };
    struct word directive;
    if (!next_word(&parser->rest, &directive))
        return STATUS_OK;
    if (directive.at[0] == '[')
        return read_section(parser, directive);
    for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++) {
        if (word_is(directive, directives[i].directive))
            return directives[i].read(parser, directive);
    }
    return fail(parser, directive,
                "unknown directive: expected proxy, default, direct, block, via, udp, dns-server, "
                "timeout, strict or [app NAME...]");
}

/* line: the number of the first one in text */
static enum status read_part(struct parser *parser, enum part part, const char *text, size_t len,
                             unsigned line)
{
    const char *end = text + len;
    enum status status = STATUS_OK;
    parser->part = part;
    parser->section_applies = part == PART_GENERAL;
    for (parser->line = line; text < end && status == STATUS_OK; parser->line++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline ? newline : end;
        parser->rest = (struct word){text, (size_t)(line_end - text)};
        status = read_line(parser);
        text = newline ? newline + 1 : end;
    }
    close_section(parser);
    return status;
}

/* Where the first line that opens a section starts; the end when there is none. */
static const char *find_sections(const char *text, const char *end)
{
    for (const char *at = text; at < end; at++) {
        at = memchr(at, '[', (size_t)(end - at));
        if (!at)
            break;
        const char *start = at;
        while (start > text && is_blank(start[-1]) && start[-1] != '\n')
            start--;
        if (start == text || start[-1] == '\n')
            return start;
    }
    return end;
}

static unsigned count_lines(const char *text, const char *end)
{
    unsigned count = 0;
    for (; text < end; text++)
        count += *text == '\n';
    return count;
}

static enum status read_file(struct parser *parser)
{
    static const char bom[] = {'\xef', '\xbb', '\xbf'};
    const char *text = parser->source->text;
    const char *end = text + parser->source->len;
    if (parser->source->len >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0)
        text += sizeof(bom);
    const char *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    if (nul) {
        parser->line = 1 + count_lines(text, nul);
        return fail(parser, (struct word){"NUL", 3}, "expected text, without this octet");
    }

    const char *sections = find_sections(text, end);
    enum status sections_status = STATUS_OK;
    if (sections < end)
        sections_status = read_part(parser, PART_APPS, sections, (size_t)(end - sections),
                                    1 + count_lines(text, sections));
    if (sections_status == STATUS_NO_MEMORY)
        return sections_status;
    /* Of several mistakes the first one in the file is told, so go on even then. */
    enum status status = read_part(parser, PART_GENERAL, text, (size_t)(sections - text), 1);
    return status != STATUS_OK ? status : sections_status;
}

/* One item of a variable: the URL of a proxy, or the name of one in the file. */
static enum status read_item(struct parser *parser, const char *variable, struct word item,
                             const struct proxy **proxy)
{
    char why[REASON_MAX];
    if (!memmem(item.at, item.len, "://", 3)) {
        const struct definition *known = find_definition(parser->config, item);
        if (!known)
            return fail_at(parser, variable, item, true,
                           "expected a URL such as socks5://HOST:1080, or the name of a proxy in "
                           "the configuration file");
        *proxy = &known->proxy;
        return STATUS_OK;
    }
    struct definition *definition = new_definition(parser, PART_ENVIRONMENT, 0);
    if (!definition)
        return out_of_memory(parser);
    if (proxy_parse_url(&definition->proxy, item.at, item.len, why, sizeof(why)) != STATUS_OK)
        return fail_at(parser, variable, item, true, why);
    char name[TARGET_TEXT_MAX];
    target_to_text(&definition->proxy.address, name);
    definition->proxy.name = arena_copy(parser->config->arena, name, strlen(name));
    if (!definition->proxy.name)
        return out_of_memory(parser);
    *proxy = &definition->proxy;
    return STATUS_OK;
}

/* "NAME,NAME", without the secrets that the variable may hold. */
static const char *name_chain(struct arena *arena, const struct proxy *const *hops, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(hops[i]->name) + 1;
    char *name = arena_alloc(arena, size);
    if (!name)
        return NULL;
    struct text text = text_start(name, size);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_add(&text, ",");
        text_add(&text, hops[i]->name);
    }
    return name;
}

/* The route that a variable asks for. */
static enum status read_variable(struct parser *parser, const char *variable, struct word value,
                                 struct route *route)
{
    const struct proxy *hops[ROUTE_HOPS_MAX];
    size_t count = 0;
    bool more = true;
    while (more) {
        more = memchr(value.at, ',', value.len) != NULL;
        struct word item = take_item(&value);
        if (count == ROUTE_HOPS_MAX)
            return fail_at(parser, variable, item, true, too_long);
        enum status status = read_item(parser, variable, item, &hops[count]);
        if (status != STATUS_OK)
            return status;
        count++;
    }
    route->kind = ROUTE_PROXY;
    route->text = name_chain(parser->config->arena, hops, count);
    if (!route->text)
        return out_of_memory(parser);
    enum status status = set_hops(parser, route, hops, count);
    if (status == STATUS_OK)
        set_timeout(parser, route);
    return status;
}

static bool is_socks_url(const char *value)
{
    return value && text_is_word(value, strnlen(value, 5), "socks") && strstr(value, "://");
}

static enum status no_default(struct parser *parser)
{
    struct definition *const *definitions = parser->config->definitions;
    const struct definition *first =
        definitions[PART_GENERAL] ? definitions[PART_GENERAL] : definitions[PART_APPS];
    struct text text = text_start(parser->error, CONFIG_ERROR_MAX);
    if (parser->source->file)
        add_file(&text, parser->source->file);
    else
        text_add(&text, "no configuration file");
    if (first) {
        text_add(&text, ": no default: expected a line \"default ");
        add_shown(&text, first->proxy.name, strlen(first->proxy.name));
        text_add(&text, "\"");
    } else {
        text_add(&text, ": no proxy: expected lines \"proxy home socks5://HOST:1080\" and "
                        "\"default home\", or a URL in SOCKSIFY_PROXY");
    }
    return STATUS_BAD_INPUT;
}

static enum status choose_otherwise(struct parser *parser)
{
    const struct config_source *source = parser->source;
    struct rules *rules = parser->config->rules;
    const struct choice *file = parser->app.otherwise ? &parser->app : &parser->general;
    bool has_proxy = source->proxy && *source->proxy;
    if (!has_proxy && file->otherwise) {
        rules_set_otherwise(rules, &file->otherwise->route, file->otherwise_line);
        return STATUS_OK;
    }
    if (!has_proxy && !is_socks_url(source->fallback_proxy))
        return no_default(parser);

    struct route *route = arena_alloc(parser->config->arena, sizeof(*route));
    if (!route)
        return out_of_memory(parser);
    const char *value = has_proxy ? source->proxy : source->fallback_proxy;
    rules_set_otherwise(rules, route, 0);
    return read_variable(parser, has_proxy ? "SOCKSIFY_PROXY" : "ALL_PROXY",
                         (struct word){value, strlen(value)}, route);
}

/* A program's own sections stand over the general lines. */
static void choose_rest(struct parser *parser)
{
    const struct choice *app = &parser->app, *general = &parser->general;
    parser->config->dns_server = app->dns_server ? app->dns_server : general->dns_server;
    parser->config->strict = app->strict_line ? app->strict : general->strict;
}

static enum status list_proxies(struct parser *parser)
{
    struct config *config = parser->config;
    config->proxies = arena_alloc(config->arena, config->proxy_count * sizeof(*config->proxies));
    if (!config->proxies)
        return out_of_memory(parser);
    size_t index = 0;
    for (enum part part = 0; part < PART_COUNT; part++) {
        for (struct definition *d = config->definitions[part]; d; d = d->next) {
            d->index = index;
            config->proxies[index++] = &d->proxy;
        }
    }
    return STATUS_OK;
}

enum status config_compile(const struct config_source *source, struct config **config,
                           char error[static CONFIG_ERROR_MAX])
{
    static const struct route block = {.kind = ROUTE_BLOCK, .timeout_ms = 1, .text = "block"};
    struct parser parser = {.source = source, .error = error};
    struct arena *arena = arena_new();
    struct config *built = arena ? arena_alloc(arena, sizeof(*built)) : NULL;
    enum status status = STATUS_OK;
    error[0] = '\0';
    if (built) {
        parser.config = built;
        built->arena = arena;
        built->rules = rules_new(arena, NULL, 0);
        built->udp = rules_new(arena, &block, 0);
        for (enum part part = 0; part < PART_COUNT; part++)
            parser.definitions_end[part] = &built->definitions[part];
    }
    if (!built || !built->rules || !built->udp)
        status = out_of_memory(&parser);
    if (status == STATUS_OK && source->text)
        status = read_file(&parser);
    if (status == STATUS_OK)
        status = complete_routes(&parser);
    if (status == STATUS_OK)
        status = choose_otherwise(&parser);
    if (status == STATUS_OK)
        status = list_proxies(&parser);
    if (status == STATUS_OK) {
        choose_rest(&parser);
        *config = built;
    } else {
        arena_free(arena);
    }
    return status;
}

void config_free(struct config *config)
{
    if (config)
        arena_free(config->arena);
}

const struct rules *config_rules(const struct config *config)
{
    return config->rules;
}

const struct rules *config_udp(const struct config *config)
{
    return config->udp;
}

const struct target *config_dns_server(const struct config *config)
{
    return config->dns_server;
}

bool config_strict(const struct config *config)
{
    return config->strict;
}

bool config_has_password(const struct config *config)
{
    return config->has_password;
}

size_t config_proxy_count(const struct config *config)
{
    return config->proxy_count;
}

const struct proxy *config_proxy(const struct config *config, size_t i)
{
    return config->proxies[i];
}

size_t config_proxy_index(const struct config *config, const struct proxy *proxy)
{
    (void)config;
    return ((const struct definition *)proxy)->index;
}
