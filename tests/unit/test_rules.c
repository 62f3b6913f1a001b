/* SPDX-License-Identifier: MIT
 * Rules: which patterns there are, that the first match wins, and that a compiled decision is the
 * one that trying the rules top down would give. */
#include "core/rules.h"

#include "core/arena.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 192, OTHERWISE_LINE = 1000000 };

static const struct route direct = {.kind = ROUTE_DIRECT, .timeout_ms = 1, .text = "direct"};
static const struct route block = {.kind = ROUTE_BLOCK, .timeout_ms = 1, .text = "block"};
static const struct route home = {.kind = ROUTE_PROXY, .timeout_ms = 1, .text = "home"};
static const struct route *const routes[] = {&direct, &block, &home};

static struct arena *arena;
static struct rules *rules;

static void begin(void)
{
    arena = arena_new();
    rules = rules_new(arena, &home, OTHERWISE_LINE);
    ck_assert_ptr_nonnull(rules);
}

static void end(void)
{
    arena_free(arena);
}

/* From memory that ends with the pattern, so that the sanitizer sees one octet too many. */
static enum status add(struct rules *to, const char *pattern, const struct route *route,
                       unsigned line, char *why)
{
    size_t len = strlen(pattern);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, pattern, len);
    enum status status = rules_add(to, exact, len, route, line, why, WHY_MAX);
    free(exact);
    return status;
}

static void must_add(const char *pattern, const struct route *route, unsigned line)
{
    char why[WHY_MAX] = "";
    ck_assert_msg(add(rules, pattern, route, line, why) == STATUS_OK, "%s: %s", pattern, why);
}

static struct target target_of(const char *text)
{
    struct target target;
    ck_assert_msg(target_from_text(&target, text, strlen(text), 0) == STATUS_OK, "%s", text);
    return target;
}

static struct decision decide(const char *text)
{
    struct target target = target_of(text);
    ck_assert_int_eq(rules_finish(rules), STATUS_OK);
    return rules_decide(rules, &target);
}

static unsigned line_for(const char *text)
{
    return decide(text).line;
}

static bool name_is_direct(const char *name, size_t len)
{
    ck_assert_int_eq(rules_finish(rules), STATUS_OK);
    return rules_name_is_direct(rules, name, len);
}

