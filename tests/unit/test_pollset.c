/* SPDX-License-Identifier: MIT
 * Sets of descriptors in a caller's memory: that of this test, laid out as 64-bit and as 32-bit
 * programs have it. */
#include "cli/supervise/pollset.h"

#include "tests/unit/support.h"

#include <errno.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static struct caller caller;
static struct pollset set;
static int64_t value;

static void setup(void)
{
    ck_assert_int_eq(caller_open(&caller, getpid()), 0);
    memset(&set, 0, sizeof(set));
    value = -1;
}

static void teardown(void)
{
    caller_close(&caller);
}

static uint64_t at(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

static struct call call_of(enum call_kind kind, bool is_compat, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t d, uint64_t e, uint64_t f)
{
    return (struct call){.kind = kind, .is_compat = is_compat, .args = {a, b, c, d, e, f}};
}

START_TEST(poll_is_read_and_answered_entry_by_entry)
{
    struct pollfd entries[] = {{.fd = 5, .events = POLLIN, .revents = POLLERR},
                               {.fd = -1, .events = POLLOUT},
                               {.fd = 7, .events = POLLOUT}};
    struct call call = call_of(CALL_POLL, _i, at(entries), COUNT(entries), 1500, 0, 0, 0);
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert(!set.is_select);
    ck_assert_uint_eq(set.count, COUNT(entries));
    ck_assert_int_eq(set.timeout_ms, 1500);
    ck_assert_uint_eq(set.let_in, 0);
    ck_assert_int_eq(set.entries[2].fd, 7);
    ck_assert_int_eq(set.entries[2].events, POLLOUT);

    set.entries[0].revents = 0;
    set.entries[2].revents = POLLOUT | POLLHUP;
    ck_assert(!pollset_entry_counts(&set, &set.entries[0]));
    ck_assert(pollset_entry_counts(&set, &set.entries[2]));
    ck_assert_int_eq(pollset_write(&caller, &call, &set, 20, &value), 0);
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(entries[0].revents, 0);
    ck_assert_int_eq(entries[2].revents, POLLOUT | POLLHUP);
    ck_assert_int_eq(entries[2].fd, 7);
}
END_TEST

START_TEST(poll_may_wait_for_ever)
{
    struct call call = call_of(CALL_POLL, false, 0, 0, (uint32_t)-5, 0, 0, 0);
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert_int_eq(set.timeout_ms, -1);
    call = call_of(CALL_PPOLL, false, 0, 0, 0, 0, 0, 0);
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert_int_eq(set.timeout_ms, -1);
}
END_TEST

START_TEST(times_are_of_the_callers_width_and_rounded_up)
{
    const int64_t wide[] = {2, 1};
    const int32_t narrow[] = {2, 1};
    const struct {
        enum call_kind kind;
        bool is_compat;
        const void *time;
    } cases[] = {
        {CALL_PPOLL, false, wide},         {CALL_PPOLL, true, narrow},
        {CALL_PPOLL_TIME64, true, wide},   {CALL_SELECT, false, wide},
        {CALL_SELECT, true, narrow},       {CALL_PSELECT, false, wide},
        {CALL_PSELECT_TIME64, true, wide}, {CALL_PSELECT, true, narrow},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct call call = call_of(cases[i].kind, cases[i].is_compat, 0, 0, at(cases[i].time), 0,
                                   at(cases[i].time), 0);
        if (cases[i].kind == CALL_PPOLL || cases[i].kind == CALL_PPOLL_TIME64)
            call.args[4] = 0;
        else
            call.args[2] = 0;
        ck_assert_msg(pollset_read(&caller, &call, &set), "case %zu", i);
        ck_assert_int_eq(set.timeout_ms, 2001);
    }
}
END_TEST

START_TEST(what_is_left_of_the_time_is_told)
{
    struct timespec time = {9, 9};
    struct timeval old_time = {9, 9};
    int32_t narrow[3] = {9, 9, 77};
    struct call call = call_of(CALL_PPOLL, false, 0, 0, at(&time), 0, 0, 0);
    ck_assert_int_eq(pollset_write(&caller, &call, &set, 1250, &value), 0);
    ck_assert_int_eq(time.tv_sec, 1);
    ck_assert_int_eq(time.tv_nsec, 250000000);

    set.is_select = true;
    call = call_of(CALL_SELECT, false, 0, 0, 0, 0, at(&old_time), 0);
    ck_assert_int_eq(pollset_write(&caller, &call, &set, 1250, &value), 0);
    ck_assert_int_eq(old_time.tv_sec, 1);
    ck_assert_int_eq(old_time.tv_usec, 250000);

    call = call_of(CALL_SELECT, true, 0, 0, 0, 0, at(narrow), 0);
    ck_assert_int_eq(pollset_write(&caller, &call, &set, 1250, &value), 0);
    ck_assert_int_eq(narrow[0], 1);
    ck_assert_int_eq(narrow[1], 250000);
    ck_assert_int_eq(narrow[2], 77);
}
END_TEST

START_TEST(malformed_times_are_left_to_the_kernel)
{
    static const struct timespec times[] = {{-1, 0}, {0, -1}, {0, 1000000000}};
    for (size_t i = 0; i < COUNT(times); i++) {
        struct call call = call_of(CALL_PPOLL, false, 0, 0, at(&times[i]), 0, 0, 0);
        ck_assert(!pollset_read(&caller, &call, &set));
    }
}
END_TEST

START_TEST(select_is_read_and_answered_set_by_set)
{
    fd_set in, out, odd;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&odd);
    FD_SET(3, &in);
    FD_SET(3, &out);
    FD_SET(70, &out);
    FD_SET(70, &odd);
    FD_SET(80, &out); /* beyond the limit: not asked for, and not touched */
    struct call call = call_of(CALL_SELECT, _i, 71, at(&in), at(&out), at(&odd), 0, 0);
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert(set.is_select);
    ck_assert_uint_eq(set.count, 2);
    ck_assert_int_eq(set.entries[0].fd, 3);
    ck_assert_int_eq(set.entries[0].events & (POLLIN | POLLOUT | POLLPRI), POLLIN | POLLOUT);
    ck_assert_int_eq(set.entries[1].fd, 70);
    ck_assert_int_eq(set.entries[1].events & (POLLIN | POLLOUT | POLLPRI), POLLOUT | POLLPRI);

    set.entries[0].revents = POLLHUP; /* readable, and not writable */
    set.entries[1].revents = POLLOUT;
    ck_assert_int_eq(pollset_write(&caller, &call, &set, -1, &value), 0);
    ck_assert_int_eq(value, 2);
    ck_assert(FD_ISSET(3, &in));
    ck_assert(!FD_ISSET(3, &out));
    ck_assert(FD_ISSET(70, &out));
    ck_assert(!FD_ISSET(70, &odd));
}
END_TEST

