/* SPDX-License-Identifier: MIT
 * A name server inside the process, for programs with a resolver of their own: it has an address on
 * the loopback interface for each name server that the program asks, and a thread, started by the
 * first question, that answers there. */
#ifndef SOCKSIFY_PRELOAD_RESPONDER_H
#define SOCKSIFY_PRELOAD_RESPONDER_H

#include "core/endpoint.h"

#include <stdbool.h>

enum { RESPONDER_PORT = 53 };

/*
 * Where a socket of the given family (ipv6_only: one that cannot say IPv4) is to ask in place of
 * nameserver, by datagrams or over TCP. False with errno when there is no thread, no descriptor or
 * no room for one more name server.
 */
bool responder_for(const union endpoint *nameserver, int family, bool ipv6_only, bool tcp,
                   union endpoint *instead);

/* The name server in whose place that address answers; false when it is none of ours. */
bool responder_original(const union endpoint *instead, union endpoint *nameserver);

/* True once there is one: before, no datagram can be from it. */
extern bool responder_started;

/* fork(2): the child asks the parent's as long as it lives, and starts its own for new sockets. */
void responder_fork_child(void);

#endif
