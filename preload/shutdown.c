/* SPDX-License-Identifier: MIT
 * shutdown(2): on a socket that is connecting it ends the attempt, as in the kernel. */
#include "preload/connector.h"
#include "preload/lock.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"

#include <stdbool.h>
#include <sys/socket.h>

static bool cancel(int fd)
{
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_find(fd);
    bool running = entry && entry->state == PENDING_RUNNING && pending_by_number(entry->number);
    if (running)
        connector_cancel(entry, true);
    lock_release(&held);
    return running;
}

EXPORT int shutdown(int fd, int how)
{
    if (pending_may_concern(fd) && cancel(fd))
        return 0;
    return real(shutdown)(fd, how);
}
