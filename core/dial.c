/* SPDX-License-Identifier: MIT
 * The blocking driver. Works on blocking and non-blocking sockets alike and leaves their flags
 * alone: connect(2) is bounded by SO_SNDTIMEO, everything else by poll(2) and MSG_DONTWAIT. */
#include "core/dial.h"

#include "core/exchange.h"
#include "core/replace.h"
#include "core/sys.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <time.h>

int64_t dial_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t from_timeval(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000 + (time->tv_usec + 999) / 1000;
}

static struct timeval to_timeval(int64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

static enum status system_failure(struct dial *d, int error)
{
    d->failure = (struct failure){.status = STATUS_SYSTEM, .code = -1, .sys_errno = error};
    return STATUS_SYSTEM;
}

static enum status timed_out(struct dial *d)
{
    d->failure = (struct failure){.status = STATUS_TIMED_OUT, .code = -1};
    return STATUS_TIMED_OUT;
}

/*
 * After EINTR: would connect(2) have come back as well? It does unless the handler was installed
 * with SA_RESTART. Which signal it was nobody says, so one handler without is enough.
 */
static bool signals_interrupt(const struct dial *d)
{
    for (int number = 1; d->interruptible && number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && !(action.sa_flags & SA_RESTART) &&
            action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
            return true;
    }
    return false;
}

/* Wait for events until a deadline. 0 when they are there, else ETIMEDOUT or poll's errno. */
static int wait_until(const struct dial *d, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - dial_now_ms();
        if (left <= 0)
            return ETIMEDOUT;
        struct pollfd pollfd = {.fd = d->fd, .events = events};
        int ready = sys_poll(&pollfd, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0)
            return pollfd.revents & POLLNVAL ? EBADF : 0;
        if (ready < 0 && (errno != EINTR || signals_interrupt(d)))
            return errno;
    }
}

void dial_disconnect(int fd)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int error;
    socklen_t len = sizeof(error);
    sys_connect(fd, &nowhere, sizeof(nowhere));
    sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

/* The kernel takes the mapping back when such a connect fails, and nowhere else; one to a group
 * fails before anything is sent. */
void dial_unmap(int fd, const union endpoint *to)
{
    static const struct sockaddr_in6 group = {
        .sin6_family = AF_INET6,
        .sin6_addr = {{{[10] = 0xff, [11] = 0xff, [12] = 224, [15] = 1}}}, /* ::ffff:224.0.0.1 */
    };
    if (to->any.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&to->in6.sin6_addr))
        sys_connect(fd, (const struct sockaddr *)&group, sizeof(group));
}

/* The outcome of a connect(2) that goes on by itself. */
static int finish_connect(const struct dial *d, int64_t deadline_ms)
{
    int error = wait_until(d, POLLOUT, deadline_ms);
    if (error != 0)
        return error;
    socklen_t len = sizeof(error);
    if (sys_getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return errno;
    /* Not ECONNREFUSED: it stood. What the proxy said before is still there to be read. */
    return error == ECONNRESET || error == EPIPE ? 0 : error;
}

/* connect(2) until a deadline; 0 or an errno. On a blocking socket SO_SNDTIMEO bounds it. */
static int connect_until(struct dial *d, const union endpoint *to, socklen_t len,
                         int64_t deadline_ms)
{
    int fd = d->fd;
    int64_t left = deadline_ms - dial_now_ms();
    if (left <= 0)
        return ETIMEDOUT;
    struct timeval during = to_timeval(left);
    sys_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &during, sizeof(during));
    int error = sys_connect(fd, &to->any, len) == 0 ? 0 : errno;
    sys_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &d->send_timeout, sizeof(d->send_timeout));
    /* EINPROGRESS: the socket is non-blocking, or the time is up and wait_until says so. After a
     * signal the kernel goes on connecting as well. */
    if (error == EINPROGRESS || (error == EINTR && !signals_interrupt(d)))
        error = finish_connect(d, deadline_ms);
    if (error != 0 && error != EINTR)
        dial_disconnect(fd);
    return error;
}

static int connect_endpoint(struct dial *d, const union endpoint *endpoint, int64_t deadline_ms)
{
    union endpoint to;
    socklen_t len = endpoint_for_family(endpoint, d->family, &to);
    return len > 0 ? connect_until(d, &to, len, deadline_ms) : ENETUNREACH;
}

static enum status connect_proxy(struct dial *d)
{
    if (!replace_unfit_socket(d->fd, &d->family, d->endpoints))
        return system_failure(d, errno);
    int error = EHOSTUNREACH;
    for (d->endpoint = 0; d->endpoint < d->endpoints->count; d->endpoint++) {
        int64_t now = dial_now_ms();
        int64_t left = (int64_t)(d->endpoints->count - d->endpoint);
        error = connect_endpoint(d, &d->endpoints->list[d->endpoint],
                                 now + (d->deadline_ms - now) / left);
        d->tcp_connected = error == 0;
        if (d->tcp_connected)
            return STATUS_OK;
        if (error == EINTR)
            break;
    }
    bool expired = error == ETIMEDOUT && dial_now_ms() >= d->deadline_ms;
    return expired ? timed_out(d) : system_failure(d, error);
}

static enum status run_handshake(struct dial *d)
{
    struct handshake *h = &d->handshake;
    for (;;) {
        /* An answer cannot be there before its question: wait first, and for its rest only when
         * it is not there yet. */
        bool begins = handshake_want(h) == WANT_READ && h->in_len == 0;
        enum exchange moved = begins ? EXCHANGE_BLOCKED : exchange_step(d->fd, h);
        if (moved == EXCHANGE_BLOCKED) {
            short events = handshake_want(h) == WANT_READ ? POLLIN : POLLOUT;
            int error = wait_until(d, events, d->deadline_ms);
            if (error == EINTR)
                return system_failure(d, EINTR);
            if (error == ETIMEDOUT)
                return handshake_expired(h);
            if (error != 0)
                return handshake_closed(h, error);
            moved = exchange_step(d->fd, h);
        }
        if (moved == EXCHANGE_ENDED)
            return h->failure.status;
    }
}

/* A program's own SO_SNDTIMEO bounds its connect(2): ours, too. */
static void honour_send_timeout(struct dial *d, struct timeval *timeout)
{
    socklen_t len = sizeof(*timeout);
    *timeout = (struct timeval){0};
    sys_getsockopt(d->fd, SOL_SOCKET, SO_SNDTIMEO, timeout, &len);
    int64_t ms = from_timeval(timeout);
    if (ms > 0 && dial_now_ms() + ms < d->deadline_ms)
        d->deadline_ms = dial_now_ms() + ms;
}

enum status dial(struct dial *d)
{
    d->tcp_connected = false;
    enum status status = handshake_init(&d->handshake, d->route, d->to);
    if (status != STATUS_OK) {
        d->failure = d->handshake.failure;
        return status;
    }
    honour_send_timeout(d, &d->send_timeout);
    status = connect_proxy(d);
    if (status != STATUS_OK)
        return status;
    status = run_handshake(d);
    if (d->handshake.failure.status != STATUS_OK) {
        d->failure = d->handshake.failure;
        dial_disconnect(d->fd);
    }
    return status;
}
