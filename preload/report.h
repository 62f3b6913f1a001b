/* SPDX-License-Identifier: MIT
 * What the user hears of a connection. */
#ifndef SOCKSIFY_PRELOAD_REPORT_H
#define SOCKSIFY_PRELOAD_REPORT_H

#include "core/handshake.h"
#include "core/route.h"
#include "core/target.h"

#include <stdint.h>

/* One line: always when the fault is a proxy's, else with -v. */
void report_failure(const struct target *to, const struct route *route,
                    const struct failure *failure);

/* One line with -v. */
void report_success(const struct target *to, const struct route *route, int64_t milliseconds);

/* One line with -v: how a destination was decided without a proxy ("direct", "blocked by a rule").
 */
void report_decision(const struct target *to, const char *decision);

#endif
