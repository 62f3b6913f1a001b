/* SPDX-License-Identifier: MIT
 * Calls that are held: a thread of the test makes them under the filter, and the test is its
 * supervisor. */
#include "cli/supervise/hold.h"

#include "cli/supervise/filter.h"
#include "cli/supervise/notify.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 20000, SHORT_MS = 50 };

static struct supervisor supervisor;
static int pair[2]; /* the thread receives from the first */
static int tries;   /* how often again() was called */

/* The thread's: what it is told, and what it tells. */
static pthread_t thread;
static int call_flags;
static sem_t installed;
static ssize_t result;
static int result_errno;

static void *make_call(void *unused)
{
    char buf[8];
    struct sockaddr_storage from;
    socklen_t len = sizeof(from);
    (void)unused;
    supervisor.listener.fd = filter_install();
    sem_post(&installed);
    result = recvfrom(pair[0], buf, sizeof(buf), call_flags, (struct sockaddr *)&from, &len);
    result_errno = errno;
    return NULL;
}

static void on_signal(int number)
{
    (void)number;
}

static void setup(void)
{
    static const uint32_t delays[DELAY_COUNT] = {0};
    const struct sigaction without_restart = {.sa_handler = on_signal};
    ck_assert(loop_init(&supervisor.loop, delays));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    sem_init(&installed, 0, 0);
    sigaction(SIGUSR1, &without_restart, NULL);
    tries = 0;
    call_flags = 0;
}

/* Start the thread and take its call. */
static struct request next_request(void)
{
    struct seccomp_notif notification;
    struct request request = {.supervisor = &supervisor};
    ck_assert_int_eq(pthread_create(&thread, NULL, make_call, NULL), 0);
    sem_wait(&installed);
    ck_assert_int_ge(supervisor.listener.fd, 0);
    ck_assert(notify_receive(supervisor.listener.fd, &notification));
    ck_assert(call_decode(&notification, &request.call));
    ck_assert_int_eq(request.call.kind, CALL_RECVFROM);
    ck_assert_int_eq(caller_open(&request.caller, request.call.tid), 0);
    return request;
}

