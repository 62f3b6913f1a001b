/* SPDX-License-Identifier: MIT
 * The addresses of proxies and targets, and the memory of them. The system's resolver is played by
 * this file, so that no test depends on a network or a hosts file. */
#include "core/endpoint.h"

#include "core/config.h"
#include "core/endpoint_cache.h"

#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netdb.h>

/* What the resolver will say, and what it was asked. */
static struct {
    int error;
    const char *const *addresses; /* NULL-terminated */
    char asked[256];
    int family, flags;
    int lookups, lists_out;
} resolver;

struct answer {
    struct addrinfo info;
    union endpoint address;
};

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict list)
{
    resolver.lookups++;
    strncpy(resolver.asked, node, sizeof(resolver.asked) - 1);
    ck_assert_ptr_null(service);
    ck_assert_int_eq(hints->ai_socktype, SOCK_STREAM);
    resolver.family = hints->ai_family;
    resolver.flags = hints->ai_flags;
    if (resolver.error)
        return resolver.error;
    struct addrinfo **end = list;
    for (const char *const *text = resolver.addresses; *text; text++) {
        struct answer *answer = calloc(1, sizeof(*answer));
        answer->info.ai_addr = &answer->address.any;
        if (inet_pton(AF_INET, *text, &answer->address.in.sin_addr) == 1) {
            answer->address.any.sa_family = AF_INET;
            answer->info.ai_addrlen = sizeof(answer->address.in);
        } else if (inet_pton(AF_INET6, *text, &answer->address.in6.sin6_addr) == 1) {
            answer->address.any.sa_family = AF_INET6;
            answer->info.ai_addrlen = sizeof(answer->address.in6);
        } else { /* a family nobody knows */
            answer->address.any.sa_family = AF_UNIX;
            answer->info.ai_addrlen = sizeof(answer->address.in);
        }
        *end = &answer->info;
        end = &answer->info.ai_next;
    }
    *end = NULL;
    resolver.lists_out++;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
    resolver.lists_out--;
}

static struct proxy proxy_at(const char *text)
{
    struct proxy proxy = {.protocol = PROXY_SOCKS5};
    ck_assert_int_eq(target_from_text(&proxy.address, text, strlen(text), 1080), STATUS_OK);
    return proxy;
}

static union endpoint endpoint_at(const char *text)
{
    struct target target;
    struct sockaddr_storage addr;
    union endpoint endpoint;
    ck_assert_int_eq(target_from_text(&target, text, strlen(text), 0), STATUS_OK);
    socklen_t len =
        target_to_sockaddr(&target, target.kind == TARGET_IPV4 ? AF_INET : AF_INET6, &addr);
    memcpy(&endpoint, &addr, len);
    return endpoint;
}

static void expect_endpoint(const union endpoint *found, const char *text)
{
    union endpoint wanted = endpoint_at(text);
    ck_assert_int_eq(found->any.sa_family, wanted.any.sa_family);
    ck_assert_msg(endpoint_equal(found, &wanted), "%s", text);
}

START_TEST(endpoint_of_a_literal_address_needs_no_lookup)
{
    static const char *const literals[] = {"192.0.2.1:1080", "[2001:db8::1]:9050"};
    for (size_t i = 0; i < COUNT(literals); i++) {
        struct proxy proxy = proxy_at(literals[i]);
        struct endpoints found;
        ck_assert_int_eq(endpoints_resolve(&proxy, &found), STATUS_OK);
        ck_assert_uint_eq(found.count, 1);
        expect_endpoint(&found.list[0], literals[i]);
    }
    ck_assert_int_eq(resolver.lookups, 0);
}
END_TEST

START_TEST(endpoints_of_a_name_come_in_the_resolvers_order)
{
    static const char *const addresses[] = {"2001:db8::1", "192.0.2.1", "192.0.2.2", NULL};
    struct proxy proxy = proxy_at("proxy.test:1081");
    struct endpoints found;
    resolver.addresses = addresses;
    ck_assert_int_eq(endpoints_resolve(&proxy, &found), STATUS_OK);
    ck_assert_str_eq(resolver.asked, "proxy.test");
    ck_assert_uint_eq(found.count, 3);
    expect_endpoint(&found.list[0], "[2001:db8::1]:1081");
    expect_endpoint(&found.list[1], "192.0.2.1:1081");
    expect_endpoint(&found.list[2], "192.0.2.2:1081");
    ck_assert_int_eq(resolver.lists_out, 0);
}
END_TEST

