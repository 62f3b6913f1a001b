/* SPDX-License-Identifier: MIT
 * One step of a handshake on a socket, without waiting: what the blocking and the event-driven
 * driver have in common. */
#ifndef SOCKSIFY_CORE_EXCHANGE_H
#define SOCKSIFY_CORE_EXCHANGE_H

#include "core/handshake.h"

enum exchange {
    EXCHANGE_MOVED,   /* octets were sent or received: there may be more to do at once */
    EXCHANGE_BLOCKED, /* wait until the socket can do what handshake_want says */
    EXCHANGE_ENDED,   /* done or failed: see the handshake */
};

/* Send the frame that is due, or receive what the answer still needs, whether fd is blocking or
 * not. Never receives an octet that belongs to the program. */
enum exchange exchange_step(int fd, struct handshake *h);

#endif
