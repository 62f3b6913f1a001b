/* SPDX-License-Identifier: MIT
 * The libc functions behind the ones we export: real(connect)(fd, addr, len). Each is looked up
 * (RTLD_NEXT, so that another preloaded library keeps its turn) when it is first called:
 * most programs use few of them, and a look-up costs more than anything else at start-up. */
#ifndef SOCKSIFY_PRELOAD_REAL_H
#define SOCKSIFY_PRELOAD_REAL_H

#include "preload/libc.h"

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

/* Every interposed function: a new one is one word here and one in exports.map. */
#define REAL_FUNCTIONS(X)                                                                          \
    X(close)                                                                                       \
    X(closefrom)                                                                                   \
    X(close_range)                                                                                 \
    X(connect)                                                                                     \
    X(dlmopen)                                                                                     \
    X(dlopen)                                                                                      \
    X(dlsym)                                                                                       \
    X(dlvsym)                                                                                      \
    X(dup)                                                                                         \
    X(dup2)                                                                                        \
    X(dup3)                                                                                        \
    X(epoll_ctl)                                                                                   \
    X(execl)                                                                                       \
    X(execle)                                                                                      \
    X(execlp)                                                                                      \
    X(execv)                                                                                       \
    X(execve)                                                                                      \
    X(execveat)                                                                                    \
    X(execvp)                                                                                      \
    X(execvpe)                                                                                     \
    X(fcntl)                                                                                       \
    X(fcntl64)                                                                                     \
    X(fexecve)                                                                                     \
    X(freeaddrinfo)                                                                                \
    X(getaddrinfo)                                                                                 \
    X(getaddrinfo_a)                                                                               \
    X(gethostbyaddr)                                                                               \
    X(gethostbyaddr_r)                                                                             \
    X(gethostbyname)                                                                               \
    X(gethostbyname2)                                                                              \
    X(gethostbyname2_r)                                                                            \
    X(gethostbyname_r)                                                                             \
    X(getnameinfo)                                                                                 \
    X(getpeername)                                                                                 \
    X(getsockopt)                                                                                  \
    X(poll)                                                                                        \
    X(popen)                                                                                       \
    X(posix_spawn)                                                                                 \
    X(posix_spawnp)                                                                                \
    X(ppoll)                                                                                       \
    X(pselect)                                                                                     \
    X(read)                                                                                        \
    X(readv)                                                                                       \
    X(recv)                                                                                        \
    X(recvfrom)                                                                                    \
    X(recvmsg)                                                                                     \
    X(recvmmsg)                                                                                    \
    X(res_nquery)                                                                                  \
    X(res_nquerydomain)                                                                            \
    X(res_nsearch)                                                                                 \
    X(res_nsend)                                                                                   \
    X(res_query)                                                                                   \
    X(res_querydomain)                                                                             \
    X(res_search)                                                                                  \
    X(res_send)                                                                                    \
    X(select)                                                                                      \
    X(send)                                                                                        \
    X(sendfile)                                                                                    \
    X(sendfile64)                                                                                  \
    X(sendmmsg)                                                                                    \
    X(sendmsg)                                                                                     \
    X(sendto)                                                                                      \
    X(setsockopt)                                                                                  \
    X(shutdown)                                                                                    \
    X(socket)                                                                                      \
    X(syscall)                                                                                     \
    X(system)                                                                                      \
    X(write)                                                                                       \
    X(writev)                                                                                      \
    X(__poll_chk)                                                                                  \
    X(__ppoll_chk)                                                                                 \
    X(__read_chk)                                                                                  \
    X(__recv_chk)                                                                                  \
    X(__recvfrom_chk)                                                                              \
    X(__getsockopt64)                                                                              \
    X(__ppoll64)                                                                                   \
    X(__ppoll64_chk)                                                                               \
    X(__pselect64)                                                                                 \
    X(__recvmmsg64)                                                                                \
    X(__recvmsg64)                                                                                 \
    X(__select64)                                                                                  \
    X(__setsockopt64)

enum real_index {
#define X(name) REAL_##name,
    REAL_FUNCTIONS(X)
#undef X
        REAL_COUNT
};

/* NULL until looked up; relaxed atomic access, since every thread would store the same. */
extern void *real_functions[REAL_COUNT];

/* Look one up and remember it. Never NULL for what libc or, in its place, the kernel has. */
void *real_bind(enum real_index index);

static inline void *real_get(enum real_index index)
{
    void *function = __atomic_load_n(&real_functions[index], __ATOMIC_RELAXED);
    return __builtin_expect(function != NULL, 1) ? function : real_bind(index);
}

#define real(name) ((__typeof__(&name))real_get(REAL_##name))

#endif
