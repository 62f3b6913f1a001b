/* SPDX-License-Identifier: MIT
 * socket(2): protocols whose traffic could neither be proxied nor be watched are not there. */
#include "core/log.h"
#include "preload/guard.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Packet sockets send below IP; SCTP and DCCP connect in ways of their own (setsockopt). */
static const char *unwatchable(int domain, int type, int protocol)
{
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (domain == AF_PACKET)
        return "packet sockets";
    if (domain != AF_INET && domain != AF_INET6)
        return NULL;
    if (protocol == IPPROTO_SCTP)
        return "SCTP sockets";
    if (protocol == IPPROTO_DCCP || kind == SOCK_DCCP)
        return "DCCP sockets";
    return NULL;
}

EXPORT int socket(int domain, int type, int protocol)
{
    const char *what = guard_is_inside() ? NULL : unwatchable(domain, type, protocol);
    if (!what)
        return real(socket)(domain, type, protocol);
    static bool said;
    state_start();
    if (!__atomic_exchange_n(&said, true, __ATOMIC_RELAXED))
        log_error("%s: refused: they cannot go through the proxy", what);
    /* As on a system without the protocol, so that programs fall back to TCP; a packet socket is
     * refused as to a user who may have none. */
    errno = domain == AF_PACKET ? EPERM : EPROTONOSUPPORT;
    return -1;
}
