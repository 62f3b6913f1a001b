/* SPDX-License-Identifier: MIT
 * Closed and duplicated descriptors. */
#include "preload/descriptors.h"

#include "preload/connector.h"
#include "preload/datagram.h"
#include "preload/fdtable.h"
#include "preload/lock.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/watches.h"

#include <stdbool.h>
#include <stddef.h>

void descriptors_closing(int fd)
{
    if (!pending_any())
        return;
    struct held held;
    lock_acquire(&held);
    pending_forget_set(fd);
    struct pending *entry = pending_find(fd);
    if (entry && pending_remove_fd(entry, fd) == 0 && !entry->inherited) {
        if (pending_by_number(entry->number))
            connector_cancel(entry, false);
        else
            pending_fetch_error(entry);
    }
    lock_release(&held);
}

void descriptors_copied(int fd, int copy)
{
    struct slot *from = fdtable_slot(fd, true);
    struct slot *to = fdtable_slot(copy, true);
    if (!from || !to)
        return;
    from->duplicated = to->duplicated = true;
    struct peer peer;
    if (peers_get(fd, &peer))
        peers_set(copy, &peer);
    datagram_copied(fd, copy);
    if (!pending_any())
        return;
    struct held held;
    lock_acquire(&held);
    pending_find(copy); /* finds the entry by its socket, and takes the number down */
    lock_release(&held);
}
