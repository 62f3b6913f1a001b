/* SPDX-License-Identifier: MIT
 * The one lock of the library. It is taken only while a non-blocking connect is under way, and is
 * a leaf: nothing that waits is called under it. Its holder has all signals blocked and cannot be
 * canceled, so that close(2) from a signal handler never meets its own thread's lock. */
#ifndef SOCKSIFY_PRELOAD_LOCK_H
#define SOCKSIFY_PRELOAD_LOCK_H

#include <signal.h>

/* What to put back; a local variable of the holder. */
struct held {
    sigset_t signals;
    int cancel_state;
};

void lock_acquire(struct held *held);
void lock_release(const struct held *held);

/* In a forked child: free, whoever held it in the parent. */
void lock_reset(void);

#endif
