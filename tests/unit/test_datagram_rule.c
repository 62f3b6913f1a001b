/* SPDX-License-Identifier: MIT
 * Which datagrams may go beside the proxy, and that a blocked one is told of once. */
#include "core/datagram_rule.h"

#include "core/log.h"
#include "tests/unit/scope.h"
#include "tests/unit/support.h"

#include <stdbool.h>

#define PROXY "proxy home socks5://192.0.2.1:1080\ndefault home\ndirect 10.0.0.0/8\n"

static const struct {
    const char *config;
    const char *to;
    bool allowed;
} cases[] = {
    {PROXY, "127.0.0.1:123", true}, /* this host */
    {PROXY, "[::1]:123", true},
    {PROXY, "0.0.0.0:123", true},
    {PROXY, "192.0.2.9:123", false},
    {PROXY, "10.0.0.1:123", false}, /* direct is for connections */
    {PROXY, "[2001:db8::1]:123", false},
    {PROXY, "198.18.0.1:123", false},
    {PROXY "udp direct\n", "192.0.2.9:123", true},
    {PROXY "udp direct\n", "198.18.0.1:123", false}, /* means nothing outside */
    {PROXY "udp direct\n", "[fd73:6f63:6b73::1]:123", false},
    {PROXY "udp direct 192.0.2.0/24:123\n", "192.0.2.9:123", true},
    {PROXY "udp direct 192.0.2.0/24:123\n", "192.0.2.9:124", false},
    {PROXY "udp block 127.0.0.1\n", "127.0.0.1:123", false},
    {NULL, "127.0.0.1:123", true},
    {NULL, "192.0.2.9:123", false},
};

START_TEST(datagrams_go_where_a_line_lets_them)
{
    struct target to;
    const char *text = cases[_i].to;
    ck_assert_int_eq(target_from_text(&to, text, strlen(text), 0), STATUS_OK);
    scope_open(cases[_i].config ? cases[_i].config : PROXY, "");
    const struct config *config = cases[_i].config ? scope.config : NULL;
    ck_assert_msg(datagram_rule_allows(config, &to) == cases[_i].allowed, "%s", text);
    scope_close();
}
END_TEST

START_TEST(a_blocked_datagram_is_told_of_once)
{
    static const char wanted[] = "socksify: test[";
    struct target to;
    int ends[2], saved = dup(STDERR_FILENO);
    char line[512] = "";
    ck_assert_int_eq(target_from_text(&to, "192.0.2.9:123", 13, 0), STATUS_OK);
    ck_assert_int_eq(pipe(ends), 0);
    log_setup(LOG_NORMAL, "test", NULL);
    struct reported reported = {0};
    const struct scope only_that = {.reported = &reported};
    dup2(ends[1], STDERR_FILENO);
    report_blocked_datagram(&only_that, &to);
    report_blocked_datagram(&only_that, &to);
    dup2(saved, STDERR_FILENO);
    close(ends[1]);
    ssize_t len = read(ends[0], line, sizeof(line) - 1);
    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(strncmp(line, wanted, sizeof(wanted) - 1), 0);
    ck_assert_ptr_nonnull(strstr(line, "]: datagrams to 192.0.2.9:123: blocked: "));
    ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
    ck_assert_int_eq(read(ends[0], line, 1), 0);
}
END_TEST

static Suite *datagram_rule_suite(void)
{
    Suite *suite = suite_create("datagram_rule");
    TCase *tcase = tcase_create("datagrams");
    tcase_add_loop_test(tcase, datagrams_go_where_a_line_lets_them, 0, COUNT(cases));
    tcase_add_test(tcase, a_blocked_datagram_is_told_of_once);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run(datagram_rule_suite());
}
