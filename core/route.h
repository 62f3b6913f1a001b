/* SPDX-License-Identifier: MIT
 * Which way a connection takes: direct, nowhere, or through a chain of proxies. */
#ifndef SOCKSIFY_CORE_ROUTE_H
#define SOCKSIFY_CORE_ROUTE_H

#include "core/proxy.h"

#include <stdint.h>

enum route_kind { ROUTE_DIRECT, ROUTE_BLOCK, ROUTE_PROXY };

enum {
    ROUTE_HOPS_MAX = 16
}; /* a longer chain is a mistake, and a failure names its hop in 8 bits */

struct route {
    enum route_kind kind;
    uint8_t hop_count;   /* 1 to ROUTE_HOPS_MAX for ROUTE_PROXY, else 0 */
    uint32_t timeout_ms; /* deadline for a whole connect along this route; never 0 */
    const struct proxy *const
        *hop;         /* first the one we connect to, last the one next to the target */
    const char *text; /* as the configuration says it: "home,tor", "direct", "block" */
};

#endif
