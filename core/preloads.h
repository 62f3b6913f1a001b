/* SPDX-License-Identifier: MIT
 * The value of LD_PRELOAD: a list of shared objects, split at colons and spaces, and our place in
 * it. Shared by the wrapper, which sets it, and the library, which puts it back. */
#ifndef SOCKSIFY_CORE_PRELOADS_H
#define SOCKSIFY_CORE_PRELOADS_H

#include <stdbool.h>
#include <stddef.h>

struct text;

#define PRELOADS_VARIABLE "LD_PRELOAD"
#define PRELOADS_LIBRARY "libsocksify.so"

/* The first item that is our library, wherever it lies, and its length; NULL when there is none. */
const char *preloads_find(const char *list, size_t *len);

/* Add the items of list (NULL: none) but for copies of ours, each behind a colon: what comes after
 * our library. At most strlen(list) + 1 octets. */
void preloads_add(struct text *text, const char *list);

#endif
