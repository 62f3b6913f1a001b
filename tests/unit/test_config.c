/* SPDX-License-Identifier: MIT
 * The configuration file: what its lines mean, which sections and variables win, and what exactly
 * is said of every mistake. */
#include "core/config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOME "proxy home socks5://192.0.2.10:1080\n"
#define BOTH HOME "proxy tor socks5://127.0.0.1:9050 timeout=60s\n"

static struct config *config;
static char error[CONFIG_ERROR_MAX];

static long mappings_left = -1; /* that the kernel still has for us; -1: no end of them */

static void *map(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (mappings_left == 0) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    mappings_left -= mappings_left > 0;
    return (void *)syscall(SYS_mmap, address, len, protection, flags, fd, offset);
}

/* In place of libc's: the second is what files with 64-bit offsets make of the first. */
void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    return map(address, len, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t len, int protection, int flags, int fd, off64_t offset)
{
    return map(address, len, protection, flags, fd, offset);
}

static void end(void)
{
    config_free(config);
    config = NULL;
}

/* The text lies in memory that ends with it, so that the sanitizer sees one octet too many. */
static enum status compile_source(struct config_source source, const char *text, size_t len)
{
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    source.file = "f.conf";
    source.text = exact;
    source.len = len;
    config_free(config);
    config = NULL;
    enum status status = config_compile(&source, &config, error);
    free(exact); /* borrowed for the call only */
    ck_assert((status == STATUS_OK) == (config != NULL));
    ck_assert((status == STATUS_OK) == (error[0] == '\0'));
    return status;
}

static enum status compile(const char *text)
{
    return compile_source((struct config_source){0}, text, strlen(text));
}

static void must_compile(struct config_source source, const char *text)
{
    ck_assert_msg(compile_source(source, text, strlen(text)) == STATUS_OK, "%s", error);
}

static struct decision decide(const char *text)
{
    struct target target;
    ck_assert_int_eq(target_from_text(&target, text, strlen(text), 80), STATUS_OK);
    return rules_decide(config_rules(config), &target);
}

static const char *route_for(const char *target)
{
    return decide(target).route->text;
}

START_TEST(the_example_of_the_manual_holds)
{
    static const char text[] = "proxy  home  socks5://user:secret@192.0.2.10:1080\n"
                               "proxy  tor   socks5://127.0.0.1:9050  timeout=60s\n"
                               "proxy  old   socks4a://bastion.corp:1080\n"
                               "\n"
                               "default home     # home | a chain: home,tor | direct | block\n"
                               "direct  localnet *.corp.example   # localnet: RFC 1918 and so on\n"
                               "block   *.ads.example 0.0.0.0/0:25\n"
                               "via tor *.onion\n"
                               "\n"
                               "[app ssh git]\n"
                               "default old\n";
    must_compile((struct config_source){.app = {"wget", NULL}}, text);
    ck_assert_str_eq(route_for("example.com"), "home");
    ck_assert_str_eq(route_for("10.0.0.1"), "direct");
    ck_assert_str_eq(route_for("a.corp.example"), "direct");
    ck_assert_str_eq(route_for("x.ads.example"), "block");
    ck_assert_str_eq(route_for("203.0.113.1:25"), "block");
    ck_assert_str_eq(route_for("x.onion"), "tor");
    ck_assert_uint_eq(decide("x.onion").line, 8);
    ck_assert_uint_eq(decide("example.com").line, 5);

    const struct route *home = decide("example.com").route;
    ck_assert_int_eq(home->kind, ROUTE_PROXY);
    ck_assert_uint_eq(home->hop_count, 1);
    ck_assert_str_eq(home->hop[0]->name, "home");
    ck_assert_uint_eq(home->hop[0]->user_len, 4);
    ck_assert_uint_eq(home->timeout_ms, CONFIG_TIMEOUT_MS);
    ck_assert_uint_eq(decide("x.onion").route->timeout_ms, 60000);
    ck_assert_int_eq(decide("10.0.0.1").route->kind, ROUTE_DIRECT);
    ck_assert_uint_eq(decide("10.0.0.1").route->hop_count, 0);
    ck_assert_int_eq(decide("x.ads.example").route->kind, ROUTE_BLOCK);
    ck_assert(config_has_password(config));

    must_compile((struct config_source){.app = {"git", NULL}}, text);
    ck_assert_str_eq(route_for("example.com"), "old");
    ck_assert_str_eq(route_for("x.onion"), "tor");
    ck_assert_uint_eq(decide("example.com").line, 11);
}
END_TEST

START_TEST(lines_may_look_odd)
{
    must_compile((struct config_source){0}, "\xef\xbb\xbf" HOME "default home");
    must_compile((struct config_source){0},
                 "proxy home socks5://h\r\n\r\ndefault home\r\n# end\r\n");
    must_compile((struct config_source){0},
                 "\n\t # comment\n \t proxy\thome  socks5://h\t# x\n#default x\ndefault home #\n");
    ck_assert_str_eq(config_proxy(config, 0)->name, "home");
    must_compile((struct config_source){0}, "proxy home socks5://u:a#b@h\ndefault home");
    ck_assert_mem_eq(config_proxy(config, 0)->password, "a#b", 3);
}
END_TEST

