/* SPDX-License-Identifier: MIT
 * Stand-in addresses: a prefix and an index. */
#include "core/names_address.h"

#include "core/names.h"

#include <arpa/inet.h>
#include <string.h>

#define IPV4_PREFIX UINT32_C(0xc6120000)

enum { INDEX_MASK = NAMES_POOL - 1 };

struct in_addr names_ipv4(uint32_t index)
{
    return (struct in_addr){.s_addr = htonl(IPV4_PREFIX | index)};
}

static const uint8_t ipv6_prefix[12] = {0xfd, 0x73, 0x6f, 0x63, 0x6b, 0x73};

struct in6_addr names_ipv6(uint32_t index)
{
    struct in6_addr addr;
    uint32_t index_be = htonl(index);

    memcpy(addr.s6_addr, ipv6_prefix, 12);
    memcpy(addr.s6_addr + 12, &index_be, 4);
    return addr;
}

bool names_is_ipv4(const void *addr, uint32_t *index)
{
    uint32_t addr_be;

    memcpy(&addr_be, addr, 4);
    if ((ntohl(addr_be) & ~(uint32_t)INDEX_MASK) != IPV4_PREFIX)
        return false;
    *index = ntohl(addr_be) & INDEX_MASK;
    return true;
}

bool names_is_ipv6(const void *addr, uint32_t *index)
{
    const uint8_t *octets = addr;
    uint32_t index_be;

    if (memcmp(octets, ipv6_prefix, 8) != 0)
        return false;
    memcpy(&index_be, octets + 12, 4);
    *index = memcmp(octets + 8, ipv6_prefix + 8, 4) == 0 && ntohl(index_be) < NAMES_POOL
                 ? ntohl(index_be)
                 : 0;
    return true;
}
