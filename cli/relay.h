/* SPDX-License-Identifier: MIT
 * The tunnel between two connected sockets: what one says the other hears, each direction ends by
 * itself (half-close), and a reset on one side is a reset on the other. */
#ifndef SOCKSIFY_CLI_RELAY_H
#define SOCKSIFY_CLI_RELAY_H

#include "cli/conduit.h"
#include "cli/loop.h"

#include <stdbool.h>

struct relay;

/* One of the two sockets, and the direction that begins at it. */
struct relay_end {
    struct relay *relay; /* the whole it is part of */
    struct watch watch;
    struct conduit conduit; /* what it said and the other has not heard yet */
    bool finished;          /* nothing of it will be passed on any more */
};

struct relay {
    struct loop *loop;
    struct conduit_pool *pool;
    struct relay_end end[2];
    void (*ended)(struct relay *relay);
};

/* Before relay_start, so that relay_stop may be called at any time. */
void relay_init(struct relay *relay, struct loop *loop, struct conduit_pool *pool);

/*
 * Relay between two non-blocking sockets, which are the relay's from now on. `ended` is called
 * once, when both directions have ended or one failed; it calls relay_stop. May be called from
 * within relay_start.
 */
void relay_start(struct relay *relay, int a, int b, void (*ended)(struct relay *relay));

/* Close both sockets and free what is in transit. */
void relay_stop(struct relay *relay);

#endif
