/* SPDX-License-Identifier: MIT
 * syscall(2): a system call that has a function among ours goes there; all others pass. */
#include "core/log.h"
#include "preload/jump.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KERNEL_SIGNALS = 8 }; /* octets in the kernel's set of signals; libc's is longer */

JUMP_ROUTE syscall_route(uintptr_t arguments[]);

/* The kernel would also write back what is left of the timeout; nobody but libc relies on it. */
static long poll_with_mask(long fds, long count, long timeout, long mask)
{
    sigset_t signals;
    sigemptyset(&signals);
    if (mask)
        memcpy(&signals, (const void *)mask, KERNEL_SIGNALS);
    return ppoll((struct pollfd *)fds, (nfds_t)count, (const struct timespec *)timeout,
                 mask ? &signals : NULL);
}

struct pselect_mask {
    const void *signals;
    size_t size;
};

static long select_with_mask(long limit, long readable, long writable, long exceptional,
                             long timeout, const struct pselect_mask *mask)
{
    sigset_t signals;
    sigemptyset(&signals);
    if (mask && mask->signals)
        memcpy(&signals, mask->signals, KERNEL_SIGNALS);
    return pselect((int)limit, (fd_set *)readable, (fd_set *)writable, (fd_set *)exceptional,
                   (const struct timespec *)timeout, mask && mask->signals ? &signals : NULL);
}

