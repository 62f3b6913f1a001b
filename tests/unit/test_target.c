/* SPDX-License-Identifier: MIT
 * Destinations between sockaddr, text and struct target. */
#include "core/target.h"

#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

/* What a refused call must leave as it was. */
static const struct target untouched = {.kind = TARGET_NAME, .port = 7, .name_len = 1, .name = "u"};

static struct sockaddr_in ipv4_sockaddr(const char *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    ck_assert_int_eq(inet_pton(AF_INET, address, &in.sin_addr), 1);
    return in;
}

static struct sockaddr_in6 ipv6_sockaddr(const char *address, uint16_t port)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    ck_assert_int_eq(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
    return in6;
}

static struct target from_text(const char *text)
{
    struct target target;
    ck_assert_msg(target_from_text(&target, text, strlen(text), 0) == STATUS_OK, "%s", text);
    return target;
}

static void expect_text(const struct target *target, const char *text)
{
    char buf[TARGET_TEXT_MAX];
    ck_assert_ptr_eq(target_to_text(target, buf), buf);
    ck_assert_str_eq(buf, text);
}

START_TEST(target_is_read_from_an_ipv4_sockaddr)
{
    struct sockaddr_in in = ipv4_sockaddr("192.0.2.10", 443);
    struct target target;
    ck_assert(target_from_sockaddr(&target, guarded(&in, sizeof(in)), sizeof(in)));
    ck_assert_int_eq(target.kind, TARGET_IPV4);
    expect_text(&target, "192.0.2.10:443");
}
END_TEST

START_TEST(target_is_read_from_an_ipv6_sockaddr)
{
    struct sockaddr_in6 in6 = ipv6_sockaddr("2001:db8::10", 65535);
    struct target target;
    ck_assert(target_from_sockaddr(&target, guarded(&in6, sizeof(in6)), sizeof(in6)));
    ck_assert_int_eq(target.kind, TARGET_IPV6);
    expect_text(&target, "[2001:db8::10]:65535");
}
END_TEST

START_TEST(target_of_a_mapped_sockaddr_is_ipv4)
{
    struct sockaddr_in6 in6 = ipv6_sockaddr("::ffff:192.0.2.10", 80);
    struct target target;
    ck_assert(target_from_sockaddr(&target, (struct sockaddr *)&in6, sizeof(in6)));
    ck_assert_int_eq(target.kind, TARGET_IPV4);
    expect_text(&target, "192.0.2.10:80");
}
END_TEST

START_TEST(target_is_read_from_a_sockaddr_at_an_odd_address)
{
    struct sockaddr_in in = ipv4_sockaddr("192.0.2.10", 443);
    char buf[sizeof(in) + 1];
    memcpy(buf + 1, &in, sizeof(in));
    struct target target;
    ck_assert(target_from_sockaddr(&target, (struct sockaddr *)(buf + 1), sizeof(in)));
    expect_text(&target, "192.0.2.10:443");
}
END_TEST

/* The kernel takes a sockaddr_in6 without its scope, and nothing shorter. */
START_TEST(target_from_a_sockaddr_cut_short_is_refused)
{
    struct sockaddr_in in = ipv4_sockaddr("192.0.2.10", 443);
    struct sockaddr_in6 in6 = ipv6_sockaddr("2001:db8::10", 443);
    struct target target = untouched;
    for (socklen_t len = 0; len < sizeof(in); len++)
        ck_assert(!target_from_sockaddr(&target, guarded(&in, len), len));
    for (socklen_t len = 0; len < 24; len++)
        ck_assert(!target_from_sockaddr(&target, guarded(&in6, len), len));
    ck_assert(target_equal(&target, &untouched));
    ck_assert(target_from_sockaddr(&target, guarded(&in6, 24), 24));
    expect_text(&target, "[2001:db8::10]:443");
}
END_TEST

