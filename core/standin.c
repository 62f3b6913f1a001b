/* SPDX-License-Identifier: MIT
 * Stand-in addresses to names. */
#include "core/standin.h"

#include "core/names.h"
#include "core/names_address.h"

#include <stdint.h>

static bool index_of(const struct target *target, uint32_t *index)
{
    return target->kind == TARGET_IPV4   ? names_is_ipv4(target->ipv4, index)
           : target->kind == TARGET_IPV6 ? names_is_ipv6(target->ipv6, index)
                                         : false;
}

bool standin_is(const struct target *target)
{
    uint32_t index;
    return index_of(target, &index);
}

enum standin standin_to_name(struct names *names, struct target *target)
{
    uint32_t index;
    if (!index_of(target, &index))
        return STANDIN_NOT;
    char name[TARGET_NAME_MAX + 1];
    size_t len = names ? names_lookup(names, index, name) : 0;
    /* What the map says is checked like any input: it is a file. */
    if (len == 0 || target_set_host(target, name, len, target->port) != STATUS_OK)
        return STANDIN_UNKNOWN;
    return STANDIN_NAMED;
}
