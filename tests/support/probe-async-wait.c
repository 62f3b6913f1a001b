/* SPDX-License-Identifier: MIT
 * probe-async-wait PROBE ADDRESS PORT [MIN_MS]: a non-blocking connect, waited for in one of the
 * ways there are. Prints what is reported, when that was too early, and whether the connection is
 * of use. See async.h. */
#include "async.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/time.h>

enum {
    FOR_EVER = -1,
    LONG_MS = 10000,
    SHORT_MS = 20,
    SLACK_MS = 90, /* for a short wait on a busy machine; the handshake takes longer */
    CLOSED = 40    /* no open descriptor */
};

/* What gcc makes of poll and ppoll with -D_FORTIFY_SOURCE, whatever the flags are here. */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t size);

/* --- poll and select --- */

static void say_polled(int count, const struct pollfd *pollfd)
{
    if (count != 1)
        printf("poll: %d\n", count);
    else
        say_events("poll", (uint32_t)pollfd->revents);
}

static void with_poll(void)
{
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};
    say_polled(poll(&pollfd, 1, FOR_EVER), &pollfd);
    conclude(fd);
}

static void with_ppoll(void)
{
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};
    const struct timespec timeout = {.tv_sec = LONG_MS / 1000};
    say_polled(ppoll(&pollfd, 1, &timeout, NULL), &pollfd);
    conclude(fd);
}

static void with_poll_chk(void)
{
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    say_polled(__poll_chk(&pollfd, 1, LONG_MS, sizeof(pollfd)), &pollfd);
    conclude(fd);
}

static void with_ppoll_chk(void)
{
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    sigset_t none;
    sigemptyset(&none);
    say_polled(__ppoll_chk(&pollfd, 1, NULL, &none, sizeof(pollfd)), &pollfd);
    conclude(fd);
}

static void say_selected(int count, int fd, fd_set sets[3])
{
    uint32_t events = (FD_ISSET(fd, &sets[0]) ? (uint32_t)EPOLLIN : 0) |
                      (FD_ISSET(fd, &sets[1]) ? (uint32_t)EPOLLOUT : 0) |
                      (FD_ISSET(fd, &sets[2]) ? (uint32_t)EPOLLPRI : 0);
    printf("select: %d\n", count);
    say_events("select", events);
}

static void fill_sets(int fd, fd_set sets[3])
{
    for (int i = 0; i < 3; i++) {
        FD_ZERO(&sets[i]);
        FD_SET(fd, &sets[i]);
    }
}

static void with_select(void)
{
    int fd = begin();
    fd_set sets[3];
    fill_sets(fd, sets);
    say_selected(select(fd + 1, &sets[0], &sets[1], &sets[2], NULL), fd, sets);
    conclude(fd);
}

/* Linux writes the time that is left into the timeout. */
static void with_select_in_time(void)
{
    int fd = begin();
    fd_set sets[3];
    fill_sets(fd, sets);
    struct timeval timeout = {.tv_sec = 5};
    int count = select(fd + 1, &sets[0], &sets[1], &sets[2], &timeout);
    say_selected(count, fd, sets);
    printf("left: %s\n",
           timeout.tv_sec == 4 && timeout.tv_usec / 1000 < 1000 - min_ms / 2 ? "right" : "wrong");
    conclude(fd);
}

static void with_pselect(void)
{
    int fd = begin();
    fd_set sets[3];
    fill_sets(fd, sets);
    const struct timespec timeout = {.tv_sec = LONG_MS / 1000};
    sigset_t none;
    sigemptyset(&none);
    say_selected(pselect(fd + 1, &sets[0], &sets[1], &sets[2], &timeout, &none), fd, sets);
    conclude(fd);
}

