/* SPDX-License-Identifier: MIT
 * The library's own descriptors, which exist only while (and because) the program connects
 * non-blocking sockets: kept at high numbers where that costs nothing, and out of the program's
 * reach when it closes "all". */
#ifndef SOCKSIFY_PRELOAD_OWN_H
#define SOCKSIFY_PRELOAD_OWN_H

#include <stdbool.h>
#include <stdint.h>

extern uint32_t own_count;

/* False in every program that never connects a non-blocking socket: the whole cost to them. */
static inline bool own_any(void)
{
    return __builtin_expect(__atomic_load_n(&own_count, __ATOMIC_RELAXED) != 0, 0);
}

/* A close-on-exec duplicate of fd at one of our numbers, ours from now on; -1 with errno. */
int own_duplicate(int fd);

/* Move a descriptor that we have made ourselves to one of our numbers; closes it and gives -1 with
 * errno when there is none. */
int own_adopt(int fd);

/* Close one of ours; -1 is ignored. Keeps errno. */
void own_close(int fd);

/* Close all of ours, in a forked child; also those that a thread was about to make or to close when
 * it was lost. */
void own_close_all(void);

bool own_is(int fd);

/* The lowest of ours from fd on; -1: none. */
int own_next(int fd);

#endif
