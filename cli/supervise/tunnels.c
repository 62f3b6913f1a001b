/* SPDX-License-Identifier: MIT
 * The course of a connect: looked up, begun, advanced by events, ended by them, by its deadline, or
 * because nobody wants it any more. */
#include "cli/supervise/tunnels.h"

#include "cli/supervise/notify.h"
#include "cli/supervise/peers.h"
#include "cli/supervise/poll.h"
#include "core/dial.h"
#include "core/endpoint_cache.h"
#include "core/replace.h"
#include "core/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CHECK_MS = 500, /* how late a close(2) of the program's may be noticed */
    CHECK_SOON_MS = 5,
    BUCKETS = 4096, /* a program may have ten thousand under way */
};

struct tunnels {
    struct supervisor *supervisor;
    struct tunnel *first;
    size_t count;
    struct timer tick;                    /* deadlines are kept to within one */
    LIST_HEAD(, tunnel) buckets[BUCKETS]; /* by cookie, which the kernel counts up */
};

bool tunnels_any(const struct tunnels *tunnels)
{
    return tunnels->count > 0;
}

struct tunnel *tunnels_find(const struct tunnels *tunnels, uint64_t cookie)
{
    struct tunnel *tunnel = cookie != 0 ? LIST_FIRST(&tunnels->buckets[cookie % BUCKETS]) : NULL;
    while (tunnel && (tunnel->cookie != cookie || tunnel->is_abandoned))
        tunnel = LIST_NEXT(tunnel, bucket);
    return tunnel;
}

bool tunnel_seems_ready(const struct tunnel *tunnel)
{
    return !tunnel->waits && tunnel->attempt.tcp_connected && !tunnel->registrations;
}

static void set_cookie(struct tunnel *tunnel, uint64_t cookie)
{
    tunnel->cookie = cookie;
    LIST_INSERT_HEAD(&tunnel->tunnels->buckets[cookie % BUCKETS], tunnel, bucket);
}

/* Where the bit of a descriptor stands. */
static size_t word_of(int number)
{
    return (unsigned)number / 64 % TUNNEL_NUMBERS_WORDS;
}

static uint64_t bit_of(int number)
{
    return UINT64_C(1) << ((unsigned)number % 64);
}

void tunnels_numbers(const struct tunnels *tunnels, struct tunnel_numbers *numbers)
{
    *numbers = (struct tunnel_numbers){{0}};
    for (const struct tunnel *tunnel = tunnels->first; tunnel; tunnel = tunnel->next)
        numbers->words[word_of(tunnel->number)] |= bit_of(tunnel->number);
}

bool tunnel_numbers_may_have(const struct tunnel_numbers *numbers, int number)
{
    return number >= 0 && (numbers->words[word_of(number)] & bit_of(number)) != 0;
}

/* --- Leaving --- */

static void unlink_tunnel(struct tunnel *tunnel)
{
    struct tunnels *tunnels = tunnel->tunnels;
    if (tunnel->prev)
        tunnel->prev->next = tunnel->next;
    else
        tunnels->first = tunnel->next;
    if (tunnel->next)
        tunnel->next->prev = tunnel->prev;
    LIST_REMOVE(tunnel, bucket);
    tunnels->count--;
}

/* Nothing is to be heard of whoever began it any more; the caller's descriptor stays. */
static void leave_process(struct tunnel *tunnel)
{
    loop_unwatch(&tunnel->supervisor->loop, &tunnel->thread);
    if (!tunnel->process)
        return;
    if (tunnel->caller.pidfd == tunnel->process->end.fd)
        tunnel->caller.pidfd = -1;
    process_leave(tunnel->process);
    tunnel->process = NULL;
}

static void destroy(struct tunnel *tunnel)
{
    unlink_tunnel(tunnel);
    loop_unwatch(&tunnel->supervisor->loop, &tunnel->watch);
    leave_process(tunnel);
    while (tunnel->registrations)
        registration_remove(&tunnel->registrations);
    while (tunnel->waiters) {
        struct waiter *next = tunnel->waiters->next;
        free(tunnel->waiters);
        tunnel->waiters = next;
    }
    caller_close(&tunnel->caller);
    caller_give_back(tunnel->attempt.fd);
    free(tunnel->data);
    free(tunnel);
}