static const struct {
    const char *pattern, *target;
    bool matches;
} matches[] = {
    {"example.com", "example.com:80", true},
    {"example.com", "www.example.com:80", false},
    {"example.com", "xexample.com:80", false},
    {"example.com", "example.co:80", false},
    {"Example.COM", "example.com:80", true},
    {"example.com.", "example.com:80", true},
    {"example.com", "EXAMPLE.com.:80", true},
    {"*.example.com", "www.example.com:80", true},
    {"*.example.com", "a.b.example.com:80", true},
    {"*.Example.com.", "a.b.example.com:80", true},
    {"*.example.com", "example.com:80", false},
    {"*.example.com", "badexample.com:80", false},
    {"*.com", "example.com:80", true},
    {"*.com", "com:80", false},
    {"com", "com:80", true},
    {"under_score", "under_score:80", true},
    {"m\xc3\xbcnchen.de", "m\xc3\xbcnchen.de:80", true},
    {"*", "example.com:80", true},
    {"*", "192.0.2.1:80", true},
    {"*", "[2001:db8::1]:80", true},
    {"*:443", "example.com:443", true},
    {"*:443", "example.com:444", false},
    {"*:80-90", "192.0.2.1:79", false},
    {"*:80-90", "192.0.2.1:80", true},
    {"*:80-90", "192.0.2.1:90", true},
    {"*:80-90", "192.0.2.1:91", false},
    {"*:1-65535", "192.0.2.1:65535", true},
    {"*:65535", "192.0.2.1:65535", true},
    {"example.com:443", "example.com:443", true},
    {"example.com:443", "example.com:80", false},
    {"*.example.com:443", "a.example.com:443", true},
    {"*.example.com:443", "a.example.com:80", false},
    {"192.0.2.1", "192.0.2.1:80", true},
    {"192.0.2.1", "192.0.2.2:80", false},
    {"192.0.2.1", "example.com:80", false},
    {"192.0.2.1:22", "192.0.2.1:22", true},
    {"192.0.2.1:22", "192.0.2.1:23", false},
    {"192.0.2.0/24", "192.0.2.255:80", true},
    {"192.0.2.0/24", "192.0.3.0:80", false},
    {"192.0.2.128/25:80-90", "192.0.2.129:85", true},
    {"192.0.2.128/25:80-90", "192.0.2.127:85", false},
    {"0.0.0.0/0:25", "203.0.113.9:25", true},
    {"0.0.0.0/0", "[2001:db8::1]:25", false},
    {"0.0.0.0/0", "example.com:25", false},
    {"255.255.255.255/32", "255.255.255.255:1", true},
    {"128.0.0.0/1", "200.0.0.1:1", true},
    {"128.0.0.0/1", "126.0.0.1:1", false},
    {"2001:db8::1", "[2001:db8::1]:80", true},
    {"2001:DB8::1", "[2001:db8:0::1]:80", true},
    {"2001:db8::1", "[2001:db8::2]:80", false},
    {"[2001:db8::1]", "[2001:db8::1]:80", true},
    {"[2001:db8::1]:80", "[2001:db8::1]:80", true},
    {"[2001:db8::1]:80", "[2001:db8::1]:81", false},
    {"2001:db8::/32", "[2001:db8:ffff::1]:80", true},
    {"2001:db8::/32", "[2001:db9::1]:80", false},
    {"[2001:db8::/32]:443", "[2001:db8::9]:443", true},
    {"[2001:db8::/32]:443", "[2001:db8::9]:442", false},
    {"2001:db8::/64", "[2001:db8::ffff:ffff:ffff:ffff]:1", true},
    {"2001:db8::/64", "[2001:db8:0:1::]:1", false},
    {"2001:db8::8000:0:0:0/65", "[2001:db8::8000:0:0:1]:1", true},
    {"2001:db8::8000:0:0:0/65", "[2001:db8::7fff:0:0:1]:1", false},
    {"::/0", "[2001:db8::1]:1", true},
    {"::/0", "192.0.2.1:1", false},
    {"::ffff:192.0.2.0/120", "192.0.2.77:1", true},
    {"::ffff:192.0.2.1", "192.0.2.1:1", true},
    {"localnet", "127.0.0.1:80", true},
    {"localnet", "127.255.255.255:80", true},
    {"localnet", "10.0.0.1:80", true},
    {"localnet", "11.0.0.1:80", false},
    {"localnet", "172.16.0.1:80", true},
    {"localnet", "172.31.255.255:80", true},
    {"localnet", "172.32.0.0:80", false},
    {"localnet", "172.15.255.255:80", false},
    {"localnet", "192.168.1.1:80", true},
    {"localnet", "192.169.0.0:80", false},
    {"localnet", "169.254.1.1:80", true},
    {"localnet", "169.255.0.0:80", false},
    {"localnet", "[::1]:80", true},
    {"localnet", "[fe80::1]:80", true},
    {"localnet", "[febf::1]:80", true},
    {"localnet", "[fec0::1]:80", false},
    {"localnet", "[fc00::1]:80", true},
    {"localnet", "[fdff::1]:80", true},
    {"localnet", "[2001:db8::1]:80", false},
    {"localnet", "localhost:80", true},
    {"LocalNet", "a.localhost:80", true},
    {"localnet", "localhost.example:80", false},
    {"localnet:22", "192.168.1.1:22", true},
    {"localnet:22", "192.168.1.1:23", false},
    {"localnet:22-23", "fritz.localhost:23", true},
};

START_TEST(a_pattern_matches_what_it_says_and_no_more)
{
    must_add(matches[_i].pattern, &block, 5);
    struct decision decision = decide(matches[_i].target);
    ck_assert_msg((decision.line == 5) == matches[_i].matches, "%s %s: line %u",
                  matches[_i].pattern, matches[_i].target, decision.line);
    ck_assert((decision.route == &block) == matches[_i].matches);
}
END_TEST

#define EXPECTED_IPV6 "expected an IPv6 address (in brackets when a port follows)"
#define EXPECTED_IPV4 "expected an IPv4 address of four numbers from 0 to 255"
#define EXPECTED_PORT "expected a port from 1 to 65535, or LOW-HIGH, after the colon"
#define EXPECTED_PATTERN "expected a host name, *.SUFFIX, an address, ADDRESS/LENGTH, localnet or *"