START_TEST(a_proxy_may_be_used_before_its_line_and_from_any_section)
{
    must_compile((struct config_source){0}, "default home\nvia old *.x\n" HOME
                                            "[app none]\nproxy old socks4://h\nvia home *.y\n");
    ck_assert_str_eq(route_for("a.x"), "old");
    ck_assert_str_eq(route_for("a.y"), "home");
    ck_assert_int_eq(decide("a.y").line, 1);
    ck_assert_int_eq(decide("a.x").route->hop[0]->protocol, PROXY_SOCKS4);
}
END_TEST

START_TEST(a_chain_keeps_its_order)
{
    must_compile((struct config_source){0}, BOTH "default home,tor\nvia tor,home,tor *.x\n");
    const struct route *route = decide("a").route;
    ck_assert_str_eq(route->text, "home,tor");
    ck_assert_uint_eq(route->hop_count, 2);
    ck_assert_str_eq(route->hop[0]->name, "home");
    ck_assert_str_eq(route->hop[1]->name, "tor");
    ck_assert_uint_eq(decide("a.x").route->hop_count, 3);
    must_compile((struct config_source){0},
                 HOME "default home,home,home,home,home,home,home,home,home,home,home,home,home,"
                      "home,home,home");
    ck_assert_uint_eq(decide("a").route->hop_count, ROUTE_HOPS_MAX);
}
END_TEST

static const struct {
    const char *app[2];
    const char *x, *y, *otherwise; /* routes */
} sections[] = {
    {{"wget", NULL}, "block", "direct", "home"},
    {{"ssh", NULL}, "tor", "direct", "tor"},
    {{NULL, "ssh"}, "tor", "direct", "tor"},
    {{"vi", "ssh"}, "tor", "direct", "tor"},
    {{"python3", NULL}, "block", "block", "direct"},
    {{"python9", NULL}, "block", "direct", "home"},
    {{"python3.11", "git"}, "direct", "block", "direct"},
    {{"SSH", NULL}, "block", "direct", "home"},
    {{"ssh ", "sshd"}, "block", "direct", "home"},
    {{NULL, NULL}, "block", "direct", "home"},
};

START_TEST(sections_hold_for_their_programs_in_order_and_first)
{
    static const char text[] = BOTH "default home\n"
                                    "block *.x\n"
                                    "direct *.y\n"
                                    "[app ssh]\n"
                                    "via tor *.x\n"
                                    "default tor\n"
                                    "[app python[23]* git ]  # ] in a pattern\n"
                                    "block *.y\n"
                                    "default direct\n"
                                    "[ app ssh git ]\n"
                                    "direct *.x\n"
                                    "default block\n";
    must_compile((struct config_source){.app = {sections[_i].app[0], sections[_i].app[1]}}, text);
    ck_assert_str_eq(route_for("a.x"), sections[_i].x);
    ck_assert_str_eq(route_for("a.y"), sections[_i].y);
    ck_assert_str_eq(route_for("a.z"), sections[_i].otherwise);
}
END_TEST

START_TEST(every_program_can_be_meant_by_a_star)
{
    must_compile((struct config_source){.app = {"wget", "wget"}},
                 HOME "default home\nblock *.x\n[app *]\ndirect *.x\n");
    ck_assert_str_eq(route_for("a.x"), "direct");
}
END_TEST

static const struct {
    const char *text;
    uint32_t source_ms, expected_ms;
} timeouts[] = {
    {HOME "default home", 0, 30000},
    {HOME "default home\ntimeout 5", 0, 5000},
    {"timeout 5\n" HOME "default home", 0, 5000},
    {BOTH "default tor\ntimeout 5", 0, 60000},
    {BOTH "default tor\ntimeout 5m", 0, 60000},
    {BOTH "default home,tor", 0, 60000},
    {HOME "proxy a socks5://h timeout=1s\nproxy b socks5://h timeout=3s\ndefault a,b,home", 0,
     3000},
    {BOTH "default tor\ntimeout 5", 700, 700},
    {HOME "default home\ntimeout 5\n[app ssh]\ntimeout 7s", 0, 7000},
    {HOME "default home\ntimeout 5\n[app vi]\ntimeout 7s", 0, 5000},
    {HOME "default home\n[app s*]\ntimeout 7s\n[app ssh]\ntimeout 8s", 0, 7000},
    {"default direct\ntimeout 5", 0, 5000},
    {"default block", 0, 30000},
};

START_TEST(the_deadline_is_the_nearest_that_is_given)
{
    must_compile((struct config_source){.app = {"ssh", NULL}, .timeout_ms = timeouts[_i].source_ms},
                 timeouts[_i].text);
    ck_assert_uint_eq(decide("a").route->timeout_ms, timeouts[_i].expected_ms);
}
END_TEST

static enum route_kind udp(const char *to)
{
    struct target target;
    ck_assert_int_eq(target_from_text(&target, to, strlen(to), 443), STATUS_OK);
    return rules_decide(config_udp(config), &target).route->kind;
}

