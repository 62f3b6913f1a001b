/* SPDX-License-Identifier: MIT
 * Stand-in addresses: the index of a name in the map, said as an IPv4 or IPv6 address. */
#ifndef SOCKSIFY_CORE_NAMES_ADDRESS_H
#define SOCKSIFY_CORE_NAMES_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Index to address and back. 198.18.0.0/15 + index; fd73:6f63:6b73::/64 + index. */
struct in_addr names_ipv4(uint32_t index);
struct in6_addr names_ipv6(uint32_t index);
/* True when addr lies in the stand-in range; *index is then its offset, which may be one that
 * stands for no name (for IPv6 also one beyond the pool, given as 0). */
bool names_is_ipv4(const void *addr, uint32_t *index);
bool names_is_ipv6(const void *addr, uint32_t *index);

#endif
