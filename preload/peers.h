/* SPDX-License-Identifier: MIT
 * Whom the program's proxied sockets are connected to, so that getpeername can say it. */
#ifndef SOCKSIFY_PRELOAD_PEERS_H
#define SOCKSIFY_PRELOAD_PEERS_H

#include "preload/fdtable.h"

#include <stdbool.h>

/* Remember for a descriptor; does nothing where there is no slot. */
void peers_set(int fd, const struct peer *peer);

/* Copy out what is remembered; false when there is nothing. It is true of the descriptor only if
 * the kernel names peer->proxy as its peer: else it is of an earlier one with that number. */
bool peers_get(int fd, struct peer *peer);

#endif
