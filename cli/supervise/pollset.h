/* SPDX-License-Identifier: MIT
 * What poll(2), select(2) and their kin are asked, and what they answer, in a caller's memory and
 * in the layout of its architecture. */
#ifndef SOCKSIFY_CLI_SUPERVISE_POLLSET_H
#define SOCKSIFY_CLI_SUPERVISE_POLLSET_H

#include "cli/supervise/call.h"
#include "cli/supervise/caller.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Descriptors in one set. As many as a process has by default, and four times FD_SETSIZE. */
enum { POLLSET_MAX = 4096 };

struct pollset {
    bool is_select;
    int limit;          /* of a select: all descriptors are below */
    int64_t timeout_ms; /* -1: for ever */
    uint64_t let_in; /* signals that its own mask does not block: bit 0 is number 1; 0: no mask */
    size_t count;
    struct pollfd entries[POLLSET_MAX]; /* of a select: events of the kinds that it asks for */
};

/* Read what the call asks for. False when that is better left to the kernel: it is malformed, or
 * longer than there is room. */
bool pollset_read(const struct caller *caller, const struct call *call, struct pollset *set);

/* True when what an entry's revents hold is an answer to what it asks for. */
bool pollset_entry_counts(const struct pollset *set, const struct pollfd *entry);

/*
 * Write the answer that stands in the entries' revents, and, where the call tells it, what is left
 * of its time. 0, or the errno that the kernel would give; *value: what the call returns.
 */
int pollset_write(const struct caller *caller, const struct call *call, const struct pollset *set,
                  int64_t left_ms, int64_t *value);

#endif
