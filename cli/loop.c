/* SPDX-License-Identifier: MIT
 * The event loop. */
#include "cli/loop.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t loop_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool loop_init(struct loop *loop, const uint32_t delay_ms[static DELAY_COUNT])
{
    memset(loop, 0, sizeof(*loop));
    memcpy(loop->delay_ms, delay_ms, sizeof(loop->delay_ms));
    for (size_t i = 0; i < DELAY_COUNT; i++)
        loop->queue[i].prev = loop->queue[i].next = &loop->queue[i];
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll_fd >= 0;
}

void loop_deinit(struct loop *loop)
{
    close(loop->epoll_fd);
    loop->epoll_fd = -1;
}

bool loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
    if (watch->registered && watch->events == events)
        return true;
    struct epoll_event event = {.events = events, .data.ptr = watch};
    int operation = watch->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) < 0)
        return false;
    watch->registered = true;
    watch->events = events;
    return true;
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    if (!watch->registered)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->registered = false;
    for (int i = loop->batch_at + 1; i < loop->batch_len; i++)
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
}

void loop_close(struct loop *loop, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    loop_unwatch(loop, watch);
    close(watch->fd);
    watch->fd = -1;
}

void loop_arm(struct loop *loop, struct timer *timer, enum delay delay)
{
    struct timer *head = &loop->queue[delay];
    loop_disarm(timer);
    timer->due_ms = loop_now_ms() + loop->delay_ms[delay];
    timer->next = head;
    timer->prev = head->prev;
    timer->prev->next = timer;
    head->prev = timer;
}

void loop_disarm(struct timer *timer)
{
    if (!timer->next)
        return;
    timer->prev->next = timer->next;
    timer->next->prev = timer->prev;
    timer->next = timer->prev = NULL;
}

struct timer *loop_next_due(struct loop *loop, enum delay delay)
{
    struct timer *head = &loop->queue[delay];
    return head->next == head ? NULL : head->next;
}

/* The argument for epoll_wait: -1 when no timer is armed. */
static int sleep_ms(struct loop *loop)
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < DELAY_COUNT; i++) {
        struct timer *timer = loop_next_due(loop, (enum delay)i);
        if (timer && timer->due_ms < due)
            due = timer->due_ms;
    }
    if (due == INT64_MAX)
        return -1;
    int64_t left = due - loop_now_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void fire(struct loop *loop)
{
    int64_t now = loop_now_ms();
    for (int i = 0; i < DELAY_COUNT; i++) {
        struct timer *timer;
        while ((timer = loop_next_due(loop, (enum delay)i)) && timer->due_ms <= now) {
            loop_disarm(timer);
            timer->fired(timer);
        }
    }
}

void loop_turn(struct loop *loop)
{
    int count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, sleep_ms(loop));
    loop->batch_len = count < 0 ? 0 : count; /* EINTR: nothing came */
    for (loop->batch_at = 0; loop->batch_at < loop->batch_len; loop->batch_at++) {
        struct epoll_event *event = &loop->batch[loop->batch_at];
        struct watch *watch = event->data.ptr;
        if (watch)
            watch->ready(watch, event->events);
    }
    loop->batch_len = 0;
    fire(loop);
}
