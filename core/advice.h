/* SPDX-License-Identifier: MIT
 * What the user can do about a connection that failed. */
#ifndef SOCKSIFY_CORE_ADVICE_H
#define SOCKSIFY_CORE_ADVICE_H

#include "core/handshake.h"
#include "core/route.h"

/* A few words that follow failure_text ("is the proxy running?"), in static storage; NULL where
 * there is nothing to be done here. route: of kind ROUTE_PROXY, the one that failed. */
const char *advice_on(const struct failure *failure, const struct route *route);

#endif
