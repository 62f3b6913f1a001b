/* SPDX-License-Identifier: MIT
 * Name look-ups off the loop: a small bounded pool of threads asks the resolver, the answers come
 * back through the loop. */
#ifndef SOCKSIFY_CLI_LOOKUP_H
#define SOCKSIFY_CLI_LOOKUP_H

#include "cli/address.h"
#include "cli/loop.h"

#include <stddef.h>
#include <stdint.h>

enum {
    LOOKUP_THREADS = 32,
    LOOKUP_SHARE = 24,     /* threads that names asked for by one host may keep busy: a client with
                              many slow names leaves some to the others */
    LOOKUP_ADDRESSES = 64, /* per name; no host has so many that work */
};

struct lookup_pool;
struct lookup;

/* NULL, with errno, when there is no memory or no descriptor. Threads are started when needed. */
struct lookup_pool *lookup_pool_new(struct loop *loop);

/* Forget all look-ups. Threads that sit in the resolver end when it lets them. */
void lookup_pool_free(struct lookup_pool *pool);

/*
 * Ask for the addresses of a name, in the order of RFC 6724, with the given port.
 *
 * client  on whose behalf.
 * done    called once from a later turn of the loop, with owner and the addresses (count 0: no such
 *         name, or no answer), which are borrowed for that call and may
 *         be put in another order; the look-up is gone then.
 * Returns NULL when there is no memory or no thread.
 */
struct lookup *lookup_start(struct lookup_pool *pool, const char *name, uint16_t port,
                            const struct address *client,
                            void (*done)(void *owner, struct address *list, size_t count),
                            void *owner);

/* `done` will not be called. */
void lookup_cancel(struct lookup *lookup);

#endif