static void timeout_of_poll(void)
{
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    printf("poll at once: %d\n", poll(&pollfd, 1, 0));
    long before = now_ms();
    int count = poll(&pollfd, 1, SHORT_MS);
    long took = now_ms() - before;
    printf("poll shortly: %d after %s time\n", count,
           took >= SHORT_MS - 1 && took < SLACK_MS ? "the right" : "another");
    fd_set sets[3];
    fill_sets(fd, sets);
    struct timeval none = {0};
    count = select(fd + 1, &sets[0], &sets[1], &sets[2], &none);
    printf("select at once: %d %d\n", count, !!FD_ISSET(fd, &sets[1]));
    await(fd, POLLOUT);
    conclude(fd);
}

static void timeout_of_select(void)
{
    int fd = begin();
    fd_set sets[3];
    fill_sets(fd, sets);
    struct timeval timeout = {.tv_usec = SHORT_MS * 1000};
    long before = now_ms();
    int count = select(fd + 1, &sets[0], &sets[1], &sets[2], &timeout);
    long took = now_ms() - before;
    printf("select: %d after %s time, %ld left\n", count,
           took >= SHORT_MS - 1 && took < SLACK_MS ? "the right" : "another",
           timeout.tv_sec * 1000000 + timeout.tv_usec);
    printf("select: %s\n", FD_ISSET(fd, &sets[1]) ? "writable" : "not writable");
    await(fd, POLLOUT);
    conclude(fd);
}

static void *write_soon(void *pipe_end)
{
    sleep_ms(SHORT_MS);
    if (write(*(int *)pipe_end, "x", 1) != 1)
        err(2, "write");
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
    if (pthread_create(thread, NULL, run, argument))
        errx(2, "pthread_create");
}

/* What is not pending is reported when it is ready, not with the rest. */
static void beside_a_pipe(void)
{
    int ends[2];
    pthread_t thread;
    if (pipe2(ends, O_CLOEXEC))
        err(2, "pipe2");
    int fd = begin();
    start_thread(&thread, write_soon, &ends[1]);
    struct pollfd fds[] = {{.fd = fd, .events = POLLOUT},
                           {.fd = -1, .revents = POLLIN},
                           {.fd = ends[0], .events = POLLIN},
                           {.fd = CLOSED, .events = 0}};
    int count = poll(fds, 3, FOR_EVER);
    printf("poll: %d: %d %d %d\n", count, fds[0].revents, fds[1].revents, fds[2].revents);
    count = poll(fds, 4, FOR_EVER);
    printf("poll: %d: %d %d %d %d\n", count, fds[0].revents, fds[1].revents, fds[2].revents,
           fds[3].revents);
    if (read(ends[0], &(char){0}, 1) != 1)
        err(2, "read");
    fds[3].fd = -1;
    say_polled(poll(fds, 4, FOR_EVER), &fds[0]);
    pthread_join(thread, NULL);
    conclude(fd);
}

static void select_beside_a_pipe(void)
{
    int ends[2];
    pthread_t thread;
    if (pipe2(ends, O_CLOEXEC))
        err(2, "pipe2");
    int fd = begin();
    start_thread(&thread, write_soon, &ends[1]);
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(fd, &writable);
    FD_SET(ends[0], &readable);
    int limit = (fd > ends[0] ? fd : ends[0]) + 1;
    printf("select: %d", select(limit, &readable, &writable, NULL, NULL));
    printf(": %d %d\n", !!FD_ISSET(ends[0], &readable), !!FD_ISSET(fd, &writable));
    FD_SET(CLOSED, &readable);
    FD_SET(fd, &writable);
    printf("select: %s\n", outcome(select(CLOSED + 1, &readable, &writable, NULL, NULL)));
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(fd, &writable);
    printf("select: %d\n", select(limit, &readable, &writable, NULL, NULL));
    say_end("end");
    pthread_join(thread, NULL);
    conclude(fd);
}

static void on_signal(int number)
{
    (void)number;
}

static void interrupt_soon(void)
{
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    const struct itimerspec soon = {.it_value = {.tv_nsec = SHORT_MS * 1000000}};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
        err(2, "timer");
}