static const struct {
    const char *pattern, *why;
} bad[] = {
    {"", "expected a host name"},
    {".", "expected *.SUFFIX for all names below a suffix"},
    {".example.com", "expected *.SUFFIX for all names below a suffix"},
    {"*.", "expected a host name"},
    {"**", "expected a * only by itself or as the first label (*.SUFFIX)"},
    {"*example.com", "expected a * only by itself or as the first label (*.SUFFIX)"},
    {"www.*.com", "expected a * only by itself or as the first label (*.SUFFIX)"},
    {"*.*.com", "expected a * only by itself or as the first label (*.SUFFIX)"},
    {"www?.com", "expected a * only by itself or as the first label (*.SUFFIX)"},
    {"a..b", "expected a host name without empty labels"},
    {"a.b..", "expected a host name without empty labels"},
    {"a,b", "expected spaces between patterns, not commas"},
    {"http://example.com", "expected a host, not a URL"},
    {"example.com/24", EXPECTED_PATTERN},
    {"user@example.com", EXPECTED_PATTERN},
    {"localnet/8", EXPECTED_PATTERN},
    {"a\x01", EXPECTED_PATTERN},
    {"a\x7f", EXPECTED_PATTERN},
    {"10.0.0", EXPECTED_IPV4},
    {"1.2.3.4.5", EXPECTED_IPV4},
    {"256.1.1.1", EXPECTED_IPV4},
    {"10", EXPECTED_IPV4},
    {"10.0.0.0/33", "expected a prefix length from 0 to 32 after the slash"},
    {"10.0.0.0/", "expected a prefix length from 0 to 32 after the slash"},
    {"10.0.0.0/255.0.0.0", "expected a prefix length from 0 to 32 after the slash"},
    {"10.1.2.3/8", "has bits set beyond its prefix: expected 10.0.0.0/8"},
    {"192.0.2.1/0:80", "has bits set beyond its prefix: expected 0.0.0.0/0"},
    {"2001:db8::1/32", "has bits set beyond its prefix: expected 2001:db8::/32"},
    {"::ffff:10.0.0.1/104", "has bits set beyond its prefix: expected ::ffff:10.0.0.0/104"},
    {"2001:db8::/129", "expected a prefix length from 0 to 128 after the slash"},
    {"2001:db8::/32:80", "expected a prefix length from 0 to 128 after the slash"},
    {"2001:db8", EXPECTED_IPV4},
    {"2001:db8:1", EXPECTED_IPV6},
    {"fe80::1%eth0", EXPECTED_IPV6},
    {"::1:::2", EXPECTED_IPV6},
    {"[::1", "expected a ] after the IPv6 address"},
    {"[::1]80", "expected :PORT or nothing after the ]"},
    {"[::]/0", "expected :PORT or nothing after the ]"},
    {"[::1]:", EXPECTED_PORT},
    {"[example.com]", "expected an IPv6 address, or one with its /LENGTH, between the brackets"},
    {"[]", "expected an IPv6 address, or one with its /LENGTH, between the brackets"},
    {"[1.2.3.4]:80", "expected an IPv6 address, or one with its /LENGTH, between the brackets"},
    {"example.com:", EXPECTED_PORT},
    {"example.com:0", EXPECTED_PORT},
    {"example.com:65536", EXPECTED_PORT},
    {"example.com:http", EXPECTED_PORT},
    {"example.com:-80", EXPECTED_PORT},
    {"example.com:80-", "expected a port from 1 to 65535 after the dash"},
    {"example.com:80-65536", "expected a port from 1 to 65535 after the dash"},
    {"example.com:80-0", "expected a port from 1 to 65535 after the dash"},
    {"example.com:80-90-100", "expected a port from 1 to 65535 after the dash"},
    {"example.com:90-80", "expected the lower port before the dash"},
    {":443", "expected a host before the colon (*:PORT for every host)"},
};

START_TEST(a_bad_pattern_is_explained_and_adds_nothing)
{
    char why[WHY_MAX];
    ck_assert_int_eq(add(rules, bad[_i].pattern, &block, 5, why), STATUS_BAD_INPUT);
    ck_assert_str_eq(why, bad[_i].why);
    ck_assert_int_eq(add(NULL, bad[_i].pattern, &block, 5, why), STATUS_BAD_INPUT);
    ck_assert_str_eq(why, bad[_i].why);
    ck_assert_uint_eq(line_for("example.com:443"), OTHERWISE_LINE);
}
END_TEST

