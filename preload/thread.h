/* SPDX-License-Identifier: MIT
 * Threads of ours in the program's process: detached, with all signals blocked, on small stacks;
 * and what a fork does to them. */
#ifndef SOCKSIFY_PRELOAD_THREAD_H
#define SOCKSIFY_PRELOAD_THREAD_H

#include <stdbool.h>
#include <stddef.h>

/* False when none can be had (a sandbox forbids clone). stack_size is raised to what libc needs for
 * the program's thread-local data when that is known to be too little. */
bool thread_start(void *(*run)(void *), void *argument, size_t stack_size);

/* See to it that a forked child knows that it has none of our threads and descriptors; and that
 * there is a lock: to be called before it is used. Idempotent; false when it cannot be done. */
bool thread_handle_forks(void);

#endif
