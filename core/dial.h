/* SPDX-License-Identifier: MIT
 * The blocking driver: connect a socket to the first proxy of a route and run the handshake, in the
 * calling thread, with one deadline for the whole. */
#ifndef SOCKSIFY_CORE_DIAL_H
#define SOCKSIFY_CORE_DIAL_H

#include "core/endpoint.h"
#include "core/handshake.h"
#include "core/route.h"
#include "core/status.h"
#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

/* CLOCK_MONOTONIC in milliseconds: what deadlines are told in. */
int64_t dial_now_ms(void);

/* Make a socket that has begun to connect, or has connected, as new: what a failed connect(2)
 * leaves behind. The ECONNRESET that the kernel notes for it is nobody's to see. */
void dial_disconnect(int fd);

/*
 * Before a connect(2) to that endpoint: a TCP socket of IPv6 that was connected to an IPv4 address
 * (a mapped one) before, with success or not, would send to that one still, by the new port. No
 * packet leaves by this. In a program under a supervisor it would be taken for a connect of its
 * own.
 */
void dial_unmap(int fd, const union endpoint *to);

struct dial {
    int fd;                    /* an unconnected TCP socket, blocking or not */
    int family;                /* its family; changed when the socket was replaced */
    const struct route *route; /* of kind ROUTE_PROXY */
    const struct target *to;
    const struct endpoints *endpoints; /* of the route's first proxy */
    int64_t deadline_ms;               /* on dial_now_ms's clock */
    bool interruptible;                /* signals end it as they end connect(2) */

    struct timeval send_timeout; /* private: the socket's SO_SNDTIMEO, put back after connect(2) */

    struct failure failure;     /* result: why it failed */
    size_t endpoint;            /* result: the one that was taken */
    bool tcp_connected;         /* result: the connection to it stands */
    struct handshake handshake; /* result: how far it came */
};

/*
 * Dial. Tries the endpoints in order, each with its share of the time. Afterwards the socket
 * carries the program's stream to the target, nothing of which has been read (STATUS_OK), or it is
 * unconnected as after a failed connect(2), and dial->failure says why. A shorter SO_SNDTIMEO of
 * the socket is honoured as the deadline. May replace the socket (see replace.h).
 *
 * When it is interruptible, a signal whose handler was installed without SA_RESTART ends the wait,
 * as it ends connect(2): STATUS_SYSTEM with EINTR, and the attempt stands where it is, to be gone
 * on with: neither the socket nor dial->handshake has been touched.
 */
enum status dial(struct dial *dial);

#endif