START_TEST(endpoints_beyond_the_eighth_are_left_out)
{
    static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4",
                                            "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8",
                                            "192.0.2.9", NULL};
    struct proxy proxy = proxy_at("proxy.test:1081");
    struct endpoints found;
    resolver.addresses = addresses;
    ck_assert_int_eq(endpoints_resolve(&proxy, &found), STATUS_OK);
    ck_assert_uint_eq(found.count, ENDPOINTS_MAX);
    expect_endpoint(&found.list[7], "192.0.2.8:1081");
    ck_assert_int_eq(resolver.lists_out, 0);
}
END_TEST

START_TEST(endpoints_of_an_unknown_family_are_left_out)
{
    static const char *const mixed[] = {"unknown", "192.0.2.1", NULL};
    static const char *const alone[] = {"unknown", NULL};
    struct proxy proxy = proxy_at("proxy.test:1081");
    struct endpoints found;
    resolver.addresses = mixed;
    ck_assert_int_eq(endpoints_resolve(&proxy, &found), STATUS_OK);
    ck_assert_uint_eq(found.count, 1);
    expect_endpoint(&found.list[0], "192.0.2.1:1081");
    resolver.addresses = alone;
    ck_assert_int_eq(endpoints_resolve(&proxy, &found), STATUS_PROXY_UNRESOLVED);
    ck_assert_int_eq(resolver.lists_out, 0);
}
END_TEST

START_TEST(endpoints_of_an_unknown_name_are_an_error)
{
    static const int errors[] = {EAI_NONAME, EAI_AGAIN, EAI_FAIL, EAI_SYSTEM, EAI_MEMORY};
    struct proxy proxy = proxy_at("proxy.test:1081");
    struct endpoints found;
    for (size_t i = 0; i < COUNT(errors); i++) {
        resolver.error = errors[i];
        ck_assert_int_eq(endpoints_resolve(&proxy, &found), STATUS_PROXY_UNRESOLVED);
    }
    ck_assert_int_eq(resolver.lists_out, 0);
}
END_TEST

START_TEST(endpoint_is_put_in_the_form_of_the_sockets_family)
{
    union endpoint ipv4 = endpoint_at("192.0.2.1:1080"), ipv6 = endpoint_at("[2001:db8::1]:1080");
    union endpoint out;

    ck_assert_uint_eq(endpoint_for_family(&ipv4, AF_INET, &out), sizeof(out.in));
    ck_assert_mem_eq(&out.in, &ipv4.in, sizeof(out.in));
    ck_assert_uint_eq(endpoint_for_family(&ipv6, AF_INET6, &out), sizeof(out.in6));
    ck_assert_mem_eq(&out.in6, &ipv6.in6, sizeof(out.in6));

    struct in6_addr mapped;
    ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped), 1);
    ck_assert_uint_eq(endpoint_for_family(&ipv4, AF_INET6, &out), sizeof(out.in6));
    ck_assert_int_eq(out.in6.sin6_family, AF_INET6);
    ck_assert_uint_eq(ntohs(out.in6.sin6_port), 1080);
    ck_assert_mem_eq(&out.in6.sin6_addr, &mapped, sizeof(mapped));
    ck_assert_uint_eq(out.in6.sin6_scope_id, 0);

    ck_assert_uint_eq(endpoint_for_family(&ipv6, AF_INET, &out), 0);
    ck_assert_uint_eq(endpoint_for_family(&ipv4, AF_UNIX, &out), 0);
}
END_TEST

START_TEST(endpoint_equals_only_its_like)
{
    static const char *const distinct[] = {"192.0.2.1:1080",     "192.0.2.2:1080",
                                           "192.0.2.1:1081",     "[2001:db8::1]:1080",
                                           "[2001:db8::1]:1081", "[2001:db8::2]:1080"};
    for (size_t i = 0; i < COUNT(distinct); i++) {
        for (size_t k = 0; k < COUNT(distinct); k++) {
            union endpoint a = endpoint_at(distinct[i]), b = endpoint_at(distinct[k]);
            ck_assert_int_eq(endpoint_equal(&a, &b), i == k);
        }
    }
    union endpoint plain = endpoint_at("192.0.2.1:1080"), mapped;
    ck_assert_uint_gt(endpoint_for_family(&plain, AF_INET6, &mapped), 0);
    ck_assert(endpoint_equal(&plain, &mapped));
    ck_assert(endpoint_equal(&mapped, &plain));
}
END_TEST

