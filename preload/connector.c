/* SPDX-License-Identifier: MIT
 * The connector thread, and the beginning and end of what it works on. */
#include "preload/connector.h"

#include "core/dial.h"
#include "core/endpoint_cache.h"
#include "core/report.h"
#include "core/sys.h"
#include "preload/kernel.h"
#include "preload/lock.h"
#include "preload/own.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/thread.h"
#include "preload/watches.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STACK_SIZE =
        256 * 1024, /* touched as needed; libc takes the program's thread-local data out of it */
    IDLE_MS = 50,   /* how late a deadline may be noticed that was set meanwhile */
    EVENTS = 64,
};

static int epoll_fd = -1; /* under the lock; -1: the thread does not run */
static int wake_fd = -1;  /* an eventfd in that set: somebody has the first deadline to wait for */

/* --- The end of a handshake --- */

/* How a handshake ended. The user is told first, without the lock, and the program is woken then: a
 * short one may exit at once. */
struct outcome {
    bool ended;
    bool failed;
    struct failure failure;
    struct target to;
    const struct route *route;
    int64_t milliseconds;
};

static void leave_set(const struct pending *entry)
{
    real(epoll_ctl)(epoll_fd, EPOLL_CTL_DEL, entry->attempt.fd, NULL);
}

/* Descriptor numbers that no longer mean this socket were closed in ways we did not see. */
static void show(struct pending *entry)
{
    uint8_t left = 0;
    for (uint8_t i = 0; i < entry->fd_count; i++) {
        int fd = entry->fds[i];
        if (pending_find(fd) != entry)
            continue;
        watches_show(fd);
        entry->fds[left++] = fd;
    }
    entry->fd_count = left;
}

static void remember_peer(const struct pending *entry)
{
    const struct peer peer = {.target = entry->address,
                              .proxy = entry->attempt.endpoints.list[entry->attempt.endpoint]};
    for (uint8_t i = 0; i < entry->fd_count; i++)
        peers_set(entry->fds[i], &peer);
}

static void decide(const struct pending *entry, enum attempt_state state, struct outcome *outcome)
{
    outcome->ended = true;
    outcome->failed = state == ATTEMPT_FAILED;
    outcome->failure = entry->attempt.failure;
    outcome->to = entry->attempt.to;
    outcome->route = entry->attempt.route;
    outcome->milliseconds = dial_now_ms() - entry->attempt.start_ms;
}

static void conclude(struct pending *entry, const struct outcome *outcome)
{
    leave_set(entry);
    if (outcome->failed)
        attempt_show_failure(entry->attempt.fd, entry->attempt.family);
    else
        remember_peer(entry);
    if (outcome->failed && outcome->failure.stage == STAGE_CONNECT)
        endpoint_cache_forget(state_endpoints(), entry->config, entry->attempt.route->hop[0]);
    show(entry);
    pending_end(entry, outcome->failed ? failure_errno(&outcome->failure) : 0);
}

static void tell(const struct outcome *outcome)
{
    if (outcome->failed)
        report_failure(&outcome->to, outcome->route, &outcome->failure);
    else
        report_success(&outcome->to, outcome->route, outcome->milliseconds);
}

void connector_cancel(struct pending *entry, bool dissolve)
{
    leave_set(entry);
    if (dissolve) {
        /* As the program asked for, by its own connect or shutdown: ECONNRESET, which the kernel
         * notes for it, is the program's to see. */
        struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
        sys_connect(entry->attempt.fd, &nowhere, sizeof(nowhere));
        show(entry);
    }
    pending_end(entry, 0);
}

/* --- The course of a handshake --- */

static void step(struct pending *entry, enum attempt_state take(struct attempt *),
                 struct outcome *outcome)
{
    int64_t before = entry->attempt.step_deadline_ms;
    enum attempt_state state = take(&entry->attempt);
    if (state != ATTEMPT_RUNNING)
        decide(entry, state, outcome);
    else if (entry->attempt.step_deadline_ms != before)
        pending_schedule(entry);
}

/* --- The thread --- */

/* The program may have given it up meanwhile. */
static void end(uint32_t number, const struct outcome *outcome)
{
    tell(outcome);
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_by_number(number);
    if (entry)
        conclude(entry, outcome);
    lock_release(&held);
}

static void on_event(uint32_t number)
{
    struct outcome outcome = {0};
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_by_number(number);
    if (entry)
        step(entry, attempt_advance, &outcome);
    lock_release(&held);
    if (outcome.ended)
        end(number, &outcome);
}

