/* SPDX-License-Identifier: MIT
 * Connecting to a host of several addresses: attempts that overlap, the first that succeeds wins
 * (RFC 8305 section 5). The families take turns if the caller put them so (address_interleave). */
#ifndef SOCKSIFY_CLI_EYEBALLS_H
#define SOCKSIFY_CLI_EYEBALLS_H

#include "cli/address.h"
#include "cli/loop.h"

#include <stddef.h>

enum {
    EYEBALLS_DELAY_MS = 250, /* RFC 8305 section 8: Connection Attempt Delay */
    EYEBALLS_AT_ONCE = 16,   /* when all are under way, the oldest (4 s old) makes room */
};

struct eyeballs;

struct attempt {
    struct watch watch; /* fd -1: free */
    struct eyeballs *all;
    size_t which; /* index of its address */
};

struct eyeballs {
    struct loop *loop;
    struct address *list; /* own copy */
    size_t count, next;
    size_t under_way;
    struct timer delay;
    int error; /* the most telling one so far */
    void (*done)(struct eyeballs *eyeballs, int fd, const struct address *address, int error);
    struct attempt attempt[EYEBALLS_AT_ONCE];
};

/* Before eyeballs_start, so that eyeballs_stop may be called at any time. */
void eyeballs_init(struct eyeballs *eyeballs, struct loop *loop);

/*
 * Connect to one of count addresses (1 at least; copied), the first first, the next 250 ms later or
 * as soon as one has failed.
 *
 * done  called once, maybe from within eyeballs_start: with a connected non-blocking socket, now
 * the callee's, and its address; or with -1, NULL and the errno that tells most: refused before
 *       timed out before unreachable host before unreachable network.
 */
void eyeballs_start(struct eyeballs *eyeballs, const struct address *list, size_t count,
                    void (*done)(struct eyeballs *eyeballs, int fd, const struct address *address,
                                 int error));

/* Give up what is under way; `done` will not be called. */
void eyeballs_stop(struct eyeballs *eyeballs);

#endif
