/* SPDX-License-Identifier: MIT
 * Stand-in addresses to names. */
#include "preload/standin.h"

#include "core/names.h"
#include "core/names_address.h"
#include "preload/state.h"

#include <stdint.h>

enum standin standin_to_name(struct target *target)
{
    uint32_t index;
    bool is_standin = target->kind == TARGET_IPV4   ? names_is_ipv4(target->ipv4, &index)
                      : target->kind == TARGET_IPV6 ? names_is_ipv6(target->ipv6, &index)
                                                    : false;
    if (!is_standin)
        return STANDIN_NOT;
    struct names *names = state_names();
    char name[TARGET_NAME_MAX + 1];
    size_t len = names ? names_lookup(names, index, name) : 0;
    /* What the map says is checked like any input: it is a file. */
    if (len == 0 || target_set_host(target, name, len, target->port) != STATUS_OK)
        return STANDIN_UNKNOWN;
    return STANDIN_NAMED;
}
