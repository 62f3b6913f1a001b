/* SPDX-License-Identifier: MIT
 * Asking a socket what it is. */
#include "core/sockopt.h"

#include "core/sys.h"

#include <errno.h>

/* -1 when the socket has no such option. */
static int ask(int fd, int level, int name)
{
    int value, saved = errno;
    socklen_t len = sizeof(value);
    if (sys_getsockopt(fd, level, name, &value, &len) != 0)
        value = -1;
    errno = saved;
    return value;
}

int sockopt_domain(int fd)
{
    return ask(fd, SOL_SOCKET, SO_DOMAIN);
}

int sockopt_protocol(int fd)
{
    return ask(fd, SOL_SOCKET, SO_PROTOCOL);
}

bool sockopt_is_tcp(int fd)
{
    int protocol = sockopt_protocol(fd);
    return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

bool sockopt_is_ipv6_only(int fd)
{
    return ask(fd, IPPROTO_IPV6, IPV6_V6ONLY) > 0;
}