static void interrupted(void)
{
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    fd_set sets[3];

    interrupt_soon();
    printf("poll: %s\n", outcome(poll(&pollfd, 1, FOR_EVER)));

    /* Blocked but for the wait. */
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGUSR1);
    printf("ppoll: %s\n", outcome(ppoll(&pollfd, 1, NULL, &none)));
    raise(SIGUSR1);
    fill_sets(fd, sets);
    printf("pselect: %s\n", outcome(pselect(fd + 1, NULL, &sets[1], NULL, NULL, &none)));
    raise(SIGUSR1);
    say_polled(ppoll(&pollfd, 1, NULL, &blocked), &pollfd);
    conclude(fd);
}

struct waiter {
    pthread_t thread;
    int fd, set;
    int count;
    uint32_t events;
};

static void *poll_in_thread(void *argument)
{
    struct waiter *waiter = argument;
    struct pollfd pollfd = {.fd = waiter->fd, .events = POLLOUT};
    waiter->count = poll(&pollfd, 1, LONG_MS);
    waiter->events = (uint32_t)pollfd.revents;
    return NULL;
}

static void *select_in_thread(void *argument)
{
    struct waiter *waiter = argument;
    fd_set sets[3];
    fill_sets(waiter->fd, sets);
    waiter->count = select(waiter->fd + 1, NULL, &sets[1], NULL, NULL);
    waiter->events = FD_ISSET(waiter->fd, &sets[1]) ? EPOLLOUT : 0;
    return NULL;
}

static void *epoll_in_thread(void *argument)
{
    struct waiter *waiter = argument;
    struct epoll_event event = {0};
    waiter->count = epoll_wait(waiter->set, &event, 1, LONG_MS);
    waiter->events = event.events;
    return NULL;
}

static void join_waiters(struct waiter *waiters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pthread_join(waiters[i].thread, NULL);
        printf("%d ", waiters[i].count);
        say_events("thread", waiters[i].events);
    }
}

static void in_threads(void)
{
    void *(*const runs[])(void *) = {poll_in_thread, poll_in_thread, select_in_thread,
                                     epoll_in_thread};
    struct waiter waiters[4];
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    for (size_t i = 0; i < 4; i++) {
        waiters[i] = (struct waiter){.fd = fd, .set = set};
        start_thread(&waiters[i].thread, runs[i], &waiters[i]);
    }
    join_waiters(waiters, 4);
    conclude(fd);
}

/* --- epoll --- */

static void epoll_level(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    wait_set(set, fd, 0);
    wait_set(set, fd, FOR_EVER);
    wait_set(set, fd, FOR_EVER);
    conclude(fd);
}

static void epoll_edge(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    wait_set(set, fd, FOR_EVER);
    wait_set(set, fd, 0);
    conclude(fd);
}

static void epoll_oneshot(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLONESHOT);
    wait_set(set, fd, FOR_EVER);
    wait_set(set, fd, 0);
    if (control(set, EPOLL_CTL_MOD, fd, EPOLLOUT | EPOLLONESHOT))
        printf("EPOLL_CTL_MOD: %s\n", strerrorname_np(errno));
    wait_set(set, fd, FOR_EVER);
    conclude(fd);
}

static void before_level(void)
{
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    begin_on(fd);
    wait_set(set, fd, 0);
    wait_set(set, fd, FOR_EVER);
    conclude(fd);
}

static void before_edge(void)
{
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    begin_on(fd);
    wait_set(set, fd, FOR_EVER);
    wait_set(set, fd, 0);
    conclude(fd);
}

static void before_oneshot(void)
{
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLONESHOT);
    begin_on(fd);
    wait_set(set, fd, FOR_EVER);
    wait_set(set, fd, 0);
    conclude(fd);
}

/* A thread already asleep, on a set whose first event (of a socket that never connected) is gone.
 */
static void asleep_before(void)
{
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    if (epoll_wait(set, &(struct epoll_event){0}, 1, 0) != 1)
        printf("epoll: nothing\n");
    struct waiter waiter = {.fd = fd, .set = set};
    start_thread(&waiter.thread, epoll_in_thread, &waiter);
    sleep_ms(SHORT_MS);
    begin_on(fd);
    join_waiters(&waiter, 1);
    conclude(fd);
}