/* --- The end --- */

static bool is_of_connect(const struct waiter *waiter)
{
    enum call_kind kind = waiter->call.kind;
    return kind == CALL_CONNECT || kind == CALL_SENDTO || kind == CALL_SENDMSG ||
           kind == CALL_SENDMMSG;
}

static struct waiter *find_connect(struct waiter *waiter)
{
    while (waiter && !is_of_connect(waiter))
        waiter = waiter->next;
    return waiter;
}

/* What came with the connect(2) is sent now. Returns the call's value. */
static int64_t send_data(const struct tunnel *tunnel)
{
    ssize_t sent = send(tunnel->attempt.fd, tunnel->data, tunnel->data_len,
                        MSG_DONTWAIT | MSG_NOSIGNAL | tunnel->send_flags);
    return sent >= 0 ? sent : -errno;
}

/* Returns true when a connect(2) that waited has heard it. */
static bool answer_waiters(struct tunnel *tunnel, struct waiter *waiters, int error)
{
    int listener = tunnel->supervisor->listener.fd;
    bool told = false;
    for (const struct waiter *waiter = waiters; waiter; waiter = waiter->next) {
        if (!is_of_connect(waiter))
            continue;
        int64_t value = -error;
        if (error == 0 && tunnel->data && !told)
            value = send_data(tunnel);
        told = notify_answer(listener, waiter->call.id, value) || told;
    }
    return told;
}

/* Those that ask how it ended: they find it in the peers now. */
static void answer_askers(struct supervisor *supervisor, struct waiter *waiters)
{
    while (waiters) {
        struct waiter *next = waiters->next;
        if (!is_of_connect(waiters))
            supervisor_dispatch(supervisor, &waiters->call);
        free(waiters);
        waiters = next;
    }
}

/* The kernel answers the first connect(2) after one that did not wait with 0, in place of EISCONN.
 * That one is ours: whether the program is to hear of it stands in the peers. */
static void settle(int fd, const union endpoint *peer, socklen_t len)
{
    int ignored = connect(fd, &peer->any, len);
    (void)ignored;
}

static void remember(const struct tunnel *tunnel, int error, bool told)
{
    struct peers *peers = tunnel->supervisor->peers;
    struct peer peer = {.target = tunnel->address, .error = error, .is_news = error == 0 && !told};
    socklen_t len = sizeof(peer.actual);
    peer.target_len =
        peer.target.any.sa_family == AF_INET ? sizeof(peer.target.in) : sizeof(peer.target.in6);
    if (error == 0 && getpeername(tunnel->attempt.fd, &peer.actual.any, &len) == 0)
        settle(tunnel->attempt.fd, &peer.actual, len);
    if (error != 0 && told)
        peers_remove(peers, tunnel->cookie);
    else
        peers_set(peers, tunnel->cookie, &peer);
}

static void report(const struct tunnel *tunnel, int64_t now)
{
    const struct attempt *attempt = &tunnel->attempt;
    if (attempt->route->kind != ROUTE_PROXY)
        return;
    supervisor_speak_for(&tunnel->caller);
    if (attempt->failure.status != STATUS_OK)
        report_failure(&attempt->to, attempt->route, &attempt->failure);
    else
        report_success(&attempt->to, attempt->route, now - attempt->start_ms);
    supervisor_speak_for(NULL);
}

/* error: 0, or what the program is told. The order matters: words before answers, for a program may
 * exit at once; the kernel's state before those who read it. */
