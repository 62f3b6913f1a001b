/* SPDX-License-Identifier: MIT
 * select(2) and pselect(2): with a pending socket in the sets, in terms of poll. */
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/wait.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/select.h>

enum { WORD_BITS = CHAR_BIT * sizeof(unsigned long) };

/* Sets may be larger than an fd_set, by programs that allocate their own: no FD_ISSET. */
static bool has(const fd_set *set, int fd)
{
    return set && ((const unsigned long *)set)[fd / WORD_BITS] >> (fd % WORD_BITS) & 1;
}

static void put(fd_set *set, int fd, bool on)
{
    if (!set)
        return;
    unsigned long bit = 1ul << (fd % WORD_BITS);
    unsigned long *word = &((unsigned long *)set)[fd / WORD_BITS];
    *word = on ? *word | bit : *word & ~bit;
}

struct sets {
    int limit;
    fd_set *readable, *writable, *exceptional;
};

static short events_of(const struct sets *sets, int fd)
{
    return (short)((has(sets->readable, fd) ? POLLIN | POLLRDNORM | POLLRDBAND : 0) |
                   (has(sets->writable, fd) ? POLLOUT | POLLWRNORM | POLLWRBAND : 0) |
                   (has(sets->exceptional, fd) ? POLLPRI : 0));
}

static nfds_t collect(const struct sets *sets, struct pollfd *fds)
{
    nfds_t count = 0;
    for (int fd = 0; fd < sets->limit; fd++) {
        short events = events_of(sets, fd);
        if (events == 0)
            continue;
        if (fds)
            fds[count] = (struct pollfd){.fd = fd, .events = events};
        count++;
    }
    return count;
}

/* select(2)'s meaning of poll(2)'s answers: the kernel's own table. */
static int spread(const struct sets *sets, const struct pollfd *fds, nfds_t count)
{
    int ready = 0;
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents & POLLNVAL) {
            errno = EBADF;
            return -1;
        }
    }
    for (nfds_t i = 0; i < count; i++) {
        short asked = fds[i].events, got = fds[i].revents;
        bool in = asked & POLLIN && got & (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR);
        bool out = asked & POLLOUT && got & (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR);
        bool exception = asked & POLLPRI && got & POLLPRI;
        put(sets->readable, fds[i].fd, in);
        put(sets->writable, fds[i].fd, out);
        put(sets->exceptional, fds[i].fd, exception);
        ready += in + out + exception;
    }
    return ready;
}

/* True when a pending socket is in the sets, and *result the answer. */
static bool select_pending(const struct sets *sets, const struct timespec *timeout,
                           const sigset_t *mask, int *result)
{
    if (!pending_any() || sets->limit < 0)
        return false;
    struct pollfd small[WAIT_SMALL];
    nfds_t count = collect(sets, NULL);
    struct pollfd *fds = wait_room(count, small, WAIT_SMALL);
    if (!fds)
        return false;
    collect(sets, fds);
    bool concerns = wait_concerns(fds, count);
    if (concerns) {
        *result = wait_poll(fds, count, timeout, mask);
        if (*result >= 0)
            *result = spread(sets, fds, count);
    }
    int error = errno;
    wait_room_free(fds, count, small);
    errno = error;
    return concerns;
}

EXPORT int select(int limit, fd_set *__restrict readable, fd_set *__restrict writable,
                  fd_set *__restrict exceptional, struct timeval *__restrict timeout)
{
    const struct sets sets = {limit, readable, writable, exceptional};
    struct timespec start, time = {0};
    int result;
    if (pending_any())
        clock_gettime(CLOCK_MONOTONIC, &start);
    if (timeout)
        time = (struct timespec){.tv_sec = timeout->tv_sec, .tv_nsec = timeout->tv_usec * 1000};
    if (!select_pending(&sets, timeout ? &time : NULL, NULL, &result))
        return real(select)(limit, readable, writable, exceptional, timeout);
    /* Linux says what is left. */
    if (timeout) {
        struct timespec left = wait_left(&start, &time);
        *timeout = (struct timeval){.tv_sec = left.tv_sec, .tv_usec = left.tv_nsec / 1000};
    }
    return result;
}

EXPORT int pselect(int limit, fd_set *__restrict readable, fd_set *__restrict writable,
                   fd_set *__restrict exceptional, const struct timespec *__restrict timeout,
                   const sigset_t *__restrict mask)
{
    const struct sets sets = {limit, readable, writable, exceptional};
    int result;
    if (select_pending(&sets, timeout, mask, &result))
        return result;
    return real(pselect)(limit, readable, writable, exceptional, timeout, mask);
}