START_TEST(names_end_at_255_octets)
{
    char why[WHY_MAX], name[260];
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    ck_assert_int_eq(add(rules, name, &block, 1, why), STATUS_BAD_INPUT);
    ck_assert_str_eq(why, "expected a host name of at most 255 octets");
    name[255] = '\0';
    must_add(name, &block, 5);
    strcat(name, ":1");
    ck_assert_uint_eq(line_for(name), 5);
}
END_TEST

/* Names are read and compared eight octets at a time. */
START_TEST(names_of_every_length_match_in_either_case_and_no_others_do)
{
    for (size_t len = 1; len <= TARGET_NAME_MAX; len++) {
        char pattern[260] = "", target[270];
        for (size_t i = 0; i < len; i++)
            pattern[i] = "aB_c-D.Z9\xc3"[(i + len) % 10];
        if (pattern[0] == '.')
            pattern[0] = 'x';
        if (pattern[len - 1] == '.' || pattern[len - 1] == '9')
            pattern[len - 1] = 'Y';
        must_add(pattern, &block, (unsigned)len);
        snprintf(target, sizeof(target), "%s:80", pattern);
        ck_assert_uint_eq(line_for(target), len);
        for (size_t i = 0; i < len; i++) {
            target[i] ^= 0x20;
            bool is_letter = strchr("aBcDZYx", pattern[i]) != NULL;
            if (is_letter)
                ck_assert_uint_eq(line_for(target), len);
            target[i] = pattern[i] == 'q' ? 'k' : 'q';
            ck_assert_uint_ne(line_for(target), len);
            target[i] = pattern[i];
        }
    }
}
END_TEST

START_TEST(a_mistake_is_found_wherever_it_stands)
{
    static const char *const mistakes[] = {"*", "?", ",", "/", "@", "[", "]", "\x01", "\x7f", ".."};
    for (size_t len = 3; len <= 40; len++) {
        for (size_t at = 1; at + 2 <= len; at++) {
            for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
                char pattern[64] = "", why[WHY_MAX];
                memset(pattern, 'n', len);
                memcpy(pattern + at, mistakes[i], strlen(mistakes[i]));
                ck_assert_int_eq(add(rules, pattern, &block, 1, why), STATUS_BAD_INPUT);
            }
        }
    }
    ck_assert_uint_eq(line_for("nnn:80"), OTHERWISE_LINE);
}
END_TEST

START_TEST(a_rule_that_is_said_again_changes_nothing)
{
    must_add("h:5", &direct, 1);
    must_add("h:5", &block, 2);
    must_add("h:4-6", &direct, 3);
    must_add("h:4-6", &block, 4);
    must_add("h", &home, 5);
    for (unsigned i = 6; i < 5000; i++) {
        must_add(i % 2 ? "h" : "h:5", &block, i);
        must_add("h:3-5", &block, i);
    }
    ck_assert_uint_eq(line_for("h:5"), 1);
    ck_assert_uint_eq(line_for("h:4"), 3);
    ck_assert_uint_eq(line_for("h:3"), 5);
    ck_assert(!name_is_direct("h", 1));
}
END_TEST

START_TEST(rules_hold_from_when_they_are_finished)
{
    must_add("first.example", &block, 1);
    ck_assert_uint_eq(line_for("first.example:80"), 1);
    for (unsigned i = 2; i < 300; i++) {
        char pattern[32], target[32];
        snprintf(pattern, sizeof(pattern), "h%u", i);
        snprintf(target, sizeof(target), "h%u:80", i);
        must_add(pattern, &block, i);
        struct target added = target_of(target);
        ck_assert_uint_eq(rules_decide(rules, &added).line, OTHERWISE_LINE);
        ck_assert_uint_eq(line_for(target), i);
        ck_assert_uint_eq(line_for("first.example:80"), 1);
    }
    ck_assert_uint_eq(line_for("h2:80"), 2);
}
END_TEST

