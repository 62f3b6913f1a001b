/* SPDX-License-Identifier: MIT
 * How DNS queries are answered, and which are left to a name server. Every query ends flush against
 * a page that cannot be touched. */
#include "core/resolver.h"

#include "core/dns.h"
#include "core/log.h"
#include "core/lookup.h"
#include "tests/unit/scope.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <stdbool.h>

enum { TYPE_NS = 2, TYPE_CNAME = 5, TYPE_MX = 15, TYPE_TXT = 16, TYPE_SRV = 33 };

#define RULES                                                                                      \
    "proxy home socks5://192.0.2.1:1080\n"                                                         \
    "default home\n"                                                                               \
    "direct *.corp.test 10.0.0.0/8\n"

static uint8_t reply[4096];
static size_t reply_len;

static void set_up_for(const char *config)
{
    log_setup(LOG_QUIET, "test", NULL);
    scope_open(config, "192.0.2.7 listed.test\n2001:db8::7 listed.test\n");
}

static void set_up(void)
{
    set_up_for(RULES);
}

static void set_up_with_server(void)
{
    set_up_for(RULES "dns-server 192.0.2.53\n");
}

static enum resolver_verdict answer(const uint8_t *query, size_t len, bool by_datagram, size_t size)
{
    memset(reply, 0xee, sizeof(reply));
    reply_len = 0;
    enum resolver_verdict verdict =
        resolver_answer(&scope, guarded(query, len), len, by_datagram, reply, size, &reply_len);
    ck_assert_uint_le(reply_len, size);
    for (size_t i = size; i < sizeof(reply); i++)
        ck_assert_uint_eq(reply[i], 0xee);
    if (verdict == RESOLVER_ANSWERED)
        ck_assert(dns_is_reply(reply, reply_len, (uint16_t)(query[0] << 8 | query[1])));
    return verdict;
}

static enum resolver_verdict ask_class(const char *name, uint16_t class, uint16_t type)
{
    uint8_t query[DNS_QUERY_MAX];
    size_t len = dns_build_query(query, 0x1234, name, class, type, false);
    ck_assert_uint_gt(len, 0);
    return answer(query, len, false, sizeof(reply));
}

static enum resolver_verdict ask(const char *name, uint16_t type)
{
    return ask_class(name, DNS_CLASS_IN, type);
}

static void expect_answer(const char *name, uint16_t type, enum dns_rcode rcode, uint16_t answers)
{
    ck_assert_msg(ask(name, type) == RESOLVER_ANSWERED, "%s", name);
    ck_assert_msg(dns_rcode(reply) == rcode, "%s: code %d", name, dns_rcode(reply));
    ck_assert_uint_eq(dns_answer_count(reply), answers);
}

/* The reply ends with these octets: the data of its last record. */
static void expect_end(const void *data, size_t len)
{
    ck_assert_uint_gt(reply_len, len + 2);
    const uint8_t *end = reply + reply_len - len;
    ck_assert_uint_eq((size_t)(end[-2] << 8 | end[-1]), len);
    ck_assert_mem_eq(end, data, len);
}

static void expect_address(const char *name, uint16_t type, int family)
{
    struct lookup found;
    ck_assert_int_eq(lookup_name(&scope, name, family, &found), LOOKUP_FOUND);
    expect_answer(name, type, DNS_NOERROR, (uint16_t)found.count);
    expect_end(found.list[found.count - 1].bytes, lookup_address_len(family));
}

START_TEST(addresses_are_those_of_every_other_lookup)
{
    static const char *const names[] = {"page.test", "listed.test", "localhost", "x.localhost"};
    for (size_t i = 0; i < COUNT(names); i++) {
        expect_address(names[i], DNS_TYPE_A, AF_INET);
        expect_address(names[i], DNS_TYPE_AAAA, AF_INET6);
    }
}
END_TEST

/* Names that go direct are the real name server's, whatever is asked of them, and so are those that
 * no proxy could be told, below them. */
START_TEST(names_that_go_direct_are_left_to_their_name_server)
{
    static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_HTTPS, TYPE_MX, TYPE_TXT};
    for (size_t i = 0; i < COUNT(types); i++)
        ck_assert_int_eq(ask("git.corp.test", types[i]), RESOLVER_DIRECT);
    ck_assert_int_eq(ask("a\\032b.corp.test", DNS_TYPE_A), RESOLVER_DIRECT);
    ck_assert_int_eq(ask("4.3.2.10.in-addr.arpa", DNS_TYPE_PTR), RESOLVER_DIRECT);
}
END_TEST

