/* SPDX-License-Identifier: MIT
 * The socket addresses of a configuration's proxies, remembered so that a proxy given by host name
 * is looked up once. */
#ifndef SOCKSIFY_CORE_ENDPOINT_CACHE_H
#define SOCKSIFY_CORE_ENDPOINT_CACHE_H

#include "core/config.h"
#include "core/endpoint.h"

/* Proxies by host name are few; those beyond the table are looked up each time. */
enum { ENDPOINT_CACHE_MAX = 16 };

/* Caller-owned, one for each configuration; start value all zeroes. Any thread may use it at any
 * time, and none waits for another. */
struct endpoint_cache {
    struct endpoint_memory {
        unsigned sequence; /* private: a sequence lock, odd while somebody writes */
        struct endpoints endpoints;
    } memory[ENDPOINT_CACHE_MAX];
};

/* As endpoints_resolve, from memory where possible. */
enum status endpoint_cache_find(struct endpoint_cache *cache, const struct config *config,
                                const struct proxy *proxy, struct endpoints *found);

/* None of them could be connected to: look the name up again next time. */
void endpoint_cache_forget(struct endpoint_cache *cache, const struct config *config,
                           const struct proxy *proxy);

#endif
