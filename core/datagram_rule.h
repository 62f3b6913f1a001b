/* SPDX-License-Identifier: MIT
 * Whether datagrams may go to an address beside the proxy. DNS queries are answered before anybody
 * asks this (resolver.h). */
#ifndef SOCKSIFY_CORE_DATAGRAM_RULE_H
#define SOCKSIFY_CORE_DATAGRAM_RULE_H

#include "core/config.h"
#include "core/target.h"

#include <stdbool.h>

/* to is an address, as the program gave it: stand-ins mean nothing outside. config NULL (it cannot
 * be used): to this host only. */
bool datagram_rule_allows(const struct config *config, const struct target *to);

#endif
