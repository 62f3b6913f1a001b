/* SPDX-License-Identifier: MIT
 * Waiting for pending and ordinary descriptors together. */
#include "preload/wait.h"

#include "preload/kernel.h"
#include "preload/lock.h"
#include "preload/own.h"
#include "preload/pending.h"
#include "preload/real.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

/* How long to sleep where nobody will tell us of an end: in a forked child, of its parent's, or
 * when no descriptor is left to be told by. */
static const struct timespec slice = {.tv_nsec = 10 * 1000 * 1000};

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

struct timespec wait_left(const struct timespec *start, const struct timespec *timeout)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct timespec left = {.tv_sec = timeout->tv_sec - (now.tv_sec - start->tv_sec),
                            .tv_nsec = timeout->tv_nsec - (now.tv_nsec - start->tv_nsec)};
    for (; left.tv_nsec < 0; left.tv_nsec += 1000000000)
        left.tv_sec--;
    for (; left.tv_nsec >= 1000000000; left.tv_nsec -= 1000000000)
        left.tv_sec++;
    return left.tv_sec < 0 ? (struct timespec){0} : left;
}

struct pollfd *wait_room(nfds_t count, struct pollfd *small, nfds_t small_count)
{
    if (count <= small_count)
        return small;
    void *room = mmap(NULL, count * sizeof(*small), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return room != MAP_FAILED ? room : NULL;
}

void wait_room_free(struct pollfd *room, nfds_t count, const struct pollfd *small)
{
    if (room && room != small)
        munmap(room, count * sizeof(*room));
}

bool wait_concerns(const struct pollfd *fds, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++)
        if (pending_is_running(fds[i].fd))
            return true;
    return false;
}

/* What the kernel may be asked: all but the pending ones. */
struct scan {
    nfds_t pending;
    bool foreign; /* one of them at least is nobody's who would tell us */
};

static struct scan hide_pending(const struct pollfd *fds, nfds_t count, struct pollfd *visible)
{
    struct scan scan = {0};
    struct held held;
    lock_acquire(&held);
    for (nfds_t i = 0; i < count; i++) {
        visible[i] = fds[i];
        visible[i].revents = 0;
        const struct pending *entry = pending_find(fds[i].fd);
        if (!entry || entry->state != PENDING_RUNNING)
            continue;
        visible[i].fd = -1;
        scan.pending++;
        scan.foreign |= !pending_by_number(entry->number);
    }
    lock_release(&held);
    return scan;
}

static int take_events(struct pollfd *fds, nfds_t count, const struct pollfd *visible)
{
    int ready = 0;
    for (nfds_t i = 0; i < count; i++) {
        fds[i].revents = visible[i].revents;
        ready += visible[i].revents != 0;
    }
    return ready;
}

/* One wait of ppoll(2). 1: there is a result; 0: look again. visible has room for one more. */
static int wait_once(struct pollfd *fds, nfds_t count, struct pollfd *visible, int event_fd,
                     const struct timespec *left, const sigset_t *mask, int *result)
{
    struct scan scan = hide_pending(fds, count, visible);
    visible[count] = (struct pollfd){.fd = event_fd, .events = POLLIN};
    bool sliced = scan.pending > 0 && (scan.foreign || event_fd < 0);
    bool last = left && (!sliced || !is_before(&slice, left));
    *result = real(ppoll)(visible, count + 1, sliced && !last ? &slice : left, mask);
    if (*result < 0)
        return 1;
    int ready = take_events(fds, count, visible);
    bool expired = *result == 0 && (last || (scan.pending == 0 && left));
    *result = ready;
    return ready > 0 || expired;
}

static int open_event_fd(void)
{
    int event_fd = own_adopt((int)kernel_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (event_fd >= 0 && !pending_add_waiter(event_fd)) {
        own_close(event_fd);
        return -1;
    }
    return event_fd;
}

int wait_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
              const sigset_t *mask)
{
    struct pollfd small[WAIT_SMALL + 1];
    struct pollfd *visible = wait_room(count + 1, small, WAIT_SMALL + 1);
    if (!visible) {
        errno = ENOMEM;
        return -1;
    }
    struct timespec start, left = {0};
    clock_gettime(CLOCK_MONOTONIC, &start);
    int event_fd = open_event_fd();
    int result = 0;
    bool done = false;
    while (!done) {
        if (timeout)
            left = wait_left(&start, timeout);
        done = wait_once(fds, count, visible, event_fd, timeout ? &left : NULL, mask, &result);
        uint64_t events;
        if (event_fd >= 0 && visible[count].revents != 0)
            (void)!real(read)(event_fd, &events, sizeof(events));
    }
    int error = errno;
    if (event_fd >= 0)
        pending_remove_waiter(event_fd);
    own_close(event_fd);
    wait_room_free(visible, count + 1, small);
    errno = error;
    return result;
}