START_TEST(what_select_does_not_ask_for_does_not_count)
{
    static const struct {
        short asked, got;
        bool counts;
    } cases[] = {
        {POLLOUT, POLLHUP, false}, {POLLIN, POLLHUP, true},  {POLLOUT, POLLERR, true},
        {POLLPRI, POLLERR, false}, {POLLIN, POLLOUT, false}, {POLLPRI, POLLPRI, true},
    };
    set.is_select = true;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pollfd entry = {.events = cases[i].asked, .revents = cases[i].got};
        ck_assert_msg(pollset_entry_counts(&set, &entry) == cases[i].counts, "case %zu", i);
    }
}
END_TEST

START_TEST(select_touches_only_whole_words_of_the_caller)
{
    uint32_t words[] = {1U << 3, 0xffffffff};
    struct call call = call_of(CALL_SELECT, true, 4, at(words), 0, 0, 0, 0);
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert_uint_eq(set.count, 1);
    ck_assert_int_eq(pollset_write(&caller, &call, &set, -1, &value), 0);
    ck_assert_int_eq(value, 0);
    ck_assert_uint_eq(words[0], 0);
    ck_assert_uint_eq(words[1], 0xffffffff);
}
END_TEST

START_TEST(masks_of_signals_are_found_where_each_call_has_them)
{
    const uint64_t blocked = ~UINT64_C(5);
    const uint64_t wide[] = {at(&blocked), 8};
    const uint64_t none[] = {0, 8};
    struct call call = call_of(CALL_PPOLL, false, 0, 0, 0, at(&blocked), 8, 0);
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert_uint_eq(set.let_in, 5);
    call = call_of(CALL_PSELECT, false, 0, 0, 0, 0, 0, at(wide));
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert_uint_eq(set.let_in, 5);
    call.args[5] = at(none);
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert_uint_eq(set.let_in, 0);
    /* The sixth argument of the others is nobody's. */
    call = call_of(CALL_SELECT, false, 0, 0, 0, 0, 0, at(wide));
    ck_assert(pollset_read(&caller, &call, &set));
    ck_assert_uint_eq(set.let_in, 0);
}
END_TEST

START_TEST(what_is_too_long_or_unreadable_is_left_to_the_kernel)
{
    struct call call = call_of(CALL_POLL, false, 16, 1, 0, 0, 0, 0);
    ck_assert(!pollset_read(&caller, &call, &set));
    call = call_of(CALL_POLL, false, at(&set), POLLSET_MAX + 1, 0, 0, 0, 0);
    ck_assert(!pollset_read(&caller, &call, &set));
    call = call_of(CALL_SELECT, false, POLLSET_MAX + 1, 0, 0, 0, 0, 0);
    ck_assert(!pollset_read(&caller, &call, &set));
    call = call_of(CALL_SELECT, false, (uint32_t)-1, 0, 0, 0, 0, 0);
    ck_assert(!pollset_read(&caller, &call, &set));
    call = call_of(CALL_SELECT, false, 1, 16, 0, 0, 0, 0);
    ck_assert(!pollset_read(&caller, &call, &set));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pollset");
    TCase *tests = tcase_create("pollset");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, poll_is_read_and_answered_entry_by_entry, false, true + 1);
    tcase_add_test(tests, poll_may_wait_for_ever);
    tcase_add_test(tests, times_are_of_the_callers_width_and_rounded_up);
    tcase_add_test(tests, what_is_left_of_the_time_is_told);
    tcase_add_test(tests, malformed_times_are_left_to_the_kernel);
    tcase_add_loop_test(tests, select_is_read_and_answered_set_by_set, false, true + 1);
    tcase_add_test(tests, what_select_does_not_ask_for_does_not_count);
    tcase_add_test(tests, select_touches_only_whole_words_of_the_caller);
    tcase_add_test(tests, masks_of_signals_are_found_where_each_call_has_them);
    tcase_add_test(tests, what_is_too_long_or_unreadable_is_left_to_the_kernel);
    suite_add_tcase(suite, tests);
    return run(suite);
}
