/* SPDX-License-Identifier: MIT
 * What 32-bit programs of glibc call in place of functions that have a time somewhere, when they
 * are compiled with -D_TIME_BITS=64. */
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/transfer.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/select.h>
#include <sys/socket.h>

#if defined(__TIMESIZE) && __TIMESIZE == 32

struct timespec64 {
    int64_t tv_sec;
    int32_t tv_nsec;
    int32_t padding;
};

struct timeval64 {
    int64_t tv_sec;
    int64_t tv_usec;
};

int __fcntl_time64(int fd, int command, ...);
int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len);
int __setsockopt64(int fd, int level, int name, const void *value, socklen_t len);
ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags);
int __sendmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags);
ssize_t __recvmsg64(int fd, struct msghdr *message, int flags);
int __recvmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags,
                 struct timespec64 *timeout);
int __ppoll64(struct pollfd *fds, nfds_t count, const struct timespec64 *timeout,
              const sigset_t *mask);
int __ppoll64_chk(struct pollfd *fds, nfds_t count, const struct timespec64 *timeout,
                  const sigset_t *mask, size_t size);
int __select64(int limit, fd_set *readable, fd_set *writable, fd_set *exceptional,
               struct timeval64 *timeout);
int __pselect64(int limit, fd_set *readable, fd_set *writable, fd_set *exceptional,
                const struct timespec64 *timeout, const sigset_t *mask);

/* None of the commands has one. */
EXPORT int __fcntl_time64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    return fcntl64(fd, command, argument);
}

/* The options that have one are of the socket's own level. */

EXPORT int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len)
{
    if (level == SOL_SOCKET && name == SO_ERROR)
        return getsockopt(fd, level, name, value, len);
    return real(__getsockopt64)(fd, level, name, value, len);
}

EXPORT int __setsockopt64(int fd, int level, int name, const void *value, socklen_t len)
{
    if (level != SOL_SOCKET)
        return setsockopt(fd, level, name, value, len);
    return real(__setsockopt64)(fd, level, name, value, len);
}

/* Nobody sends one; who receives may get one with the message. */

EXPORT ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags)
{
    return sendmsg(fd, message, flags);
}

EXPORT int __sendmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return sendmmsg(fd, messages, count, flags);
}

EXPORT ssize_t __recvmsg64(int fd, struct msghdr *message, int flags)
{
    socklen_t room = message ? message->msg_namelen : 0;
    if (!is_ready(fd, flags))
        return -1;
    ssize_t result = real(__recvmsg64)(fd, message, flags);
    if (result >= 0 && message && message->msg_name)
        datagram_restore_source(message->msg_name, room, &message->msg_namelen);
    return result;
}

EXPORT int __recvmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags,
                        struct timespec64 *timeout)
{
    if (!is_ready(fd, flags))
        return -1;
    int result = real(__recvmmsg64)(fd, messages, count, flags, timeout);
    for (int i = 0; i < result; i++) {
        struct msghdr *message = &messages[i].msg_hdr;
        if (message->msg_name)
            datagram_restore_source(message->msg_name, message->msg_namelen, &message->msg_namelen);
    }
    return result;
}

/* With a pending socket, what waits is told by our own functions: a wait of more than 68 years is
 * one of 68. */

static time_t shortened(int64_t seconds)
{
    return seconds > INT32_MAX ? INT32_MAX : seconds < -1 ? -1 : (time_t)seconds;
}

static const struct timespec *short_timespec(const struct timespec64 *from, struct timespec *to)
{
    if (!from)
        return NULL;
    *to = (struct timespec){.tv_sec = shortened(from->tv_sec), .tv_nsec = from->tv_nsec};
    return to;
}

EXPORT int __ppoll64(struct pollfd *fds, nfds_t count, const struct timespec64 *timeout,
                     const sigset_t *mask)
{
    struct timespec time;
    if (pending_any())
        return ppoll(fds, count, short_timespec(timeout, &time), mask);
    return real(__ppoll64)(fds, count, timeout, mask);
}

EXPORT int __ppoll64_chk(struct pollfd *fds, nfds_t count, const struct timespec64 *timeout,
                         const sigset_t *mask, size_t size)
{
    struct timespec time;
    if (pending_any() && size / sizeof(*fds) >= count)
        return ppoll(fds, count, short_timespec(timeout, &time), mask);
    return real(__ppoll64_chk)(fds, count, timeout, mask, size);
}

EXPORT int __select64(int limit, fd_set *readable, fd_set *writable, fd_set *exceptional,
                      struct timeval64 *timeout)
{
    if (!pending_any())
        return real(__select64)(limit, readable, writable, exceptional, timeout);
    if (!timeout)
        return select(limit, readable, writable, exceptional, NULL);
    /* More than a second's worth of microseconds is allowed. */
    int64_t seconds = timeout->tv_sec + timeout->tv_usec / 1000000;
    struct timeval time = {.tv_sec = shortened(seconds),
                           .tv_usec = (suseconds_t)(timeout->tv_usec % 1000000)};
    int result = select(limit, readable, writable, exceptional, &time);
    *timeout = (struct timeval64){.tv_sec = time.tv_sec, .tv_usec = time.tv_usec};
    return result;
}

EXPORT int __pselect64(int limit, fd_set *readable, fd_set *writable, fd_set *exceptional,
                       const struct timespec64 *timeout, const sigset_t *mask)
{
    struct timespec time;
    if (pending_any())
        return pselect(limit, readable, writable, exceptional, short_timespec(timeout, &time),
                       mask);
    return real(__pselect64)(limit, readable, writable, exceptional, timeout, mask);
}

#endif
