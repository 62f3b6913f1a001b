/* SPDX-License-Identifier: MIT
 * "This thread is inside a libc function that we called": what libc and its modules then call
 * (the real resolver asking for a proxy's address) passes untouched. */
#ifndef SOCKSIFY_PRELOAD_GUARD_H
#define SOCKSIFY_PRELOAD_GUARD_H

#include <stdbool.h>

extern _Thread_local unsigned guard_depth;

static inline bool guard_is_inside(void)
{
    return __builtin_expect(guard_depth != 0, 0);
}

static inline void guard_enter(void)
{
    guard_depth++;
}

static inline void guard_leave(void)
{
    guard_depth--;
}

#endif
