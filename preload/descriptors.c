/* SPDX-License-Identifier: MIT
 * Closed and duplicated descriptors. */
#include "preload/descriptors.h"

#include "core/sockopt.h"
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
    struct slot *slot = fdtable_slot(fd, false);
    if (!slot || (!__atomic_load_n(&slot->is_set, __ATOMIC_RELAXED) && !pending_may_concern(fd)))
        return;
    struct held held;
    lock_acquire(&held);
    if (pending_is_own_process() && __atomic_exchange_n(&slot->is_set, false, __ATOMIC_RELAXED)) {
        pending_forget_set(fd);
    }
    struct pending *entry = pending_find(fd);
    if (entry && pending_remove_fd(entry, fd) == 0) {
        if (!pending_by_number(entry->number))
            pending_fetch_error(entry);
        else if (!entry->shared)
            connector_cancel(entry, false);
        else
            watches_show(fd); /* a child may wait with the same set: too early rather than never */
    }
    lock_release(&held);
}

void descriptors_copied(int fd, int copy)
{
    struct peer peer;
    if (peers_get(fd, &peer))
        peers_set(copy, &peer);
    datagram_copied(fd, copy);
    if (!sockopt_is_tcp(copy))
        return;
    struct slot *from = fdtable_slot(fd, true);
    struct slot *to = fdtable_slot(copy, true);
    if (!from || !to)
        return;
    __atomic_store_n(&to->duplicated, true, __ATOMIC_RELAXED);
    __atomic_store_n(&from->duplicated, true, __ATOMIC_RELAXED);
    if (!pending_any())
        return;
    struct held held;
    lock_acquire(&held);
    pending_find(copy); /* finds the entry by its socket, and takes the number down */
    lock_release(&held);
}
