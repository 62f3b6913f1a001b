/* SPDX-License-Identifier: MIT
 * What a user can do, by failure; and that every advice fits behind the words of its failure. */
#include "core/advice.h"

#include "tests/unit/support.h"

#include <ctype.h>
#include <errno.h>

static struct proxy plain = {.protocol = PROXY_SOCKS5};
static struct proxy password = {.protocol = PROXY_SOCKS5, .has_credentials = true};
static struct proxy password_only = {
    .protocol = PROXY_SOCKS5, .has_credentials = true, .password_only = true};
static struct proxy pipeline = {.protocol = PROXY_SOCKS5, .pipeline = true};
static struct proxy old = {.protocol = PROXY_SOCKS4A};

static const struct {
    const struct proxy *proxy;
    enum status status;
    enum stage stage;
    int sys_errno;
    const char *advice; /* a part of it; NULL: there is none */
} cases[] = {
    {&plain, STATUS_SYSTEM, STAGE_CONNECT, ECONNREFUSED, "running"},
    {&plain, STATUS_SYSTEM, STAGE_CONNECT, EHOSTUNREACH, "address"},
    {&plain, STATUS_SYSTEM, STAGE_CONNECT, ETIMEDOUT, "address"},
    {&plain, STATUS_SYSTEM, STAGE_CONNECT, EPERM, "packet filter"},
    {&plain, STATUS_SYSTEM, STAGE_CONNECT, EMFILE, NULL},
    {&plain, STATUS_SYSTEM, STAGE_REQUEST, ECONNREFUSED, NULL},
    {&plain, STATUS_TIMED_OUT, STAGE_CONNECT, 0, "firewall"},
    {&plain, STATUS_TIMED_OUT, STAGE_GREETING, 0, "SOCKS5 port"},
    {&plain, STATUS_TIMED_OUT, STAGE_REQUEST, 0, "--timeout"},
    {&pipeline, STATUS_TIMED_OUT, STAGE_GREETING, 0, "pipeline=yes"},
    {&pipeline, STATUS_TIMED_OUT, STAGE_REQUEST, 0, "pipeline=yes"},
    {&plain, STATUS_PROXY_UNRESOLVED, STAGE_CONNECT, 0, "name"},
    {&plain, STATUS_WANTS_PASSWORD, STAGE_GREETING, 0, "USER:PASSWORD@"},
    {&plain, STATUS_NO_METHOD, STAGE_GREETING, 0, "USER:PASSWORD@"},
    {&password, STATUS_NO_METHOD, STAGE_GREETING, 0, "GSSAPI"},
    {&password_only, STATUS_NO_METHOD, STAGE_GREETING, 0, "auth=password"},
    {&password, STATUS_AUTH_REFUSED, STAGE_AUTHENTICATION, 0, "user and password"},
    {&old, STATUS_NO_IDENTD, STAGE_REQUEST, 0, "identd"},
    {&old, STATUS_USER_MISMATCH, STAGE_REQUEST, 0, "USER@"},
    {&plain, STATUS_NOT_SOCKS, STAGE_GREETING, 0, "port"},
    {&plain, STATUS_SPEAKS_HTTP, STAGE_GREETING, 0, "SOCKS port"},
    {&plain, STATUS_SPEAKS_TLS, STAGE_GREETING, 0, "SOCKS port"},
    {&plain, STATUS_OTHER_VERSION, STAGE_GREETING, 0, "socks4a://"},
    {&old, STATUS_OTHER_VERSION, STAGE_REQUEST, 0, "socks5://"},
    {&plain, STATUS_CLOSED_EARLY, STAGE_GREETING, 0, "SOCKS5"},
    {&plain, STATUS_CLOSED_EARLY, STAGE_AUTHENTICATION, 0, NULL},
    {&old, STATUS_CLOSED_AFTER_REQUEST, STAGE_REQUEST, 0, "SOCKS4"},
    {&plain, STATUS_CLOSED_AFTER_REQUEST, STAGE_REQUEST, 0, NULL},
    {&plain, STATUS_ADDRESS_UNSUPPORTED, STAGE_REQUEST, 0, "IPv4"},
    {&plain, STATUS_NOT_ALLOWED, STAGE_REQUEST, 0, NULL},
    {&plain, STATUS_REFUSED, STAGE_REQUEST, 0, NULL},
    {&plain, STATUS_GENERAL_FAILURE, STAGE_REQUEST, 0, NULL},
};