START_TEST(datagrams_go_nowhere_until_a_line_lets_them)
{
    must_compile((struct config_source){0}, "default direct\ndirect *\nstrict no");
    ck_assert_int_eq(udp("192.0.2.1"), ROUTE_BLOCK);
    ck_assert_int_eq(udp("10.0.0.1"), ROUTE_BLOCK);
    ck_assert_int_eq(udp("[2001:db8::1]:1"), ROUTE_BLOCK);
    ck_assert_int_eq(udp("127.0.0.1"), ROUTE_DIRECT);
    ck_assert_int_eq(udp("[::1]:1"), ROUTE_DIRECT);
}
END_TEST

START_TEST(datagrams_have_rules_of_their_own_and_the_first_that_matches_wins)
{
    must_compile((struct config_source){0}, "default block\nudp direct localnet *:123\n"
                                            "udp block 192.0.2.0/24\nudp direct 192.0.2.0/23\n");
    ck_assert_int_eq(udp("10.0.0.1"), ROUTE_DIRECT);
    ck_assert_int_eq(udp("192.0.2.1"), ROUTE_BLOCK);
    ck_assert_int_eq(udp("192.0.2.1:123"), ROUTE_DIRECT);
    ck_assert_int_eq(udp("192.0.3.1"), ROUTE_DIRECT);
    ck_assert_int_eq(udp("192.0.4.1"), ROUTE_BLOCK);
    ck_assert_int_eq(udp("127.0.0.1"), ROUTE_DIRECT);
    ck_assert_str_eq(route_for("10.0.0.1"), "block"); /* connections have theirs */
}
END_TEST

static const struct {
    const char *text;
    enum route_kind address, other;
} whole[] = {
    {"udp direct", ROUTE_DIRECT, ROUTE_DIRECT},
    {"udp direct # 192.0.2.1", ROUTE_DIRECT, ROUTE_DIRECT},
    {"udp direct 192.0.2.1", ROUTE_DIRECT, ROUTE_BLOCK},
    {"udp block 192.0.2.1\nudp direct", ROUTE_BLOCK, ROUTE_DIRECT},
    {"udp block\nudp direct 192.0.2.1", ROUTE_BLOCK, ROUTE_BLOCK},
    /* a program's own lines come first, wherever they stand */
    {"udp block\n[app ssh]\nudp direct 192.0.2.1", ROUTE_DIRECT, ROUTE_BLOCK},
    {"udp direct\n[app ssh]\nudp block", ROUTE_BLOCK, ROUTE_BLOCK},
    {"udp direct\n[app vi]\nudp block", ROUTE_DIRECT, ROUTE_DIRECT},
};

START_TEST(a_line_about_datagrams_without_patterns_is_about_all)
{
    char text[256];
    snprintf(text, sizeof(text), "default direct\n%s", whole[_i].text);
    must_compile((struct config_source){.app = {"ssh", NULL}}, text);
    ck_assert_int_eq(udp("192.0.2.1"), whole[_i].address);
    ck_assert_int_eq(udp("[2001:db8::1]:1"), whole[_i].other);
}
END_TEST

START_TEST(datagrams_to_this_host_can_be_blocked_by_naming_it)
{
    must_compile((struct config_source){0}, "default direct\nudp block\nudp block localnet:9");
    ck_assert_int_eq(udp("127.0.0.1:9"), ROUTE_BLOCK);
    ck_assert_int_eq(udp("127.0.0.1:10"), ROUTE_DIRECT);
}
END_TEST

static const struct {
    const char *lines, *server; /* NULL: none */
} servers[] = {
    {"", NULL},
    {"dns-server 9.9.9.9", "9.9.9.9:53"},
    {"dns-server 9.9.9.9:5353", "9.9.9.9:5353"},
    {"dns-server 2620:fe::fe", "[2620:fe::fe]:53"},
    {"dns-server [2620:fe::fe]:5353 # quad9", "[2620:fe::fe]:5353"},
    {"dns-server DNS.Corp.example.", "dns.corp.example:53"},
    {"dns-server a\n[app ssh]\ndns-server b", "b:53"},
    {"dns-server a\n[app vi]\ndns-server b", "a:53"},
    {"[app s*]\ndns-server b\n[app ssh]\ndns-server c", "b:53"},
};

START_TEST(the_name_server_is_an_address_or_a_name_as_seen_from_the_proxy)
{
    char text[256], shown[TARGET_TEXT_MAX];
    snprintf(text, sizeof(text), "default direct\n%s", servers[_i].lines);
    must_compile((struct config_source){.app = {"ssh", NULL}}, text);
    const struct target *server = config_dns_server(config);
    ck_assert_pstr_eq(server ? target_to_text(server, shown) : NULL, servers[_i].server);
}
END_TEST

static const struct {
    const char *lines;
    bool strict;
} stricts[] = {
    {"", false},
    {"strict yes", true},
    {"strict no", false},
    {"strict yes\n[app ssh]\nstrict no", false},
    {"[app ssh]\nstrict yes", true},
    {"[app vi]\nstrict yes", false},
    {"strict no\n[app s*]\nstrict yes\n[app ssh]\nstrict no", true},
};

START_TEST(strict_holds_for_the_programs_it_is_written_for)
{
    char text[256];
    snprintf(text, sizeof(text), "default direct\n%s", stricts[_i].lines);
    must_compile((struct config_source){.app = {"ssh", NULL}}, text);
    ck_assert(config_strict(config) == stricts[_i].strict);
}
END_TEST

