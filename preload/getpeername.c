/* SPDX-License-Identifier: MIT
 * getpeername(2): the target, not the proxy. */
#include "preload/guard.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

EXPORT int getpeername(int fd, struct sockaddr *__restrict addr, socklen_t *__restrict len)
{
    union endpoint actual;
    socklen_t actual_len = sizeof(actual);
    struct peer peer;
    if (pending_is_running(fd)) {
        errno = ENOTCONN;
        return -1;
    }
    if (guard_is_inside() || !addr || !len || !peers_get(fd, &peer) ||
        real(getpeername)(fd, &actual.any, &actual_len) != 0 ||
        !endpoint_equal(&actual, &peer.proxy))
        return real(getpeername)(fd, addr, len);

    socklen_t room = *len;
    *len = peer.target.any.sa_family == AF_INET ? sizeof(peer.target.in) : sizeof(peer.target.in6);
    memcpy(addr, &peer.target, room < *len ? room : *len);
    return 0;
}
