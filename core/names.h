/* SPDX-License-Identifier: MIT
 * The shared map between host names and stand-in addresses: one per user, in a file that all of the
 * user's processes map, so that a name resolved in one can be connected to in another.
 *
 * Same name, same stand-in. The pool is a ring: when it is full, the oldest name makes room. A name
 * in the last sixteenth of its life gets a new stand-in when it is asked for again (the old one
 * goes on standing for it), so that one just given out never passes to another name at once. All
 * operations are lock-free, allocate nothing and cost O(1); a thread, fork or death at any point
 * leaves the map whole for everybody else. The layout is the same for 32-bit and 64-bit processes.
 */
#ifndef SOCKSIFY_CORE_NAMES_H
#define SOCKSIFY_CORE_NAMES_H

#include "core/status.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;

enum { NAMES_POOL = 1 << 17 }; /* 198.18.0.0/15 (RFC 2544); index 0 is never given out */

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

/* Index to address and back. 198.18.0.0/15 + index; fd73:6f63:6b73::/64 + index. */
struct in_addr names_ipv4(uint32_t index);
struct in6_addr names_ipv6(uint32_t index);
/* True when addr lies in the stand-in range; *index is then its offset, which may be one that
 * stands for no name (for IPv6 also one beyond the pool, given as 0). */
bool names_is_ipv4(const void *addr, uint32_t *index);
bool names_is_ipv6(const void *addr, uint32_t *index);

#endif
