/* SPDX-License-Identifier: MIT
 * The connector thread, and the beginning and end of what it works on. */
#include "preload/connector.h"

#include "core/dial.h"
#include "core/exchange.h"
#include "core/sys.h"
#include "preload/endpoints.h"
#include "preload/kernel.h"
#include "preload/lock.h"
#include "preload/own.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/report.h"
#include "preload/thread.h"
#include "preload/watches.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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

/* connect(2) that does not wait, though the program may have made the socket blocking meanwhile; 0,
 * EINPROGRESS or another errno. */
static int connect_at_once(int fd, const struct sockaddr *addr, socklen_t len)
{
    int flags = sys_fcntl(fd, F_GETFL, 0);
    bool blocking = flags >= 0 && !(flags & O_NONBLOCK);
    if (blocking)
        sys_fcntl(fd, F_SETFL, (uintptr_t)(flags | O_NONBLOCK));
    int error = sys_connect(fd, addr, len) == 0 ? 0 : errno;
    if (blocking)
        sys_fcntl(fd, F_SETFL, (uintptr_t)flags);
    return error;
}

/* --- The end of a handshake --- */

/*
 * Leave the socket as a refused connect(2) does: closed, with an error that poll(2) and epoll(7)
 * report as such. The kernel sets that state on its own word only, so it is given a real refusal:
 * by a loopback port that is bound, so that nobody else has it, and not listened to.
 */
static bool refuse(int fd, int family, const union endpoint *loopback, socklen_t len)
{
    union endpoint nobody = *loopback;
    int bound = sys_socket(nobody.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    int error = EADDRNOTAVAIL;
    if (bound >= 0 && bind(bound, &nobody.any, len) == 0 &&
        getsockname(bound, &nobody.any, &len) == 0 &&
        (len = endpoint_for_family(&nobody, family, &nobody)) > 0)
        error = connect_at_once(fd, &nobody.any, len);
    if (bound >= 0)
        sys_close(bound);
    return error == EINPROGRESS || error == ECONNREFUSED;
}

static void show_failure(const struct pending *entry)
{
    const union endpoint ipv4 = {
        .in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    const union endpoint ipv6 = {
        .in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};

    dial_disconnect(entry->own_fd);
    if (!refuse(entry->own_fd, entry->family, &ipv4, sizeof(ipv4.in)) && entry->family == AF_INET6)
        refuse(entry->own_fd, entry->family, &ipv6, sizeof(ipv6.in6));
}

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
    real(epoll_ctl)(epoll_fd, EPOLL_CTL_DEL, entry->own_fd, NULL);
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
                              .proxy = entry->endpoints.list[entry->endpoint]};
    for (uint8_t i = 0; i < entry->fd_count; i++)
        peers_set(entry->fds[i], &peer);
}

static void decide(const struct pending *entry, const struct failure *failure,
                   struct outcome *outcome)
{
    outcome->ended = true;
    outcome->failed = failure->status != STATUS_OK;
    outcome->failure = *failure;
    outcome->to = entry->to;
    outcome->route = entry->route;
    outcome->milliseconds = dial_now_ms() - entry->start_ms;
}

static void conclude(struct pending *entry, const struct outcome *outcome)
{
    leave_set(entry);
    if (outcome->failed)
        show_failure(entry);
    else
        remember_peer(entry);
    if (outcome->failed && outcome->failure.stage == STAGE_CONNECT)
        endpoints_forget(entry->config, entry->route->hop[0]);
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
        sys_connect(entry->own_fd, &nowhere, sizeof(nowhere));
        show(entry);
    }
    pending_end(entry, 0);
}

/* --- The course of a handshake --- */

/*
 * Begin to connect to the endpoint in hand, or to the next that does not fail at once. 0, or the
 * errno of the last. Endpoints of a family that the socket cannot say are passed over.
 */
static int connect_next(struct pending *entry)
{
    int error = ENETUNREACH;
    for (; entry->endpoint < entry->endpoints.count; entry->endpoint++) {
        union endpoint to;
        socklen_t len =
            endpoint_for_family(&entry->endpoints.list[entry->endpoint], entry->family, &to);
        if (len == 0)
            continue;
        int64_t now = dial_now_ms();
        int64_t left = (int64_t)(entry->endpoints.count - entry->endpoint);
        entry->endpoint_deadline_ms = now + (entry->deadline_ms - now) / left;
        error = connect_at_once(entry->own_fd, &to.any, len);
        if (error == 0 || error == EINPROGRESS)
            return 0;
        dial_disconnect(entry->own_fd);
    }
    return error;
}