static void end(struct tunnel *tunnel, int error)
{
    struct supervisor *supervisor = tunnel->supervisor;
    struct waiter *waiters = tunnel->waiters;
    tunnel->waiters = NULL;
    report(tunnel, dial_now_ms());
    if (error != 0 && !find_connect(waiters))
        attempt_show_failure(tunnel->attempt.fd, tunnel->attempt.family);
    /* Only now is it known whether somebody hears it; but nobody may act on it before it is
     * remembered: so it is remembered first as told. */
    remember(tunnel, error, true);
    bool told = answer_waiters(tunnel, waiters, error);
    if (!told && error != EINPROGRESS)
        remember(tunnel, error, false);
    registration_restore(&tunnel->registrations, tunnel->attempt.fd);
    uint64_t cookie = tunnel->cookie;
    destroy(tunnel);
    answer_askers(supervisor, waiters);
    polls_wake(cookie);
}

static void finish(struct tunnel *tunnel, enum attempt_state state)
{
    if (state == ATTEMPT_RUNNING)
        return;
    const struct attempt *attempt = &tunnel->attempt;
    if (state == ATTEMPT_FAILED && attempt->failure.stage == STAGE_CONNECT &&
        attempt->route->kind == ROUTE_PROXY && tunnel->scope->endpoints)
        endpoint_cache_forget(tunnel->scope->endpoints, tunnel->scope->config,
                              attempt->route->hop[0]);
    end(tunnel, state == ATTEMPT_DONE ? 0 : failure_errno(&attempt->failure));
}

void tunnel_cancel(struct tunnel *tunnel)
{
    struct supervisor *supervisor = tunnel->supervisor;
    struct waiter *waiters = tunnel->waiters;
    uint64_t cookie = tunnel->cookie;
    tunnel->waiters = NULL;
    if (tunnel->is_on_errand) {
        tunnel->is_abandoned = true; /* until the errand is back */
        leave_process(tunnel);
    } else {
        destroy(tunnel);
    }
    while (waiters) {
        struct waiter *next = waiters->next;
        if (is_of_connect(waiters))
            notify_answer(supervisor->listener.fd, waiters->call.id, -ECONNABORTED);
        else
            supervisor_dispatch(supervisor, &waiters->call);
        free(waiters);
        waiters = next;
    }
    polls_wake(cookie);
}

void tunnel_dissolve(struct tunnel *tunnel)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    /* The ECONNRESET that the kernel notes for it is the program's to see. */
    int ignored = connect(tunnel->attempt.fd, &nowhere, sizeof(nowhere));
    (void)ignored;
    registration_restore(&tunnel->registrations, tunnel->attempt.fd);
    tunnel_cancel(tunnel);
}

/* --- Deadlines, and whether anybody is left --- */

static void drop_waiters_that_left(struct tunnel *tunnel)
{
    for (struct waiter **at = &tunnel->waiters; *at;) {
        struct waiter *waiter = *at;
        if (notify_is_waiting(tunnel->supervisor->listener.fd, waiter->call.id)) {
            at = &waiter->next;
        } else {
            *at = waiter->next;
            free(waiter);
        }
    }
}

/* The program has the socket still, under the number that it had. */
static bool is_open_there(const struct tunnel *tunnel)
{
    int fd = caller_take(&tunnel->caller, tunnel->number);
    bool same = fd >= 0 && socket_cookie(fd) == tunnel->cookie;
    if (fd >= 0)
        caller_give_back(fd);
    return same;
}

static void check(struct tunnel *tunnel)
{
    tunnel->check_ms = dial_now_ms() + CHECK_MS;
    drop_waiters_that_left(tunnel);
    if (!tunnel->waiters && !is_open_there(tunnel))
        tunnel_cancel(tunnel);
}

void tunnel_check_soon(struct tunnel *tunnel)
{
    int64_t soon = dial_now_ms() + CHECK_SOON_MS;
    if (tunnel->check_ms > soon)
        tunnel->check_ms = soon;
}

static void expire(struct tunnel *tunnel)
{
    if (tunnel->may_go_on)
        end(tunnel, EINPROGRESS);
    else
        finish(tunnel, attempt_expire(&tunnel->attempt));
}

