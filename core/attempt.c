/* SPDX-License-Identifier: MIT
 * The event-driven driver. */
#include "core/attempt.h"

#include "core/dial.h"
#include "core/exchange.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* connect(2) that does not wait, though the program may have made the socket blocking meanwhile; 0,
 * EINPROGRESS or another errno. */
static int connect_at_once(int fd, const union endpoint *to, socklen_t len)
{
    int flags = sys_fcntl(fd, F_GETFL, 0);
    bool blocking = flags >= 0 && !(flags & O_NONBLOCK);
    if (blocking)
        sys_fcntl(fd, F_SETFL, (uintptr_t)(flags | O_NONBLOCK));
    int error = sys_connect(fd, &to->any, len) == 0 ? 0 : errno;
    if (blocking)
        sys_fcntl(fd, F_SETFL, (uintptr_t)flags);
    return error;
}

static enum attempt_state fail_to_connect(struct attempt *attempt, int error)
{
    bool expired = error == ETIMEDOUT && dial_now_ms() >= attempt->deadline_ms;
    attempt->failure = (struct failure){
        .status = expired ? STATUS_TIMED_OUT : STATUS_SYSTEM, .code = -1, .sys_errno = error};
    return ATTEMPT_FAILED;
}

/*
 * Begin to connect to the endpoint in hand, or to the next that does not fail at once. 0 (at once,
 * too), EINPROGRESS, or the errno of the last. Endpoints of a family that the socket cannot say are
 * passed over.
 */
static int connect_next(struct attempt *attempt)
{
    int error = ENETUNREACH;
    for (; attempt->endpoint < attempt->endpoints.count; attempt->endpoint++) {
        union endpoint to;
        socklen_t len =
            endpoint_for_family(&attempt->endpoints.list[attempt->endpoint], attempt->family, &to);
        if (len == 0)
            continue;
        int64_t now = dial_now_ms();
        int64_t left = (int64_t)(attempt->endpoints.count - attempt->endpoint);
        attempt->step_deadline_ms = now + (attempt->deadline_ms - now) / left;
        error = connect_at_once(attempt->fd, &to, len);
        if (error == 0 || error == EINPROGRESS)
            return error;
        dial_disconnect(attempt->fd);
    }
    return error;
}

/* A handshake waits for the first event, whatever the kernel says; without one this may be all. */
static enum attempt_state begun(struct attempt *attempt, int error)
{
    if (error != 0 || attempt->route->kind != ROUTE_DIRECT)
        return ATTEMPT_RUNNING;
    attempt->tcp_connected = true;
    return ATTEMPT_DONE;
}

static enum attempt_state try_next(struct attempt *attempt, int error)
{
    dial_disconnect(attempt->fd);
    attempt->endpoint++;
    int next = attempt->endpoint < attempt->endpoints.count ? connect_next(attempt) : error;
    if (next == 0 || next == EINPROGRESS)
        return begun(attempt, next);
    return fail_to_connect(attempt, error);
}

static void start(struct attempt *attempt)
{
    attempt->endpoint = 0;
    attempt->tcp_connected = false;
    attempt->failure = (struct failure){.status = STATUS_OK, .code = -1};
}

enum attempt_state attempt_begin(struct attempt *attempt)
{
    start(attempt);
    if (attempt->route->kind == ROUTE_PROXY &&
        handshake_init(&attempt->handshake, attempt->route, &attempt->to) != STATUS_OK) {
        attempt->failure = attempt->handshake.failure;
        return ATTEMPT_FAILED;
    }
    int error = connect_next(attempt);
    if (error == 0 || error == EINPROGRESS)
        return begun(attempt, error);
    return fail_to_connect(attempt, error);
}

void attempt_take_over(struct attempt *attempt, const struct dial *dial)
{
    start(attempt);
    attempt->endpoint = dial->endpoint;
    attempt->tcp_connected = dial->tcp_connected;
    attempt->step_deadline_ms = attempt->deadline_ms;
    attempt->handshake = dial->handshake;
    attempt->handshake.to = &attempt->to;
}

/* The TCP connection stands (RUNNING, with tcp_connected), is still under way (RUNNING, without),
 * or has failed. */
static enum attempt_state check_connected(struct attempt *attempt)
{
    int error = 0;
    socklen_t len = sizeof(error);
    sys_getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    /* Not ECONNREFUSED: it stood. What the proxy said before is still there to be read. */
    bool was_reset = attempt->route->kind == ROUTE_PROXY && (error == ECONNRESET || error == EPIPE);
    if (error != 0 && !was_reset)
        return try_next(attempt, error);
    union endpoint peer;
    len = sizeof(peer);
    if (was_reset || sys_getpeername(attempt->fd, &peer.any, &len) == 0) {
        attempt->tcp_connected = true;
        attempt->step_deadline_ms = attempt->deadline_ms;
    }
    return ATTEMPT_RUNNING;
}

static enum attempt_state end_handshake(struct attempt *attempt)
{
    attempt->failure = attempt->handshake.failure;
    if (attempt->failure.status == STATUS_OK)
        return ATTEMPT_DONE;
    dial_disconnect(attempt->fd);
    return ATTEMPT_FAILED;
}

static enum attempt_state run_handshake(struct attempt *attempt)
{
    for (;;) {
        switch (exchange_step(attempt->fd, &attempt->handshake)) {
        case EXCHANGE_MOVED:
            if (handshake_want(&attempt->handshake) == WANT_NOTHING)
                return end_handshake(attempt);
            continue;
        case EXCHANGE_BLOCKED:
            return ATTEMPT_RUNNING;
        case EXCHANGE_ENDED:
            return end_handshake(attempt);
        }
    }
}

enum attempt_state attempt_advance(struct attempt *attempt)
{
    if (!attempt->tcp_connected) {
        enum attempt_state state = check_connected(attempt);
        if (state != ATTEMPT_RUNNING || !attempt->tcp_connected)
            return state;
    }
    return attempt->route->kind == ROUTE_DIRECT ? ATTEMPT_DONE : run_handshake(attempt);
}

enum attempt_state attempt_expire(struct attempt *attempt)
{
    if (!attempt->tcp_connected)
        return try_next(attempt, ETIMEDOUT);
    handshake_expired(&attempt->handshake);
    return end_handshake(attempt);
}

/*
 * The kernel puts a socket into that state on its own word only, so it is given a real refusal: by
 * a loopback port that is bound, so that nobody else has it, and not listened to.
 */
static bool refuse(int fd, int family, const union endpoint *loopback)
{
    union endpoint nobody = *loopback;
    socklen_t len = endpoint_len(loopback);
    int bound = sys_socket(nobody.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    int error = EADDRNOTAVAIL;
    if (bound >= 0 && bind(bound, &nobody.any, len) == 0 &&
        getsockname(bound, &nobody.any, &len) == 0 &&
        (len = endpoint_for_family(&nobody, family, &nobody)) > 0)
        error = connect_at_once(fd, &nobody, len);
    if (bound >= 0)
        sys_close(bound);
    return error == EINPROGRESS || error == ECONNREFUSED;
}

void attempt_show_failure(int fd, int family)
{
    const union endpoint ipv4 = {
        .in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    const union endpoint ipv6 = {
        .in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
    if (!refuse(fd, family, &ipv4) && family == AF_INET6)
        refuse(fd, family, &ipv6);
}
