/* SPDX-License-Identifier: MIT
 * What the kernel cannot tell about sockets that were led elsewhere: by the socket's cookie, whom
 * the program connected it to, and the error that a failed connect has left for it. A bounded
 * memory: the oldest entries make room, for the end of a socket is not seen. */
#ifndef SOCKSIFY_CLI_SUPERVISE_PEERS_H
#define SOCKSIFY_CLI_SUPERVISE_PEERS_H

#include "core/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

struct peer {
    union endpoint target; /* as the program gave it */
    socklen_t target_len;
    union endpoint actual; /* whom the kernel names: the entry holds while it still does; all zero:
                              the socket is not connected */
    int error;             /* what SO_ERROR or the next connect(2) is to say, once; 0: nothing */
    bool is_news;          /* the next connect(2) is to say 0: the first to hear of the success */
    bool is_asker;         /* a datagram socket that asks our responder: receive.c restores the
                              source */
};

struct peers;

struct peers *peers_new(void);
void peers_set(struct peers *peers, uint64_t cookie, const struct peer *peer);
struct peer *peers_get(struct peers *peers, uint64_t cookie); /* until the next set; NULL: none */
void peers_remove(struct peers *peers, uint64_t cookie);

#endif
