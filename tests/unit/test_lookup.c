/* SPDX-License-Identifier: MIT
 * What look-ups of names and addresses give: stand-ins, the hosts file, or the word that the real
 * resolver should be asked. */
#include "core/lookup.h"

#include "core/names.h"
#include "core/names_address.h"
#include "core/standin.h"
#include "tests/unit/scope.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <stdbool.h>

static void set_up(void)
{
    scope_open("proxy home socks5://192.0.2.1:1080\n"
               "default home\n"
               "direct *.corp.test 10.0.0.0/8 fd00:1::/32\n",
               "192.0.2.7 Listed.test alias.test\n"
               "2001:db8::7 listed.test\n"
               "127.0.0.1 both.test\n"
               "192.0.2.8 both.test\n"
               "::1 both.test\n");
}

/* "canonical: address address ..." */
static const char *text_of(const struct lookup *found)
{
    static char text[2048];
    int len = snprintf(text, sizeof(text), "%s:", found->canonical);
    for (size_t i = 0; i < found->count; i++) {
        char address[INET6_ADDRSTRLEN];
        inet_ntop(found->list[i].family, found->list[i].bytes, address, sizeof(address));
        len += snprintf(text + len, sizeof(text) - (size_t)len, " %s", address);
    }
    return text;
}

static const struct {
    const char *name;
    enum lookup_kind kind;
} kinds[] = {
    /* what libc takes for an address */
    {"192.0.2.1", LOOKUP_REAL},
    {"127.1", LOOKUP_REAL},
    {"0x7f000001", LOOKUP_REAL},
    {"::1", LOOKUP_REAL},
    {"fe80::1%eth0", LOOKUP_REAL},
    {"::ffff:192.0.2.1", LOOKUP_REAL},
    /* what goes direct */
    {"git.corp.test", LOOKUP_REAL},
    {"GIT.Corp.Test.", LOOKUP_REAL},
    /* what is no name */
    {"", LOOKUP_MALFORMED},
    {".", LOOKUP_MALFORMED},
    {"two words.test", LOOKUP_MALFORMED},
    {"tab\tname.test", LOOKUP_MALFORMED},
    {"2001:db8::x", LOOKUP_MALFORMED},
    {"name:443", LOOKUP_MALFORMED},
    /* what a proxy is told */
    {"page.test", LOOKUP_FOUND},
    {"corp.test.example", LOOKUP_FOUND},
    {"1.2.3.4.5", LOOKUP_FOUND},
    {"p\xc3\xa4ge.test", LOOKUP_FOUND},
};

START_TEST(names_are_sorted)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNSPEC};
    for (size_t i = 0; i < COUNT(families); i++) {
        struct lookup found;
        ck_assert_int_eq(lookup_name(&scope, kinds[_i].name, families[i], &found), kinds[_i].kind);
        if (kinds[_i].kind == LOOKUP_FOUND)
            ck_assert_uint_eq(found.count, 1);
    }
}
END_TEST

START_TEST(the_longest_name_is_found_and_a_longer_one_malformed)
{
    struct lookup found;
    struct spelled longest = spelled("x*63.x*63.x*63.x*63");
    struct spelled longer = spelled("x*63.x*63.x*63.x*63x");
    ck_assert_uint_eq(longest.len, TARGET_NAME_MAX);
    ck_assert_int_eq(lookup_name(&scope, longest.text, AF_INET, &found), LOOKUP_FOUND);
    ck_assert_str_eq(found.canonical, longest.text);
    ck_assert_int_eq(lookup_name(&scope, longer.text, AF_INET, &found), LOOKUP_MALFORMED);
}
END_TEST

