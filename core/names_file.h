/* SPDX-License-Identifier: MIT
 * Where the map of names lives: one file per user, which all of the user's processes map. */
#ifndef SOCKSIFY_CORE_NAMES_FILE_H
#define SOCKSIFY_CORE_NAMES_FILE_H

#include "core/names.h"

#include <stddef.h>

/*
 * Map the file at path, making it when there is none. It must be a regular file of this user, mode
 * 0600, not a symbolic link, of the right size and version; else, or when it cannot be made, an
 * anonymous map shared with children only takes its place, and *why (static storage) says why; NULL
 * when the file is in use. path NULL asks for the anonymous map. Keeps no descriptor open.
 * Returns NULL only when there is no memory.
 */
struct names *names_open(const char *path, const char **why);

/* Unmap. For tests; the library keeps its map for the life of the process. */
void names_close(struct names *names);

/*
 * The path of this user's map: $XDG_RUNTIME_DIR/socksify.names when runtime_dir (that variable's
 * value, may be NULL) is a directory of this user, else /dev/shm/socksify-UID.names.
 * Returns buf, or NULL when it is too small.
 */
const char *names_path(const char *runtime_dir, char *buf, size_t buf_len);

#endif
