/* SPDX-License-Identifier: MIT
 * setsockopt(2): who joins a multicast group has the kernel send a report of it, which the
 * configuration has to allow like a datagram. */
#include "preload/datagram.h"
#include "preload/real.h"
#include "preload/state.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum { LOOPBACK_INDEX = 1 }; /* of the interface lo, in every network namespace */

static void set_ipv4(struct target *group, struct in_addr address)
{
    *group = (struct target){.kind = TARGET_IPV4};
    memcpy(group->ipv4, &address, sizeof(group->ipv4));
}

static bool is_loopback(struct in_addr address)
{
    return ntohl(address.s_addr) >> 24 == INADDR_LOOPBACK >> 24;
}

/* struct ip_mreq, with which ip_mreqn and ip_mreq_source begin. */
static bool read_ipv4_request(const void *value, socklen_t len, struct target *group)
{
    struct ip_mreq request;
    if (len < sizeof(request))
        return false;
    memcpy(&request, value, sizeof(request));
    set_ipv4(group, request.imr_multiaddr);
    return !is_loopback(request.imr_interface);
}

static bool read_ipv6_request(const void *value, socklen_t len, struct target *group)
{
    struct ipv6_mreq request;
    if (len < sizeof(request))
        return false;
    memcpy(&request, value, sizeof(request));
    target_set_ipv6(group, request.ipv6mr_multiaddr.s6_addr, 0);
    return request.ipv6mr_interface != LOOPBACK_INDEX;
}

/* struct group_req, with which group_source_req begins. */
static bool read_group_request(const void *value, socklen_t len, struct target *group)
{
    struct group_req request;
    if (len < sizeof(request))
        return false;
    memcpy(&request, value, sizeof(request));
    return request.gr_interface != LOOPBACK_INDEX &&
           target_from_sockaddr(group, (const struct sockaddr *)&request.gr_group,
                                sizeof(request.gr_group));
}

/* True when it makes the socket a member of a group on a network outside this host. */
static bool is_join(int level, int name, const void *value, socklen_t len, struct target *group)
{
    if (!value || (level != IPPROTO_IP && level != IPPROTO_IPV6))
        return false;
    if (name == MCAST_JOIN_GROUP || name == MCAST_JOIN_SOURCE_GROUP)
        return read_group_request(value, len, group);
    if (level == IPPROTO_IPV6)
        return name == IPV6_JOIN_GROUP && read_ipv6_request(value, len, group);
    return (name == IP_ADD_MEMBERSHIP || name == IP_ADD_SOURCE_MEMBERSHIP) &&
           read_ipv4_request(value, len, group);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    struct target group;
    if (is_join(level, name, value, len, &group) && !datagram_may_join(fd, &group))
        return -1;
    return real(setsockopt)(fd, level, name, value, len);
}
