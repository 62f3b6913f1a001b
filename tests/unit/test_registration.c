/* SPDX-License-Identifier: MIT
 * Registrations that are carried out under the program's number, whatever stands there with us. */
#include "cli/supervise/registration.h"

#include "tests/unit/support.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

static int set, readable, ours;
static struct registration *list;

/* For a number under which we have something of our own. */
static void setup(void)
{
    set = epoll_create1(EPOLL_CLOEXEC);
    readable = eventfd(1, EFD_CLOEXEC);
    ours = eventfd(7, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert(set >= 0 && readable >= 0 && ours >= 0);
    struct caller caller;
    const struct epoll_event event = {.events = EPOLLIN, .data.u64 = 5};
    ck_assert_int_eq(caller_open(&caller, getpid()), 0);
    ck_assert_int_eq(registration_add(&list, &caller, set, ours, readable, &event), 0);
    caller_close(&caller);
}

static void teardown(void)
{
    close(set);
    close(readable);
    close(ours);
}

static bool ours_is_there(void)
{
    eventfd_t value = 0;
    return eventfd_read(ours, &value) == 0 && value == 7;
}

START_TEST(what_stands_under_the_number_stands_there_afterwards)
{
    struct epoll_event event;
    registration_restore(&list, readable);
    ck_assert_ptr_null(list);
    ck_assert_int_eq(epoll_wait(set, &event, 1, 0), 1);
    ck_assert_uint_eq(event.data.u64, 5);
    ck_assert(ours_is_there());
}
END_TEST

/* It cannot be put aside then, and must not be lost: it may be the listener. */
START_TEST(it_stays_when_no_descriptor_is_free)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int lowest = fcntl(set, F_DUPFD_CLOEXEC, 0); /* all those before are taken */
    close(lowest);
    const struct rlimit full = {.rlim_cur = (rlim_t)lowest, .rlim_max = limit.rlim_max};
    ck_assert_int_lt(ours, lowest);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &full), 0);
    registration_restore(&list, readable);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(ours_is_there());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registration");
    TCase *tests = tcase_create("restore");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_stands_under_the_number_stands_there_afterwards);
    tcase_add_test(tests, it_stays_when_no_descriptor_is_free);
    suite_add_tcase(suite, tests);
    return run(suite);
}
