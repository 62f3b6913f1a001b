/* SPDX-License-Identifier: MIT
 * Socket options and control messages by which packets go where no address says so: joining a
 * multicast group, which the kernel tells the neighbours of, and source routes. */
#ifndef SOCKSIFY_CORE_OUTREACH_H
#define SOCKSIFY_CORE_OUTREACH_H

#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* True when setsockopt(2) with that level and name makes the socket a member of a group. */
bool outreach_is_join(int level, int name);

/* True when that option sets hosts for packets to go by: taking one back (len 0) is none. */
bool outreach_is_route(int level, int name, socklen_t len);

/* A request to join a group. */
struct join {
    struct target group; /* its port is 0 */
    bool is_local;       /* on the loopback interface alone */
};

/* Read the value of an option that is a join, of len octets, not necessarily aligned. False when
 * the kernel would not know a group in it, either. */
bool outreach_read_join(int level, int name, const void *value, socklen_t len, struct join *join);

/* True when one of a message's control messages is a source route. */
bool outreach_message_is_routed(const struct msghdr *message);

#endif