START_TEST(a_variable_stands_in_for_every_default_but_for_no_rule)
{
    static const char text[] = BOTH "default home\nblock *.x\n[app ssh]\ndefault direct\n";
    must_compile((struct config_source){.proxy = "tor", .app = {"ssh", NULL}}, text);
    ck_assert_str_eq(route_for("a"), "tor");
    ck_assert_uint_eq(decide("a").line, 0);
    ck_assert_uint_eq(decide("a").route->timeout_ms, 60000);
    ck_assert_str_eq(route_for("a.x"), "block");

    must_compile((struct config_source){.proxy = "home,socks4a://u@H.example:99,tor"}, text);
    ck_assert_str_eq(route_for("a"), "home,h.example:99,tor");
    const struct route *route = decide("a").route;
    ck_assert_uint_eq(route->hop_count, 3);
    ck_assert_str_eq(route->hop[1]->name, "h.example:99");
    ck_assert_int_eq(route->hop[1]->protocol, PROXY_SOCKS4A);
    ck_assert_ptr_eq(route->hop[2], config_proxy(config, 1));

    must_compile((struct config_source){.proxy = "socks5://u:a%2cb@h?timeout=9"}, text);
    ck_assert_mem_eq(decide("a").route->hop[0]->password, "a,b", 3);
    ck_assert_uint_eq(decide("a").route->timeout_ms, 9000);
    ck_assert_str_eq(route_for("a"), "h:1080");
    ck_assert(!config_has_password(config)); /* the file has none */

    must_compile((struct config_source){.proxy = ""}, text);
    ck_assert_str_eq(route_for("a"), "home");
}
END_TEST

START_TEST(a_variable_needs_no_file)
{
    struct config_source source = {.proxy = "socks5://h"};
    ck_assert_int_eq(config_compile(&source, &config, error), STATUS_OK);
    ck_assert_str_eq(route_for("a"), "h:1080");
    ck_assert_uint_eq(config_proxy_count(config), 1);
}
END_TEST

START_TEST(the_fallback_counts_only_when_nothing_else_does)
{
    must_compile((struct config_source){.fallback_proxy = "socks5h://h:9"}, "direct *.x");
    ck_assert_str_eq(route_for("a"), "h:9");
    ck_assert_str_eq(route_for("a.x"), "direct");
    must_compile((struct config_source){.fallback_proxy = "SOCKS5://h:9"}, HOME "default home");
    ck_assert_str_eq(route_for("a"), "home");
    must_compile((struct config_source){.fallback_proxy = "socks5://h:9", .proxy = "socks5://e"},
                 "");
    ck_assert_str_eq(route_for("a"), "e:1080");
    must_compile((struct config_source){.fallback_proxy = "http://h:9"}, HOME "default home");

    struct config_source source = {.fallback_proxy = "http://h:9"};
    ck_assert_int_eq(compile_source(source, HOME, strlen(HOME)), STATUS_BAD_INPUT);
    source.fallback_proxy = "socks";
    ck_assert_int_eq(compile_source(source, "", 0), STATUS_BAD_INPUT);
    source.fallback_proxy = "socks5://u:secret@h:x";
    ck_assert_int_eq(compile_source(source, "", 0), STATUS_BAD_INPUT);
    ck_assert_str_eq(error, "ALL_PROXY: socks5://***@h:***: expected a port from 1 to 65535 after "
                            "the host");
}
END_TEST

static const struct {
    const char *proxy, *error;
} variables[] = {
    {"nosuch", "SOCKSIFY_PROXY: nosuch: expected a URL such as socks5://HOST:1080, or the name of "
               "a proxy in the configuration file"},
    {"direct", "SOCKSIFY_PROXY: direct: expected a URL such as socks5://HOST:1080, or the name of "
               "a proxy in the configuration file"},
    {"home,", "SOCKSIFY_PROXY: : expected a URL such as socks5://HOST:1080, or the name of a proxy "
              "in the configuration file"},
    {"http://u:secret@h", "SOCKSIFY_PROXY: http://***@h: unknown scheme: expected socks5://, "
                          "socks5h://, socks://, socks4:// or socks4a://"},
    {"socks5://u:se,cret@h", "SOCKSIFY_PROXY: socks5://u:***: expected a port from 1 to 65535 "
                             "after the host"},
    {"u:secret@h:1080", "SOCKSIFY_PROXY: ***@h:1080: expected a URL such as socks5://HOST:1080, or "
                        "the name of a proxy in the configuration file"},
    {"home,home,home,home,home,home,home,home,home,home,home,home,home,home,home,home,home",
     "SOCKSIFY_PROXY: home: expected a chain of at most 16 proxies"},
};

START_TEST(a_bad_variable_is_explained)
{
    struct config_source source = {.proxy = variables[_i].proxy};
    ck_assert_int_eq(compile_source(source, HOME, strlen(HOME)), STATUS_BAD_INPUT);
    ck_assert_str_eq(error, variables[_i].error);
}
END_TEST

START_TEST(a_bad_variable_is_called_by_the_option_that_set_it)
{
    struct config_source source = {.proxy = "nosuch", .proxy_origin = "--proxy"};
    ck_assert_int_eq(compile_source(source, HOME, strlen(HOME)), STATUS_BAD_INPUT);
    ck_assert_str_eq(error, "--proxy: nosuch: expected a URL such as socks5://HOST:1080, or the "
                            "name of a proxy in the configuration file");
}
END_TEST

