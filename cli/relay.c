/* SPDX-License-Identifier: MIT
 * The tunnel. */
#include "cli/relay.h"

#include <sys/socket.h>

static struct relay_end *other_end(struct relay *relay, struct relay_end *end)
{
    return end == &relay->end[0] ? &relay->end[1] : &relay->end[0];
}

/* What to wait for at one end: room for what the other said, words for the other to hear. */
static bool await(struct relay *relay, struct relay_end *end)
{
    const struct relay_end *other = other_end(relay, end);
    uint32_t events = 0;
    if (!end->finished && end->conduit.held == 0)
        events |= EPOLLIN;
    if (!other->finished && other->conduit.held > 0)
        events |= EPOLLOUT;
    /* The kernel reports a hang-up whether it is awaited or not: an end with nothing left to wait
     * for would have us spin, so it is only watched again once there is. */
    if (events == 0 && (end->finished || other->finished)) {
        loop_unwatch(relay->loop, &end->watch);
        return true;
    }
    return loop_watch(relay->loop, &end->watch, events);
}

/* Have close(2) send a reset in place of an orderly end. */
static void reset_on_close(int fd)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Move what `from` said. False when the whole tunnel has come to its end. */
static bool move(struct relay *relay, struct relay_end *from)
{
    struct relay_end *to = other_end(relay, from);
    if (from->finished)
        return true;
    switch (conduit_move(&from->conduit, relay->pool, from->watch.fd, to->watch.fd)) {
    case FLOW_OPEN:
        return true;
    case FLOW_ENDED:
        shutdown(to->watch.fd, SHUT_WR);
        from->finished = true;
        break;
    case FLOW_WRITE_FAILED:
        /* What the one that left had said before is still passed on: a server may answer, and
         * close, before it has read the whole question. */
        conduit_empty(&from->conduit, relay->pool);
        from->finished = true;
        break;
    case FLOW_READ_FAILED:
        reset_on_close(to->watch.fd);
        return false;
    }
    return !to->finished;
}

/* Something was reported for an end that waits for nothing: it failed. Nothing will reach it any
 * more; what it has said is still passed on. */
static bool failed_while_idle(struct relay *relay, struct relay_end *end)
{
    struct relay_end *other = other_end(relay, end);
    conduit_empty(&other->conduit, relay->pool);
    other->finished = true;
    return !end->finished;
}

static void end_ready(struct watch *watch, uint32_t events)
{
    struct relay_end *end = HOLDER_OF(watch, struct relay_end, watch);
    struct relay *relay = end->relay;
    uint32_t awaited = watch->events;
    bool alive = true;

    /* An error is met by the call that was waited for. */
    if (events & (EPOLLERR | EPOLLHUP))
        events |= EPOLLIN | EPOLLOUT;
    if (awaited == 0)
        alive = failed_while_idle(relay, end);
    if (awaited & events & EPOLLOUT)
        alive = move(relay, other_end(relay, end));
    if (alive && (awaited & events & EPOLLIN))
        alive = move(relay, end);
    if (!alive || !await(relay, &relay->end[0]) || !await(relay, &relay->end[1]))
        relay->ended(relay);
}

void relay_init(struct relay *relay, struct loop *loop, struct conduit_pool *pool)
{
    *relay = (struct relay){.loop = loop, .pool = pool};
    for (size_t i = 0; i < 2; i++) {
        relay->end[i].relay = relay;
        relay->end[i].watch = (struct watch){.fd = -1, .ready = end_ready};
    }
}

void relay_start(struct relay *relay, int a, int b, void (*ended)(struct relay *relay))
{
    relay->ended = ended;
    relay->end[0].watch.fd = a;
    relay->end[1].watch.fd = b;
    if (!await(relay, &relay->end[0]) || !await(relay, &relay->end[1]))
        ended(relay);
}

void relay_stop(struct relay *relay)
{
    for (size_t i = 0; i < 2; i++) {
        conduit_empty(&relay->end[i].conduit, relay->pool);
        loop_close(relay->loop, &relay->end[i].watch);
    }
}
