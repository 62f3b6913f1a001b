/* SPDX-License-Identifier: MIT
 * The event-driven driver: one connection under way, from the first connect(2) to the end of the
 * handshake, a step whenever its socket is ready or a deadline passes. Never waits. (dial.h is the
 * blocking one.) */
#ifndef SOCKSIFY_CORE_ATTEMPT_H
#define SOCKSIFY_CORE_ATTEMPT_H

#include "core/endpoint.h"
#include "core/handshake.h"
#include "core/route.h"
#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dial;

/* Filled by the caller down to deadline_ms before attempt_begin; must not move afterwards. */
struct attempt {
    int fd;                    /* an unconnected TCP socket, blocking or not; borrowed */
    int family;                /* its family */
    const struct route *route; /* of kind ROUTE_PROXY; of kind ROUTE_DIRECT: endpoints are the
                                  target's own, and there is no handshake */
    struct target to;
    struct endpoints endpoints; /* of the route's first proxy */
    int64_t start_ms;           /* on dial_now_ms's clock, as all times */
    int64_t deadline_ms;        /* of the whole */

    int64_t step_deadline_ms; /* when to call attempt_expire, unless it ended before */
    size_t endpoint;          /* the one in hand; after success the one that was taken */
    bool tcp_connected;       /* the connection to it stands */
    struct handshake handshake;
    struct failure failure; /* result: why it failed */
};

enum attempt_state {
    ATTEMPT_RUNNING, /* wait for any readiness of fd (edge-triggered will do), or step_deadline_ms
                      */
    ATTEMPT_DONE,    /* the socket carries the program's stream, nothing of which has been read */
    ATTEMPT_FAILED,  /* failure says why; the socket is unconnected again */
};

/* Start connecting; the status flags of fd are as before when it returns. */
enum attempt_state attempt_begin(struct attempt *attempt);

/* In place of attempt_begin: go on with what a dial of that route and target had begun when a
 * signal interrupted it. It is running then. */
void attempt_take_over(struct attempt *attempt, const struct dial *begun);

/* Something happened on fd. */
enum attempt_state attempt_advance(struct attempt *attempt);

/* step_deadline_ms has passed: on to the next endpoint, or the end. */
enum attempt_state attempt_expire(struct attempt *attempt);

/*
 * Leave a socket of an attempt that failed as a refused connect(2) leaves it: closed, with an error
 * that poll(2) and epoll(7) report as such. What SO_ERROR says then is ECONNREFUSED.
 */
void attempt_show_failure(int fd, int family);

#endif
