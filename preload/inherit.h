/* SPDX-License-Identifier: MIT
 * What a child must find in its environment to be proxied as this process is: LD_PRELOAD with this
 * library in it, and the variables that our settings and the place of our names map came from. They
 * are remembered at start, and put back into an environment that lacks them.
 *
 * Variables that are there stay as they are, whatever they say. An LD_PRELOAD without us gets us in
 * front. Async-signal-safe and vfork-safe, but for inherit_mend_environ. */
#ifndef SOCKSIFY_PRELOAD_INHERIT_H
#define SOCKSIFY_PRELOAD_INHERIT_H

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>

/* Once, when the settings have been read and before the program runs. They are borrowed for ever.
 * names_in_runtime_dir: the names map lies in $XDG_RUNTIME_DIR. Strings are copied: programs write
 * over their environment. */
void inherit_remember(const struct settings *settings, bool names_in_runtime_dir);

/* The path of this library as LD_PRELOAD gave it, in buf; NULL when it was not loaded that way, or
 * the path does not fit. */
const char *inherit_library(char *buf, size_t size);

enum { INHERIT_SMALL = 128 };

/* Memory of an environment made by inherit_complete: in here, or mapped. */
struct inherit_room {
    char *small[INHERIT_SMALL];
    void *mapping; /* NULL: none */
    size_t size;
};

/*
 * envp, or when that lacks something a new array with the same strings and those that are missing,
 * in *room (which inherit_release empties). NULL with ENOMEM when there is no memory.
 */
char *const *inherit_complete(char *const *envp, struct inherit_room *room);
void inherit_release(struct inherit_room *room); /* keeps errno */

/*
 * The same for the wrapper, which puts the library in for the program alone: always a new array,
 * with LD_PRELOAD less the library. In the room there are also `extra` octets, at *memory.
 */
char *const *inherit_complete_for_wrapper(char *const *envp, struct inherit_room *room,
                                          size_t extra, void **memory);

/* Before an exec, which would leave the room behind when this is the child of a vfork and the
 * memory its parent's: the next inherit_complete of this thread, then the parent's own, frees it.
 */
void inherit_abandon(const struct inherit_room *room);

/* Put into the process's own environment what it lacks, for libc functions that start a program
 * with that. False with errno when it cannot be. */
bool inherit_mend_environ(void);

#endif
