/* SPDX-License-Identifier: MIT
 * Replacing a socket behind its descriptor number. */
#include "core/replace.h"

#include "core/sockopt.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>

/* What programs set before connect(2) and would miss. Buffer sizes are not among them: reading them
 * back gives twice the value that was set, and setting them ends the kernel's own tuning. */
static void carry_options(int from, int to)
{
    static const struct {
        int level, name;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE},    {SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_OOBINLINE},
        {SOL_SOCKET, SO_LINGER},       {SOL_SOCKET, SO_RCVTIMEO},  {SOL_SOCKET, SO_SNDTIMEO},
        {SOL_SOCKET, SO_RCVLOWAT},     {SOL_SOCKET, SO_PRIORITY},  {SOL_SOCKET, SO_MARK},
        {SOL_SOCKET, SO_BINDTODEVICE}, {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_KEEPIDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL},  {IPPROTO_TCP, TCP_KEEPCNT}, {IPPROTO_TCP, TCP_USER_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char value[32]; /* an interface name is the longest */
        socklen_t len = sizeof(value);
        if (sys_getsockopt(from, options[i].level, options[i].name, value, &len) == 0 && len > 0)
            sys_setsockopt(to, options[i].level, options[i].name, value, len);
    }
}

static void carry_status_flags(int from, int to)
{
    int flags = sys_fcntl(from, F_GETFL, 0);
    if (flags & O_ASYNC) {
        struct f_owner_ex owner;
        if (sys_fcntl(from, F_GETOWN_EX, (uintptr_t)&owner) == 0)
            sys_fcntl(to, F_SETOWN_EX, (uintptr_t)&owner);
        int signal_number = sys_fcntl(from, F_GETSIG, 0);
        if (signal_number > 0)
            sys_fcntl(to, F_SETSIG, (uintptr_t)signal_number);
    }
    if (flags != -1)
        sys_fcntl(to, F_SETFL, (uintptr_t)flags & (O_NONBLOCK | O_ASYNC));
}

bool replace_socket(int fd, int family)
{
    int descriptor_flags = sys_fcntl(fd, F_GETFD, 0);
    int made = sys_socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor_flags == -1 || made < 0) {
        int error = errno;
        if (made >= 0)
            sys_close(made);
        errno = error;
        return false;
    }
    carry_options(fd, made);
    carry_status_flags(fd, made);
    int result = sys_dup3(made, fd, descriptor_flags & FD_CLOEXEC ? O_CLOEXEC : 0);
    int error = errno;
    sys_close(made);
    errno = error;
    return result >= 0;
}

bool replace_is_needed(int fd, int family, const struct endpoints *endpoints)
{
    bool has_ipv4 = false, has_ipv6 = false;
    for (size_t i = 0; i < endpoints->count; i++) {
        has_ipv4 |= endpoints->list[i].any.sa_family == AF_INET;
        has_ipv6 |= endpoints->list[i].any.sa_family == AF_INET6;
    }
    return family == AF_INET ? !has_ipv4 : !has_ipv6 && sockopt_is_ipv6_only(fd);
}

bool replace_unfit_socket(int fd, int *family, const struct endpoints *endpoints)
{
    if (!replace_is_needed(fd, *family, endpoints))
        return true;
    int other = *family == AF_INET ? AF_INET6 : AF_INET;
    if (!replace_socket(fd, other))
        return false;
    *family = other;
    return true;
}
