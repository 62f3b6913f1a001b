/* SPDX-License-Identifier: MIT
 * What becomes of datagrams of supervised programs: DNS goes to the responder, this host is free,
 * all else needs the configuration's leave (`udp direct`). */
#ifndef SOCKSIFY_CLI_SUPERVISE_DATAGRAM_H
#define SOCKSIFY_CLI_SUPERVISE_DATAGRAM_H

#include "cli/supervise/message.h"
#include "cli/supervise/supervisor.h"
#include "core/endpoint.h"
#include "core/target.h"

#include <stdbool.h>

/*
 * connect(2) of a socket that is not TCP: answers the call; fd is ours, and owned from here on.
 * Sends nothing, so it succeeds even where sending is not allowed: programs connect a datagram
 * socket to learn their own address, and they do learn it.
 */
void datagram_connect(struct request *request, int fd, const union endpoint *addr, socklen_t len);

/*
 * Where a datagram to *name may go, which is changed to that: the responder in place of a name
 * server, nowhere (a length of 0) where the kernel would take the peer that the socket is connected
 * to. is_plain: no control message can give it another source. 0, or the errno for a datagram that
 * must not be sent, of which the user has been told.
 */
int datagram_route(const struct request *request, int fd, struct message_name *name, bool is_plain);

/* Whether the socket may be made a member of a multicast group (its port does not matter): the
 * kernel tells the neighbours of each. The user is told when not. */
bool datagram_may_join(const struct request *request, int fd, const struct target *group);

#endif