#define EXPECTED_DIRECTIVE                                                                         \
    "unknown directive: expected proxy, default, direct, block, via, udp, dns-server, timeout, "   \
    "strict or [app NAME...]"
#define EXPECTED_DATAGRAM_PATTERN "expected an address, ADDRESS/LENGTH, localnet or *, not a name"
#define EXPECTED_SERVER                                                                            \
    "expected an address or a host name, with :PORT when it is not 53 (an IPv6 address in "        \
    "brackets then)"
#define EXPECTED_PATTERNS                                                                          \
    "expected a host name, *.SUFFIX, an address, ADDRESS/LENGTH, localnet or * after it"
#define EXPECTED_PROXY "expected direct, block or a proxy that a line \"proxy NAME URL\" defines"
#define EXPECTED_NAME                                                                              \
    "expected a name for the proxy: letters, digits and - _ . (not direct or block)"
#define EXPECTED_DURATION "expected a duration from 1ms to 24h, such as 30, 30s, 500ms or 2m"

static const struct {
    const char *text, *error;
} bad[] = {
    {"", "f.conf: no proxy: expected lines \"proxy home socks5://HOST:1080\" and \"default home\", "
         "or a URL by `socksify -p` or in SOCKSIFY_PROXY"},
    {"# nothing", "f.conf: no proxy: expected lines \"proxy home socks5://HOST:1080\" and "
                  "\"default home\", or a URL by `socksify -p` or in SOCKSIFY_PROXY"},
    {"proxy work socks5://h\n" HOME, "f.conf: no default: expected a line \"default work\""},
    {"[app ssh]\n" HOME "default home", "f.conf: no default: expected a line \"default home\""},
    {"\n\nsocks5 127.0.0.1 1080", "f.conf:3: socks5: " EXPECTED_DIRECTIVE},
    {"Proxy home socks5://h", "f.conf:1: Proxy: " EXPECTED_DIRECTIVE},
    {"socks5://u:secret@h", "f.conf:1: socks5://***@h: " EXPECTED_DIRECTIVE},
    {"a\x1b[31mb", "f.conf:1: a?[31mb: " EXPECTED_DIRECTIVE},
    {"proxy", "f.conf:1: proxy: expected: proxy NAME URL [OPTION=VALUE...]"},
    {"proxy home # socks5://h", "f.conf:1: proxy: expected: proxy NAME URL [OPTION=VALUE...]"},
    {"proxy socks5://u:secret@h socks5://h", "f.conf:1: socks5://***@h: " EXPECTED_NAME},
    {"proxy direct socks5://h", "f.conf:1: direct: " EXPECTED_NAME},
    {"proxy block socks5://h", "f.conf:1: block: " EXPECTED_NAME},
    {"proxy a,b socks5://h", "f.conf:1: a,b: " EXPECTED_NAME},
    {"proxy home 192.0.2.1:1080",
     "f.conf:1: 192.0.2.1:1080: expected a proxy URL such as socks5://HOST:1080"},
    {"proxy home 192.0.2.1:1080:user:secret",
     "f.conf:1: 192.0.2.1:1080***: expected a proxy URL such as socks5://HOST:1080"},
    {"proxy home socks5://user:my secret@h:1080",
     "f.conf:1: socks5://user:***: expected a port from 1 to 65535 after the host"},
    {"proxy home socks5://user:secret@h:99999",
     "f.conf:1: socks5://***@h:99999: expected a port from 1 to 65535 after the host"},
    {"proxy home socks5://h timeout=never", "f.conf:1: timeout=never: timeout: " EXPECTED_DURATION},
    {"proxy home socks5://h extra",
     "f.conf:1: extra: unknown option: expected timeout=DURATION, pipeline=yes|no, "
     "auth=password|any or resolve=local|proxy"},
    {HOME HOME, "f.conf:2: home: expected another name, for it is defined on line 1"},
    {HOME "[app x]\n" HOME, "f.conf:3: home: expected another name, for it is defined on line 1"},
    {"default", "f.conf:1: default: expected: default NAME[,NAME...], direct or block"},
    {HOME "default home tor",
     "f.conf:2: tor: expected nothing after the route (a chain is written NAME,NAME)"},
    {HOME "default home\n\ndefault direct",
     "f.conf:4: default: expected one default only, and there is one on line 2"},
    {HOME "default home\n[app x]\ndefault home\ndefault home",
     "f.conf:5: default: expected one default only, and there is one on line 4"},
    {HOME "default hoem", "f.conf:2: hoem: " EXPECTED_PROXY},
    {HOME "default Home", "f.conf:2: Home: " EXPECTED_PROXY},
    {HOME "default home,hoem", "f.conf:2: hoem: " EXPECTED_PROXY},
    {HOME "default home\nvia a *.x\nvia b *.y\nvia a *.z", "f.conf:3: a: " EXPECTED_PROXY},
    {HOME "default home\nvia b *.y\n[app x]\nvia a *.x", "f.conf:3: b: " EXPECTED_PROXY},
    {HOME "default home\n[app x]\nvia a *.x\n", "f.conf:4: a: " EXPECTED_PROXY},
    {"default socks5://u:secret@h:1",
     "f.conf:1: socks5://***@h:1: expected a name, defined by a line \"proxy NAME URL\""},
    {HOME "default home,",
     "f.conf:2: home,: expected names of proxies with a single comma between"},
    {HOME "default home,,home",
     "f.conf:2: home,,home: expected names of proxies with a single comma between"},
    {HOME "default home,direct", "f.conf:2: home,direct: expected proxies only in a chain"},
    {HOME "default home,home,home,home,home,home,home,home,home,home,home,home,home,home,home,home,"
          "home",
     "f.conf:2: home,home,home,home,home,home,home,home,home,home,home,home,home,home,home,home,"
     "home: expected a chain of at most 16 proxies"},
    {"direct", "f.conf:1: direct: " EXPECTED_PATTERNS},
    {"block #x", "f.conf:1: block: " EXPECTED_PATTERNS},
    {"via", "f.conf:1: via: expected: via NAME[,NAME...] PATTERN..."},
    {HOME "via home", "f.conf:2: via: " EXPECTED_PATTERNS},
    {"direct *.x\ndirect 10.0.0.1/8 *.y",
     "f.conf:2: 10.0.0.1/8: has bits set beyond its prefix: expected 10.0.0.0/8"},
    {"direct h:http",
     "f.conf:1: h:http: expected a port from 1 to 65535, or LOW-HIGH, after the colon"},
    {"[app ssh]\nblock *.x a,b", "f.conf:2: a,b: expected spaces between patterns, not commas"},
    {"timeout", "f.conf:1: timeout: expected: timeout DURATION"},
    {"timeout 1h", "f.conf:1: 1h: " EXPECTED_DURATION},
    {"timeout 30 s", "f.conf:1: s: expected nothing after the duration"},
    {"timeout 1\ntimeout 2",
     "f.conf:2: timeout: expected one timeout only, and there is one on line 1"},
    {"udp", "f.conf:1: udp: expected: udp block|direct [PATTERN...]"},
    {"udp home", "f.conf:1: home: expected block or direct: datagrams take no proxy"},
    {"udp direct 192.0.2.1 a.example", "f.conf:1: a.example: " EXPECTED_DATAGRAM_PATTERN},
    {"udp block *.example", "f.conf:1: *.example: " EXPECTED_DATAGRAM_PATTERN},
    {"udp direct localhost:53", "f.conf:1: localhost:53: " EXPECTED_DATAGRAM_PATTERN},
    {"udp direct 1.2.3.4:x",
     "f.conf:1: 1.2.3.4:x: expected a port from 1 to 65535, or LOW-HIGH, after the colon"},
    {"[app x]\nudp direct a", "f.conf:2: a: " EXPECTED_DATAGRAM_PATTERN},
    {"dns-server", "f.conf:1: dns-server: expected: dns-server ADDRESS[:PORT]"},
    {"dns-server 192.0.2.1:0", "f.conf:1: 192.0.2.1:0: " EXPECTED_SERVER},
    {"dns-server 2001:db8:::53", "f.conf:1: 2001:db8:::53: " EXPECTED_SERVER},
    {"dns-server udp://h", "f.conf:1: udp://h: " EXPECTED_SERVER},
    {"dns-server 192.0.2.1 53", "f.conf:1: 53: expected nothing after the address"},
    {"dns-server h\ndns-server i",
     "f.conf:2: dns-server: expected one dns-server only, and there is one on line 1"},
    {"strict", "f.conf:1: strict: expected: strict yes|no"},
    {"strict true", "f.conf:1: true: expected yes or no"},
    {"strict yes yes", "f.conf:1: yes: expected nothing after yes or no"},
    {"strict no\n\nstrict no",
     "f.conf:3: strict: expected one strict only, and there is one on line 1"},
    {"[general]", "f.conf:1: [general]: unknown section: expected [app NAME...]"},
    {"[", "f.conf:1: [: unknown section: expected [app NAME...]"},
    {"[]", "f.conf:1: []: unknown section: expected [app NAME...]"},
    {"[application ssh]", "f.conf:1: [application: unknown section: expected [app NAME...]"},
    {"[app]", "f.conf:1: [app]: expected at least one program: [app NAME...]"},
    {"[app ]", "f.conf:1: [app: expected at least one program: [app NAME...]"},
    {"[app ssh", "f.conf:1: [app: expected a ] at the end of the line: [app NAME...]"},
    {"[app ssh] default home",
     "f.conf:1: [app: expected a ] at the end of the line: [app NAME...]"},
    {"[app /usr/bin/ssh]",
     "f.conf:1: /usr/bin/ssh: expected the name of a program without its folder"},
    /* of two mistakes the first */
    {"x\n[app a]\ny", "f.conf:1: x: " EXPECTED_DIRECTIVE},
    {"timeout 1\n[app a]\ny", "f.conf:3: y: " EXPECTED_DIRECTIVE},
    {"this-word-is-so-long-that-nobody-wants-to-see-it-whole-in-a-message-because-it-goes-on-and-"
     "on-"
     "for-ever",
     "f.conf:1: this-word-is-so-long-that-nobody-wants-to-see-it-whole-in-a-message-because-it-"
     "goes-on-and-on-fo...: " EXPECTED_DIRECTIVE},
};