START_TEST(every_label_of_the_longest_name_may_be_a_suffix)
{
    char pattern[300], name[300] = "a";
    for (int i = 0; i < 127; i++)
        strcat(name, ".a");
    for (unsigned labels = 127; labels >= 1; labels--) {
        snprintf(pattern, sizeof(pattern), "*.%s:%u", name + 2 * (128 - labels), labels);
        must_add(pattern, &block, labels);
    }
    strcat(name, ":");
    size_t len = strlen(name);
    for (unsigned labels = 1; labels <= 127; labels++) {
        snprintf(name + len, sizeof(name) - len, "%u", labels);
        ck_assert_uint_eq(line_for(name), labels);
    }
}
END_TEST

START_TEST(no_rule_means_the_last_resort)
{
    ck_assert_uint_eq(line_for("example.com:80"), OTHERWISE_LINE);
    ck_assert_uint_eq(line_for("192.0.2.1:80"), OTHERWISE_LINE);
    ck_assert_uint_eq(line_for("[2001:db8::1]:80"), OTHERWISE_LINE);
    rules_set_otherwise(rules, &block, 3);
    ck_assert_ptr_eq(decide("example.com:80").route, &block);
    ck_assert_uint_eq(line_for("example.com:80"), 3);
}
END_TEST

START_TEST(the_first_match_wins_whatever_its_kind)
{
    must_add("*.example.com:80", &direct, 1);
    must_add("www.example.com", &block, 2);
    must_add("*", &home, 3);
    must_add("mail.example.com", &block, 4);
    must_add("192.0.2.1", &block, 5);
    ck_assert_uint_eq(line_for("www.example.com:80"), 1);
    ck_assert_uint_eq(line_for("www.example.com:81"), 2);
    ck_assert_uint_eq(line_for("mail.example.com:25"), 3);
    ck_assert_uint_eq(line_for("192.0.2.1:25"), 3);
}
END_TEST

START_TEST(ports_of_one_pattern_are_tried_in_order)
{
    must_add("h:100-200", &direct, 1);
    must_add("h:150", &block, 2);
    must_add("h:150-300", &block, 3);
    must_add("h", &home, 4);
    must_add("h:1-50", &block, 5);
    must_add("h:400", &block, 6);
    must_add("h", &block, 7);
    ck_assert_uint_eq(line_for("h:150"), 1);
    ck_assert_uint_eq(line_for("h:201"), 3);
    ck_assert_uint_eq(line_for("h:301"), 4);
    ck_assert_uint_eq(line_for("h:20"), 4);
    ck_assert_uint_eq(line_for("h:400"), 4);
}
END_TEST

START_TEST(this_host_is_direct_unless_a_rule_of_its_own_says_otherwise)
{
    static const char *const here[] = {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1",      "0.0.0.0:1",
                                       "[::]:1",      "localhost:1", "a.localhost:1"};
    must_add("*", &block, 9);
    for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++) {
        struct decision decision = decide(here[i]);
        ck_assert_msg(decision.route->kind == ROUTE_DIRECT && decision.line == 0, "%s", here[i]);
        ck_assert_uint_ne(decision.route->timeout_ms, 0);
    }
    ck_assert_uint_eq(line_for("localhost.example:1"), 9);
    ck_assert_uint_eq(line_for("xlocalhost:1"), 9);
    must_add("127.0.0.0/8:25", &block, 10);
    must_add("0.0.0.0/0:26", &block, 11);
    must_add("localhost", &block, 12);
    ck_assert_uint_eq(line_for("127.0.0.1:25"), 10);
    ck_assert_uint_eq(line_for("0.0.0.0:26"), 11);
    ck_assert_uint_eq(line_for("127.0.0.1:1"), 0);
    ck_assert_uint_eq(line_for("localhost:1"), 12);
    ck_assert_uint_eq(line_for("a.localhost:1"), 0);
}
END_TEST