static void several_sets(void)
{
    int fd = open_socket(SOCK_NONBLOCK);
    int sets[3] = {new_set(), new_set(), new_set()};
    add(sets[0], fd, EPOLLOUT | EPOLLET);
    add(sets[1], fd, EPOLLIN | EPOLLOUT);
    begin_on(fd);
    add(sets[2], fd, EPOLLOUT);
    for (int i = 0; i < 3; i++)
        wait_set(sets[i], fd, 0);
    for (int i = 0; i < 3; i++)
        wait_set(sets[i], fd, FOR_EVER);
    conclude(fd);
}

/* The descriptor's number was in other sets before, for other sockets. */
static void after_other_sets(void)
{
    int sets[6];
    for (int i = 0; i < 6; i++) {
        sets[i] = new_set();
        if (i >= 4)
            continue;
        int fd = open_socket(SOCK_NONBLOCK);
        dup2(fd, 50);
        close(fd);
        add(sets[i], 50, EPOLLOUT);
    }
    int fd = open_socket(SOCK_NONBLOCK);
    dup2(fd, 50);
    close(fd);
    add(sets[4], 50, EPOLLOUT);
    add(sets[5], 50, EPOLLOUT);
    begin_on(50);
    wait_set(sets[4], 50, 0);
    wait_set(sets[5], 50, FOR_EVER);
    wait_set(sets[4], 50, FOR_EVER);
    for (int i = 0; i < 4; i++)
        wait_set(sets[i], 50, 0);
    conclude(50);
}

static void modified(void)
{
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    add(set, fd, EPOLLIN);
    begin_on(fd);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u64 = 0x123456789abcdef0};
    printf("MOD: %s\n", outcome(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event)));
    event = (struct epoll_event){0};
    int count = epoll_wait(set, &event, 1, FOR_EVER);
    printf("epoll: %d\n", count);
    say_events(event.data.u64 == 0x123456789abcdef0 ? "epoll" : "epoll, wrong data", event.events);
    conclude(fd);
}

static void modified_to_nothing(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    printf("MOD: %s\n", outcome(control(set, EPOLL_CTL_MOD, fd, 0)));
    await(fd, POLLOUT);
    wait_set(set, fd, 0);
    printf("MOD: %s\n", outcome(control(set, EPOLL_CTL_MOD, fd, EPOLLOUT)));
    wait_set(set, fd, 0);
    conclude(fd);
}

static void removed(void)
{
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    add(set, fd, EPOLLOUT);
    begin_on(fd);
    printf("DEL: %s\n", outcome(control(set, EPOLL_CTL_DEL, fd, 0)));
    await(fd, POLLOUT);
    wait_set(set, fd, 0);
    add(set, fd, EPOLLOUT);
    wait_set(set, fd, 0);
    conclude(fd);
}

static void removed_and_added(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLIN);
    printf("DEL: %s\n", outcome(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL)));
    add(set, fd, EPOLLOUT);
    wait_set(set, fd, 0);
    wait_set(set, fd, FOR_EVER);
    conclude(fd);
}

