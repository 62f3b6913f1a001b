/* SPDX-License-Identifier: MIT
 * The event-driven driver (attempt.h) for one connection, with a look at the clock between. */
#include "cli/check/probe.h"

#include "core/attempt.h"
#include "core/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The clock, and which stage it runs for. */
struct watch {
    struct probe *probe;
    int64_t start_us;
    int64_t since_us;
    uint8_t hop;
    enum stage stage;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The stage that is under way ends; which comes next? */
static void take_time(struct watch *watch, uint8_t hop, enum stage stage)
{
    const uint8_t last = (uint8_t)(watch->probe->route->hop_count - 1);
    int64_t now = now_us();
    if (watch->stage == STAGE_CONNECT || watch->hop == last)
        watch->probe->stage_us[watch->stage] += now - watch->since_us;
    watch->since_us = now;
    watch->hop = hop;
    watch->stage = stage;
}

static void look(struct watch *watch, const struct attempt *attempt)
{
    const struct handshake *h = &attempt->handshake;
    const uint8_t last = (uint8_t)(watch->probe->route->hop_count - 1);
    if (!attempt->tcp_connected || (watch->stage == h->awaits && watch->hop == h->hop))
        return;
    watch->probe->asked_password |= h->hop == last && h->awaits == STAGE_AUTHENTICATION;
    take_time(watch, h->hop, h->awaits);
}

static enum attempt_state step(struct attempt *attempt)
{
    bool reads = attempt->tcp_connected && handshake_want(&attempt->handshake) == WANT_READ;
    struct pollfd pollfd = {.fd = attempt->fd, .events = reads ? POLLIN : POLLOUT};
    int64_t left = attempt->step_deadline_ms - dial_now_ms();
    if (left <= 0)
        return attempt_expire(attempt);
    int ready = poll(&pollfd, 1, left > INT_MAX ? INT_MAX : (int)left);
    return ready > 0 ? attempt_advance(attempt) : ATTEMPT_RUNNING;
}

static void fail(struct probe *probe, int error)
{
    probe->failure = (struct failure){.status = STATUS_SYSTEM, .code = -1, .sys_errno = error};
}

void probe_run(struct probe *probe)
{
    int64_t start_ms = dial_now_ms();
    struct attempt attempt = {
        .fd = socket(probe->endpoint.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
        .family = probe->endpoint.any.sa_family,
        .route = probe->route,
        .to = *probe->to,
        .endpoints = {.count = 1, .list = {probe->endpoint}},
        .start_ms = start_ms,
        .deadline_ms = start_ms + probe->timeout_ms,
    };
    memset(probe->stage_us, 0, sizeof(probe->stage_us));
    probe->tcp_connected = probe->asked_password = false;
    probe->total_us = 0;
    if (attempt.fd < 0) {
        fail(probe, errno);
        return;
    }
    struct watch watch = {.probe = probe, .start_us = now_us(), .stage = STAGE_CONNECT};
    watch.since_us = watch.start_us;
    enum attempt_state state = attempt_begin(&attempt);
    while (state == ATTEMPT_RUNNING) {
        look(&watch, &attempt);
        state = step(&attempt);
    }
    probe->tcp_connected = attempt.tcp_connected;
    look(&watch, &attempt);
    if (watch.stage < STAGE_DONE)
        take_time(&watch, watch.hop, STAGE_DONE);
    probe->failure = attempt.failure;
    probe->total_us = now_us() - watch.start_us;
    close(attempt.fd);
}

bool probe_was_answered(const struct probe *probe)
{
    const struct failure *failure = &probe->failure;
    return failure->status == STATUS_OK || (failure->hop + 1 == probe->route->hop_count &&
                                            failure->stage == STAGE_REQUEST && failure->code >= 0);
}

size_t probe_exchange(const union endpoint *endpoint, const char *words, char *answer, size_t size,
                      int timeout_ms)
{
    int fd = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    ssize_t got = 0;
    if (fd < 0)
        return 0;
    int error = connect(fd, &endpoint->any, endpoint_len(endpoint)) == 0 ? 0 : errno;
    if ((error == 0 || error == EINPROGRESS) && poll(&pollfd, 1, timeout_ms) == 1 &&
        send(fd, words, strlen(words), MSG_NOSIGNAL) == (ssize_t)strlen(words)) {
        pollfd.events = POLLIN;
        if (poll(&pollfd, 1, timeout_ms) == 1)
            got = recv(fd, answer, size, 0);
    }
    close(fd);
    return got > 0 ? (size_t)got : 0;
}