START_TEST(a_name_has_one_standin_in_either_family)
{
    struct lookup ipv4, ipv6, either, other;
    uint32_t index4, index6;
    ck_assert_int_eq(lookup_name(&scope, "Page.test.", AF_INET, &ipv4), LOOKUP_FOUND);
    ck_assert_int_eq(lookup_name(&scope, "page.test", AF_INET6, &ipv6), LOOKUP_FOUND);
    ck_assert_int_eq(lookup_name(&scope, "PAGE.TEST", AF_UNSPEC, &either), LOOKUP_FOUND);
    ck_assert_str_eq(ipv4.canonical, "page.test");
    ck_assert_int_eq(ipv4.list[0].family, AF_INET);
    ck_assert_int_eq(ipv6.list[0].family, AF_INET6);
    ck_assert(names_is_ipv4(ipv4.list[0].bytes, &index4));
    ck_assert(names_is_ipv6(ipv6.list[0].bytes, &index6));
    ck_assert_uint_eq(index4, index6);
    /* Whoever takes either gets IPv4 alone. */
    ck_assert_uint_eq(either.count, 1);
    ck_assert_str_eq(text_of(&either), text_of(&ipv4));
    ck_assert_int_eq(lookup_name(&scope, "other.test", AF_INET, &other), LOOKUP_FOUND);
    ck_assert_mem_ne(other.list[0].bytes, ipv4.list[0].bytes, 4);
}
END_TEST

static const struct {
    const char *name;
    int family;
    const char *text;
} listed[] = {
    {"listed.test", AF_UNSPEC, "Listed.test: 192.0.2.7 2001:db8::7"},
    {"LISTED.TEST.", AF_INET, "Listed.test: 192.0.2.7"},
    {"alias.test", AF_INET, "Listed.test: 192.0.2.7"},
    {"alias.test", AF_INET6, "Listed.test:"}, /* there is the name, but no such address */
    {"both.test", AF_UNSPEC, "both.test: ::1 127.0.0.1 192.0.2.8"},
    {"localhost", AF_UNSPEC, "localhost: ::1 127.0.0.1"},
    {"x.localhost", AF_INET, "x.localhost: 127.0.0.1"},
};

START_TEST(the_hosts_file_comes_first)
{
    struct lookup found;
    ck_assert_int_eq(lookup_name(&scope, listed[_i].name, listed[_i].family, &found), LOOKUP_FOUND);
    ck_assert_str_eq(text_of(&found), listed[_i].text);
}
END_TEST

/* What needs no rule is answered without one; no name goes out. */
START_TEST(without_a_configuration_names_are_refused)
{
    struct lookup found;
    scope.config = NULL;
    ck_assert_int_eq(lookup_name(&scope, "page.test", AF_INET, &found), LOOKUP_REFUSED);
    ck_assert_int_eq(lookup_name(&scope, "git.corp.test", AF_INET, &found), LOOKUP_REFUSED);
    ck_assert_int_eq(lookup_name(&scope, "192.0.2.1", AF_INET, &found), LOOKUP_REAL);
    ck_assert_int_eq(lookup_name(&scope, "listed.test", AF_INET, &found), LOOKUP_FOUND);
    ck_assert_int_eq(lookup_name(&scope, "two words", AF_INET, &found), LOOKUP_MALFORMED);
    ck_assert_int_eq(lookup_address(&scope, AF_INET, "\xc0\x00\x02\x01", &found), LOOKUP_REFUSED);
    ck_assert_int_eq(lookup_address(&scope, AF_INET, "\x7f\x00\x00\x01", &found), LOOKUP_REAL);
}
END_TEST

START_TEST(without_a_map_names_are_refused)
{
    struct lookup found;
    scope.names = NULL;
    ck_assert_int_eq(lookup_name(&scope, "page.test", AF_INET, &found), LOOKUP_REFUSED);
    ck_assert_int_eq(lookup_name(&scope, "git.corp.test", AF_INET, &found), LOOKUP_REAL);
    ck_assert_int_eq(lookup_name(&scope, "listed.test", AF_INET, &found), LOOKUP_FOUND);
    ck_assert_int_eq(lookup_address(&scope, AF_INET, "\xc6\x12\x00\x01", &found), LOOKUP_REFUSED);
    ck_assert_int_eq(lookup_address(&scope, AF_INET, "\xc0\x00\x02\x01", &found), LOOKUP_FOUND);
}
END_TEST

