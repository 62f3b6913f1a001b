/* SPDX-License-Identifier: MIT
 * The map between host names and stand-ins, in memory that many processes share (names_file.h), so
 * that a name resolved in one can be connected to in another.
 *
 * Same name, same stand-in. The pool is a ring: when it is full, the oldest name makes room. A name
 * in the last sixteenth of its life gets a new stand-in when it is asked for again (the old one
 * goes on standing for it), so that one just given out never passes to another name at once. All
 * operations are lock-free, allocate nothing and cost O(1); a thread, fork or death at any point
 * leaves the map whole for everybody else. The layout is the same for 32-bit and 64-bit processes.
 */
#ifndef SOCKSIFY_CORE_NAMES_H
#define SOCKSIFY_CORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;

enum { NAMES_POOL = 1 << 17 }; /* 198.18.0.0/15 (RFC 2544); index 0 is never given out */

/* Octets of a map in memory and in its file, the same for all processes. */
enum { NAMES_SIZE = 4096 + (9 << 20) };

/* Make a map of NAMES_SIZE octets, all zeros, page-aligned. */
void names_init(struct names *names);

/* True when NAMES_SIZE octets begin like a map of this version. */
bool names_is_map(const struct names *names);

/*
 * The stand-in for a name, given out now when it has none. name is not NUL-terminated, 1 to 255
 * octets, already in the form of struct target (lower case, no trailing dot).
 * Returns its index, 1 to NAMES_POOL - 1; 0 for a length out of range, or when the map is so
 * damaged that it takes no name.
 */
uint32_t names_standin(struct names *names, const char *name, size_t len);

/* The name behind an index, copied out with a closing NUL. Returns its length; 0 when the index
 * stands for no name. */
size_t names_lookup(struct names *names, uint32_t index, char name[static 256]);

#endif