static const struct {
    const char *added; /* words: pattern=route, route d(irect), b(lock) or h(ome) */
    const char *name;
    bool is_direct;
} names[] = {
    {"", "example.com", false},
    {"*=d", "example.com", true},
    {"*:80=d", "example.com", false},
    {"*:1-65535=d", "example.com", true},
    {"example.com=d", "example.com", true},
    {"example.com=d", "Example.COM.", true},
    {"example.com:443=d", "example.com", false},
    {"*.com=d", "example.com", true},
    {"*.com=d", "com", false},
    {"example.com:25=b *.com=d", "example.com", false},
    {"example.com:25=d *.com=d", "example.com", true},
    {"*.com=d example.com:25=b", "example.com", true},
    {"example.com:25=d example.com:25=b *.com=d", "example.com", true},
    {"*:25=b *.com=d", "example.com", false},
    {"*.com:20-30=h *.com=d", "example.com", false},
    {"*:1-81=d *:65535=h *=d", "example.com", false},
    {"*.com:1-81=d *.com:1-90=d *.com:90=h *.com=d", "example.com", false},
    {"*.com:90=d *.com:90=h *.com=d", "example.com", true},
    {"other.com:25=b *.com=d", "example.com", true},
    {"example.com=b *=d", "example.com", false},
    {"192.0.2.1=b *=d", "example.com", true},
    {"", "localhost", true},
    {"*=b", "printer.LOCALHOST", true},
    {"localhost:80=b", "localhost", false},
    {"localhost=b", "localhost", false},
    {"localnet=b", "localhost", false},
};

START_TEST(a_name_is_direct_when_it_is_so_on_every_port)
{
    char words[128];
    snprintf(words, sizeof(words), "%s", names[_i].added);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        must_add(word, equals[1] == 'd' ? &direct : equals[1] == 'b' ? &block : &home, 1);
    }
    bool is_direct = name_is_direct(names[_i].name, strlen(names[_i].name));
    ck_assert_msg(is_direct == names[_i].is_direct, "%s: %s", names[_i].added, names[_i].name);
}
END_TEST

START_TEST(a_name_is_direct_by_a_last_resort_that_is)
{
    rules_set_otherwise(rules, &direct, 1);
    ck_assert(name_is_direct("a.b", 3));
    must_add("*.b:25", &block, 1);
    ck_assert(!name_is_direct("a.b", 3));
    ck_assert(name_is_direct("a.c", 3));
    ck_assert(!name_is_direct((char[300]){0}, 300));
}
END_TEST

/* What follows compares with a matcher that tries one rule after the other. */

static uint64_t random_state = 88172645463325252u;

static unsigned rnd(unsigned below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % below;
}

struct plain_rule {
    enum { ANY, NAME, SUFFIX, ADDRESS } kind;
    bool is_ipv6;
    unsigned prefix, low, high;
    uint8_t octets[16];
    char name[64];
    const struct route *route;
};

/* Few values that are near each other, so that rules overlap; `spread` makes them many. */
static void random_address(uint8_t octets[static 16], bool is_ipv6, unsigned spread)
{
    memset(octets, 0, 16);
    octets[0] = is_ipv6 ? 0x20 : (uint8_t)(8 + rnd(4));
    for (unsigned i = is_ipv6 ? 6 : 2; i < (is_ipv6 ? 10 : 4); i++)
        octets[i] = (uint8_t)(rnd(spread > 1 ? 256 : 4) << (spread > 1 ? 0 : rnd(7)));
}

static void random_name(char *name, size_t size, unsigned spread)
{
    unsigned labels = 1 + rnd(4);
    size_t len = 0;
    for (unsigned i = 0; i < labels; i++)
        len += (size_t)snprintf(name + len, size - len, "%s%c%u", i ? "." : "", 'a' + (int)rnd(2),
                                rnd(spread));
}