START_TEST(odd_names_do_not_exist)
{
    expect_answer("a\\032b.test", DNS_TYPE_A, DNS_NXDOMAIN, 0);
    expect_answer("a\\.b.test", DNS_TYPE_AAAA, DNS_NXDOMAIN, 0);
    expect_answer("192.0.2.1", DNS_TYPE_A, DNS_NXDOMAIN, 0); /* an address in place of a name */
    expect_answer(".", DNS_TYPE_A, DNS_NXDOMAIN, 0);
}
END_TEST

/* The stand-in that a question gets must be the one of this name. */
static void expect_standin_of(const char *asked, const char *meant)
{
    struct lookup found;
    ck_assert_int_eq(lookup_name(&scope, meant, AF_INET, &found), LOOKUP_FOUND);
    expect_answer(asked, DNS_TYPE_A, DNS_NOERROR, 1);
    expect_end(found.list[0].bytes, 4);
}

START_TEST(what_a_search_list_made_longer_is_answered_as_it_was_meant)
{
    char path[64];
    static const char text[] = "search team.k8s.test k8s.test\noptions ndots:3\n";
    snprintf(path, sizeof(path), "%s/socksify-resolv-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);

    expect_standin_of("page.test.team.k8s.test", "page.test.team.k8s.test");
    scope.resolv_conf = path;
    expect_standin_of("page.test.team.k8s.test", "page.test");
    expect_standin_of("www.page.test.team.k8s.test", "www.page.test");
    expect_standin_of("page.test", "page.test");
    /* One label is what the list is for; three dots are asked about as they are. */
    expect_standin_of("page.team.k8s.test", "page.team.k8s.test");
    expect_standin_of("a.www.page.test.team.k8s.test", "a.www.page.test.team.k8s.test");
    /* Nobody comes to the second domain any more but by its full name. */
    expect_standin_of("db.other.k8s.test", "db.other.k8s.test");
    /* What goes direct is asked of the name server in the end, by its own name. */
    expect_answer("git.corp.test.team.k8s.test", DNS_TYPE_A, DNS_NXDOMAIN, 0);
    expect_answer("git.corp.test.k8s.test", DNS_TYPE_AAAA, DNS_NXDOMAIN, 0);
    ck_assert_int_eq(ask("git.corp.test", DNS_TYPE_A), RESOLVER_DIRECT);
    unlink(path);
}
END_TEST

START_TEST(pointers_lead_from_standins_to_names)
{
    struct lookup found;
    char arpa[64];
    ck_assert_int_eq(lookup_name(&scope, "page.test", AF_INET, &found), LOOKUP_FOUND);
    const uint8_t *bytes = found.list[0].bytes;
    snprintf(arpa, sizeof(arpa), "%d.%d.%d.%d.in-addr.arpa", bytes[3], bytes[2], bytes[1],
             bytes[0]);
    expect_answer(arpa, DNS_TYPE_PTR, DNS_NOERROR, 1);
    expect_end("\4page\4test", 11);

    expect_answer("1.0.0.127.in-addr.arpa", DNS_TYPE_PTR, DNS_NOERROR, 1);
    expect_end("\11localhost", 11);
    expect_answer("99.2.0.192.in-addr.arpa", DNS_TYPE_PTR, DNS_NXDOMAIN, 0);
    expect_answer("2.1.18.198.in-addr.arpa", DNS_TYPE_PTR, DNS_NXDOMAIN, 0); /* an unknown one */
}
END_TEST

/* Names that mean this host are nobody else's business. */
START_TEST(localhost_has_addresses_only)
{
    expect_answer("localhost", TYPE_MX, DNS_NOERROR, 0);
    expect_answer("x.localhost", TYPE_TXT, DNS_NOERROR, 0);
    expect_answer("localhost", DNS_TYPE_HTTPS, DNS_NOERROR, 0);
}
END_TEST

START_TEST(other_types_are_refused_without_a_server)
{
    static const uint16_t refused[] = {TYPE_NS,  TYPE_CNAME,   TYPE_MX, TYPE_TXT,
                                       TYPE_SRV, DNS_TYPE_ANY, 65280};
    for (size_t i = 0; i < COUNT(refused); i++)
        expect_answer("page.test", refused[i], DNS_SERVFAIL, 0);
    expect_answer("not-localhost", TYPE_MX, DNS_SERVFAIL, 0);
    expect_answer("_dns-sd._udp.0.0.2.192.in-addr.arpa", DNS_TYPE_PTR, DNS_SERVFAIL, 0);
    /* Programs ask for these along with every address. */
    expect_answer("page.test", DNS_TYPE_HTTPS, DNS_NOERROR, 0);
    expect_answer("page.test", DNS_TYPE_SVCB, DNS_NOERROR, 0);
}
END_TEST

START_TEST(other_types_are_forwarded_to_a_server)
{
    static const uint16_t types[] = {TYPE_NS,  TYPE_CNAME,     TYPE_MX,      TYPE_TXT,
                                     TYPE_SRV, DNS_TYPE_HTTPS, DNS_TYPE_ANY, DNS_TYPE_SVCB};
    for (size_t i = 0; i < COUNT(types); i++)
        ck_assert_int_eq(ask("page.test", types[i]), RESOLVER_FORWARD);
    ck_assert_int_eq(ask("_sip._tcp.page.test", TYPE_SRV), RESOLVER_FORWARD);
    expect_answer("localhost", TYPE_MX, DNS_NOERROR, 0);
    expect_address("page.test", DNS_TYPE_A, AF_INET); /* never asked of it */
    ck_assert(!scope_reported.query);
}
END_TEST

START_TEST(a_refused_query_is_complained_of_once_a_scope)
{
    expect_answer("page.test", DNS_TYPE_HTTPS, DNS_NOERROR, 0);
    ck_assert(!scope_reported.query);
    expect_answer("page.test", TYPE_MX, DNS_SERVFAIL, 0);
    ck_assert(scope_reported.query);
}
END_TEST

START_TEST(what_one_message_cannot_serve_is_not_implemented)
{
    static const uint16_t types[] = {DNS_TYPE_OPT, DNS_TYPE_TKEY, 250, 251, 252, 254};
    for (size_t i = 0; i < COUNT(types); i++)
        expect_answer("page.test", types[i], DNS_NOTIMP, 0);
}
END_TEST

START_TEST(other_classes_are_refused)
{
    static const uint16_t classes[] = {3, 4, 255};
    for (size_t i = 0; i < COUNT(classes); i++) {
        ck_assert_int_eq(ask_class("page.test", classes[i], DNS_TYPE_A), RESOLVER_ANSWERED);
        ck_assert_int_eq(dns_rcode(reply), DNS_REFUSED);
    }
}
END_TEST

START_TEST(without_a_configuration_no_name_is_answered)
{
    scope.config = NULL;
    expect_answer("page.test", DNS_TYPE_A, DNS_SERVFAIL, 0);
    expect_answer("page.test", TYPE_MX, DNS_SERVFAIL, 0);
    expect_answer("a\\032b.test", DNS_TYPE_A, DNS_SERVFAIL, 0);
    expect_answer("99.2.0.192.in-addr.arpa", DNS_TYPE_PTR, DNS_SERVFAIL, 0);
    expect_answer("localhost", DNS_TYPE_A, DNS_NOERROR, 1);
    expect_answer("listed.test", DNS_TYPE_A, DNS_NOERROR, 1);
}
END_TEST

START_TEST(without_a_map_no_name_is_answered)
{
    scope.names = NULL;
    expect_answer("page.test", DNS_TYPE_A, DNS_SERVFAIL, 0);
    expect_answer("localhost", DNS_TYPE_A, DNS_NOERROR, 1);
}
END_TEST

START_TEST(what_is_no_query_gets_no_answer)
{
    static const char *const silent[] = {"", "12", "12 34 80 00 00 01 00 00 00 00 00 00"};
    for (size_t i = 0; i < COUNT(silent); i++) {
        struct octets query = octets(silent[i]);
        ck_assert_int_eq(answer(query.at, query.len, true, DNS_DATAGRAM_MAX), RESOLVER_SILENT);
        ck_assert_uint_eq(resolver_fail(guarded(query.at, query.len), query.len, reply, 512), 0);
    }
}
END_TEST

START_TEST(a_malformed_query_is_told_so)
{
    struct octets query = octets("12 34 01 00 00 01 00 00 00 00 00 00 01 61");
    ck_assert_int_eq(answer(query.at, query.len, true, DNS_DATAGRAM_MAX), RESOLVER_ANSWERED);
    ck_assert_int_eq(dns_rcode(reply), DNS_FORMERR);
}
END_TEST

/* All addresses of a long name are more than 512 octets. */
START_TEST(a_datagram_has_no_more_than_the_asker_takes)
{
    struct spelled name = spelled("x*63.x*63.x*63.test");
    static char text[8192];
    int end = 0;
    for (int i = 1; i <= LOOKUP_ADDRESSES_MAX; i++)
        end += snprintf(text + end, sizeof(text) - (size_t)end, "2001:db8::%d %s\n", i, name.text);
    scope_close();
    scope_open(RULES, text);
    uint8_t query[DNS_QUERY_MAX];
    size_t len = dns_build_query(query, 7, name.text, DNS_CLASS_IN, DNS_TYPE_AAAA, false);
    ck_assert_int_eq(answer(query, len, true, sizeof(reply)), RESOLVER_ANSWERED);
    ck_assert_uint_le(reply_len, DNS_DATAGRAM_MAX);
    ck_assert(reply[2] & 2); /* TC */
    ck_assert_int_eq(answer(query, len, false, sizeof(reply)), RESOLVER_ANSWERED);
    ck_assert_uint_gt(reply_len, DNS_DATAGRAM_MAX);
    ck_assert(!(reply[2] & 2));
    ck_assert_uint_eq(dns_answer_count(reply), LOOKUP_ADDRESSES_MAX);
}
END_TEST

START_TEST(a_query_that_cannot_be_forwarded_has_failed)
{
    uint8_t query[DNS_QUERY_MAX];
    size_t len = dns_build_query(query, 7, "page.test", DNS_CLASS_IN, TYPE_MX, false);
    reply_len = resolver_fail(guarded(query, len), len, reply, DNS_DATAGRAM_MAX);
    ck_assert(dns_is_reply(reply, reply_len, 7));
    ck_assert_int_eq(dns_rcode(reply), DNS_SERVFAIL);
}
END_TEST

static Suite *resolver_suite(void)
{
    Suite *suite = suite_create("resolver");
    TCase *alone = tcase_create("without a dns-server");
    tcase_add_checked_fixture(alone, set_up, scope_close);
    tcase_add_test(alone, addresses_are_those_of_every_other_lookup);
    tcase_add_test(alone, names_that_go_direct_are_left_to_their_name_server);
    tcase_add_test(alone, odd_names_do_not_exist);
    tcase_add_test(alone, what_a_search_list_made_longer_is_answered_as_it_was_meant);
    tcase_add_test(alone, pointers_lead_from_standins_to_names);
    tcase_add_test(alone, localhost_has_addresses_only);
    tcase_add_test(alone, other_types_are_refused_without_a_server);
    tcase_add_test(alone, a_refused_query_is_complained_of_once_a_scope);
    tcase_add_test(alone, what_one_message_cannot_serve_is_not_implemented);
    tcase_add_test(alone, other_classes_are_refused);
    tcase_add_test(alone, without_a_configuration_no_name_is_answered);
    tcase_add_test(alone, without_a_map_no_name_is_answered);
    tcase_add_test(alone, what_is_no_query_gets_no_answer);
    tcase_add_test(alone, a_malformed_query_is_told_so);
    tcase_add_test(alone, a_datagram_has_no_more_than_the_asker_takes);
    tcase_add_test(alone, a_query_that_cannot_be_forwarded_has_failed);
    suite_add_tcase(suite, alone);

    TCase *server = tcase_create("with a dns-server");
    tcase_add_checked_fixture(server, set_up_with_server, scope_close);
    tcase_add_test(server, names_that_go_direct_are_left_to_their_name_server);
    tcase_add_test(server, other_types_are_forwarded_to_a_server);
    suite_add_tcase(suite, server);
    return suite;
}

int main(void)
{
    return run(resolver_suite());
}
