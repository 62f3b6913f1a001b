/* SPDX-License-Identifier: MIT
 * Memory that is handed out piece by piece and freed at once; taken from the kernel with mmap, so
 * that it is safe inside a program whose malloc may be locked, replaced or not yet up. */
#ifndef SOCKSIFY_CORE_ARENA_H
#define SOCKSIFY_CORE_ARENA_H

#include <stddef.h>

struct arena;

/* NULL when there is no memory. */
struct arena *arena_new(void);

/* size octets, zeroed, aligned for any type; NULL when there is no memory. size 0 gives a pointer
 * that must not be read through. */
void *arena_alloc(struct arena *arena, size_t size);

/* So much will be asked for in small pieces: take it from the kernel at once, if it has it. */
void arena_reserve(struct arena *arena, size_t size);

/* A NUL-terminated copy of len octets. */
char *arena_copy(struct arena *arena, const char *text, size_t len);

void arena_free(struct arena *arena);

#endif
