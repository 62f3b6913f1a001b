/* SPDX-License-Identifier: MIT
 * Peers of our own for connected datagram sockets that must not send: what they send comes here, so
 * that the user hears of it. (A send without an address is not seen as a system call.) */
#ifndef SOCKSIFY_CLI_SUPERVISE_DECOY_H
#define SOCKSIFY_CLI_SUPERVISE_DECOY_H

#include "cli/supervise/supervisor.h"
#include "core/endpoint.h"
#include "core/target.h"

#include <stdbool.h>

/*
 * Connect fd, which is the socket that the call in hand is about, to a decoy at *own, an address of
 * this host, in place of the real peer `to`; *own gets the port. The first datagram that comes
 * draws the message about blocked datagrams, and from then on the socket gets ECONNREFUSED. False,
 * and the socket is as it was, when that cannot be done, or the program has drawn its message
 * already.
 */
bool decoy_connect(const struct request *request, int fd, union endpoint *own,
                   const struct target *to);

#endif