static struct route route_of(const struct proxy *const *hops, uint8_t count)
{
    return (struct route){.kind = ROUTE_PROXY, .hop_count = count, .hop = hops, .text = "route"};
}

START_TEST(advice_fits_what_happened)
{
    const struct proxy *hops[] = {cases[_i].proxy};
    const struct route route = route_of(hops, 1);
    const struct failure failure = {.status = cases[_i].status,
                                    .stage = cases[_i].stage,
                                    .code = -1,
                                    .sys_errno = cases[_i].sys_errno};
    const char *advice = advice_on(&failure, &route);
    if (!cases[_i].advice) {
        ck_assert_ptr_null(advice);
        return;
    }
    ck_assert_ptr_nonnull(advice);
    ck_assert_msg(strstr(advice, cases[_i].advice) != NULL, "%s", advice);
}
END_TEST

START_TEST(advice_on_a_chain_is_about_the_next_proxy)
{
    const struct proxy *hops[] = {&plain, &password};
    const struct route route = route_of(hops, 2);
    struct failure failure = {.status = STATUS_REFUSED, .stage = STAGE_REQUEST, .code = 5};
    ck_assert_ptr_nonnull(strstr(advice_on(&failure, &route), "next proxy"));
    failure.status = STATUS_HOST_UNREACH;
    ck_assert_ptr_nonnull(strstr(advice_on(&failure, &route), "next proxy"));
    failure.hop = 1; /* what the last one says is the target's matter */
    ck_assert_ptr_null(advice_on(&failure, &route));
    failure.status = STATUS_NO_METHOD; /* and a fault is that of the proxy it happened with */
    ck_assert_ptr_nonnull(strstr(advice_on(&failure, &route), "GSSAPI"));
    failure.hop = 0;
    ck_assert_ptr_nonnull(strstr(advice_on(&failure, &route), "USER:PASSWORD@"));
}
END_TEST

START_TEST(a_proxy_that_chooses_gssapi_unasked_wants_no_password)
{
    const struct proxy *const hops[] = {&plain};
    const struct route route = route_of(hops, 1);
    const struct failure failure = {.status = STATUS_NO_METHOD, .stage = STAGE_GREETING, .code = 1};
    ck_assert_ptr_nonnull(strstr(advice_on(&failure, &route), "GSSAPI"));
}
END_TEST

START_TEST(every_advice_is_a_short_printable_phrase)
{
#define X(code, number, text) STATUS_##code,
    static const enum status statuses[] = {STATUS_LIST(X)};
#undef X
    const struct proxy *const proxies[] = {&plain, &password, &password_only, &pipeline, &old};
    size_t said = 0;
    for (size_t p = 0; p < COUNT(proxies); p++) {
        const struct proxy *hops[] = {proxies[p], proxies[p]};
        for (size_t i = 0; i < COUNT(statuses); i++) {
            for (enum stage stage = STAGE_CONNECT; stage <= STAGE_DONE; stage++) {
                const struct route route = route_of(hops, 1 + i % 2);
                const struct failure failure = {
                    .status = statuses[i], .stage = stage, .sys_errno = ECONNREFUSED};
                const char *advice = advice_on(&failure, &route);
                size_t len = advice ? strlen(advice) : 1;
                said += advice != NULL;
                ck_assert_uint_gt(len, 0);
                ck_assert_uint_le(len, 80);
                for (size_t k = 0; advice && k < len; k++)
                    ck_assert(isprint((unsigned char)advice[k]) && advice[k] != ';');
            }
        }
    }
    ck_assert_uint_gt(said, 50);
}
END_TEST

static Suite *advice_suite(void)
{
    Suite *suite = suite_create("advice");
    TCase *tcase = tcase_create("advice");
    tcase_add_loop_test(tcase, advice_fits_what_happened, 0, COUNT(cases));
    tcase_add_test(tcase, advice_on_a_chain_is_about_the_next_proxy);
    tcase_add_test(tcase, every_advice_is_a_short_printable_phrase);
    tcase_add_test(tcase, a_proxy_that_chooses_gssapi_unasked_wants_no_password);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run(advice_suite());
}