static struct target target_at(const char *text)
{
    struct target target;
    ck_assert_int_eq(target_from_text(&target, text, strlen(text), 0), STATUS_OK);
    return target;
}

START_TEST(target_in_figures_is_said_in_the_sockets_family)
{
    static const struct {
        const char *target;
        int family, found;
    } cases[] = {
        {"192.0.2.1:443", AF_UNSPEC, AF_INET},     {"192.0.2.1:443", AF_INET, AF_INET},
        {"192.0.2.1:443", AF_INET6, AF_INET6},     {"[2001:db8::1]:443", AF_UNSPEC, AF_INET6},
        {"[2001:db8::1]:443", AF_INET6, AF_INET6}, {"[2001:db8::1]:443", AF_INET, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct target target = target_at(cases[i].target);
        struct endpoints found;
        ck_assert_int_eq(endpoints_of_target(&target, cases[i].family, &found),
                         cases[i].found != 0);
        ck_assert_uint_eq(found.count, cases[i].found != 0);
        if (!cases[i].found)
            continue;
        union endpoint wanted = endpoint_at(cases[i].target);
        ck_assert_int_eq(found.list[0].any.sa_family, cases[i].found);
        ck_assert(endpoint_equal(&found.list[0], &wanted));
    }
    ck_assert_int_eq(resolver.lookups, 0);
}
END_TEST

START_TEST(target_by_name_is_looked_up_for_the_sockets_family)
{
    static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", NULL};
    struct target target = target_at("page.test:443");
    struct endpoints found;
    resolver.addresses = addresses;
    ck_assert(endpoints_of_target(&target, AF_INET, &found));
    ck_assert_str_eq(resolver.asked, "page.test");
    ck_assert_int_eq(resolver.family, AF_INET);
    ck_assert_int_eq(resolver.flags, 0);
    ck_assert_uint_eq(found.count, 2);
    expect_endpoint(&found.list[0], "192.0.2.1:443");
    expect_endpoint(&found.list[1], "192.0.2.2:443");

    ck_assert(endpoints_of_target(&target, AF_INET6, &found));
    ck_assert_int_eq(resolver.family, AF_INET6);
    ck_assert_int_eq(resolver.flags, AI_V4MAPPED | AI_ALL);
    resolver.error = EAI_NONAME;
    ck_assert(!endpoints_of_target(&target, AF_INET, &found));
    ck_assert_uint_eq(found.count, 0);
    ck_assert_int_eq(resolver.lists_out, 0);
}
END_TEST

START_TEST(target_is_resolved_here_only_for_socks4_that_asks_for_it)
{
    static const char *const addresses[] = {"192.0.2.1", NULL};
    static const struct {
        enum proxy_protocol protocol;
        bool local, resolved;
    } cases[] = {
        {PROXY_SOCKS4, true, true},
        {PROXY_SOCKS4, false, false},
        {PROXY_SOCKS4A, true, false},
        {PROXY_SOCKS5, true, false},
    };
    struct target address = target_at("192.0.2.1:443");
    resolver.addresses = addresses;
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* The last proxy is the one that is told. */
        struct proxy first = {.protocol = PROXY_SOCKS5};
        struct proxy last = {.protocol = cases[i].protocol, .resolve_local = cases[i].local};
        const struct proxy *const hops[] = {&first, &last};
        struct route route = {.kind = ROUTE_PROXY, .hop_count = 2, .hop = hops};
        struct target name = target_at("page.test:443"), to = name;
        endpoints_resolve_for_socks4(&route, &to);
        ck_assert(target_equal(&to, cases[i].resolved ? &address : &name));
    }
    ck_assert_int_eq(resolver.lookups, 1);
    ck_assert_int_eq(resolver.family, AF_INET);

    struct proxy alone = {.protocol = PROXY_SOCKS4, .resolve_local = true};
    const struct proxy *const hops[] = {&alone};
    struct route route = {.kind = ROUTE_PROXY, .hop_count = 1, .hop = hops};
    struct target name = target_at("page.test:443"), to = name;
    resolver.error = EAI_NONAME;
    endpoints_resolve_for_socks4(&route, &to);
    ck_assert(target_equal(&to, &name));
    to = target_at("192.0.2.9:443");
    endpoints_resolve_for_socks4(&route, &to);
    ck_assert_int_eq(resolver.lookups, 2); /* not for an address */
}
END_TEST