static void on_tick(struct timer *timer)
{
    struct tunnels *tunnels = HOLDER_OF(timer, struct tunnels, tick);
    int64_t now = dial_now_ms();
    struct tunnel *next;
    for (struct tunnel *tunnel = tunnels->first; tunnel; tunnel = next) {
        next = tunnel->next;
        if (tunnel->is_abandoned)
            continue;
        if (!tunnel->is_on_errand && tunnel->attempt.step_deadline_ms <= now)
            expire(tunnel);
        else if (tunnel->check_ms <= now)
            check(tunnel);
    }
    if (tunnels->first)
        loop_arm(&tunnels->supervisor->loop, timer, DELAY_TICK);
}

static void on_thread_end(struct watch *watch, uint32_t events)
{
    (void)events;
    struct tunnel *tunnel = HOLDER_OF(watch, struct tunnel, thread);
    loop_unwatch(&tunnel->supervisor->loop, watch); /* it would say so again and again */
    check(tunnel);
}

static void on_process_end(struct process *process)
{
    struct supervisor *supervisor = HOLDER_OF(process->loop, struct supervisor, loop);
    struct tunnel *next;
    for (struct tunnel *tunnel = supervisor->tunnels->first; tunnel; tunnel = next) {
        next = tunnel->next;
        if (tunnel->process == process)
            check(tunnel);
    }
}

/* --- The course --- */

static void on_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct tunnel *tunnel = HOLDER_OF(watch, struct tunnel, watch);
    finish(tunnel, attempt_advance(&tunnel->attempt));
}

/* A socket that reaches no endpoint of the proxy is replaced in the program's table, too. */
static int fit_socket(struct tunnel *tunnel, uint64_t id)
{
    struct attempt *attempt = &tunnel->attempt;
    if (!replace_is_needed(attempt->fd, attempt->family, &attempt->endpoints))
        return 0;
    registration_collect(&tunnel->registrations, &tunnel->caller, tunnel->number, attempt->fd);
    if (!replace_unfit_socket(attempt->fd, &attempt->family, &attempt->endpoints))
        return errno;
    LIST_REMOVE(tunnel, bucket);
    set_cookie(tunnel, socket_cookie(attempt->fd));
    return notify_put(tunnel->supervisor->listener.fd, id, attempt->fd, tunnel->number,
                      caller_closes_on_exec(&tunnel->caller, tunnel->number))
               ? 0
               : ECONNABORTED;
}

/* A program that set O_NONBLOCK does not wait for the proxy. */
static void let_go(struct tunnel *tunnel, struct waiter *waiter)
{
    struct waiter **at = &tunnel->waiters;
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    tunnel->is_unheard =
        !notify_answer(tunnel->supervisor->listener.fd, waiter->call.id, -EINPROGRESS);
    free(waiter);
}

