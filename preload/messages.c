/* SPDX-License-Identifier: MIT
 * sendto(2), sendmsg(2), recvfrom(2), recvmsg(2) and their kin: what is sent to an address may be
 * refused, redirected to our responder, or be a connect in disguise (MSG_FASTOPEN). */
#include "core/outreach.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/transfer.h"
#include "preload/tunnel.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* MSG_FASTOPEN: connect through the proxy, then send. On a non-blocking socket the connect is
 * under way (EINPROGRESS) and nothing of the data was taken, as when the kernel has no cookie. */
static bool connect_first(int fd, const struct sockaddr *addr, socklen_t len)
{
    return tunnel_connect(fd, addr, len) == 0;
}

/* --- Sending --- */

EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
                      socklen_t addr_len)
{
    struct redirect redirect;
    if (!is_ready(fd, flags))
        return -1;
    if (!addr && !datagram_any())
        return real(sendto)(fd, buf, len, flags, NULL, 0);
    switch (datagram_passage(fd, addr, addr_len, flags, &redirect)) {
    case PASSAGE_FREE:
        break;
    case PASSAGE_REDIRECTED:
        return real(sendto)(fd, buf, len, flags, &redirect.addr.any, redirect.len);
    case PASSAGE_REFUSED:
        return -1;
    case PASSAGE_CONNECT:
        if (!connect_first(fd, addr, addr_len))
            return -1;
        return real(sendto)(fd, buf, len, flags & ~MSG_FASTOPEN, NULL, 0);
    }
    return real(sendto)(fd, buf, len, flags, addr, addr_len);
}

/* What sendmsg does with one message: true when *instead is to be sent in its place. */
static bool prepare(int fd, const struct msghdr *message, int *flags, struct msghdr *instead,
                    struct redirect *redirect)
{
    *instead = *message;
    switch (datagram_passage(fd, message->msg_name, message->msg_namelen, *flags, redirect)) {
    case PASSAGE_FREE:
        return true;
    case PASSAGE_REDIRECTED:
        instead->msg_name = &redirect->addr;
        instead->msg_namelen = redirect->len;
        return true;
    case PASSAGE_REFUSED:
        return false;
    case PASSAGE_CONNECT:
        *flags &= ~MSG_FASTOPEN;
        instead->msg_name = NULL;
        instead->msg_namelen = 0;
        return connect_first(fd, message->msg_name, message->msg_namelen);
    }
    return false;
}

/* Nothing to decide: no address, no control message, and no marked descriptor anywhere. */
static bool is_plain(const struct msghdr *message)
{
    return !message || (!message->msg_name && !message->msg_control && !datagram_any());
}

/* A descriptor that is passed on leaves our sight: its handshake must have ended. */
static void await_rights(const struct msghdr *message)
{
    struct msghdr *readable = (struct msghdr *)(uintptr_t)message; /* CMSG_NXTHDR wants it so */
    for (struct cmsghdr *part = CMSG_FIRSTHDR(readable); part; part = CMSG_NXTHDR(readable, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int passed;
            memcpy(&passed, CMSG_DATA(part) + i * sizeof(passed), sizeof(passed));
            pending_wait(passed);
        }
    }
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!is_ready(fd, flags))
        return -1;
    if (pending_any() && message && message->msg_control)
        await_rights(message);
    if (is_plain(message))
        return real(sendmsg)(fd, message, flags);
    if (outreach_message_is_routed(message)) {
        errno = EACCES;
        return -1;
    }
    struct msghdr instead;
    struct redirect redirect;
    return prepare(fd, message, &flags, &instead, &redirect) ? real(sendmsg)(fd, &instead, flags)
                                                             : -1;
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, MMSG_FLAGS flags)
{
    if (!is_ready(fd, flags))
        return -1;
    unsigned plain = 0;
    while (messages && plain < count && is_plain(&messages[plain].msg_hdr))
        plain++;
    if (plain == count || !messages)
        return real(sendmmsg)(fd, messages, count, flags);
    /* One by one: as sendmmsg(2), the number sent before the first that fails. */
    unsigned sent = 0;
    for (; sent < count; sent++) {
        ssize_t result = sendmsg(fd, &messages[sent].msg_hdr, flags);
        if (result < 0)
            break;
        messages[sent].msg_len = (unsigned)result;
    }
    return sent > 0 || count == 0 ? (int)sent : -1;
}

/* --- Receiving --- */

EXPORT ssize_t recvfrom(int fd, void *__restrict buf, size_t len, int flags,
                        struct sockaddr *__restrict addr, socklen_t *__restrict addr_len)
{
    socklen_t room = addr && addr_len ? *addr_len : 0;
    if (!is_ready(fd, flags))
        return -1;
    ssize_t result = real(recvfrom)(fd, buf, len, flags, addr, addr_len);
    if (result >= 0 && addr)
        datagram_restore_source(addr, room, addr_len);
    return result;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    socklen_t room = message ? message->msg_namelen : 0;
    if (!is_ready(fd, flags))
        return -1;
    ssize_t result = real(recvmsg)(fd, message, flags);
    if (result >= 0 && message && message->msg_name)
        datagram_restore_source(message->msg_name, room, &message->msg_namelen);
    return result;
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, MMSG_FLAGS flags,
                    struct timespec *timeout)
{
    if (!is_ready(fd, flags))
        return -1;
    int result = real(recvmmsg)(fd, messages, count, flags, timeout);
    for (int i = 0; i < result; i++) {
        struct msghdr *message = &messages[i].msg_hdr;
        /* The room is no longer known, but no source was longer than it. */
        if (message->msg_name)
            datagram_restore_source(message->msg_name, message->msg_namelen, &message->msg_namelen);
    }
    return result;
}

#ifdef __GLIBC__
/* What -D_FORTIFY_SOURCE makes of recvfrom. */
ssize_t __recvfrom_chk(int fd, void *__restrict buf, size_t len, size_t buf_len, int flags,
                       struct sockaddr *__restrict addr, socklen_t *__restrict addr_len);

EXPORT ssize_t __recvfrom_chk(int fd, void *__restrict buf, size_t len, size_t buf_len, int flags,
                              struct sockaddr *__restrict addr, socklen_t *__restrict addr_len)
{
    socklen_t room = addr && addr_len ? *addr_len : 0;
    if (!is_ready(fd, flags))
        return -1;
    ssize_t result = real(__recvfrom_chk)(fd, buf, len, buf_len, flags, addr, addr_len);
    if (result >= 0 && addr)
        datagram_restore_source(addr, room, addr_len);
    return result;
}
#endif