/* A kernel's io_uring would connect behind our back; programs are used to its not being there. */
static long refuse_io_uring(void)
{
    static bool told;
    state_start();
    if (!__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
        log_info("io_uring is refused: it cannot be proxied");
    errno = ENOSYS;
    return -1;
}

#ifdef SYS_socketcall
#include <linux/net.h>

static long socketcall(long call, const long *args)
{
    switch (call) {
    case SYS_SOCKET:
        return socket((int)args[0], (int)args[1], (int)args[2]);
    case SYS_CONNECT:
        return connect((int)args[0], (const struct sockaddr *)args[1], (socklen_t)args[2]);
    case SYS_GETPEERNAME:
        return getpeername((int)args[0], (struct sockaddr *)args[1], (socklen_t *)args[2]);
    case SYS_SEND:
        return send((int)args[0], (const void *)args[1], (size_t)args[2], (int)args[3]);
    case SYS_RECV:
        return recv((int)args[0], (void *)args[1], (size_t)args[2], (int)args[3]);
    case SYS_SENDTO:
        return sendto((int)args[0], (const void *)args[1], (size_t)args[2], (int)args[3],
                      (const struct sockaddr *)args[4], (socklen_t)args[5]);
    case SYS_RECVFROM:
        return recvfrom((int)args[0], (void *)args[1], (size_t)args[2], (int)args[3],
                        (struct sockaddr *)args[4], (socklen_t *)args[5]);
    case SYS_SHUTDOWN:
        return shutdown((int)args[0], (int)args[1]);
    case SYS_GETSOCKOPT:
        return getsockopt((int)args[0], (int)args[1], (int)args[2], (void *)args[3],
                          (socklen_t *)args[4]);
    case SYS_SENDMSG:
        return sendmsg((int)args[0], (const struct msghdr *)args[1], (int)args[2]);
    case SYS_RECVMSG:
        return recvmsg((int)args[0], (struct msghdr *)args[1], (int)args[2]);
    case SYS_SENDMMSG:
        return sendmmsg((int)args[0], (struct mmsghdr *)args[1], (unsigned)args[2], (int)args[3]);
    case SYS_RECVMMSG:
        return recvmmsg((int)args[0], (struct mmsghdr *)args[1], (unsigned)args[2], (int)args[3],
                        (struct timespec *)args[4]);
    default:
        errno = EINVAL;
        return -1;
    }
}

static bool socketcall_has_function(uintptr_t call)
{
    switch (call) {
    case SYS_SOCKET:
    case SYS_CONNECT:
    case SYS_GETPEERNAME:
    case SYS_SEND:
    case SYS_RECV:
    case SYS_SENDTO:
    case SYS_RECVFROM:
    case SYS_SHUTDOWN:
    case SYS_GETSOCKOPT:
    case SYS_SENDMSG:
    case SYS_RECVMSG:
    case SYS_SENDMMSG:
    case SYS_RECVMMSG:
        return true;
    default:
        return false;
    }
}
#endif

/* Only those that wants_function says. */
static long call_function(long number, long a, long b, long c, long d, long e, long f)
{
    switch (number) {
    case SYS_socket:
        return socket((int)a, (int)b, (int)c);
    case SYS_connect:
        return connect((int)a, (const struct sockaddr *)b, (socklen_t)c);
    case SYS_getpeername:
        return getpeername((int)a, (struct sockaddr *)b, (socklen_t *)c);
    case SYS_getsockopt:
        return getsockopt((int)a, (int)b, (int)c, (void *)d, (socklen_t *)e);
    case SYS_shutdown:
        return shutdown((int)a, (int)b);

    case SYS_sendto:
        return sendto((int)a, (const void *)b, (size_t)c, (int)d, (const struct sockaddr *)e,
                      (socklen_t)f);
    case SYS_sendmsg:
        return sendmsg((int)a, (const struct msghdr *)b, (int)c);
    case SYS_sendmmsg:
        return sendmmsg((int)a, (struct mmsghdr *)b, (unsigned)c, (int)d);
    case SYS_recvfrom:
        return recvfrom((int)a, (void *)b, (size_t)c, (int)d, (struct sockaddr *)e, (socklen_t *)f);
    case SYS_recvmsg:
        return recvmsg((int)a, (struct msghdr *)b, (int)c);
    case SYS_recvmmsg:
        return recvmmsg((int)a, (struct mmsghdr *)b, (unsigned)c, (int)d, (struct timespec *)e);
    case SYS_read:
        return read((int)a, (void *)b, (size_t)c);
    case SYS_readv:
        return readv((int)a, (const struct iovec *)b, (int)c);
    case SYS_write:
        return write((int)a, (const void *)b, (size_t)c);
    case SYS_writev:
        return writev((int)a, (const struct iovec *)b, (int)c);
    case SYS_sendfile:
        return sendfile((int)a, (int)b, (off_t *)c, (size_t)d);
#ifdef SYS_sendfile64
    case SYS_sendfile64:
        return sendfile64((int)a, (int)b, (off64_t *)c, (size_t)d);
#endif

    case SYS_close:
        return close((int)a);
    case SYS_close_range:
        return close_range((unsigned)a, (unsigned)b, (int)c);
    case SYS_dup:
        return dup((int)a);
#ifdef SYS_dup2
    case SYS_dup2:
        return dup2((int)a, (int)b);
#endif
    case SYS_dup3:
        return dup3((int)a, (int)b, (int)c);
#ifdef SYS_fcntl64
    case SYS_fcntl64:
#endif
    case SYS_fcntl:
        return fcntl((int)a, (int)b, c);

    case SYS_epoll_ctl:
        return epoll_ctl((int)a, (int)b, (int)c, (struct epoll_event *)d);
#ifdef SYS_poll
    case SYS_poll:
        return poll((struct pollfd *)a, (nfds_t)b, (int)c);
#endif
    case SYS_ppoll:
        return poll_with_mask(a, b, c, d);
#if defined(SYS__newselect) /* SYS_select then takes its arguments in a structure */
    case SYS__newselect:
        return select((int)a, (fd_set *)b, (fd_set *)c, (fd_set *)d, (struct timeval *)e);
#elif defined(SYS_select)
    case SYS_select:
        return select((int)a, (fd_set *)b, (fd_set *)c, (fd_set *)d, (struct timeval *)e);
#endif
    case SYS_pselect6:
        return select_with_mask(a, b, c, d, e, (const struct pselect_mask *)f);

#ifdef SYS_socketcall
    case SYS_socketcall:
        return socketcall(a, (const long *)b);
#endif
    case SYS_execve:
        return execve((const char *)a, (char *const *)b, (char *const *)c);
    case SYS_execveat:
        return execveat((int)a, (const char *)b, (char *const *)c, (char *const *)d, (int)e);
    case SYS_io_uring_setup:
        return refuse_io_uring();
    default:
        errno = ENOSYS;
        return -1;
    }
}

static bool wants_function(const uintptr_t *arguments)
{
    switch (arguments[0]) {
    case SYS_socket:
    case SYS_connect:
    case SYS_getpeername:
    case SYS_getsockopt:
    case SYS_shutdown:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_read:
    case SYS_readv:
    case SYS_write:
    case SYS_writev:
    case SYS_sendfile:
#ifdef SYS_sendfile64
    case SYS_sendfile64:
#endif
    case SYS_close:
    case SYS_dup:
#ifdef SYS_dup2
    case SYS_dup2:
#endif
    case SYS_dup3:
    case SYS_epoll_ctl:
#ifdef SYS_poll
    case SYS_poll:
#endif
#if defined(SYS__newselect)
    case SYS__newselect:
#elif defined(SYS_select)
    case SYS_select:
#endif
    case SYS_close_range:
    case SYS_execve:
    case SYS_execveat:
    case SYS_io_uring_setup:
        return true;
#ifdef SYS_fcntl64
    case SYS_fcntl64:
#endif
    case SYS_fcntl:
        return arguments[2] == F_DUPFD || arguments[2] == F_DUPFD_CLOEXEC;
    case SYS_ppoll:
        return pending_any() && arguments[5] == KERNEL_SIGNALS;
    case SYS_pselect6:
        return pending_any();
#ifdef SYS_socketcall
    case SYS_socketcall:
        return arguments[2] != 0 && socketcall_has_function(arguments[1]);
#endif
    default:
        return false;
    }
}

const void *syscall_route(uintptr_t arguments[])
{
    if (wants_function(arguments))
        return (const void *)call_function;
    return (const void *)real(syscall);
}

JUMP_THROUGH("syscall", "syscall_route");