START_TEST(a_standin_has_its_name_back)
{
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < COUNT(families); i++) {
        struct lookup found, back;
        ck_assert_int_eq(lookup_name(&scope, "page.test", families[i], &found), LOOKUP_FOUND);
        ck_assert_int_eq(lookup_address(&scope, families[i], found.list[0].bytes, &back),
                         LOOKUP_FOUND);
        ck_assert_str_eq(text_of(&back), text_of(&found));
    }
}
END_TEST

static const struct {
    const char *address;
    enum lookup_kind kind; /* LOOKUP_FOUND: without a name */
} addresses[] = {
    {"127.0.0.1", LOOKUP_REAL},
    {"::1", LOOKUP_REAL},
    {"10.1.2.3", LOOKUP_REAL},
    {"fd00:1::1", LOOKUP_REAL},
    {"::ffff:10.1.2.3", LOOKUP_REAL},
    {"192.0.2.99", LOOKUP_FOUND},
    {"2001:db8::99", LOOKUP_FOUND},
    {"::ffff:192.0.2.99", LOOKUP_FOUND},
    {"198.18.1.2", LOOKUP_FOUND}, /* a stand-in that nobody knows */
    {"fd73:6f63:6b73::77", LOOKUP_FOUND},
};

START_TEST(other_addresses_have_no_name_here)
{
    struct lookup found;
    uint8_t bytes[16];
    int family = strchr(addresses[_i].address, ':') ? AF_INET6 : AF_INET;
    ck_assert_int_eq(inet_pton(family, addresses[_i].address, bytes), 1);
    const void *exact = guarded(bytes, lookup_address_len(family));
    ck_assert_int_eq(lookup_address(&scope, family, exact, &found), addresses[_i].kind);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

START_TEST(targets_that_are_standins_become_names)
{
    struct target target, ordinary;
    struct lookup found;
    ck_assert_int_eq(lookup_name(&scope, "page.test", AF_INET, &found), LOOKUP_FOUND);
    target = (struct target){.kind = TARGET_IPV4, .port = 443};
    memcpy(target.ipv4, found.list[0].bytes, 4);
    ck_assert(standin_is(&target));
    struct target unknown = target;
    ck_assert_int_eq(standin_to_name(NULL, &unknown), STANDIN_UNKNOWN);
    ck_assert(target_equal(&unknown, &target));
    ck_assert_int_eq(standin_to_name(scope.names, &target), STANDIN_NAMED);
    ck_assert_int_eq(target.kind, TARGET_NAME);
    ck_assert_str_eq(target.name, "page.test");
    ck_assert_uint_eq(target.port, 443);

    ck_assert_int_eq(target_from_text(&ordinary, "192.0.2.1:443", 13, 0), STATUS_OK);
    target = ordinary;
    ck_assert(!standin_is(&target));
    ck_assert_int_eq(standin_to_name(scope.names, &target), STANDIN_NOT);
    ck_assert(target_equal(&target, &ordinary));
}
END_TEST

static Suite *lookup_suite(void)
{
    Suite *suite = suite_create("lookup");
    TCase *names = tcase_create("names");
    tcase_add_checked_fixture(names, set_up, scope_close);
    tcase_add_loop_test(names, names_are_sorted, 0, COUNT(kinds));
    tcase_add_test(names, the_longest_name_is_found_and_a_longer_one_malformed);
    tcase_add_test(names, a_name_has_one_standin_in_either_family);
    tcase_add_loop_test(names, the_hosts_file_comes_first, 0, COUNT(listed));
    tcase_add_test(names, without_a_configuration_names_are_refused);
    tcase_add_test(names, without_a_map_names_are_refused);
    suite_add_tcase(suite, names);

    TCase *reverse = tcase_create("addresses");
    tcase_add_checked_fixture(reverse, set_up, scope_close);
    tcase_add_test(reverse, a_standin_has_its_name_back);
    tcase_add_loop_test(reverse, other_addresses_have_no_name_here, 0, COUNT(addresses));
    tcase_add_test(reverse, targets_that_are_standins_become_names);
    suite_add_tcase(suite, reverse);
    return suite;
}

int main(void)
{
    return run(lookup_suite());
}