static int take(const struct request *request)
{
    int fd = caller_take(&request->caller, (int)request->call.args[0]);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void turn(void)
{
    struct pollfd something = {.fd = supervisor.loop.epoll_fd, .events = POLLIN};
    ck_assert_int_eq(poll(&something, 1, PATIENCE_MS), 1);
    loop_turn(&supervisor.loop);
}

/* Turn until the thread has got its answer. */
static void turn_until_answered(const struct request *request)
{
    while (notify_is_waiting(supervisor.listener.fd, request->call.id))
        turn();
    pthread_join(thread, NULL);
}

static void receive_again(struct request *request)
{
    char buf[8];
    int fd = take(request);
    ssize_t received = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
    tries++;
    if (received < 0) {
        ck_assert_int_eq(errno, EAGAIN);
        hold_until_ready(request, fd, EPOLLIN, 0, receive_again);
        return;
    }
    request_answer(request, received);
    close(fd);
}

/* Always ready, never done. */
static void hold_again(struct request *request)
{
    tries++;
    hold_until_ready(request, take(request), EPOLLOUT, SHORT_MS, hold_again);
}

START_TEST(a_call_is_tried_again_when_its_socket_is_ready)
{
    struct request request = next_request();
    hold_until_ready(&request, take(&request), EPOLLIN, 0, receive_again);
    caller_close(&request.caller);
    ck_assert_int_eq(send(pair[1], "abc", 3, 0), 3);
    turn_until_answered(&request);
    ck_assert_int_eq(result, 3);
    ck_assert_int_eq(tries, 1);
}
END_TEST

START_TEST(a_call_may_be_held_again)
{
    struct request request = next_request();
    char stolen[8];
    hold_until_ready(&request, take(&request), EPOLLOUT, 0, receive_again);
    turn(); /* there is nothing to be received yet */
    ck_assert_int_eq(tries, 1);
    ck_assert_int_eq(send(pair[1], "abc", 3, 0), 3);
    ck_assert_int_eq(recv(pair[0], stolen, sizeof(stolen), MSG_PEEK), 3);
    turn_until_answered(&request);
    ck_assert_int_eq(result, 3);
    ck_assert_int_eq(tries, 2);
}
END_TEST

START_TEST(after_the_timeout_it_is_eagain)
{
    struct request request = next_request();
    hold_until_ready(&request, take(&request), EPOLLIN, SHORT_MS, receive_again);
    turn_until_answered(&request);
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(result_errno, EAGAIN);
    ck_assert_int_eq(tries, 0);
}
END_TEST

START_TEST(held_again_the_first_timeout_goes_on)
{
    struct request request = next_request();
    hold_until_ready(&request, take(&request), EPOLLOUT, SHORT_MS, hold_again);
    turn_until_answered(&request); /* or never */
    ck_assert_int_eq(result_errno, EAGAIN);
    ck_assert_int_gt(tries, 1);
}
END_TEST

START_TEST(an_interrupted_caller_is_forgotten_and_its_socket_let_go)
{
    struct request request = next_request();
    char octet;
    hold_until_ready(&request, take(&request), EPOLLIN, 0, receive_again);
    ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(result_errno, EINTR);
    close(pair[0]);
    ssize_t received;
    while ((received = recv(pair[1], &octet, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
        turn();
    ck_assert_int_eq(received, 0);
    ck_assert_int_eq(tries, 0);
}
END_TEST

START_TEST(many_are_held_and_each_goes_its_way)
{
    struct request request = next_request();
    for (int i = 0; i < 50; i++) { /* of callers that do not exist */
        struct request other = request;
        other.call.id += 1000 + (unsigned)i;
        hold_until_ready(&other, take(&request), EPOLLIN, i % 2 ? SHORT_MS : 0, receive_again);
    }
    hold_until_ready(&request, take(&request), EPOLLIN, 0, receive_again);
    ck_assert_int_eq(send(pair[1], "abc", 3, 0), 3);
    turn_until_answered(&request);
    ck_assert_int_eq(result, 3);
    ck_assert_int_eq(tries, 1);
}
END_TEST

START_TEST(a_socket_or_a_call_that_does_not_wait_is_answered_at_once)
{
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    struct request request = next_request();
    hold_as_told(&request, take(&request), EPOLLIN, 0, receive_again);
    pthread_join(thread, NULL);
    ck_assert_int_eq(result_errno, EAGAIN);

    fcntl(pair[0], F_SETFL, 0);
    call_flags = MSG_DONTWAIT;
    request = next_request();
    hold_as_told(&request, take(&request), EPOLLIN, MSG_DONTWAIT, receive_again);
    pthread_join(thread, NULL);
    ck_assert_int_eq(result_errno, EAGAIN);
}
END_TEST

START_TEST(a_socket_with_a_timeout_is_given_that)
{
    const struct timeval timeout = {.tv_usec = SHORT_MS * 1000};
    ck_assert_int_eq(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
    struct request request = next_request();
    hold_as_told(&request, take(&request), EPOLLIN, 0, receive_again);
    turn_until_answered(&request);
    ck_assert_int_eq(result_errno, EAGAIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hold");
    TCase *core = tcase_create("hold");
    tcase_set_timeout(core, 60);
    tcase_add_checked_fixture(core, setup, NULL);
    tcase_add_test(core, a_call_is_tried_again_when_its_socket_is_ready);
    tcase_add_test(core, a_call_may_be_held_again);
    tcase_add_test(core, after_the_timeout_it_is_eagain);
    tcase_add_test(core, held_again_the_first_timeout_goes_on);
    tcase_add_test(core, an_interrupted_caller_is_forgotten_and_its_socket_let_go);
    tcase_add_test(core, many_are_held_and_each_goes_its_way);
    tcase_add_test(core, a_socket_or_a_call_that_does_not_wait_is_answered_at_once);
    tcase_add_test(core, a_socket_with_a_timeout_is_given_that);
    suite_add_tcase(suite, core);
    return run(suite);
}
