/* SPDX-License-Identifier: MIT
 * Errands: all are run, so many at a time, and come back in the loop's thread. */
#include "cli/supervise/errand.h"

#include "tests/unit/support.h"

#include <poll.h>
#include <pthread.h>

enum { MANY = 300, AT_A_TIME = 64, PATIENCE_MS = 20000 };

struct task {
    struct errand errand;
    struct task *then; /* begun when this one is done */
};

static struct loop loop;
static struct errands *errands;
static pthread_t loops_thread;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* work goes on when it is unlocked */
static unsigned running, most, worked;
static unsigned done;

static void setup(void)
{
    static const uint32_t delays[DELAY_COUNT] = {0};
    ck_assert(loop_init(&loop, delays));
    errands = errands_new(&loop);
    ck_assert_ptr_nonnull(errands);
    loops_thread = pthread_self();
    pthread_mutex_lock(&gate);
    running = most = worked = done = 0;
}

static void work(struct errand *errand)
{
    (void)errand;
    unsigned now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    unsigned before = __atomic_load_n(&most, __ATOMIC_SEQ_CST);
    while (now > before && !__atomic_compare_exchange_n(&most, &before, now, false,
                                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        continue;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&worked, 1, __ATOMIC_SEQ_CST);
}

static void finish(struct errand *errand)
{
    struct task *task = HOLDER_OF(errand, struct task, errand);
    ck_assert(pthread_equal(pthread_self(), loops_thread));
    done++;
    if (task->then)
        ck_assert(errand_start(errands, &task->then->errand));
}

static void start(struct task *task)
{
    task->errand = (struct errand){.work = work, .done = finish};
    ck_assert(errand_start(errands, &task->errand));
}

static void turn_until_done(unsigned count)
{
    while (done < count) {
        struct pollfd something = {.fd = loop.epoll_fd, .events = POLLIN};
        ck_assert_int_eq(poll(&something, 1, PATIENCE_MS), 1);
        loop_turn(&loop);
    }
}

START_TEST(all_are_run_and_no_more_than_so_many_at_a_time)
{
    static struct task tasks[MANY];
    for (size_t i = 0; i < MANY; i++)
        start(&tasks[i]);
    pthread_mutex_unlock(&gate);
    turn_until_done(MANY);
    ck_assert_uint_eq(done, MANY);
    ck_assert_uint_eq(worked, MANY);
    ck_assert_uint_le(most, AT_A_TIME);
}
END_TEST

START_TEST(as_many_as_have_threads_run_side_by_side)
{
    static struct task tasks[AT_A_TIME];
    for (size_t i = 0; i < AT_A_TIME; i++)
        start(&tasks[i]);
    for (int i = 0; i < 20000 && __atomic_load_n(&running, __ATOMIC_SEQ_CST) < AT_A_TIME; i++)
        poll(NULL, 0, 1);
    ck_assert_uint_eq(running, AT_A_TIME);
    pthread_mutex_unlock(&gate);
    turn_until_done(AT_A_TIME);
}
END_TEST

START_TEST(one_that_is_done_may_begin_the_next)
{
    static struct task first, second;
    second.errand = (struct errand){.work = work, .done = finish};
    first.then = &second;
    pthread_mutex_unlock(&gate);
    start(&first);
    turn_until_done(2);
    start(&first); /* threads that ended are started anew */
    turn_until_done(4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("errand");
    TCase *core = tcase_create("errand");
    tcase_set_timeout(core, 60);
    tcase_add_checked_fixture(core, setup, NULL);
    tcase_add_test(core, all_are_run_and_no_more_than_so_many_at_a_time);
    tcase_add_test(core, as_many_as_have_threads_run_side_by_side);
    tcase_add_test(core, one_that_is_done_may_begin_the_next);
    suite_add_tcase(suite, core);
    return run(suite);
}