/* The addresses are known: connect. */
static void start(struct tunnel *tunnel)
{
    struct attempt *attempt = &tunnel->attempt;
    struct waiter *first = find_connect(tunnel->waiters);
    int error = attempt->failure.status != STATUS_OK           ? failure_errno(&attempt->failure)
                : first && attempt->route->kind == ROUTE_PROXY ? fit_socket(tunnel, first->call.id)
                                                               : 0;
    if (error != 0) {
        end(tunnel, error);
        return;
    }
    dial_unmap(attempt->fd, &attempt->endpoints.list[0]);
    enum attempt_state state = attempt_begin(attempt);
    tunnel->watch.fd = attempt->fd;
    if (state == ATTEMPT_RUNNING && !loop_watch(&tunnel->supervisor->loop, &tunnel->watch,
                                                EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
        dial_disconnect(attempt->fd);
        end(tunnel, ENOMEM);
        return;
    }
    if (state == ATTEMPT_RUNNING && !tunnel->waits && first)
        let_go(tunnel, first);
    finish(tunnel, state);
}

/* --- What is looked up first --- */

static bool needs_errand(const struct attempt *attempt)
{
    const struct route *route = attempt->route;
    if (route->kind == ROUTE_DIRECT)
        return attempt->endpoints.count == 0;
    return route->hop[0]->address.kind == TARGET_NAME ||
           (attempt->to.kind == TARGET_NAME && endpoints_are_local(route));
}

/* In a thread when it takes its time, else at once. */
static void find_endpoints(struct errand *errand)
{
    struct tunnel *tunnel = HOLDER_OF(errand, struct tunnel, errand);
    struct attempt *attempt = &tunnel->attempt;
    const struct route *route = attempt->route;
    enum status status = STATUS_OK;
    if (route->kind == ROUTE_PROXY) {
        endpoints_resolve_for_socks4(route, &attempt->to);
        status = endpoint_cache_find(tunnel->scope->endpoints, tunnel->scope->config, route->hop[0],
                                     &attempt->endpoints);
    } else if (attempt->endpoints.count == 0) {
        if (!endpoints_of_target(&attempt->to, attempt->family, &attempt->endpoints)) {
            attempt->failure =
                (struct failure){.status = STATUS_SYSTEM, .code = -1, .sys_errno = EHOSTUNREACH};
            return;
        }
    }
    if (status != STATUS_OK)
        attempt->failure = (struct failure){.status = status, .code = -1};
}

static void on_errand_done(struct errand *errand)
{
    struct tunnel *tunnel = HOLDER_OF(errand, struct tunnel, errand);
    tunnel->is_on_errand = false;
    if (tunnel->is_abandoned)
        destroy(tunnel);
    else
        start(tunnel);
}

/*
 * A thread that waits is as good as its process, and costs less to watch. One that does not may be
 * gone long before its process; but where it has descriptors of its own, it alone has the socket.
 */
static void watch_caller(struct tunnel *tunnel)
{
    struct loop *loop = &tunnel->supervisor->loop;
    pid_t pid = tunnel->waits ? 0 : caller_process(&tunnel->caller);
    if (pid > 0 && caller_shares_descriptors(&tunnel->caller, pid))
        tunnel->process = process_join(loop, pid, on_process_end);
    if (tunnel->process) {
        caller_close(&tunnel->caller);
        tunnel->caller = (struct caller){.tid = pid, .pidfd = tunnel->process->end.fd};
        return;
    }
    tunnel->thread = (struct watch){.fd = tunnel->caller.pidfd, .ready = on_thread_end};
    loop_watch(loop, &tunnel->thread, EPOLLIN);
}

void tunnels_begin(struct tunnels *tunnels, struct tunnel *tunnel, const struct call *call)
{
    tunnel->tunnels = tunnels;
    tunnel->supervisor = tunnels->supervisor;
    tunnel->watch.ready = on_ready;
    tunnel->check_ms = dial_now_ms() + CHECK_MS;
    tunnel->next = tunnels->first;
    if (tunnels->first)
        tunnels->first->prev = tunnel;
    else
        loop_arm(&tunnels->supervisor->loop, &tunnels->tick, DELAY_TICK);
    tunnels->first = tunnel;
    tunnels->count++;
    set_cookie(tunnel, tunnel->cookie);
    watch_caller(tunnel);
    tunnel_await(tunnel, call);
    if (!needs_errand(&tunnel->attempt)) {
        find_endpoints(&tunnel->errand);
        start(tunnel);
        return;
    }
    tunnel->errand = (struct errand){.work = find_endpoints, .done = on_errand_done};
    tunnel->is_on_errand = errand_start(tunnels->supervisor->errands, &tunnel->errand);
    if (!tunnel->is_on_errand)
        end(tunnel, EAGAIN);
}

void tunnel_await(struct tunnel *tunnel, const struct call *call)
{
    struct waiter *waiter = malloc(sizeof(*waiter));
    if (!waiter) {
        notify_answer(tunnel->supervisor->listener.fd, call->id, -ENOMEM);
        return;
    }
    *waiter = (struct waiter){.next = tunnel->waiters, .call = *call};
    tunnel->waiters = waiter;
}

struct tunnels *tunnels_new(struct supervisor *supervisor)
{
    struct tunnels *tunnels = calloc(1, sizeof(*tunnels));
    if (!tunnels)
        return NULL;
    tunnels->supervisor = supervisor;
    tunnels->tick.fired = on_tick;
    return tunnels;
}
