/* SPDX-License-Identifier: MIT
 * What is reported is counted where that is asked for; and the table that it becomes in the end. */
#include "cli/report.h"

#include "core/log.h"
#include "core/report.h"
#include "core/scope.h"

#include "tests/unit/support.h"

#include <fcntl.h>
#include <stdio.h>

static struct tally_line lines[TALLY_LINES_MAX];

static struct tally *make_tally(void)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/socksify-report-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    unlink(path);
    struct tally *tally = tally_make(fd);
    ck_assert_ptr_nonnull(tally);
    close(fd);
    return tally;
}

START_TEST(what_is_reported_is_counted_by_destination_and_route)
{
    const struct proxy proxy = {.name = "home", .protocol = PROXY_SOCKS5};
    const struct proxy *const hops[] = {&proxy};
    const struct route route = {
        .kind = ROUTE_PROXY, .hop_count = 1, .hop = hops, .timeout_ms = 1000, .text = "home"};
    const struct failure failure = {.status = STATUS_REFUSED, .stage = STAGE_REQUEST, .code = 5};
    struct target to = {.kind = TARGET_IPV4, .port = 80, .ipv4 = {192, 0, 2, 1}};
    struct reported reported = {0};
    const struct scope scope = {.reported = &reported};
    struct tally *tally = make_tally();
    log_setup(LOG_QUIET, NULL, NULL);

    report_success(&to, &route, 5); /* nobody counts yet */
    ck_assert(!report_hears_decisions());
    report_into(tally);
    ck_assert(report_hears_decisions());
    report_success(&to, &route, 7);
    report_failure(&to, &route, &failure);
    report_decision(&to, "direct");
    report_blocked_datagram(&scope, &to);
    report_blocked_datagram(&scope, &to); /* counted, though said only once */
    report_into(NULL);
    report_decision(&to, "direct");

    size_t count = tally_read(tally, lines);
    ck_assert_uint_eq(count, 3);
    for (size_t i = 0; i < count; i++) {
        bool is_route = strcmp(lines[i].route, "home") == 0;
        bool is_direct = strcmp(lines[i].route, "direct") == 0;
        ck_assert_str_eq(lines[i].target, "192.0.2.1:80");
        ck_assert_uint_eq(lines[i].connected, is_route);
        ck_assert_uint_eq(lines[i].failed, is_route);
        ck_assert_uint_eq(lines[i].decided, is_route ? 0 : is_direct ? 1 : 2);
    }
    log_setup(LOG_VERBOSE, NULL, "/dev/null");
    ck_assert(report_hears_decisions());
    tally_close(tally);
}
END_TEST

/* The text of a table, in static storage. */
static const char *printed_of(const char *name, size_t count, uint32_t lost)
{
    static char text[8192];
    FILE *stream = fmemopen(text, sizeof(text), "w");
    report_print(stream, name, 1234, lines, count, lost, lost / 2);
    fclose(stream);
    return text;
}

static const char *printed(size_t count, uint32_t lost)
{
    return printed_of("prog", count, lost);
}

START_TEST(the_table_has_most_connections_first)
{
    memset(lines, 0, 4 * sizeof(*lines));
    lines[0] = (struct tally_line){
        .target = "b.example:80", .route = "home", .connected = 1, .min_ms = 4, .max_ms = 4};
    lines[0].sum_ms = 4;
    lines[1] = (struct tally_line){.target = "[2001:db8::1]:443", .route = "home,tor"};
    lines[1].connected = 3;
    lines[1].failed = 2;
    lines[1].min_ms = 10;
    lines[1].max_ms = 40;
    lines[1].sum_ms = 62;
    lines[1].failure =
        (struct failure){.status = STATUS_REFUSED, .stage = STAGE_REQUEST, .code = 5};
    lines[2] = (struct tally_line){.target = "a.example:80", .route = "blocked by a rule"};
    lines[2].decided = 1;
    ck_assert_str_eq(
        printed(3, 0),
        "socksify: report of prog: 7 connections, 2 failed, 3 destinations, 1.2 s\n"
        "  destination        route                count  failed  min ms    mean     max  latest "
        "failure\n"
        "  [2001:db8::1]:443  home,tor                 5       2      10      20      40  the "
        "target refused the connection (request, code 5)\n"
        "  a.example:80       blocked by a rule        1       0       -       -       -\n"
        "  b.example:80       home                     1       0       4       4       4\n");
}
END_TEST

START_TEST(a_table_may_be_empty_or_not_hold_all)
{
    ck_assert_str_eq(printed(0, 0),
                     "socksify: report of prog: 0 connections, 0 failed, 0 destinations, 1.2 s\n");
    ck_assert_ptr_nonnull(strstr(printed(0, 5), "5 connections"));
    ck_assert_ptr_nonnull(strstr(printed(0, 5), ": 5 connections, 2 failed, "));
    ck_assert_ptr_nonnull(strstr(printed(0, 5),
                                 "and 5 to more destinations than a report can hold, "
                                 "of which 2 failed\n"));
    lines[0] = (struct tally_line){.target = "a:1", .route = "direct", .decided = 1};
    ck_assert_ptr_nonnull(strstr(printed(1, 0), ": 1 connection, 0 failed, 1 destination, "));
}
END_TEST

START_TEST(a_name_does_nothing_to_a_terminal)
{
    ck_assert_str_eq(printed_of("p\x1b[31m\nsocksify: x\xc2\x9b", 0, 0),
                     "socksify: report of p?[31m?socksify: x??: 0 connections, 0 failed, "
                     "0 destinations, 1.2 s\n");
}
END_TEST

START_TEST(columns_are_straight_with_letters_beyond_ascii)
{
    memset(lines, 0, 2 * sizeof(*lines));
    lines[0] = (struct tally_line){.target = "b\xc3\xbc"
                                             "cher.example:80",
                                   .route = "direct",
                                   .decided = 1};
    lines[1] = (struct tally_line){.target = "buecher.example:80", .route = "direct", .decided = 1};
    const char *table = strchr(printed(2, 0), '\n') + 1;
    ck_assert_str_eq(
        table,
        "  destination         route     count  failed  min ms    mean     max  latest failure\n"
        "  buecher.example:80  direct        1       0       -       -       -\n"
        "  b\xc3\xbc"
        "cher.example:80   direct        1       0       -       -       -\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *cases = tcase_create("report");
    tcase_add_test(cases, what_is_reported_is_counted_by_destination_and_route);
    tcase_add_test(cases, the_table_has_most_connections_first);
    tcase_add_test(cases, a_table_may_be_empty_or_not_hold_all);
    tcase_add_test(cases, a_name_does_nothing_to_a_terminal);
    tcase_add_test(cases, columns_are_straight_with_letters_beyond_ascii);
    suite_add_tcase(suite, cases);
    return run(suite);
}