START_TEST(a_mistake_is_told_with_file_line_word_and_what_was_expected)
{
    ck_assert_int_eq(compile(bad[_i].text), STATUS_BAD_INPUT);
    ck_assert_str_eq(error, bad[_i].error);
    /* The same with CR LF. */
    char text[1024];
    size_t len = 0;
    for (const char *c = bad[_i].text; *c; c++) {
        if (*c == '\n')
            text[len++] = '\r';
        text[len++] = *c;
    }
    ck_assert_int_eq(compile_source((struct config_source){0}, text, len), STATUS_BAD_INPUT);
    ck_assert_str_eq(error, bad[_i].error);
}
END_TEST

START_TEST(a_nul_is_refused_with_its_line)
{
    static const char text[] = HOME "default home\n# \0\n";
    ck_assert_int_eq(compile_source((struct config_source){0}, text, sizeof(text) - 1),
                     STATUS_BAD_INPUT);
    ck_assert_str_eq(error, "f.conf:3: NUL: expected text, without this octet");
}
END_TEST

START_TEST(without_file_and_variable_the_message_says_what_to_write)
{
    struct config_source source = {0};
    ck_assert_int_eq(config_compile(&source, &config, error), STATUS_BAD_INPUT);
    ck_assert_ptr_null(config);
    ck_assert_str_eq(error, "no configuration file: no proxy: expected lines \"proxy home "
                            "socks5://HOST:1080\" and \"default home\" in " SYSCONFDIR
                            "/socksify.conf, or a URL by `socksify -p` or in SOCKSIFY_PROXY");
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_message)
{
    char path[4096];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    strcpy(path + sizeof(path) - 7, "f.conf");
    struct config_source source = {.file = path, .text = "x", .len = 1};
    ck_assert_int_eq(config_compile(&source, &config, error), STATUS_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(error, "pppf.conf:1: x: " EXPECTED_DIRECTIVE));
}
END_TEST