static void answers(void)
{
    int fd = begin(), set = new_set(), file = open("/dev/null", O_RDONLY);
    printf("MOD: %s\n", outcome(control(set, EPOLL_CTL_MOD, fd, EPOLLOUT)));
    printf("DEL: %s\n", outcome(control(set, EPOLL_CTL_DEL, fd, 0)));
    printf("ADD: %s\n", outcome(control(set, EPOLL_CTL_ADD, fd, EPOLLOUT)));
    printf("ADD: %s\n", outcome(control(set, EPOLL_CTL_ADD, fd, EPOLLIN)));
    printf("an operation 77: %s\n", outcome(control(set, 77, fd, EPOLLIN)));
    printf("to no set: %s\n", outcome(control(900, EPOLL_CTL_ADD, fd, EPOLLIN)));
    printf("to a file: %s\n", outcome(control(file, EPOLL_CTL_ADD, fd, EPOLLIN)));
    printf("to a socket: %s\n", outcome(control(fd, EPOLL_CTL_ADD, fd, EPOLLIN)));
    printf("a file: %s\n", outcome(control(set, EPOLL_CTL_ADD, file, EPOLLIN)));
    /* Through a pointer that the compiler knows nothing about. */
    struct epoll_event *volatile nothing = NULL;
    printf("nothing: %s\n", outcome(epoll_ctl(set, EPOLL_CTL_MOD, fd, nothing)));
    printf("exclusive: %s\n", outcome(control(set, EPOLL_CTL_MOD, fd, EPOLLOUT | EPOLLEXCLUSIVE)));
    int other = new_set();
    printf("exclusive and oneshot: %s\n",
           outcome(control(other, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT)));
    printf("exclusive: %s\n",
           outcome(control(other, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLEXCLUSIVE)));
    wait_set(set, fd, FOR_EVER);
    wait_set(other, fd, FOR_EVER);
    conclude(fd);
}

static void nested(void)
{
    int fd = begin(), inner = new_set(), middle = new_set(), outer = new_set();
    add(outer, middle, EPOLLIN);
    add(middle, inner, EPOLLIN);
    add(inner, fd, EPOLLOUT);
    wait_set(outer, middle, 0);
    wait_set(outer, middle, FOR_EVER);
    wait_set(middle, inner, FOR_EVER);
    wait_set(inner, fd, FOR_EVER);
    conclude(fd);
}

static void polled_set(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    struct pollfd pollfd = {.fd = set, .events = POLLIN};
    printf("poll at once: %d\n", poll(&pollfd, 1, 0));
    say_polled(poll(&pollfd, 1, FOR_EVER), &pollfd);
    wait_set(set, fd, 0);
    conclude(fd);
}

static void selected_set(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(set, &readable);
    printf("select: %d\n", select(set + 1, &readable, NULL, NULL, NULL));
    say_end("select");
    wait_set(set, fd, 0);
    conclude(fd);
}

/* The set closed meanwhile, and another at its number. */
static void set_replaced(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    close(set);
    int other = new_set();
    printf("the number: %s\n", other == set ? "the same" : "another");
    await(fd, POLLOUT);
    wait_set(other, fd, 0);
    add(other, fd, EPOLLOUT);
    wait_set(other, fd, 0);
    conclude(fd);
}

static const struct probe probes[] = {
    {"poll", with_poll},
    {"ppoll", with_ppoll},
    {"poll-checked", with_poll_chk},
    {"ppoll-checked", with_ppoll_chk},
    {"select", with_select},
    {"select-in-time", with_select_in_time},
    {"pselect", with_pselect},
    {"poll-timeout", timeout_of_poll},
    {"select-timeout", timeout_of_select},
    {"poll-beside-a-pipe", beside_a_pipe},
    {"select-beside-a-pipe", select_beside_a_pipe},
    {"interrupted", interrupted},
    {"in-threads", in_threads},
    {"epoll-level", epoll_level},
    {"epoll-edge", epoll_edge},
    {"epoll-oneshot", epoll_oneshot},
    {"epoll-level-before", before_level},
    {"epoll-edge-before", before_edge},
    {"epoll-oneshot-before", before_oneshot},
    {"epoll-asleep-before", asleep_before},
    {"epoll-several-sets", several_sets},
    {"epoll-after-other-sets", after_other_sets},
    {"epoll-modified", modified},
    {"epoll-modified-to-nothing", modified_to_nothing},
    {"epoll-removed", removed},
    {"epoll-removed-and-added", removed_and_added},
    {"epoll-answers", answers},
    {"epoll-nested", nested},
    {"epoll-set-polled", polled_set},
    {"epoll-set-selected", selected_set},
    {"epoll-set-replaced", set_replaced},
};

int main(int argc, char **argv)
{
    return probe_main(argc, argv, probes, sizeof(probes) / sizeof(probes[0]));
}
