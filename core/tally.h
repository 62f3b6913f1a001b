/* SPDX-License-Identifier: MIT
 * How often each destination was wanted, which way it went, how it ended and how long it took: in a
 * file that a program and its children write to together through shared memory, so that somebody
 * else can tell of it in the end. Lock-free, nothing is allocated, and a thread or process that
 * dies at any point leaves it whole for all others. The layout is the same for 32-bit and 64-bit
 * processes. */
#ifndef SOCKSIFY_CORE_TALLY_H
#define SOCKSIFY_CORE_TALLY_H

#include "core/handshake.h"
#include "core/target.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_LINES_MAX = 2048, /* beyond them what comes is counted in one number */
    TALLY_ROUTE_MAX = 200, /* octets of a route's text, with the closing NUL; a longer one is cut */
};

struct tally;

/* One destination by one route. */
struct tally_line {
    char target[TARGET_TEXT_MAX];
    char route[TALLY_ROUTE_MAX];
    uint32_t connected;
    uint32_t failed;
    uint32_t decided;        /* sent elsewhere, or refused, without a proxy */
    uint32_t min_ms, max_ms; /* of those that connected */
    uint64_t sum_ms;
    struct failure failure; /* the latest of those that failed */
};

/* Give an empty file of ours its size, and make it a tally. NULL with errno. */
struct tally *tally_make(int fd);

/* Map the tally that is there. NULL for what is none, or no regular file of this user's. */
struct tally *tally_open(const char *path);

void tally_close(struct tally *tally);

/* Any thread may call these at any time. route is its text. */
void tally_add_success(struct tally *tally, const struct target *to, const char *route,
                       int64_t milliseconds);
void tally_add_failure(struct tally *tally, const struct target *to, const char *route,
                       const struct failure *failure);
void tally_add_decision(struct tally *tally, const struct target *to, const char *decision);

/* Copy its lines out, at most TALLY_LINES_MAX, each destination and route once, in no order, and
 * whatever the file holds: texts are printable and end in NUL. Returns their number. */
size_t tally_read(const struct tally *tally, struct tally_line lines[static TALLY_LINES_MAX]);

/* How many found no room; and how many of these were failures. */
uint32_t tally_lost(const struct tally *tally);
uint32_t tally_lost_failed(const struct tally *tally);

#endif
