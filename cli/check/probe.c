/* SPDX-License-Identifier: MIT
 * A driver that looks at the clock after each step of a handshake: answers may come so fast that
 * nobody else would see the stages apart. */
#include "cli/check/probe.h"

#include "core/dial.h"
#include "core/exchange.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A probe under way. */
struct run {
    struct probe *probe;
    int fd;
    int64_t deadline_ms;
    struct handshake handshake;
    int64_t since_us; /* when the stage began that is under way: the handshake's, and its hop */
    enum stage stage;
    uint8_t hop;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_last(const struct run *run)
{
    return run->hop + 1 == run->probe->route->hop_count;
}

/* A stage ends, and another begins. */
static void take_time(struct run *run, enum stage stage, uint8_t hop)
{
    int64_t now = now_us();
    if (run->stage < STAGE_DONE && (run->stage == STAGE_CONNECT || is_last(run)))
        run->probe->stage_us[run->stage] += now - run->since_us;
    run->since_us = now;
    run->stage = stage;
    run->hop = hop;
    run->probe->asked_password |= stage == STAGE_AUTHENTICATION && is_last(run);
}

/* 0, ETIMEDOUT or another errno. */
static int wait_for(const struct run *run, short events)
{
    for (;;) {
        struct pollfd pollfd = {.fd = run->fd, .events = events};
        int64_t left = run->deadline_ms - dial_now_ms();
        if (left <= 0)
            return ETIMEDOUT;
        int ready = poll(&pollfd, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return errno;
    }
}

/* 0 or an errno. */
static int connect_first(const struct run *run)
{
    const union endpoint *endpoint = &run->probe->endpoint;
    int error = connect(run->fd, &endpoint->any, endpoint_len(endpoint)) == 0 ? 0 : errno;
    socklen_t len = sizeof(error);
    if (error == EINPROGRESS)
        error = wait_for(run, POLLOUT);
    if (error != 0)
        return error;
    return getsockopt(run->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static void shake_hands(struct run *run)
{
    struct handshake *h = &run->handshake;
    take_time(run, h->awaits, h->hop);
    while (handshake_want(h) != WANT_NOTHING) {
        if (exchange_step(run->fd, h) == EXCHANGE_BLOCKED) {
            int error = wait_for(run, handshake_want(h) == WANT_READ ? POLLIN : POLLOUT);
            if (error == ETIMEDOUT)
                handshake_expired(h);
            else if (error != 0)
                handshake_closed(h, error);
        }
        if (h->awaits != run->stage || h->hop != run->hop)
            take_time(run, h->awaits, h->hop);
    }
    take_time(run, STAGE_DONE, run->hop);
    run->probe->failure = h->failure;
}

static void fail(struct probe *probe, int error)
{
    probe->failure = (struct failure){
        .status = error == ETIMEDOUT ? STATUS_TIMED_OUT : STATUS_SYSTEM,
        .code = -1,
        .sys_errno = error,
    };
}

void probe_run(struct probe *probe)
{
    struct run run = {
        .probe = probe,
        .deadline_ms = dial_now_ms() + probe->timeout_ms,
        .since_us = now_us(),
        .fd = socket(probe->endpoint.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
    };
    const int64_t start_us = run.since_us;
    memset(probe->stage_us, 0, sizeof(probe->stage_us));
    probe->tcp_connected = probe->asked_password = false;
    if (handshake_init(&run.handshake, probe->route, probe->to) != STATUS_OK) {
        probe->failure = run.handshake.failure;
    } else {
        int error = run.fd < 0 ? errno : connect_first(&run);
        probe->tcp_connected = error == 0;
        if (error == 0)
            shake_hands(&run);
        else
            fail(probe, error);
    }
    take_time(&run, STAGE_DONE, run.hop);
    probe->total_us = now_us() - start_us;
    if (run.fd >= 0)
        close(run.fd);
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
