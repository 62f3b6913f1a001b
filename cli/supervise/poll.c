/* SPDX-License-Identifier: MIT
 * The kernel would call the socket of a tunnel ready as soon as the proxy has accepted the
 * connection. So a call that asks for one is answered here, from descriptors of ours, the sockets
 * of tunnels left out; all other calls are the kernel's. */
#include "cli/supervise/poll.h"

#include "cli/supervise/notify.h"
#include "cli/supervise/pollset.h"
#include "cli/supervise/supervisor.h"
#include "cli/supervise/tunnels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

/* How late it is noticed that a caller has gone: the kernel tells nobody. */
enum { LOOK_ROUND_MS = 250 };

#define NOT_YET INT64_MIN /* a deadline that is to be reckoned */
#define NEVER INT64_MAX

/* A call that waits. */
struct vigil {
    LIST_ENTRY(vigil) link;
    struct watch watch; /* an epoll set of what the call asks for */
    struct timer tick;
    struct supervisor *supervisor;
    struct call call;
    int64_t deadline_ms;
    int64_t look_ms; /* when to see whether the caller is still there */
    uint64_t let_in; /* signals that end it */
    size_t cookie_count;
    uint64_t cookies[]; /* of the sockets that were left out */
};

static LIST_HEAD(, vigil) vigils = LIST_HEAD_INITIALIZER(vigils);

/* A call being looked at. */
struct look {
    struct request *request;
    int64_t deadline_ms;
    size_t cookie_count;
    uint64_t cookies[POLLSET_MAX];
    struct pollset set;
    size_t taken;                    /* of ours */
    struct pollfd ours[POLLSET_MAX]; /* descriptor for descriptor; -1: not had, or left out */
};

/* --- Whose sockets --- */

static bool has_tunnel(const struct request *request, uint64_t cookie)
{
    const struct tunnel *tunnel = tunnels_find(request->supervisor->tunnels, cookie);
    return tunnel && !tunnel->waits;
}

/* Whether the call asks for the socket of a tunnel: few do, and their numbers tell them apart from
 * nearly all others without a look at the descriptors. */
static bool asks_for_tunnel(const struct look *look)
{
    const struct request *request = look->request;
    struct tunnel_numbers numbers;
    tunnels_numbers(request->supervisor->tunnels, &numbers);
    bool found = false;
    for (size_t i = 0; !found && i < look->set.count; i++) {
        int number = look->set.entries[i].fd;
        int fd =
            tunnel_numbers_may_have(&numbers, number) ? caller_take(&request->caller, number) : -1;
        found = fd >= 0 && has_tunnel(request, socket_cookie(fd));
        if (fd >= 0)
            caller_give_back(fd);
    }
    return found;
}

/* Take the caller's descriptors, and leave out those with a tunnel under way. False where only the
 * kernel can answer. */
static bool take_all(struct look *look)
{
    const struct request *request = look->request;
    for (size_t i = 0; i < look->set.count; i++) {
        struct pollfd *entry = &look->set.entries[i];
        struct pollfd *ours = &look->ours[i];
        *ours = (struct pollfd){.fd = -1, .events = entry->events};
        look->taken = i + 1;
        entry->revents = 0;
        if (entry->fd < 0)
            continue;
        ours->fd = caller_take(&request->caller, entry->fd);
        if (ours->fd < 0 && (errno != EBADF || look->set.is_select))
            return false;
        if (ours->fd < 0) {
            entry->revents = POLLNVAL;
            continue;
        }
        uint64_t cookie = socket_cookie(ours->fd);
        if (has_tunnel(request, cookie)) {
            look->cookies[look->cookie_count++] = cookie;
            caller_give_back(ours->fd);
            ours->fd = -1;
        }
    }
    return true;
}

static void release(const struct look *look)
{
    for (size_t i = 0; i < look->taken; i++)
        if (look->ours[i].fd >= 0)
            caller_give_back(look->ours[i].fd);
}

/* --- The answer --- */

/* True when there is something to tell already. */
static bool has_news(struct look *look)
{
    bool news = false;
    poll(look->ours, look->set.count, 0);
    for (size_t i = 0; i < look->set.count; i++) {
        struct pollfd *entry = &look->set.entries[i];
        if (look->ours[i].fd >= 0)
            entry->revents = look->ours[i].revents;
        news |= pollset_entry_counts(&look->set, entry);
    }
    return news;
}

static void answer(const struct look *look, int64_t now)
{
    const struct request *request = look->request;
    int64_t left_ms = look->deadline_ms == NEVER ? -1
                      : look->deadline_ms > now  ? look->deadline_ms - now
                                                 : 0;
    int64_t value;
    if (!notify_is_waiting(request->supervisor->listener.fd, request->call.id))
        return;
    int error = pollset_write(&request->caller, &request->call, &look->set, left_ms, &value);
    request_answer(request, error ? -error : value);
}

/* --- Waiting --- */

static void judge(struct request *request, int64_t deadline_ms);

static void end(struct vigil *vigil)
{
    LIST_REMOVE(vigil, link);
    loop_disarm(&vigil->tick);
    loop_close(&vigil->supervisor->loop, &vigil->watch);
    free(vigil);
}

