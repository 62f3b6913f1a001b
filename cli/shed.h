/* SPDX-License-Identifier: MIT
 * The wrapper preloaded by our own library, as in a shell that runs under socksify: a supervisor
 * must not go by its calls. */
#ifndef SOCKSIFY_CLI_SHED_H
#define SOCKSIFY_CLI_SHED_H

#include <stdbool.h>

/* True when LD_PRELOAD had the library loaded into this process. */
bool shed_is_needed(void);

/*
 * Be the wrapper once more, without the library: the same process, with these arguments, NULL at
 * their end, and our environment. Others in LD_PRELOAD stay. Returns an errno when it cannot be.
 */
int shed(char *const argv[]);

#endif
