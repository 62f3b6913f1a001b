/* SPDX-License-Identifier: MIT
 * The plain implementation of sys.h: libc itself, for programs of our own. */
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return connect(fd, addr, len);
}

int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    return getpeername(fd, addr, len);
}

int sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return poll(fds, count, timeout_ms);
}

ssize_t sys_send(int fd, const void *buf, size_t len, int flags)
{
    return send(fd, buf, len, flags);
}

ssize_t sys_recv(int fd, void *buf, size_t len, int flags)
{
    return recv(fd, buf, len, flags);
}

int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return getsockopt(fd, level, name, value, len);
}

int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return setsockopt(fd, level, name, value, len);
}

int sys_close(int fd)
{
    return close(fd);
}

int sys_dup3(int fd, int to, int flags)
{
    return dup3(fd, to, flags);
}

ssize_t sys_read(int fd, void *buf, size_t len)
{
    return read(fd, buf, len);
}

ssize_t sys_write(int fd, const void *buf, size_t len)
{
    return write(fd, buf, len);
}

int sys_socket(int domain, int type, int protocol)
{
    return socket(domain, type, protocol);
}

int sys_fcntl(int fd, int command, uintptr_t argument)
{
    return fcntl(fd, command, argument);
}

int sys_rename_new(const char *from, const char *to)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, SYS_RENAME_NOREPLACE);
}

int sys_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                    struct addrinfo **list)
{
    return getaddrinfo(node, service, hints, list);
}

void sys_freeaddrinfo(struct addrinfo *list)
{
    freeaddrinfo(list);
}

int sys_own_socket(int domain, int type, int protocol)
{
    return socket(domain, type | SOCK_CLOEXEC, protocol);
}

void sys_own_close(int fd)
{
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
}

ssize_t sys_fgetxattr(int fd, const char *name, void *value, size_t size)
{
    return fgetxattr(fd, name, value, size);
}

ssize_t sys_getrandom(void *buf, size_t len, unsigned flags)
{
    return getrandom(buf, len, flags);
}
