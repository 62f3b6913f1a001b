/* SPDX-License-Identifier: MIT
 * One slot of memory for each of the program's descriptors. Each part of a slot belongs to one
 * module, which says how it may be touched. The table grows in pieces, never shrinks, takes no
 * lock.
 *
 * A slot says what was true of the number when it was written; descriptors are closed and used
 * again in ways that nobody tells us. So every reader checks what it finds against the kernel. */
#ifndef SOCKSIFY_PRELOAD_FDTABLE_H
#define SOCKSIFY_PRELOAD_FDTABLE_H

#include "core/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

/* peers.h: whom a proxied socket is connected to. */
struct peer {
    union endpoint target; /* the address the program connected to, in its own family */
    union endpoint proxy;  /* the address the kernel knows as the peer */
};

/* watches.h: one registration of the descriptor in an epoll set. */
struct watch {
    uint32_t set;    /* the epoll descriptor + 1; 0: free */
    uint32_t events; /* as the program gave them */
    uint64_t data;
};

/* datagram.h: what connect(2) made of a socket that is not TCP. */
enum datagram_mark { DATAGRAM_FREE, DATAGRAM_BLOCKED };

enum {
    SLOT_WATCHES = 3,      /* sets that one descriptor is in at once: mostly one */
    FDTABLE_PIECE = 32,    /* slots a piece: one page, and most programs never need a second one */
    FDTABLE_MAX = 1 << 20, /* descriptors: the default of fs.nr_open */
};

struct slot {
    uint32_t peer_sequence;
    uint32_t pending; /* pending.h: the entry's number; 0: none */
    bool duplicated;  /* descriptors.c: there may be another number for the same TCP socket */
    bool is_set;      /* watches.h: it is, or was, an epoll set that something is noted in */
    bool own;         /* own.h: the descriptor is the library's, not the program's */
    uint8_t datagram; /* datagram.h: enum datagram_mark */
    struct peer peer;
    struct watch watches[SLOT_WATCHES];
};

/* The slot of a descriptor. NULL for a number out of range, when there is no memory, and, unless
 * make, when nothing was ever kept near it. */
struct slot *fdtable_slot(int fd, bool make);

#endif
