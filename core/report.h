/* SPDX-License-Identifier: MIT
 * What the user hears of connections and datagrams: lines as they come, and a tally for the end. */
#ifndef SOCKSIFY_CORE_REPORT_H
#define SOCKSIFY_CORE_REPORT_H

#include "core/handshake.h"
#include "core/route.h"
#include "core/target.h"

#include <stdbool.h>
#include <stdint.h>

struct scope;
struct tally;

/* From here on count everything in that tally, too (borrowed for ever); NULL: nowhere. For this
 * process. */
void report_into(struct tally *tally);

/* One line: always when the fault is a proxy's, else with -v. */
void report_failure(const struct target *to, const struct route *route,
                    const struct failure *failure);

/* One line with -v. */
void report_success(const struct target *to, const struct route *route, int64_t milliseconds);

/* One line with -v: how a destination was decided without a proxy ("direct", "blocked by a rule").
 */
void report_decision(const struct target *to, const char *decision);

/* False when nobody hears of decisions. */
bool report_hears_decisions(void);

/* What one program has drawn already, and draws only once. Start value all zeroes; atomic. */
struct reported {
    bool datagram; /* a datagram that was blocked: the first destination is example enough */
    bool query;    /* a DNS query that nobody may be asked */
};

/* One line, once: a datagram was blocked. One to a stand-in is told of by the name that this is
 * for, where the scope's map knows it. */
void report_blocked_datagram(const struct scope *scope, const struct target *to);

#endif
