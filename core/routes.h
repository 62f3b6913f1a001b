/* SPDX-License-Identifier: MIT
 * The routes of a configuration, from the words that write them ("home,tor", direct, block). Lines
 * may name proxies that are defined further down, so a route is written first and completed when
 * all proxies are known. */
#ifndef SOCKSIFY_CORE_ROUTES_H
#define SOCKSIFY_CORE_ROUTES_H

#include "core/config_error.h"
#include "core/proxy_list.h"
#include "core/route.h"

#include <stdbool.h>
#include <stdint.h>

/* What to tell somebody whose chain is longer than ROUTE_HOPS_MAX. */
#define ROUTES_TOO_LONG_WORDS "expected a chain of at most 16 proxies"
_Static_assert(ROUTE_HOPS_MAX == 16, "ROUTES_TOO_LONG_WORDS says so");

/* Start value: all zeros but for the arena; the timeouts are set before routes are completed. */
struct routes {
    struct arena *arena;
    struct written_route *latest; /* private */
    uint32_t forced_timeout_ms;   /* the command line's: overrides all others; 0: none */
    uint32_t timeout_ms;          /* of a route whose proxies ask for none; never 0 */
};

/*
 * The route that a word of the current line writes, shared by all lines that write the same. Its
 * text and kind are there at once, the rest after routes_complete. NULL when there is no memory.
 */
struct route *routes_write(struct routes *routes, struct word text, unsigned line);

/* Look up the proxies of every route. Of several mistakes the first one in the file is told. */
enum status routes_complete(struct routes *routes, const struct proxy_list *proxies,
                            struct config_error *error);

/* Give a route a copy of these proxies, and its deadline. False when there is no memory. */
bool routes_set_hops(const struct routes *routes, struct route *route,
                     const struct proxy *const *hops, size_t count);

#endif
