/* SPDX-License-Identifier: MIT
 * The rule for datagrams. */
#include "core/datagram_rule.h"

#include "core/rules.h"
#include "core/standin.h"

bool datagram_rule_allows(const struct config *config, const struct target *to)
{
    bool here = target_is_this_host(to);
    if (!config)
        return here;
    if (!here && standin_is(to))
        return false;
    return rules_decide(config_udp(config), to).route->kind == ROUTE_DIRECT;
}
