/* SPDX-License-Identifier: MIT
 * read(2), write(2), send(2), recv(2) and their kin without an address. Those with one: messages.c.
 */
#include "preload/transfer.h"

#include "core/sys.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

bool transfer_await(int fd, int flags)
{
    if (!pending_may_concern(fd))
        return true;
    if (pending_is_running(fd)) {
        int status = sys_fcntl(fd, F_GETFL, 0);
        if (flags & MSG_DONTWAIT || (status >= 0 && status & O_NONBLOCK)) {
            errno = EAGAIN;
            return false;
        }
        pending_wait(fd);
    }
    int error = pending_take_error(fd);
    if (error != 0)
        errno = error;
    return error == 0;
}

EXPORT ssize_t read(int fd, void *buf, size_t len)
{
    return is_ready(fd, 0) ? real(read)(fd, buf, len) : -1;
}

EXPORT ssize_t readv(int fd, const struct iovec *pieces, int count)
{
    return is_ready(fd, 0) ? real(readv)(fd, pieces, count) : -1;
}

EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
    return may_send(fd, 0) ? real(write)(fd, buf, len) : -1;
}

EXPORT ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    return may_send(fd, 0) ? real(writev)(fd, pieces, count) : -1;
}

EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    return is_ready(fd, flags) ? real(recv)(fd, buf, len, flags) : -1;
}

EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    return may_send(fd, flags) ? real(send)(fd, buf, len, flags) : -1;
}

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    return may_send(out, 0) ? real(sendfile)(out, in, offset, count) : -1;
}

#ifdef __GLIBC__
EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t count)
{
    return may_send(out, 0) ? real(sendfile64)(out, in, offset, count) : -1;
}

/* What -D_FORTIFY_SOURCE makes of read, recv and recvfrom. */

ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_len);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_len, int flags);

EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_len)
{
    return is_ready(fd, 0) ? real(__read_chk)(fd, buf, len, buf_len) : -1;
}

EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_len, int flags)
{
    return is_ready(fd, flags) ? real(__recv_chk)(fd, buf, len, buf_len, flags) : -1;
}
#endif
