/* SPDX-License-Identifier: MIT
 * Starting a program by way of the wrapper, which has it supervised: what is to be done with one
 * that the library does not reach. Async-signal-safe and vfork-safe. */
#ifndef SOCKSIFY_PRELOAD_DETOUR_H
#define SOCKSIFY_PRELOAD_DETOUR_H

#include "preload/inherit.h"

#include <stdbool.h>

/* True when this process, and with it all that it starts, is supervised already. */
bool detour_is_supervised(void);

/* A program as the functions that start one name it. */
struct detour_to {
    int dir_fd; /* what path is relative to; AT_FDCWD: the current directory. With an empty
                   path it is the file itself */
    const char *path;
    bool is_named; /* path is to be searched for in PATH, unless it has a slash */
};

/*
 * Whether the wrapper can be expected to have that program supervised: it is there and may be run,
 * the mode and the kernel allow it, and the program has a path that the wrapper can use.
 */
bool detour_is_possible(const struct detour_to *to);

/* What to execute in the program's place. */
struct detour {
    const char *wrapper; /* its path */
    char *const *argv;
    char *const *envp;
    struct inherit_room room; /* holds all that; as with inherit_complete */
};

/* Fill it in. False with errno when there is no memory, or the program has gone meanwhile. */
bool detour_prepare(struct detour *detour, const struct detour_to *to, char *const *argv,
                    char *const *envp);

#endif
