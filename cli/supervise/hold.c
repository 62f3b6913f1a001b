/* SPDX-License-Identifier: MIT
 * Held calls: a watch each, and one alarm for all of them. */
#include "cli/supervise/hold.h"

#include "cli/supervise/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* How long the socket of a caller that has gone may stay open here: the kernel tells nobody that a
 * call was given up, so it has to be asked. */
enum { LOOK_ROUND_MS = 250 };

#define NEVER INT64_MAX

struct hold {
    LIST_ENTRY(hold) link;
    struct watch watch;
    struct supervisor *supervisor;
    struct call call;
    int64_t deadline_ms;
    void (*again)(struct request *request);
};

static struct {
    LIST_HEAD(, hold) all;
    struct watch alarm; /* a timer descriptor; there from the first hold on */
    int64_t alarm_ms;   /* when it rings; NEVER */
    struct loop *loop;
    const struct hold *resumed; /* its call is being tried again */
} holds = {.alarm = {.fd = -1}, .alarm_ms = NEVER};

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void set_alarm(int64_t at_ms)
{
    const struct itimerspec spec = {
        .it_value = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000}};
    timerfd_settime(holds.alarm.fd, TFD_TIMER_ABSTIME, &spec, NULL);
    holds.alarm_ms = at_ms;
}

static void end(struct hold *hold)
{
    LIST_REMOVE(hold, link);
    loop_unwatch(holds.loop, &hold->watch);
    caller_give_back(hold->watch.fd);
    free(hold);
}

static bool is_waiting(const struct hold *hold)
{
    return notify_is_waiting(hold->supervisor->listener.fd, hold->call.id);
}

static void look_round(struct watch *watch, uint32_t events)
{
    (void)events;
    uint64_t rings;
    ssize_t ignored = read(watch->fd, &rings, sizeof(rings));
    (void)ignored;
    int64_t now = loop_now_ms();
    int64_t next = NEVER;
    struct hold *following;
    for (struct hold *hold = LIST_FIRST(&holds.all); hold; hold = following) {
        following = LIST_NEXT(hold, link);
        if (hold->deadline_ms <= now)
            notify_answer(hold->supervisor->listener.fd, hold->call.id, -EAGAIN);
        if (hold->deadline_ms <= now || !is_waiting(hold))
            end(hold);
        else
            next = sooner(next, sooner(hold->deadline_ms, now + LOOK_ROUND_MS));
    }
    holds.alarm_ms = NEVER;
    if (next != NEVER)
        set_alarm(next);
}

static bool start(struct loop *loop)
{
    if (holds.alarm.fd >= 0)
        return true;
    holds.loop = loop;
    holds.alarm = (struct watch){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                                 .ready = look_round};
    if (holds.alarm.fd >= 0 && !loop_watch(loop, &holds.alarm, EPOLLIN))
        loop_close(loop, &holds.alarm);
    return holds.alarm.fd >= 0;
}

static void try_again(const struct hold *hold)
{
    struct request request = {.supervisor = hold->supervisor, .call = hold->call};
    int error = caller_open(&request.caller, hold->call.tid);
    if (error != 0) {
        request_answer(&request, -error);
        return;
    }
    /* Asked only now: until then the thread's number may have become another's. */
    if (is_waiting(hold)) {
        supervisor_speak_for(&request.caller);
        holds.resumed = hold;
        hold->again(&request);
        holds.resumed = NULL;
        supervisor_speak_for(NULL);
    }
    caller_close(&request.caller);
}

static void ready(struct watch *watch, uint32_t events)
{
    struct hold *hold = HOLDER_OF(watch, struct hold, watch);
    (void)events;
    loop_unwatch(holds.loop, watch);
    try_again(hold);
    end(hold);
}

/* When a call that is held from now on is to be given up. */
static int64_t deadline_of(const struct call *call, int64_t timeout_ms)
{
    if (holds.resumed && holds.resumed->call.id == call->id)
        return holds.resumed->deadline_ms;
    return timeout_ms > 0 ? loop_now_ms() + timeout_ms : NEVER;
}

void hold_until_ready(struct request *request, int fd, uint32_t events, int64_t timeout_ms,
                      void (*again)(struct request *request))
{
    struct hold *hold = caller_may_keep(fd) ? calloc(1, sizeof(*hold)) : NULL;
    bool started = hold && start(&request->supervisor->loop);
    if (started) {
        *hold = (struct hold){
            .watch = {.fd = fd, .ready = ready},
            .supervisor = request->supervisor,
            .call = request->call,
            .deadline_ms = deadline_of(&request->call, timeout_ms),
            .again = again,
        };
        started = loop_watch(holds.loop, &hold->watch, events);
    }
    if (!started) {
        free(hold);
        caller_give_back(fd);
        request_answer(request, -ENOBUFS);
        return;
    }
    LIST_INSERT_HEAD(&holds.all, hold, link);
    int64_t ring_ms = sooner(hold->deadline_ms, loop_now_ms() + LOOK_ROUND_MS);
    if (ring_ms < holds.alarm_ms)
        set_alarm(ring_ms);
}

static int64_t timeout_of(int fd, int option)
{
    struct timeval timeout = {0};
    socklen_t len = sizeof(timeout);
    getsockopt(fd, SOL_SOCKET, option, &timeout, &len);
    return (int64_t)timeout.tv_sec * 1000 + (timeout.tv_usec + 999) / 1000;
}

void hold_as_told(struct request *request, int fd, uint32_t events, int flags,
                  void (*again)(struct request *request))
{
    int status = fcntl(fd, F_GETFL);
    bool waits = status >= 0 && !(status & O_NONBLOCK) && !(flags & MSG_DONTWAIT);
    if (waits) {
        int64_t timeout_ms = timeout_of(fd, events & EPOLLIN ? SO_RCVTIMEO : SO_SNDTIMEO);
        hold_until_ready(request, fd, events, timeout_ms, again);
        return;
    }
    request_answer(request, -EAGAIN);
    caller_give_back(fd);
}
