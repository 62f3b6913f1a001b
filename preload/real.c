/* SPDX-License-Identifier: MIT
 * Looking up the real functions, and core/sys.h in terms of them. */
#include "preload/real.h"

#include "core/sys.h"
#include "preload/guard.h"
#include "preload/state.h"
#include "preload/kernel.h"
#include "preload/own.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>

STARTUP_DATA void *real_functions[REAL_COUNT];

/* What glibc before 2.34 lacks, and musl. */

static int kernel_close_range(unsigned first, unsigned last, int flags)
{
    return (int)kernel_call(SYS_close_range, first, last, flags);
}

static void kernel_closefrom(int first)
{
    kernel_close_range(first > 0 ? (unsigned)first : 0, UINT_MAX, 0);
}

static int kernel_execveat(int fd, const char *path, char *const argv[], char *const envp[],
                           int flags)
{
    return (int)kernel_call(SYS_execveat, fd, path, argv, envp, flags);
}

static void *kernel_function(enum real_index index)
{
    switch (index) {
    case REAL_close_range:
        return (void *)kernel_close_range;
    case REAL_closefrom:
        return (void *)kernel_closefrom;
    case REAL_execveat:
        return (void *)kernel_execveat;
    default:
        return NULL;
    }
}

void *real_bind(enum real_index index)
{
    static const char *const names[] = {
#define X(name) [REAL_##name] = #name,
        REAL_FUNCTIONS(X)
#undef X
    };
    void *function = symbols_libc()->dlsym(RTLD_NEXT, names[index]);
    if (!function)
        function = kernel_function(index);
    __atomic_store_n(&real_functions[index], function, __ATOMIC_RELAXED);
    return function;
}

int sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return real(connect)(fd, addr, len);
}

int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    return real(getpeername)(fd, addr, len);
}

int sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return real(poll)(fds, count, timeout_ms);
}

ssize_t sys_send(int fd, const void *buf, size_t len, int flags)
{
    return real(send)(fd, buf, len, flags);
}

ssize_t sys_recv(int fd, void *buf, size_t len, int flags)
{
    return real(recv)(fd, buf, len, flags);
}

int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return real(getsockopt)(fd, level, name, value, len);
}

int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return real(setsockopt)(fd, level, name, value, len);
}

/* Its callers have opened what they close: no other library need know, and start-up is spared a
 * look-up. */
int sys_close(int fd)
{
    return (int)kernel_call(SYS_close, fd);
}

int sys_dup3(int fd, int to, int flags)
{
    return real(dup3)(fd, to, flags);
}

ssize_t sys_read(int fd, void *buf, size_t len)
{
    return kernel_call(SYS_read, fd, buf, len);
}

ssize_t sys_write(int fd, const void *buf, size_t len)
{
    return real(write)(fd, buf, len);
}

int sys_socket(int domain, int type, int protocol)
{
    return real(socket)(domain, type, protocol);
}

int sys_fcntl(int fd, int command, uintptr_t argument)
{
    return real(fcntl)(fd, command, argument);
}

int sys_rename_new(const char *from, const char *to)
{
    return (int)kernel_call(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, SYS_RENAME_NOREPLACE);
}

int sys_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                    struct addrinfo **list)
{
    guard_enter();
    int result = real(getaddrinfo)(node, service, hints, list);
    guard_leave();
    return result;
}

void sys_freeaddrinfo(struct addrinfo *list)
{
    freeaddrinfo(list);
}

int sys_own_socket(int domain, int type, int protocol)
{
    return own_adopt(real(socket)(domain, type | SOCK_CLOEXEC, protocol));
}

void sys_own_close(int fd)
{
    own_close(fd);
}

ssize_t sys_fgetxattr(int fd, const char *name, void *value, size_t size)
{
    return kernel_call(SYS_fgetxattr, fd, name, value, size);
}

ssize_t sys_getrandom(void *buf, size_t len, unsigned flags)
{
    return kernel_call(SYS_getrandom, buf, len, flags);
}
