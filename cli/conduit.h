/* SPDX-License-Identifier: MIT
 * What is in transit in one direction between two sockets: a pipe of the kernel's, so that
 * splice(2) moves pages and nothing is copied; or a piece of memory when no descriptor is left for
 * a pipe. */
#ifndef SOCKSIFY_CLI_CONDUIT_H
#define SOCKSIFY_CLI_CONDUIT_H

#include <stddef.h>
#include <stdint.h>

enum { CONDUIT_POOL_MAX = 64 };

/* Empty pipes between two uses: making one costs more than moving a small piece. */
struct conduit_pool {
    size_t count;
    int pipe[CONDUIT_POOL_MAX][2];
};

void conduit_pool_deinit(struct conduit_pool *pool);

/* All zeroes at the start. Holds a pipe or memory only while octets are in transit. */
struct conduit {
    size_t held; /* octets in transit */
    int read_fd, write_fd;
    uint8_t *memory; /* in place of the pipe */
    size_t sent;     /* octets of memory that have left */
};

enum flow {
    FLOW_OPEN,         /* go on when `from` is readable; or, with held > 0, when `to` is writable */
    FLOW_ENDED,        /* `from` has said all, and all of it has been passed on */
    FLOW_READ_FAILED,  /* `from` was reset */
    FLOW_WRITE_FAILED, /* `to` takes no more */
};

/* Move what can be moved now from one non-blocking socket to another, up to some MiB, so that the
 * next connection has its turn. */
enum flow conduit_move(struct conduit *conduit, struct conduit_pool *pool, int from, int to);

/* Throw away what is in transit. */
void conduit_empty(struct conduit *conduit, struct conduit_pool *pool);

#endif