START_TEST(target_from_a_sockaddr_of_another_family_is_refused)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/example"};
    struct sockaddr_in6 unspecified = {.sin6_family = AF_UNSPEC};
    struct target target = untouched;
    ck_assert(!target_from_sockaddr(&target, (struct sockaddr *)&un, sizeof(un)));
    ck_assert(!target_from_sockaddr(&target, (struct sockaddr *)&unspecified, sizeof(unspecified)));
    ck_assert(target_equal(&target, &untouched));
}
END_TEST

START_TEST(target_is_written_as_a_sockaddr)
{
    struct sockaddr_in in = ipv4_sockaddr("192.0.2.10", 443);
    struct sockaddr_in6 in6 = ipv6_sockaddr("2001:db8::10", 443);
    struct sockaddr_in6 mapped = ipv6_sockaddr("::ffff:192.0.2.10", 443);
    struct target ipv4 = from_text("192.0.2.10:443"), ipv6 = from_text("[2001:db8::10]:443");
    struct sockaddr_storage out;
    ck_assert_uint_eq(target_to_sockaddr(&ipv4, AF_INET, &out), sizeof(in));
    ck_assert_mem_eq(&out, &in, sizeof(in));
    ck_assert_uint_eq(target_to_sockaddr(&ipv4, AF_INET6, &out), sizeof(mapped));
    ck_assert_mem_eq(&out, &mapped, sizeof(mapped));
    ck_assert_uint_eq(target_to_sockaddr(&ipv6, AF_INET6, &out), sizeof(in6));
    ck_assert_mem_eq(&out, &in6, sizeof(in6));
}
END_TEST

START_TEST(target_that_a_family_cannot_say_has_no_sockaddr)
{
    struct target name = from_text("example.test:443"), ipv6 = from_text("[2001:db8::10]:443");
    struct sockaddr_storage out;
    ck_assert_uint_eq(target_to_sockaddr(&name, AF_INET, &out), 0);
    ck_assert_uint_eq(target_to_sockaddr(&name, AF_INET6, &out), 0);
    ck_assert_uint_eq(target_to_sockaddr(&ipv6, AF_INET, &out), 0);
    ck_assert_uint_eq(target_to_sockaddr(&ipv6, AF_UNIX, &out), 0);
}
END_TEST

static const struct {
    const char *host; /* in the notation of spelled() */
    enum target_kind kind;
    const char *text; /* with port 80 */
} hosts[] = {
    {"192.0.2.10", TARGET_IPV4, "192.0.2.10:80"},
    {"0.0.0.0", TARGET_IPV4, "0.0.0.0:80"},
    {"2001:db8::10", TARGET_IPV6, "[2001:db8::10]:80"},
    {"2001:DB8::A", TARGET_IPV6, "[2001:db8::a]:80"},
    {"::", TARGET_IPV6, "[::]:80"},
    {"::ffff:192.0.2.10", TARGET_IPV4, "192.0.2.10:80"},
    {"1111:2222:3333:4444:5555:6666:123.123.123.123", TARGET_IPV6,
     "[1111:2222:3333:4444:5555:6666:7b7b:7b7b]:80"},
    {"a", TARGET_NAME, "a:80"},
    {"Example.TEST", TARGET_NAME, "example.test:80"},
    {"example.test.", TARGET_NAME, "example.test:80"},
    {"192.0.2.10.", TARGET_IPV4, "192.0.2.10:80"}, /* never a literal sent as a name */
    {"192.0.2", TARGET_NAME, "192.0.2:80"},
    {"b\xc3\xbc"
     "cher.test",
     TARGET_NAME,
     "b\xc3\xbc"
     "cher.test:80"},
    {"x*255", TARGET_NAME, "x*255:80"},
    {"x*255.", TARGET_NAME, "x*255:80"},
};

START_TEST(target_is_made_of_a_host)
{
    struct spelled host = spelled(hosts[_i].host), text = spelled(hosts[_i].text);
    struct target target;
    ck_assert_int_eq(target_set_host(&target, guarded(host.text, host.len), host.len, 80),
                     STATUS_OK);
    ck_assert_int_eq(target.kind, hosts[_i].kind);
    expect_text(&target, text.text);
    if (target.kind == TARGET_NAME) {
        ck_assert_uint_eq(target.name_len, text.len - 3);
        ck_assert_uint_eq(strlen(target.name), target.name_len);
    }
}
END_TEST

