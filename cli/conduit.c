/* SPDX-License-Identifier: MIT
 * Octets in transit. A conduit is filled only when it is empty, so that "would block" has one
 * meaning on each side: nothing to read, or no room to write. */
#include "cli/conduit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PIPE_SIZE = 256 * 1024, /* larger gains little, and uses up the user's allowance of
                               pipe pages (16,384 by default) four times as fast */
    MEMORY_SIZE = 32 * 1024,
    BULK = 16 * 1024, /* a piece of this size is worth looking for more behind it at once */
    ROUNDS = 8,
};

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Give the conduit something to hold octets in. */
static bool acquire(struct conduit *conduit, struct conduit_pool *pool)
{
    int ends[2];
    if (pool->count > 0) {
        pool->count--;
        conduit->read_fd = pool->pipe[pool->count][0];
        conduit->write_fd = pool->pipe[pool->count][1];
        return true;
    }
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0) {
        (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE); /* refused beyond the user's allowance */
        conduit->read_fd = ends[0];
        conduit->write_fd = ends[1];
        return true;
    }
    conduit->memory = malloc(MEMORY_SIZE);
    return conduit->memory != NULL;
}

/* Take it away again, once nothing is in it. */
static void release(struct conduit *conduit, struct conduit_pool *pool)
{
    if (conduit->memory) {
        free(conduit->memory);
        conduit->memory = NULL;
    } else if (pool->count < CONDUIT_POOL_MAX) {
        pool->pipe[pool->count][0] = conduit->read_fd;
        pool->pipe[pool->count][1] = conduit->write_fd;
        pool->count++;
    } else {
        close(conduit->read_fd);
        close(conduit->write_fd);
    }
}

static ssize_t fill(struct conduit *conduit, int from)
{
    if (conduit->memory) {
        conduit->sent = 0;
        return recv(from, conduit->memory, MEMORY_SIZE, MSG_DONTWAIT);
    }
    return splice(from, NULL, conduit->write_fd, NULL, PIPE_SIZE,
                  SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

static ssize_t drain(struct conduit *conduit, int to)
{
    if (conduit->memory)
        return send(to, conduit->memory + conduit->sent, conduit->held,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    return splice(conduit->read_fd, NULL, to, NULL, conduit->held,
                  SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

/* Pass on what is held, as far as it goes. */
static enum flow pass_on(struct conduit *conduit, struct conduit_pool *pool, int to)
{
    while (conduit->held > 0) {
        ssize_t n = drain(conduit, to);
        if (n < 0 && would_block())
            return FLOW_OPEN;
        if (n <= 0)
            return FLOW_WRITE_FAILED;
        conduit->held -= (size_t)n;
        conduit->sent += (size_t)n;
    }
    release(conduit, pool);
    return FLOW_OPEN;
}

/* Take what `from` has. *taken is how much that was: 0 when there is nothing now. */
static enum flow take_in(struct conduit *conduit, struct conduit_pool *pool, int from,
                         size_t *taken)
{
    *taken = 0;
    if (!acquire(conduit, pool))
        return FLOW_READ_FAILED;
    ssize_t n = fill(conduit, from);
    if (n > 0) {
        *taken = conduit->held = (size_t)n;
        return FLOW_OPEN;
    }
    bool nothing_yet = n < 0 && would_block();
    release(conduit, pool);
    if (nothing_yet)
        return FLOW_OPEN;
    return n == 0 ? FLOW_ENDED : FLOW_READ_FAILED;
}

enum flow conduit_move(struct conduit *conduit, struct conduit_pool *pool, int from, int to)
{
    enum flow flow = conduit->held > 0 ? pass_on(conduit, pool, to) : FLOW_OPEN;
    for (int round = 0; round < ROUNDS; round++) {
        size_t taken;
        if (flow != FLOW_OPEN || conduit->held > 0)
            return flow;
        flow = take_in(conduit, pool, from, &taken);
        if (taken == 0)
            return flow;
        flow = pass_on(conduit, pool, to);
        if (taken < BULK)
            return flow;
    }
    return flow;
}

void conduit_empty(struct conduit *conduit, struct conduit_pool *pool)
{
    if (conduit->held == 0)
        return;
    /* A pipe with something in it is of no use to anybody else. */
    if (!conduit->memory) {
        close(conduit->read_fd);
        close(conduit->write_fd);
    } else {
        release(conduit, pool);
    }
    conduit->held = 0;
}

void conduit_pool_deinit(struct conduit_pool *pool)
{
    while (pool->count > 0) {
        pool->count--;
        close(pool->pipe[pool->count][0]);
        close(pool->pipe[pool->count][1]);
    }
}