START_TEST(addresses_of_a_proxy_are_remembered_until_they_are_forgotten)
{
    static const char *const before[] = {"192.0.2.1", NULL};
    static const char *const after[] = {"192.0.2.2", NULL};
    static const char text[] = "proxy a socks5://a.test:1081\nproxy b socks5://b.test:1082\n"
                               "proxy c socks5://192.0.2.9:1083\ndefault a\n";
    static struct endpoint_cache cache;
    struct config_source source = {.file = "test.conf", .text = text, .len = sizeof(text) - 1};
    char error[CONFIG_ERROR_MAX];
    struct config *config;
    struct endpoints found;
    ck_assert_msg(config_compile(&source, &config, error) == STATUS_OK, "%s", error);
    const struct proxy *a = config_proxy(config, 0), *b = config_proxy(config, 1);
    const struct proxy *c = config_proxy(config, 2);

    resolver.error = EAI_AGAIN; /* a failure is not remembered */
    ck_assert_int_eq(endpoint_cache_find(&cache, config, a, &found), STATUS_PROXY_UNRESOLVED);
    resolver.error = 0;
    resolver.addresses = before;
    ck_assert_int_eq(endpoint_cache_find(&cache, config, a, &found), STATUS_OK);
    expect_endpoint(&found.list[0], "192.0.2.1:1081");
    ck_assert_int_eq(resolver.lookups, 2);

    resolver.addresses = after;
    ck_assert_int_eq(endpoint_cache_find(&cache, config, a, &found), STATUS_OK);
    expect_endpoint(&found.list[0], "192.0.2.1:1081");
    ck_assert_int_eq(resolver.lookups, 2);
    ck_assert_int_eq(endpoint_cache_find(&cache, config, b, &found), STATUS_OK);
    expect_endpoint(&found.list[0], "192.0.2.2:1082");
    ck_assert_int_eq(resolver.lookups, 3);

    endpoint_cache_forget(&cache, config, a);
    ck_assert_int_eq(endpoint_cache_find(&cache, config, b, &found), STATUS_OK);
    ck_assert_int_eq(resolver.lookups, 3);
    ck_assert_int_eq(endpoint_cache_find(&cache, config, a, &found), STATUS_OK);
    expect_endpoint(&found.list[0], "192.0.2.2:1081");
    ck_assert_int_eq(resolver.lookups, 4);

    endpoint_cache_forget(&cache, config, c);
    ck_assert_int_eq(endpoint_cache_find(&cache, config, c, &found), STATUS_OK);
    expect_endpoint(&found.list[0], "192.0.2.9:1083");
    ck_assert_int_eq(resolver.lookups, 4);
    config_free(config);
}
END_TEST

static Suite *endpoint_suite(void)
{
    Suite *suite = suite_create("endpoint");
    TCase *tcase = tcase_create("addresses");
    tcase_add_test(tcase, endpoint_of_a_literal_address_needs_no_lookup);
    tcase_add_test(tcase, endpoints_of_a_name_come_in_the_resolvers_order);
    tcase_add_test(tcase, endpoints_beyond_the_eighth_are_left_out);
    tcase_add_test(tcase, endpoints_of_an_unknown_family_are_left_out);
    tcase_add_test(tcase, endpoints_of_an_unknown_name_are_an_error);
    tcase_add_test(tcase, endpoint_is_put_in_the_form_of_the_sockets_family);
    tcase_add_test(tcase, endpoint_equals_only_its_like);
    tcase_add_test(tcase, target_in_figures_is_said_in_the_sockets_family);
    tcase_add_test(tcase, target_by_name_is_looked_up_for_the_sockets_family);
    tcase_add_test(tcase, target_is_resolved_here_only_for_socks4_that_asks_for_it);
    tcase_add_test(tcase, addresses_of_a_proxy_are_remembered_until_they_are_forgotten);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run(endpoint_suite());
}