static const struct {
    const char *host;
    size_t len; /* 0: to the NUL */
} bad_hosts[] = {
    {"", 0},
    {"x*256", 0},
    {"x*256.", 0},
    {"two words", 0},
    {" leading", 0},
    {"line\n", 0},
    {"tab\there", 0},
    {"escape\033[1m", 0},
    {"delete\x7f", 0},
    {"192.0.2.10 ", 0},
    {"192.0.2.10\0x", 12},
    {"::1\0.example.test", 17},
    {"a\0b", 3},
    {".", 0},
    {"a..", 0},
};

START_TEST(target_of_a_malformed_host_is_refused)
{
    struct spelled host = {.len = bad_hosts[_i].len};
    if (host.len > 0)
        memcpy(host.text, bad_hosts[_i].host, host.len);
    else
        host = spelled(bad_hosts[_i].host);
    struct target target = untouched;
    ck_assert_int_eq(target_set_host(&target, guarded(host.text, host.len), host.len, 80),
                     STATUS_BAD_INPUT);
    ck_assert(target_equal(&target, &untouched));
}
END_TEST

static const struct {
    const char *text;
    uint16_t default_port;
    const char *read; /* NULL: refused */
} texts[] = {
    {"example.test:443", 0, "example.test:443"},
    {"example.test:1", 0, "example.test:1"},
    {"example.test:65535", 1080, "example.test:65535"},
    {"192.0.2.10:80", 0, "192.0.2.10:80"},
    {"[2001:db8::10]:80", 0, "[2001:db8::10]:80"},
    {"[::ffff:192.0.2.10]:80", 0, "192.0.2.10:80"},
    {"example.test", 1080, "example.test:1080"},
    {"192.0.2.10", 1080, "192.0.2.10:1080"},
    {"[2001:db8::10]", 1080, "[2001:db8::10]:1080"},
    {"2001:db8::10", 1080, "[2001:db8::10]:1080"},
    {"example.test", 0, NULL},
    {"[2001:db8::10]", 0, NULL},
    {"2001:db8::10", 0, NULL},
    {"", 1080, NULL},
    {":80", 1080, NULL},
    {"example.test:", 1080, NULL},
    {"example.test:0", 1080, NULL},
    {"example.test:65536", 1080, NULL},
    {"example.test:99999", 1080, NULL},
    {"example.test:100000", 1080, NULL},
    {"example.test:-1", 1080, NULL},
    {"example.test:+1", 1080, NULL},
    {"example.test: 1", 1080, NULL},
    {"example.test:8x", 1080, NULL},
    {"a:b:80", 1080, NULL},
    {"[2001:db8::10", 1080, NULL},
    {"[2001:db8::10]x", 1080, NULL},
    {"[2001:db8::10]:", 1080, NULL},
    {"[2001:db8::10]80", 1080, NULL},
    {"[192.0.2.10]:80", 1080, NULL},
    {"[example.test]:80", 1080, NULL},
    {"[]:80", 1080, NULL},
    {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80", 1080, NULL},
    {"two words:80", 1080, NULL},
};

START_TEST(target_is_read_from_text)
{
    size_t len = strlen(texts[_i].text);
    struct target target = untouched;
    enum status status =
        target_from_text(&target, guarded(texts[_i].text, len), len, texts[_i].default_port);
    ck_assert_int_eq(status, texts[_i].read ? STATUS_OK : STATUS_BAD_INPUT);
    if (texts[_i].read)
        expect_text(&target, texts[_i].read);
    else
        ck_assert(target_equal(&target, &untouched));
}
END_TEST

START_TEST(target_in_brackets_ends_at_no_nul)
{
    static const char text[] = "[::1\0junk]:80";
    struct target target = untouched;
    ck_assert_int_eq(target_from_text(&target, text, sizeof(text) - 1, 0), STATUS_BAD_INPUT);
    ck_assert(target_equal(&target, &untouched));
}
END_TEST

START_TEST(target_text_of_the_longest_name_fits)
{
    struct spelled name = spelled("x*255");
    struct target target;
    ck_assert_int_eq(target_set_host(&target, name.text, name.len, 65535), STATUS_OK);
    char *buf = guarded(spelled("?*263").text, TARGET_TEXT_MAX);
    ck_assert_str_eq(target_to_text(&target, buf), spelled("x*255:65535").text);
}
END_TEST

START_TEST(target_equals_only_its_like)
{
    static const char *const distinct[] = {
        "192.0.2.10:80",     "192.0.2.10:81",   "192.0.2.11:80",   "[2001:db8::10]:80",
        "[2001:db8::11]:80", "example.test:80", "example.test:81", "example.tes:80",
        "example.tesu:80",   "[c000:20a::]:80",
    };
    for (size_t i = 0; i < COUNT(distinct); i++) {
        for (size_t k = 0; k < COUNT(distinct); k++) {
            struct target a, b;
            memset(&a, 0x55, sizeof(a)); /* what no member holds must not count */
            memset(&b, 0xaa, sizeof(b));
            ck_assert_int_eq(target_from_text(&a, distinct[i], strlen(distinct[i]), 0), STATUS_OK);
            ck_assert_int_eq(target_from_text(&b, distinct[k], strlen(distinct[k]), 0), STATUS_OK);
            ck_assert_int_eq(target_equal(&a, &b), i == k);
        }
    }
}
END_TEST

static const struct {
    const char *text;
    bool here;
} places[] = {
    {"127.0.0.1:80", true},
    {"127.255.255.254:80", true},
    {"0.0.0.0:80", true},
    {"[::1]:80", true},
    {"[::]:80", true},
    {"[::ffff:127.0.0.1]:80", true},
    {"126.255.255.255:80", false},
    {"128.0.0.1:80", false},
    {"0.0.0.1:80", false},
    {"[::2]:80", false},
    {"[2001:db8::1]:80", false},
    {"example.test:80", false},
    {"127.example.test:80", false},
};

START_TEST(target_of_this_host_is_told)
{
    struct target target = from_text(places[_i].text);
    ck_assert_int_eq(target_is_this_host(&target), places[_i].here);
}
END_TEST

static Suite *target_suite(void)
{
    Suite *suite = suite_create("target");

    TCase *sockaddr = tcase_create("sockaddr");
    tcase_add_test(sockaddr, target_is_read_from_an_ipv4_sockaddr);
    tcase_add_test(sockaddr, target_is_read_from_an_ipv6_sockaddr);
    tcase_add_test(sockaddr, target_of_a_mapped_sockaddr_is_ipv4);
    tcase_add_test(sockaddr, target_is_read_from_a_sockaddr_at_an_odd_address);
    tcase_add_test(sockaddr, target_from_a_sockaddr_cut_short_is_refused);
    tcase_add_test(sockaddr, target_from_a_sockaddr_of_another_family_is_refused);
    tcase_add_test(sockaddr, target_is_written_as_a_sockaddr);
    tcase_add_test(sockaddr, target_that_a_family_cannot_say_has_no_sockaddr);
    suite_add_tcase(suite, sockaddr);

    TCase *text = tcase_create("text");
    tcase_add_loop_test(text, target_is_made_of_a_host, 0, COUNT(hosts));
    tcase_add_loop_test(text, target_of_a_malformed_host_is_refused, 0, COUNT(bad_hosts));
    tcase_add_loop_test(text, target_is_read_from_text, 0, COUNT(texts));
    tcase_add_test(text, target_in_brackets_ends_at_no_nul);
    tcase_add_test(text, target_text_of_the_longest_name_fits);
    suite_add_tcase(suite, text);

    TCase *compare = tcase_create("compare");
    tcase_add_test(compare, target_equals_only_its_like);
    tcase_add_loop_test(compare, target_of_this_host_is_told, 0, COUNT(places));
    suite_add_tcase(suite, compare);
    return suite;
}

int main(void)
{
    return run(target_suite());
}
