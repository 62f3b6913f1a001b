/* SPDX-License-Identifier: MIT
 * A program that is about to be started: whether it will be proxied, and if not, whether it can be
 * by a detour; or else a line that says so (once for each program) and, where the configuration is
 * strict, no start at all. */
#ifndef SOCKSIFY_PRELOAD_CHILD_H
#define SOCKSIFY_PRELOAD_CHILD_H

#include "preload/detour.h"

#include <stdbool.h>

enum { CHILD_TAKES_DETOUR = -1 }; /* no errno: start it as detour_prepare says */

/*
 * 0: start it; CHILD_TAKES_DETOUR; or the errno to refuse with. Async-signal-safe and vfork-safe;
 * keeps errno. What cannot be started at all is left to the kernel to refuse.
 * may_take_detour: the caller can do it.
 */
int child_check(const struct detour_to *to, bool may_take_detour);

#endif