static struct plain_rule random_rule(unsigned spread)
{
    struct plain_rule rule = {.low = 0, .high = 65535, .route = routes[rnd(3)]};
    unsigned kind = rnd(100);
    rule.kind = kind < 2 ? ANY : kind < 30 ? NAME : kind < 60 ? SUFFIX : ADDRESS;
    if (rule.kind == ANY || rnd(2)) {
        rule.low = 1 + rnd(6);
        rule.high = rnd(2) ? rule.low : rule.low + rnd(4);
    }
    if (rule.kind == ADDRESS) {
        rule.is_ipv6 = rnd(2);
        unsigned bits = rule.is_ipv6 ? 128 : 32;
        rule.prefix = rnd(3) ? bits - rnd(rule.is_ipv6 ? 80 : 20) : rnd(bits + 1);
        if (spread > 1 && rule.prefix < bits / 2)
            rule.prefix += bits / 2; /* else one rule in a thousand takes everything */
        random_address(rule.octets, rule.is_ipv6, spread);
        for (unsigned bit = rule.prefix; bit < 128; bit++)
            rule.octets[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    } else if (rule.kind != ANY) {
        random_name(rule.name, sizeof(rule.name), spread);
    }
    return rule;
}

static void write_rule(const struct plain_rule *rule, char *out, size_t size)
{
    char address[INET6_ADDRSTRLEN] = "", host[128], ports[32] = "";
    if (rule->low > 0 && rule->low == rule->high)
        snprintf(ports, sizeof(ports), ":%u", rule->low);
    else if (rule->low > 0)
        snprintf(ports, sizeof(ports), ":%u-%u", rule->low, rule->high);
    if (rule->kind == ADDRESS)
        inet_ntop(rule->is_ipv6 ? AF_INET6 : AF_INET, rule->octets, address, sizeof(address));
    if (rule->kind == ADDRESS)
        snprintf(host, sizeof(host), rule->is_ipv6 ? "[%s/%u]" : "%s/%u", address, rule->prefix);
    else
        snprintf(host, sizeof(host), "%s%s",
                 rule->kind == NAME ? ""
                 : rule->name[0]    ? "*."
                                    : "*",
                 rule->name);
    snprintf(out, size, "%s%s", host, ports);
}

static struct target random_target(unsigned spread)
{
    struct target target = {.port = (uint16_t)(1 + rnd(12))};
    uint8_t octets[16];
    char name[64];
    switch (rnd(4)) {
    case 0:
        target.kind = TARGET_IPV4;
        random_address(octets, false, spread);
        memcpy(target.ipv4, octets, 4);
        return target;
    case 1:
        target.kind = TARGET_IPV6;
        random_address(target.ipv6, true, spread);
        return target;
    default:
        random_name(name, sizeof(name), spread);
        ck_assert_int_eq(target_set_host(&target, name, strlen(name), target.port), STATUS_OK);
        return target;
    }
}

static bool plainly_matches(const struct plain_rule *rule, const struct target *target)
{
    if (target->port < rule->low || target->port > rule->high)
        return false;
    size_t len = strlen(rule->name);
    switch (rule->kind) {
    case ANY:
        return true;
    case NAME:
        return target->kind == TARGET_NAME && strcmp(target->name, rule->name) == 0;
    case SUFFIX:
        return target->kind == TARGET_NAME && target->name_len > len + 1 &&
               target->name[target->name_len - len - 1] == '.' &&
               strcmp(target->name + target->name_len - len, rule->name) == 0;
    case ADDRESS:
        break;
    }
    if (target->kind != (rule->is_ipv6 ? TARGET_IPV6 : TARGET_IPV4))
        return false;
    const uint8_t *octets = rule->is_ipv6 ? target->ipv6 : target->ipv4;
    for (unsigned bit = 0; bit < rule->prefix; bit++)
        if ((octets[bit / 8] ^ rule->octets[bit / 8]) & (0x80 >> bit % 8))
            return false;
    return true;
}

/* The line of the first rule that matches; lines count from 1. */
static unsigned plain_line(const struct plain_rule *list, size_t count, const struct target *target)
{
    for (size_t i = 0; i < count; i++)
        if (plainly_matches(&list[i], target))
            return (unsigned)i + 1;
    return OTHERWISE_LINE;
}

static void compare(size_t rule_count, size_t target_count, unsigned spread, size_t *decided)
{
    struct plain_rule *list = calloc(rule_count, sizeof(*list));
    char pattern[256];
    begin();
    for (size_t i = 0; i < rule_count; i++) {
        list[i] = random_rule(spread);
        write_rule(&list[i], pattern, sizeof(pattern));
        must_add(pattern, list[i].route, (unsigned)i + 1);
    }
    ck_assert_int_eq(rules_finish(rules), STATUS_OK);
    for (size_t i = 0; i < target_count; i++) {
        struct target target = random_target(spread);
        unsigned expected = plain_line(list, rule_count, &target);
        struct decision decision = rules_decide(rules, &target);
        char text[TARGET_TEXT_MAX];
        ck_assert_msg(decision.line == expected, "%s: line %u in place of %u",
                      target_to_text(&target, text), decision.line, expected);
        ck_assert_ptr_eq(decision.route,
                         expected == OTHERWISE_LINE ? &home : list[expected - 1].route);
        *decided += decision.line != OTHERWISE_LINE;

        if (target.kind != TARGET_NAME || !name_is_direct(target.name, target.name_len))
            continue;
        for (target.port = 1; target.port <= 12; target.port++) {
            unsigned line = plain_line(list, rule_count, &target);
            ck_assert_msg(line != OTHERWISE_LINE && list[line - 1].route == &direct, "%s: line %u",
                          target_to_text(&target, text), line);
        }
    }
    end();
    free(list);
}

START_TEST(random_rules_decide_as_if_tried_one_by_one)
{
    size_t decided = 0;
    for (unsigned round = 0; round < 400; round++)
        compare(1 + rnd(60), 200, 1, &decided);
    ck_assert_uint_gt(decided, 10000); /* else the targets would miss the rules */
    ck_assert_uint_lt(decided, 79000);
}
END_TEST

START_TEST(fifty_thousand_rules_are_all_honoured)
{
    enum { COUNT = 50000 };
    static char names_added[COUNT][32];
    for (unsigned i = 0; i < COUNT; i++) {
        static const char *const starts[] = {"h", "*.s", "p.example:", "11.0."};
        static const char *const ends[] = {".example", ".example", "", ""};
        char middle[16];
        if (i % 4 < 3)
            snprintf(middle, sizeof(middle), "%u", i + 1);
        else
            snprintf(middle, sizeof(middle), "%u.%u", i >> 8, i & 255);
        snprintf(names_added[i], sizeof(names_added[i]), "%s%s%s", starts[i % 4], middle,
                 ends[i % 4]);
        must_add(names_added[i], routes[i % 3], i + 1);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        char text[64];
        const char *name = names_added[i];
        bool is_suffix = name[0] == '*';
        snprintf(text, sizeof(text), "%s%s%s", is_suffix ? "www" : "", name + is_suffix,
                 strchr(name, ':') ? "" : ":80");
        struct decision decision = decide(text);
        ck_assert_uint_eq(decision.line, i + 1);
        ck_assert_ptr_eq(decision.route, routes[i % 3]);
    }
    ck_assert_uint_eq(line_for("h0.example:80"), OTHERWISE_LINE);
}
END_TEST

START_TEST(thousands_of_random_rules_decide_as_if_tried_one_by_one)
{
    size_t decided = 0;
    compare(20000, 3000, 40, &decided);
    ck_assert_uint_gt(decided, 500);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *patterns = tcase_create("patterns");
    tcase_add_checked_fixture(patterns, begin, end);
    tcase_add_loop_test(patterns, a_pattern_matches_what_it_says_and_no_more, 0, COUNT(matches));
    tcase_add_loop_test(patterns, a_bad_pattern_is_explained_and_adds_nothing, 0, COUNT(bad));
    tcase_add_test(patterns, names_end_at_255_octets);
    tcase_add_test(patterns, names_of_every_length_match_in_either_case_and_no_others_do);
    tcase_add_test(patterns, a_mistake_is_found_wherever_it_stands);
    tcase_add_test(patterns, every_label_of_the_longest_name_may_be_a_suffix);
    suite_add_tcase(suite, patterns);

    TCase *order = tcase_create("order");
    tcase_add_checked_fixture(order, begin, end);
    tcase_add_test(order, no_rule_means_the_last_resort);
    tcase_add_test(order, the_first_match_wins_whatever_its_kind);
    tcase_add_test(order, a_rule_that_is_said_again_changes_nothing);
    tcase_add_test(order, rules_hold_from_when_they_are_finished);
    tcase_add_test(order, ports_of_one_pattern_are_tried_in_order);
    tcase_add_test(order, this_host_is_direct_unless_a_rule_of_its_own_says_otherwise);
    tcase_add_loop_test(order, a_name_is_direct_when_it_is_so_on_every_port, 0, COUNT(names));
    tcase_add_test(order, a_name_is_direct_by_a_last_resort_that_is);
    tcase_add_test(order, fifty_thousand_rules_are_all_honoured);
    suite_add_tcase(suite, order);

    TCase *comparison = tcase_create("comparison");
    tcase_set_timeout(comparison, 120);
    tcase_add_test(comparison, random_rules_decide_as_if_tried_one_by_one);
    tcase_add_test(comparison, thousands_of_random_rules_decide_as_if_tried_one_by_one);
    suite_add_tcase(suite, comparison);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
