/* SPDX-License-Identifier: MIT
 * The background half of non-blocking connects: one thread a process, started by the first of them,
 * that drives all their handshakes. */
#ifndef SOCKSIFY_PRELOAD_CONNECTOR_H
#define SOCKSIFY_PRELOAD_CONNECTOR_H

#include "core/config.h"
#include "core/dial.h"
#include "core/endpoint.h"
#include "core/route.h"
#include "core/target.h"

#include <stdbool.h>
#include <stdint.h>

/* What one connect is about; all borrowed but config and route, which live for ever. */
struct connector_job {
    int fd; /* a non-blocking TCP socket, unconnected; or one that a dial has begun to connect */
    int family;
    const union endpoint *address; /* the program's destination */
    const struct config *config;
    const struct route *route;
    const struct target *to;
    const struct endpoints *endpoints;
    int64_t start_ms, deadline_ms;

    /* What a dial that a signal interrupted had begun; NULL: nothing. */
    const struct dial *begun;
};

enum { CONNECTOR_UNAVAILABLE = -1 };

/*
 * Begin. EINPROGRESS: the handshake goes on, the socket's readiness is hidden until it ends.
 * Another errno: it failed at once, and the socket is as it was. CONNECTOR_UNAVAILABLE: no thread
 * or no descriptor could be had; the caller may do the handshake itself.
 */
int connector_begin(const struct connector_job *job);

/* Under the lock: give up a running entry; its socket is dissolved, as by connect(2) to
 * AF_UNSPEC, when dissolve. */
struct pending;
void connector_cancel(struct pending *entry, bool dissolve);

/* The program wants the number of one of our descriptors for itself (dup2): get out of its way.
 * False when that cannot be. */
bool connector_vacate(int fd);

/* fork(2): the child has no connector. */
void connector_fork_child(void);

#endif
