/* SPDX-License-Identifier: MIT
 * The options of ip(7) and ipv6(7) that reach out. */
#include "core/outreach.h"

#include <netinet/in.h>
#include <string.h>

enum {
    LOOPBACK_INDEX = 1, /* of the interface lo, in every network namespace */
    /* Of linux/in6.h, which not every C library comes with: IPV6_FLOWLABEL_MGR, and how long its
     * argument is. */
    FLOWLABEL_MANAGER = 32,
    FLOWLABEL_REQUEST_LEN = 32,
};

static bool is_group_option(int name)
{
    return name == MCAST_JOIN_GROUP || name == MCAST_JOIN_SOURCE_GROUP;
}

bool outreach_is_join(int level, int name)
{
    if (level == IPPROTO_IPV6)
        return name == IPV6_JOIN_GROUP || is_group_option(name);
    return level == IPPROTO_IP &&
           (name == IP_ADD_MEMBERSHIP || name == IP_ADD_SOURCE_MEMBERSHIP || is_group_option(name));
}

/* A flow label may be asked for without a route. */
bool outreach_is_route(int level, int name, socklen_t len)
{
    if (level == IPPROTO_IP)
        return name == IP_OPTIONS && len > 0;
    if (level != IPPROTO_IPV6)
        return false;
    return ((name == IPV6_RTHDR || name == IPV6_2292PKTOPTIONS) && len > 0) ||
           (name == FLOWLABEL_MANAGER && len > FLOWLABEL_REQUEST_LEN);
}

/* struct ip_mreq, with which the two others begin; an index, where there is one, goes before the
 * interface's address. */
static bool read_ipv4(int name, const void *value, socklen_t len, struct join *join)
{
    struct ip_mreqn request = {0};
    if (len < sizeof(struct ip_mreq))
        return false;
    memcpy(&request, value, len < sizeof(request) ? len : sizeof(request));
    join->group = (struct target){.kind = TARGET_IPV4};
    memcpy(join->group.ipv4, &request.imr_multiaddr, sizeof(join->group.ipv4));
    bool has_index =
        name == IP_ADD_MEMBERSHIP && len >= sizeof(request) && request.imr_ifindex != 0;
    join->is_local = has_index
                         ? request.imr_ifindex == LOOPBACK_INDEX
                         : ntohl(request.imr_address.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
    return true;
}

static bool read_ipv6(const void *value, socklen_t len, struct join *join)
{
    struct ipv6_mreq request;
    if (len < sizeof(request))
        return false;
    memcpy(&request, value, sizeof(request));
    target_set_ipv6(&join->group, request.ipv6mr_multiaddr.s6_addr, 0);
    join->is_local = request.ipv6mr_interface == LOOPBACK_INDEX;
    return true;
}

/* struct group_req, with which group_source_req begins. */
static bool read_group(const void *value, socklen_t len, struct join *join)
{
    struct group_req request;
    if (len < sizeof(request))
        return false;
    memcpy(&request, value, sizeof(request));
    join->is_local = request.gr_interface == LOOPBACK_INDEX;
    if (!target_from_sockaddr(&join->group, (const struct sockaddr *)&request.gr_group,
                              sizeof(request.gr_group)))
        return false;
    join->group.port = 0;
    return true;
}

bool outreach_read_join(int level, int name, const void *value, socklen_t len, struct join *join)
{
    if (is_group_option(name))
        return read_group(value, len, join);
    return level == IPPROTO_IP ? read_ipv4(name, value, len, join) : read_ipv6(value, len, join);
}

static bool is_routed(const struct cmsghdr *part)
{
    if (part->cmsg_level == IPPROTO_IP)
        return part->cmsg_type == IP_RETOPTS;
    return part->cmsg_level == IPPROTO_IPV6 &&
           (part->cmsg_type == IPV6_RTHDR || part->cmsg_type == IPV6_2292RTHDR);
}

/* One that is not has no next one: CMSG_NXTHDR of older C libraries goes in circles for some. The
 * kernel refuses such a message. */
static bool is_whole(const struct msghdr *message, const struct cmsghdr *part)
{
    const char *end = (const char *)message->msg_control + message->msg_controllen;
    return part->cmsg_len <= (size_t)(end - (const char *)part);
}

bool outreach_message_is_routed(const struct msghdr *message)
{
    struct msghdr *readable = (struct msghdr *)(uintptr_t)message; /* CMSG_NXTHDR wants it so */
    if (!message->msg_control)
        return false;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(readable); part && is_whole(message, part);
         part = CMSG_NXTHDR(readable, part))
        if (is_routed(part))
            return true;
    return false;
}
