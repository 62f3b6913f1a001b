/* SPDX-License-Identifier: MIT
 * A name server on the loopback interface for supervised programs with a resolver of their own: one
 * address for each name server and configuration that is asked, by datagram and over TCP. What the
 * names map cannot answer is asked elsewhere, as core/forward has it, as an errand. */
#ifndef SOCKSIFY_CLI_SUPERVISE_RESPONDER_H
#define SOCKSIFY_CLI_SUPERVISE_RESPONDER_H

#include "cli/supervise/supervisor.h"
#include "core/endpoint.h"

#include <stdbool.h>

enum {
    RESPONDER_PORT = 53,
    RESPONDER_SEATS = 256, /* addresses at a time; the one asked longest ago makes room */
};

/* It goes on supervisor's loop and errands, with DELAY_HANDSHAKE as its patience with clients over
 * TCP. NULL without memory. */
struct responder *responder_new(struct supervisor *supervisor);

/*
 * Where a socket of the given family (ipv6_only: one that cannot say IPv4) is to ask in place of
 * nameserver, by datagrams or over TCP, for a program of that scope (which lives for ever). asker
 * is a thread of it: messages about the questions go to its stderr. False with errno when there is
 * no descriptor for one more name server.
 */
bool responder_for(struct responder *responder, const struct scope *scope, pid_t asker,
                   const union endpoint *nameserver, int family, bool ipv6_only, bool tcp,
                   union endpoint *instead);

/* The name server in whose place that address answers; false when it is none of ours. */
bool responder_original(const struct responder *responder, const union endpoint *instead,
                        union endpoint *nameserver);

/* True once any datagram socket may have been led to it: before, no datagram can be from it. */
bool responder_is_used(const struct responder *responder);

#endif
