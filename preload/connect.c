/* SPDX-License-Identifier: MIT
 * connect(2). */
#include "preload/state.h"
#include "preload/tunnel.h"

#include <sys/socket.h>

EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return tunnel_connect(fd, addr, len);
}
