/* SPDX-License-Identifier: MIT
 * Overlapping connects. */
#include "cli/eyeballs.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How much an errno tells about the host: a higher one replaces a lower. */
static int weight(int error)
{
    static const int in_order[] = {ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, EACCES, ECONNREFUSED};
    for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++)
        if (in_order[i] == error)
            return (int)i + 2;
    return error != 0;
}

static void note(struct eyeballs *e, int error)
{
    if (weight(error) > weight(e->error))
        e->error = error;
}

static void abandon(struct eyeballs *e, struct attempt *attempt)
{
    loop_close(e->loop, &attempt->watch);
    e->under_way--;
}

/* A place for one more attempt. */
static struct attempt *vacancy(struct eyeballs *e)
{
    struct attempt *oldest = &e->attempt[0];
    for (size_t i = 0; i < EYEBALLS_AT_ONCE; i++) {
        struct attempt *attempt = &e->attempt[i];
        if (attempt->watch.fd < 0)
            return attempt;
        if (attempt->which < oldest->which)
            oldest = attempt;
    }
    note(e, ETIMEDOUT);
    abandon(e, oldest);
    return oldest;
}

static int open_socket(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -1;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return fd;
}

/* Start connecting to the next address. Its errno, or 0 when it is under way. */
static int try_next(struct eyeballs *e)
{
    struct attempt *attempt = vacancy(e);
    attempt->which = e->next++;
    const struct address *address = &e->list[attempt->which];
    int fd = open_socket(address->any.sa_family);
    if (fd < 0)
        return errno;
    attempt->watch.fd = fd;
    e->under_way++;
    /* One that is connected at once is reported writable by the next turn of the loop. */
    if ((connect(fd, &address->any, address->len) == 0 || errno == EINPROGRESS) &&
        loop_watch(e->loop, &attempt->watch, EPOLLOUT))
        return 0;
    int error = errno;
    abandon(e, attempt);
    return error;
}

static void fail(struct eyeballs *e)
{
    int error = e->error;
    eyeballs_stop(e);
    e->done(e, -1, NULL, error);
}

/* Go on to the next address that lets itself be tried, or fail when nothing is left. */
static void advance(struct eyeballs *e)
{
    while (e->next < e->count) {
        int error = try_next(e);
        if (error == 0) {
            if (e->next < e->count)
                loop_arm(e->loop, &e->delay, DELAY_ATTEMPT);
            return;
        }
        note(e, error);
    }
    if (e->under_way == 0)
        fail(e);
}

static void win(struct eyeballs *e, struct attempt *attempt)
{
    int fd = attempt->watch.fd;
    struct address address = e->list[attempt->which];
    loop_unwatch(e->loop, &attempt->watch);
    attempt->watch.fd = -1;
    eyeballs_stop(e);
    e->done(e, fd, &address, 0);
}

static void attempt_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct attempt *attempt = HOLDER_OF(watch, struct attempt, watch);
    struct eyeballs *e = attempt->all;
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error == 0) {
        win(e, attempt);
        return;
    }
    note(e, error);
    abandon(e, attempt);
    advance(e);
}

static void delay_over(struct timer *timer)
{
    advance(HOLDER_OF(timer, struct eyeballs, delay));
}

void eyeballs_init(struct eyeballs *eyeballs, struct loop *loop)
{
    *eyeballs = (struct eyeballs){.loop = loop, .delay.fired = delay_over};
    for (size_t i = 0; i < EYEBALLS_AT_ONCE; i++) {
        eyeballs->attempt[i].all = eyeballs;
        eyeballs->attempt[i].watch = (struct watch){.fd = -1, .ready = attempt_ready};
    }
}

void eyeballs_start(struct eyeballs *eyeballs, const struct address *list, size_t count,
                    void (*done)(struct eyeballs *eyeballs, int fd, const struct address *address,
                                 int error))
{
    eyeballs->done = done;
    eyeballs->list = malloc(count * sizeof(*list));
    if (!eyeballs->list) {
        done(eyeballs, -1, NULL, ENOMEM);
        return;
    }
    memcpy(eyeballs->list, list, count * sizeof(*list));
    eyeballs->count = count;
    advance(eyeballs);
}

void eyeballs_stop(struct eyeballs *eyeballs)
{
    loop_disarm(&eyeballs->delay);
    for (size_t i = 0; i < EYEBALLS_AT_ONCE; i++)
        loop_close(eyeballs->loop, &eyeballs->attempt[i].watch);
    eyeballs->under_way = 0;
    free(eyeballs->list);
    eyeballs->list = NULL;
    eyeballs->count = eyeballs->next = 0;
}
