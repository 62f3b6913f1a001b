/* SPDX-License-Identifier: MIT
 * The steps of --check with the proxies of one route, one after the other. */
#ifndef SOCKSIFY_CLI_CHECK_STEPS_H
#define SOCKSIFY_CLI_CHECK_STEPS_H

#include "cli/check/addresses.h"
#include "cli/check/findings.h"
#include "core/route.h"
#include "core/target.h"

#include <stdbool.h>
#include <stdint.h>

/* All borrowed. */
struct journey {
    const struct route *route; /* of kind ROUTE_PROXY */
    const struct target *to;
    bool is_default;                   /* nobody has asked for this target */
    const struct addresses *addresses; /* of the target, for the steps by address */
    int64_t timeout_ms;                /* for each step */
    struct findings *findings;
};

/* Print a line for each step; what is wrong goes to the findings. A proxy that cannot be used ends
 * it. */
void steps_take(const struct journey *journey);

#endif
