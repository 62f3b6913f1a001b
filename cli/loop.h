/* SPDX-License-Identifier: MIT
 * The event loop: descriptors through epoll, level-triggered, and timers of a few fixed lengths.
 * Knows nothing of SOCKS. All calls come from the one thread that turns the loop. */
#ifndef SOCKSIFY_CLI_LOOP_H
#define SOCKSIFY_CLI_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The structure that holds `member` at `pointer`. */
#define HOLDER_OF(pointer, type, member)                                                           \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Every timer is of one of these lengths, so that each length has a queue that is in order without
 * being sorted, and arming and stopping cost O(1). */
enum delay {
    DELAY_ACCEPT,    /* before accept is tried again when descriptors had run out */
    DELAY_ATTEMPT,   /* between two overlapping connects */
    DELAY_LINGER,    /* for a client to read its refusal and close */
    DELAY_CONNECT,   /* from the request to the reply */
    DELAY_HANDSHAKE, /* from accept to the request */
    DELAY_TICK,      /* between two looks at what has deadlines of its own */
    DELAY_COUNT
};

/* Lives in its owner; all zeroes but for fd and ready before the first loop_watch. */
struct watch {
    int fd; /* -1: none */
    bool registered;
    uint32_t events; /* what is awaited */
    void (*ready)(struct watch *watch, uint32_t events);
};

/* Lives in its owner; all zeroes but for fired when not armed. */
struct timer {
    struct timer *prev, *next;
    int64_t due_ms;
    void (*fired)(struct timer *timer);
};

enum { LOOP_BATCH = 128 };

struct loop {
    int epoll_fd;
    uint32_t delay_ms[DELAY_COUNT];
    struct timer queue[DELAY_COUNT]; /* heads of rings */
    struct epoll_event batch[LOOP_BATCH];
    int batch_len, batch_at;
};

/* False, with errno, when there is no epoll descriptor. */
bool loop_init(struct loop *loop, const uint32_t delay_ms[static DELAY_COUNT]);
void loop_deinit(struct loop *loop);

/*
 * Await events (EPOLLIN, EPOLLOUT or 0: errors only) on watch->fd, in place of those before.
 * `ready` gets what came, EPOLLERR and EPOLLHUP included; it may free the watch after loop_close.
 * False when the kernel has no memory for a new watch; a change of an old one always succeeds.
 */
bool loop_watch(struct loop *loop, struct watch *watch, uint32_t events);

/* Stop watching, errors included; an event already fetched is dropped. The descriptor stays open.
 */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* loop_unwatch and close(2); does nothing when fd is -1. */
void loop_close(struct loop *loop, struct watch *watch);

/* Have `fired` called once after the delay; a timer that is armed starts anew. */
void loop_arm(struct loop *loop, struct timer *timer, enum delay delay);
void loop_disarm(struct timer *timer);

/* The timer of that length that fires first, or NULL. */
struct timer *loop_next_due(struct loop *loop, enum delay delay);

/* Sleep until something happens, and call those it concerns. */
void loop_turn(struct loop *loop);

/* Milliseconds of a clock that never steps. */
int64_t loop_now_ms(void);

#endif
