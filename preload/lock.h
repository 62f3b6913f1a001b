/* SPDX-License-Identifier: MIT
 * The one lock of the library. It is taken only while a non-blocking connect is under way, and is
 * a leaf: nothing that waits is called under it. Its holder has all signals blocked and cannot be
 * canceled, so that close(2) from a signal handler never meets its own thread's lock. It is not
 * held across fork(2), where the program's own fork handlers may wait for whoever waits for it. */
#ifndef SOCKSIFY_PRELOAD_LOCK_H
#define SOCKSIFY_PRELOAD_LOCK_H

#include <signal.h>
#include <stdbool.h>

/* What to put back; a local variable of the holder. */
struct held {
    sigset_t signals;
    int cancel_state;
};

/*
 * Must have returned true before the lock is used; idempotent. In a process that has a copy of our
 * memory, by fork(2) or by a system call that runs no fork handlers, the lock is free, and whoever
 * acquires it first calls in_child under it. False: no memory, or a kernel before 4.14.
 */
bool lock_make(void (*in_child)(void));

void lock_acquire(struct held *held);
void lock_release(const struct held *held);

#endif