static void fail_to_connect(struct pending *entry, int error, struct outcome *outcome)
{
    bool expired = error == ETIMEDOUT && dial_now_ms() >= entry->deadline_ms;
    const struct failure failure = {
        .status = expired ? STATUS_TIMED_OUT : STATUS_SYSTEM, .code = -1, .sys_errno = error};
    decide(entry, &failure, outcome);
}

static void try_next(struct pending *entry, int error, struct outcome *outcome)
{
    dial_disconnect(entry->own_fd);
    entry->endpoint++;
    if (entry->endpoint < entry->endpoints.count && connect_next(entry) == 0)
        pending_schedule(entry);
    else
        fail_to_connect(entry, error, outcome);
}

/* The TCP connection to the proxy stands, is still under way (false), or has failed. */
static bool check_connected(struct pending *entry, struct outcome *outcome)
{
    int error = 0;
    socklen_t len = sizeof(error);
    sys_getsockopt(entry->own_fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        try_next(entry, error, outcome);
        return false;
    }
    union endpoint peer;
    len = sizeof(peer);
    if (real(getpeername)(entry->own_fd, &peer.any, &len) != 0)
        return false;
    entry->tcp_connected = true;
    entry->endpoint_deadline_ms = entry->deadline_ms;
    pending_schedule(entry);
    return true;
}

static void advance(struct pending *entry, struct outcome *outcome)
{
    if (!entry->tcp_connected && !check_connected(entry, outcome))
        return;
    for (;;) {
        switch (exchange_step(entry->own_fd, &entry->handshake)) {
        case EXCHANGE_MOVED:
            if (handshake_want(&entry->handshake) == WANT_NOTHING)
                break;
            continue;
        case EXCHANGE_BLOCKED:
            return;
        case EXCHANGE_ENDED:
            break;
        }
        decide(entry, &entry->handshake.failure, outcome);
        return;
    }
}

static void expire(struct pending *entry, struct outcome *outcome)
{
    if (!entry->tcp_connected) {
        try_next(entry, ETIMEDOUT, outcome);
        return;
    }
    handshake_expired(&entry->handshake);
    decide(entry, &entry->handshake.failure, outcome);
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
        advance(entry, &outcome);
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
        int64_t left = entry ? entry->endpoint_deadline_ms - dial_now_ms() : -1;
        bool overdue = entry && left <= 0;
        if (overdue)
            expire(entry, &outcome);
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
    epoll_fd = own_adopt(epoll_create1(EPOLL_CLOEXEC));
    wake_fd = own_adopt(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
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
    if (!add_to_set(entry->own_fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP, entry->number))
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
    entry->family = job->family;
    entry->start_ms = job->start_ms;
    entry->deadline_ms = job->deadline_ms;
    entry->endpoints = *job->endpoints;
    entry->address = *job->address;
    entry->config = job->config;
    entry->route = job->route;
    entry->to = *job->to;
    if (job->begun) {
        entry->handshake = job->begun->handshake;
        entry->handshake.to = &entry->to;
        entry->endpoint = job->begun->endpoint;
        entry->endpoint_deadline_ms = entry->deadline_ms;
        entry->tcp_connected = job->begun->tcp_connected;
    } else if (handshake_init(&entry->handshake, entry->route, &entry->to) != STATUS_OK) {
        outcome->ended = outcome->failed = true;
        outcome->failure = entry->handshake.failure;
    }

    for (uint8_t i = 0; i < entry->fd_count; i++)
        watches_hide(entry->fds[i]);
    int error = 0;
    if (outcome->failed)
        error = failure_errno(&outcome->failure);
    else if (!job->begun)
        error = connect_next(entry);
    if (error == 0 && hand_over(entry)) {
        remember_peer(entry); /* now, so that forked children have it, too */
        return EINPROGRESS;
    }
    if (error != 0 && !outcome->failed) {
        outcome->ended = outcome->failed = true;
        outcome->failure =
            (struct failure){.status = STATUS_SYSTEM, .code = -1, .sys_errno = error};
    }
    if (error == 0)
        dial_disconnect(entry->own_fd);
    show(entry);
    pending_end(entry, 0);
    return error != 0 ? error : CONNECTOR_UNAVAILABLE;
}

int connector_begin(const struct connector_job *job)
{
    struct outcome outcome = {.to = *job->to, .route = job->route};
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
                 : entry         ? &entry->own_fd
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
