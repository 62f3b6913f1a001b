/* SPDX-License-Identifier: MIT
 * Clients of the responder over TCP: two octets of length, then the message, both ways (RFC 1035
 * section 4.2.2). */
#ifndef SOCKSIFY_CLI_SUPERVISE_DNS_CLIENTS_H
#define SOCKSIFY_CLI_SUPERVISE_DNS_CLIENTS_H

#include "cli/loop.h"
#include "cli/supervise/question.h"

#include <stdbool.h>

enum { DNS_CLIENTS_MAX = 64 }; /* a descriptor each; the one silent longest makes room */

struct dns_clients;

/* A client that is silent for DELAY_HANDSHAKE is parted from. NULL without memory. */
struct dns_clients *dns_clients_new(struct loop *loop, struct questions *questions);

/* Accept those that have come to a listening socket. False when there are more, but no descriptor
 * for them: they will have to wait. */
bool dns_clients_accept(struct dns_clients *clients, int listener, const struct asker *asker);

#endif