START_TEST(every_cut_of_a_file_is_read_without_harm)
{
    static const char text[] = "proxy home socks5://u:%41b@[::1]:1080/?timeout=5 pipeline=yes\n"
                               "default home\nvia home,home [2001:db8::/32]:1-2 *.x:80 1.2.3.4/32\n"
                               "udp direct 10.0.0.0/8 *\ndns-server [::1]:5\n"
                               "[app a* [b]c d]\nblock localnet:25 ::/0\ntimeout 500ms\n";
    for (size_t cut = 0; cut < sizeof(text); cut++)
        compile_source((struct config_source){.app = {"bc", "d"}}, text, cut);
    ck_assert_str_eq(error, ""); /* the last one was whole */
    ck_assert_uint_eq(decide("a").route->timeout_ms, 5000);
    ck_assert_str_eq(route_for("[2001:db8::1]:3"), "block");
}
END_TEST

START_TEST(proxies_are_numbered_in_order_of_definition)
{
    must_compile((struct config_source){.proxy = "socks5://e1,home,socks5://e2"},
                 BOTH "default home\n[app x]\nproxy third socks4://h\n");
    static const char *const expected[] = {"home", "tor", "third", "e1:1080", "e2:1080"};
    ck_assert_uint_eq(config_proxy_count(config), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct proxy *proxy = config_proxy(config, i);
        ck_assert_str_eq(proxy->name, expected[i]);
        ck_assert_uint_eq(config_proxy_index(config, proxy), i);
    }
}
END_TEST

START_TEST(only_a_password_makes_a_file_secret)
{
    must_compile((struct config_source){0},
                 "proxy a socks5://u@h\nproxy b socks4://u@h\ndefault a");
    ck_assert(!config_has_password(config));
    must_compile((struct config_source){0}, "default direct\n[app x]\nproxy a socks5://u:p@h\n");
    ck_assert(config_has_password(config));
}
END_TEST

START_TEST(fifty_thousand_lines_are_all_honoured)
{
    enum { COUNT = 50000 };
    char *text = malloc(64 * (COUNT + 3));
    char name[32];
    size_t len = (size_t)sprintf(text, "%s", HOME "default home\n");
    for (unsigned i = 0; i < COUNT; i++)
        len += (size_t)sprintf(text + len, "%s host%u.example\n", i % 2 ? "block" : "direct", i);
    ck_assert_int_eq(compile_source((struct config_source){0}, text, len), STATUS_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        sprintf(name, "host%u.example", i);
        struct decision decision = decide(name);
        ck_assert_uint_eq(decision.line, i + 3);
        ck_assert_int_eq(decision.route->kind, i % 2 ? ROUTE_BLOCK : ROUTE_DIRECT);
    }
    ck_assert_str_eq(route_for("host50000.example"), "home");
    free(text);
}
END_TEST

static char *read_sample(size_t *len)
{
    FILE *file = fopen("conf/socksify.conf", "r"); /* tests run from the top of the tree */
    ck_assert_ptr_nonnull(file);
    char *text = malloc(65536);
    *len = fread(text, 1, 65536, file);
    fclose(file);
    ck_assert_uint_lt(*len, 65536);
    return text;
}

START_TEST(the_sample_says_nothing_until_it_is_edited)
{
    size_t len;
    char *text = read_sample(&len);
    ck_assert_int_eq(compile_source((struct config_source){0}, text, len), STATUS_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(error, "f.conf: no proxy: "));
    free(text);
}
END_TEST

