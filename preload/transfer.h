/* SPDX-License-Identifier: MIT
 * Whether a descriptor may take or give octets now: not while its handshake is pending, and not
 * when it is a datagram socket whose peer the configuration does not let it send to. */
#ifndef SOCKSIFY_PRELOAD_TRANSFER_H
#define SOCKSIFY_PRELOAD_TRANSFER_H

#include "preload/datagram.h"
#include "preload/pending.h"

#include <stdbool.h>

/* A pending socket behaves as one that is connecting: false with EAGAIN when it is non-blocking or
 * flags has MSG_DONTWAIT, else true after the end; false with the error of a connect that failed,
 * once. */
bool transfer_await(int fd, int flags);

/* What read, recv and their kin ask: two words of memory where there is nothing to it. */
static inline bool is_ready(int fd, int flags)
{
    return !pending_any() || transfer_await(fd, flags);
}

/* What write, send and their kin without an address ask. False with errno. */
static inline bool may_send(int fd, int flags)
{
    return is_ready(fd, flags) &&
           (!datagram_any() || datagram_passage(fd, NULL, 0, flags, NULL) == PASSAGE_FREE);
}

#endif