static void look_again(struct vigil *vigil)
{
    struct request request = {.supervisor = vigil->supervisor, .call = vigil->call};
    int64_t deadline_ms = vigil->deadline_ms;
    end(vigil);
    int error = caller_open(&request.caller, request.call.tid);
    if (error != 0) {
        request_answer(&request, -error); /* heard, unless the caller has gone */
        return;
    }
    /* Asked only now: until then the thread's number may have become another's. */
    if (notify_is_waiting(request.supervisor->listener.fd, request.call.id))
        judge(&request, deadline_ms);
    caller_close(&request.caller);
}

static void ready(struct watch *watch, uint32_t events)
{
    (void)events;
    look_again(HOLDER_OF(watch, struct vigil, watch));
}

/*
 * The mask of ppoll(2) and pselect(2) is set by the kernel, once the call is its own: a signal that
 * the mask lets in stays blocked while the call waits here, and does not interrupt it.
 */
static bool has_signal(const struct caller *caller, uint64_t let_in)
{
    return let_in != 0 && (caller_pending_signals(caller) & let_in) != 0;
}

/* The deadline has come, or a signal, or it is time to see whether the caller is still there. */
static void on_tick(struct timer *timer)
{
    struct vigil *vigil = HOLDER_OF(timer, struct vigil, tick);
    const struct caller caller = {.tid = vigil->call.tid, .pidfd = -1};
    int64_t now = loop_now_ms();
    if (vigil->deadline_ms <= now || vigil->look_ms <= now || has_signal(&caller, vigil->let_in))
        look_again(vigil);
    else
        loop_arm(&vigil->supervisor->loop, timer, DELAY_TICK);
}

/*
 * What is to wake the call. The set keeps hold of the files, not of our descriptors, which can be
 * closed at once; the program has them open as long as it waits. What is ready already, in a way
 * that the call does not ask for, would wake it for ever. Returns the set, or -1.
 */
static int collect(const struct look *look)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; set >= 0 && i < look->set.count; i++) {
        struct epoll_event event = {.events = (uint32_t)look->ours[i].events};
        if (look->ours[i].fd >= 0 && look->ours[i].revents == 0 &&
            epoll_ctl(set, EPOLL_CTL_ADD, look->ours[i].fd, &event) != 0 && errno != EPERM) {
            close(set); /* EPERM: a file that is always ready */
            set = -1;
        }
    }
    return set;
}

/* False where there is no memory or descriptor for it. */
static bool wait_for_news(const struct look *look)
{
    struct supervisor *supervisor = look->request->supervisor;
    struct vigil *vigil = calloc(1, sizeof(*vigil) + look->cookie_count * sizeof(uint64_t));
    if (!vigil)
        return false;
    vigil->watch = (struct watch){.fd = collect(look), .ready = ready};
    if (vigil->watch.fd < 0 || !caller_may_keep(vigil->watch.fd) ||
        !loop_watch(&supervisor->loop, &vigil->watch, EPOLLIN)) {
        loop_close(&supervisor->loop, &vigil->watch);
        free(vigil);
        return false;
    }
    vigil->supervisor = supervisor;
    vigil->call = look->request->call;
    vigil->tick.fired = on_tick;
    vigil->deadline_ms = look->deadline_ms;
    vigil->look_ms = loop_now_ms() + LOOK_ROUND_MS;
    vigil->let_in = look->set.let_in;
    vigil->cookie_count = look->cookie_count;
    memcpy(vigil->cookies, look->cookies, look->cookie_count * sizeof(uint64_t));
    LIST_INSERT_HEAD(&vigils, vigil, link);
    loop_arm(&supervisor->loop, &vigil->tick, DELAY_TICK);
    return true;
}

/* --- Both --- */

/* A call that waited already is answered here to the end: its time is running. */
static bool is_ours(struct look *look, bool has_waited)
{
    const struct caller *caller = &look->request->caller;
    return pollset_read(caller, &look->request->call, &look->set) &&
           (has_waited || asks_for_tunnel(look)) && !has_signal(caller, look->set.let_in) &&
           take_all(look);
}

static void judge(struct request *request, int64_t deadline_ms)
{
    static struct look look; /* too large for the stack; used by one call at a time */
    int64_t now = loop_now_ms();
    look.request = request;
    look.cookie_count = 0;
    look.taken = 0;
    bool ours = is_ours(&look, deadline_ms != NOT_YET);
    if (deadline_ms == NOT_YET)
        deadline_ms = !ours || look.set.timeout_ms < 0 ? NEVER : now + look.set.timeout_ms;
    look.deadline_ms = deadline_ms;
    if (ours && (has_news(&look) || deadline_ms <= now))
        answer(&look, now);
    else if (!ours || !wait_for_news(&look))
        request_pass(request);
    release(&look);
}

void on_poll(struct request *request)
{
    judge(request, NOT_YET);
}

void polls_wake(uint64_t cookie)
{
    struct vigil *next;
    for (struct vigil *vigil = LIST_FIRST(&vigils); vigil; vigil = next) {
        next = LIST_NEXT(vigil, link);
        size_t i = 0;
        while (i < vigil->cookie_count && vigil->cookies[i] != cookie)
            i++;
        if (i < vigil->cookie_count)
            look_again(vigil);
    }
}
