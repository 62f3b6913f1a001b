/* SPDX-License-Identifier: MIT
 * Moving a handshake's octets. */
#include "core/exchange.h"

#include "core/sys.h"

#include <errno.h>
#include <sys/socket.h>

/* An errno of send or recv. */
static enum exchange judge(struct handshake *h, int error)
{
    if (error == EINTR)
        return EXCHANGE_MOVED;
    if (error == EAGAIN || error == EWOULDBLOCK)
        return EXCHANGE_BLOCKED;
    handshake_closed(h, error);
    return EXCHANGE_ENDED;
}

static enum exchange send_frame(int fd, struct handshake *h)
{
    const uint8_t *bytes;
    size_t len = handshake_output(h, &bytes);
    ssize_t sent = sys_send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == ECONNRESET || errno == EPIPE))
        sent = (ssize_t)len; /* the proxy has gone; what it said before may tell why */
    if (sent < 0)
        return judge(h, errno);
    handshake_sent(h, (size_t)sent);
    return EXCHANGE_MOVED;
}

static enum exchange receive(int fd, struct handshake *h)
{
    uint8_t bytes[HANDSHAKE_IN_MAX];
    ssize_t received = sys_recv(fd, bytes, handshake_need(h), MSG_DONTWAIT);
    if (received < 0)
        return judge(h, errno);
    if (received == 0)
        handshake_closed(h, 0);
    else
        handshake_feed(h, bytes, (size_t)received);
    return handshake_want(h) == WANT_NOTHING ? EXCHANGE_ENDED : EXCHANGE_MOVED;
}

enum exchange exchange_step(int fd, struct handshake *h)
{
    switch (handshake_want(h)) {
    case WANT_WRITE:
        return send_frame(fd, h);
    case WANT_READ:
        return receive(fd, h);
    case WANT_NOTHING:
        break;
    }
    return EXCHANGE_ENDED;
}