/* End what is overdue, one at a time; then the milliseconds until something may be, -1: never. */
static int expire_overdue(void)
{
    for (;;) {
        struct outcome outcome = {0};
        struct held held;
        lock_acquire(&held);
        struct pending *entry = pending_first();
        uint32_t number = entry ? entry->number : 0;
        int64_t left = entry ? entry->attempt.step_deadline_ms - dial_now_ms() : -1;
        bool overdue = entry && left <= 0;
        if (overdue)
            step(entry, attempt_expire, &outcome);
        lock_release(&held);
        if (outcome.ended)
            end(number, &outcome);
        if (!entry)
            return -1;
        if (!overdue)
            return left < IDLE_MS ? (int)left : IDLE_MS;
    }
}

static void *run(void *unused)
{
    (void)unused;
    for (;;) {
        struct epoll_event events[EVENTS];
        int timeout_ms = expire_overdue();
        int count =
            epoll_wait(__atomic_load_n(&epoll_fd, __ATOMIC_RELAXED), events, EVENTS, timeout_ms);
        for (int i = 0; i < count; i++)
            on_event(events[i].data.u32);
    }
    return NULL;
}

void connector_fork_child(void)
{
    epoll_fd = wake_fd = -1; /* closed with all of ours: the child starts its own when it must */
}

static bool add_to_set(int fd, uint32_t events, uint32_t number)
{
    struct epoll_event event = {.events = events | EPOLLET, .data.u32 = number};
    return real(epoll_ctl)(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool start(void)
{
    if (epoll_fd >= 0)
        return true;
    epoll_fd = own_adopt((int)kernel_call(SYS_epoll_create1, EPOLL_CLOEXEC));
    wake_fd = own_adopt((int)kernel_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (epoll_fd >= 0 && wake_fd >= 0 && add_to_set(wake_fd, EPOLLIN, 0) &&
        thread_start(run, NULL, STACK_SIZE))
        return true;
    own_close(epoll_fd);
    own_close(wake_fd);
    epoll_fd = wake_fd = -1;
    return false;
}

/* --- The beginning --- */

/* Hand the entry to the thread, and wake it when it sleeps without a deadline. */
static bool hand_over(struct pending *entry)
{
    static const uint64_t one = 1;
    bool thread_sleeps = pending_first() == NULL;
    if (!add_to_set(entry->attempt.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP, entry->number))
        return false;
    pending_schedule(entry);
    if (thread_sleeps)
        kernel_call(SYS_write, wake_fd, &one, sizeof(one));
    return true;
}

static int begin(const struct connector_job *job, struct outcome *outcome)
{
    struct pending *entry = pending_is_own_process() && start() ? pending_add(job->fd) : NULL;
    if (!entry)
        return CONNECTOR_UNAVAILABLE;
    struct attempt *attempt = &entry->attempt;
    attempt->family = job->family;
    attempt->route = job->route;
    attempt->to = *job->to;
    attempt->endpoints = *job->endpoints;
    attempt->start_ms = job->start_ms;
    attempt->deadline_ms = job->deadline_ms;
    entry->address = *job->address;
    entry->config = job->config;

    for (uint8_t i = 0; i < entry->fd_count; i++)
        watches_hide(entry->fds[i]);
    enum attempt_state state = ATTEMPT_RUNNING;
    if (job->begun)
        attempt_take_over(attempt, job->begun);
    else
        state = attempt_begin(attempt);
    if (state == ATTEMPT_RUNNING && hand_over(entry)) {
        remember_peer(entry); /* now, so that forked children have it, too */
        return EINPROGRESS;
    }
    int error = CONNECTOR_UNAVAILABLE;
    if (state == ATTEMPT_FAILED) {
        decide(entry, state, outcome);
        error = failure_errno(&attempt->failure);
    } else {
        dial_disconnect(attempt->fd);
    }
    show(entry);
    pending_end(entry, 0);
    return error;
}

int connector_begin(const struct connector_job *job)
{
    struct outcome outcome = {0};
    struct held held;
    if (!thread_handle_forks())
        return CONNECTOR_UNAVAILABLE;
    lock_acquire(&held);
    int result = begin(job, &outcome);
    lock_release(&held);
    if (outcome.ended)
        tell(&outcome);
    return result;
}

bool connector_vacate(int fd)
{
    if (!pending_is_own_process())
        return true; /* the child of a vfork has its own descriptors, but not its own memory */
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_by_own_fd(fd);
    int *place = fd == epoll_fd  ? &epoll_fd
                 : fd == wake_fd ? &wake_fd
                 : entry         ? &entry->attempt.fd
                                 : NULL;
    int moved = place ? own_duplicate(fd) : -1;
    if (moved >= 0) {
        /* A registration belongs to a number, too. */
        if (fd != epoll_fd)
            real(epoll_ctl)(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        __atomic_store_n(place, moved, __ATOMIC_RELAXED);
        if (entry)
            add_to_set(moved, EPOLLIN | EPOLLOUT | EPOLLRDHUP, entry->number);
        else if (place == &wake_fd)
            add_to_set(moved, EPOLLIN, 0);
        own_close(fd);
    }
    lock_release(&held);
    return moved >= 0;
}
