/* SPDX-License-Identifier: MIT
 * connect(2) for others: on the caller's own socket, direct or along a route. */
#ifndef SOCKSIFY_CLI_SUPERVISE_CONNECT_H
#define SOCKSIFY_CLI_SUPERVISE_CONNECT_H

#include "cli/supervise/supervisor.h"

#include <stddef.h>
#include <sys/socket.h>

/* A send(2) that comes with a connect(2) (MSG_FASTOPEN): the call is answered with what send
 * returns. data is malloc'ed and ours from here on, as is fd. */
void connect_for_fastopen(struct request *request, int fd, const void *addr, socklen_t len,
                          void *data, size_t data_len, int flags);

#endif
