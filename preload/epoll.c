/* SPDX-License-Identifier: MIT
 * epoll_ctl(2): notes what is registered, and keeps pending sockets out of the kernel's sets.
 * epoll_wait(2) is libc's own: the kernel knows nothing of a pending socket, so it reports none. */
#include "preload/lock.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/watches.h"

#include <errno.h>
#include <sys/epoll.h>

/* True when fd is pending and *result is the answer. */
static bool edit_pending(int set, int operation, int fd, const struct epoll_event *event,
                         int *result)
{
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_find(fd);
    bool running = entry && entry->state == PENDING_RUNNING;
    bool ours = running && pending_by_number(entry->number) && pending_has_fd(entry, fd);
    if (ours)
        *result = watches_edit(set, operation, fd, event);
    lock_release(&held);
    if (ours && *result != 0 && errno == ENOSPC)
        ours = false;
    if (running && !ours)
        pending_wait(fd); /* nobody would put it back into the set */
    return ours;
}

EXPORT int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    int result;
    if (pending_may_concern(fd) && edit_pending(set, operation, fd, event, &result))
        return result;
    result = real(epoll_ctl)(set, operation, fd, event);
    if (result == 0)
        watches_note(set, operation, fd, event);
    return result;
}