/* "# " starts prose in it, "#" alone a line that only waits to be used. */
START_TEST(the_sample_holds_when_its_lines_are_uncommented)
{
    size_t len;
    char *text = read_sample(&len);
    for (size_t i = 0; i + 1 < len; i++)
        if (text[i] == '#' && (i == 0 || text[i - 1] == '\n') && text[i + 1] != ' ' &&
            text[i + 1] != '\n')
            text[i] = ' ';
    ck_assert_msg(compile_source((struct config_source){.app = {"ssh", NULL}}, text, len) ==
                      STATUS_OK,
                  "%s", error);
    ck_assert_uint_ge(config_proxy_count(config), 3);
    static const char *const directives[] = {
        "proxy ",   "default ",  "direct ", "block ",   "via ", "timeout ",    "[app ",
        "timeout=", "pipeline=", "auth=",   "resolve=", "udp ", "dns-server ", "strict "};
    text[len - 1] = '\0';
    for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++)
        ck_assert_msg(strstr(text, directives[i]) != NULL, "%s", directives[i]);
    free(text);
}
END_TEST

/* Ever more rules before the lines that need memory move these over the end of what was mapped. */
START_TEST(memory_that_is_missing_anywhere_is_said)
{
    static char text[32 * 1024];
    const struct config_source source = {.proxy = "socks5://h1,home,socks5://h2"};
    unsigned refused = 0;
    for (unsigned rules = 0; rules < 300; rules++) {
        size_t len = (size_t)sprintf(text, HOME);
        for (unsigned i = 0; i < rules; i++)
            len += (size_t)sprintf(text + len, "via home host-%u.example\n", i);
        len += (size_t)sprintf(text + len, "default home\ndns-server 192.0.2.1\nudp block *\n"
                                           "proxy x socks5://h\nvia x,home a.example\n"
                                           "via home,x 192.0.2.0/24\nblock localnet\n");
        enum status status = STATUS_NO_MEMORY;
        for (long mappings = 0; status != STATUS_OK; mappings++) {
            ck_assert_int_lt(mappings, 100);
            mappings_left = mappings;
            status = compile_source(source, text, len);
            mappings_left = -1;
            if (status == STATUS_OK)
                break;
            ck_assert_int_eq(status, STATUS_NO_MEMORY);
            ck_assert_str_eq(error, "out of memory");
            refused++;
        }
    }
    ck_assert_uint_ge(refused, 300);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tc = tcase_create("config");
    tcase_add_checked_fixture(tc, NULL, end);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, the_example_of_the_manual_holds);
    tcase_add_test(tc, lines_may_look_odd);
    tcase_add_test(tc, a_proxy_may_be_used_before_its_line_and_from_any_section);
    tcase_add_test(tc, a_chain_keeps_its_order);
    tcase_add_loop_test(tc, sections_hold_for_their_programs_in_order_and_first, 0,
                        COUNT(sections));
    tcase_add_test(tc, every_program_can_be_meant_by_a_star);
    tcase_add_loop_test(tc, the_deadline_is_the_nearest_that_is_given, 0, COUNT(timeouts));
    tcase_add_test(tc, datagrams_go_nowhere_until_a_line_lets_them);
    tcase_add_test(tc, datagrams_have_rules_of_their_own_and_the_first_that_matches_wins);
    tcase_add_loop_test(tc, a_line_about_datagrams_without_patterns_is_about_all, 0, COUNT(whole));
    tcase_add_test(tc, datagrams_to_this_host_can_be_blocked_by_naming_it);
    tcase_add_loop_test(tc, the_name_server_is_an_address_or_a_name_as_seen_from_the_proxy, 0,
                        COUNT(servers));
    tcase_add_loop_test(tc, strict_holds_for_the_programs_it_is_written_for, 0, COUNT(stricts));
    tcase_add_test(tc, a_variable_stands_in_for_every_default_but_for_no_rule);
    tcase_add_test(tc, a_variable_needs_no_file);
    tcase_add_test(tc, the_fallback_counts_only_when_nothing_else_does);
    tcase_add_loop_test(tc, a_bad_variable_is_explained, 0, COUNT(variables));
    tcase_add_test(tc, a_bad_variable_is_called_by_the_option_that_set_it);
    tcase_add_loop_test(tc, a_mistake_is_told_with_file_line_word_and_what_was_expected, 0,
                        COUNT(bad));
    tcase_add_test(tc, a_nul_is_refused_with_its_line);
    tcase_add_test(tc, without_file_and_variable_the_message_says_what_to_write);
    tcase_add_test(tc, a_long_path_leaves_room_for_the_message);
    tcase_add_test(tc, every_cut_of_a_file_is_read_without_harm);
    tcase_add_test(tc, proxies_are_numbered_in_order_of_definition);
    tcase_add_test(tc, only_a_password_makes_a_file_secret);
    tcase_add_test(tc, fifty_thousand_lines_are_all_honoured);
    tcase_add_test(tc, memory_that_is_missing_anywhere_is_said);
    tcase_add_test(tc, the_sample_says_nothing_until_it_is_edited);
    tcase_add_test(tc, the_sample_holds_when_its_lines_are_uncommented);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
