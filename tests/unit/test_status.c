/* SPDX-License-Identifier: MIT
 * Every failure has its errno and its words. */
#include "core/status.h"

#include "tests/unit/support.h"

#include <ctype.h>
#include <errno.h>

/* The table of libsocksify(7), and what the rest must be. */
static const struct {
    enum status status;
    int number;
} cases[] = {
    {STATUS_OK, 0},
    {STATUS_GENERAL_FAILURE, ECONNREFUSED},
    {STATUS_UNKNOWN_REPLY, ECONNREFUSED},
    {STATUS_REJECTED, ECONNREFUSED},
    {STATUS_NOT_ALLOWED, EACCES},
    {STATUS_NET_UNREACH, ENETUNREACH},
    {STATUS_HOST_UNREACH, EHOSTUNREACH},
    {STATUS_REFUSED, ECONNREFUSED},
    {STATUS_TTL_EXPIRED, ETIMEDOUT},
    {STATUS_COMMAND_UNSUPPORTED, EOPNOTSUPP},
    {STATUS_ADDRESS_UNSUPPORTED, EAFNOSUPPORT},
    {STATUS_NO_METHOD, EACCES},
    {STATUS_WANTS_PASSWORD, EACCES},
    {STATUS_AUTH_REFUSED, EACCES},
    {STATUS_NO_IDENTD, EACCES},
    {STATUS_USER_MISMATCH, EACCES},
    {STATUS_CLOSED_AFTER_REQUEST, ECONNREFUSED},
    {STATUS_CLOSED_EARLY, ECONNRESET},
    {STATUS_NOT_SOCKS, EPROTO},
    {STATUS_SPEAKS_HTTP, EPROTO},
    {STATUS_SPEAKS_TLS, EPROTO},
    {STATUS_OTHER_VERSION, EPROTO},
    {STATUS_TIMED_OUT, ETIMEDOUT},
    {STATUS_UNKNOWN_STANDIN, EHOSTUNREACH},
    {STATUS_UNCONFIGURED, EACCES},
    {STATUS_BLOCKED, EACCES},
};

START_TEST(status_has_the_errno_of_the_manual)
{
    ck_assert_int_eq(status_errno(cases[_i].status), cases[_i].number);
}
END_TEST

#define X(code, number, text) STATUS_##code,
static const enum status all[] = {STATUS_LIST(X)};
#undef X

START_TEST(status_of_every_failure_has_an_errno)
{
    for (size_t i = 0; i < COUNT(all); i++)
        ck_assert_int_eq(status_errno(all[i]) == 0, all[i] == STATUS_OK);
}
END_TEST

START_TEST(errnos_have_the_names_and_words_of_libc)
{
    for (size_t i = 0; i < COUNT(all); i++) {
        int number = status_errno(all[i]);
        ck_assert_str_eq(status_errno_name(all[i]), strerrorname_np(number));
        ck_assert_str_eq(status_errno_text(number), strerrordesc_np(number));
    }
    ck_assert_str_eq(status_errno_text(12345), "unknown error");
}
END_TEST

START_TEST(status_texts_are_distinct_printable_phrases)
{
    for (size_t i = 0; i < COUNT(all); i++) {
        const char *text = status_text(all[i]);
        size_t len = strlen(text);
        ck_assert_uint_gt(len, 0);
        ck_assert_int_ne(text[len - 1], '.');
        for (size_t k = 0; k < len; k++)
            ck_assert(isprint((unsigned char)text[k]));
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(text, status_text(all[k]));
    }
}
END_TEST

static Suite *status_suite(void)
{
    Suite *suite = suite_create("status");
    TCase *tcase = tcase_create("list");
    tcase_add_loop_test(tcase, status_has_the_errno_of_the_manual, 0, COUNT(cases));
    tcase_add_test(tcase, status_of_every_failure_has_an_errno);
    tcase_add_test(tcase, errnos_have_the_names_and_words_of_libc);
    tcase_add_test(tcase, status_texts_are_distinct_printable_phrases);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run(status_suite());
}
