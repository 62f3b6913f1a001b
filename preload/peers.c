/* SPDX-License-Identifier: MIT
 * The peers of proxied sockets: a sequence lock a slot, odd while somebody writes. A writer that
 * finds another at work, and a reader that was overtaken, go without: nobody ever waits. */
#include "preload/peers.h"

void peers_set(int fd, const struct peer *peer)
{
    struct slot *slot = fdtable_slot(fd, true);
    if (!slot)
        return;
    uint32_t even = __atomic_load_n(&slot->peer_sequence, __ATOMIC_RELAXED) & ~1u;
    if (!__atomic_compare_exchange_n(&slot->peer_sequence, &even, even + 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    slot->peer = *peer;
    __atomic_store_n(&slot->peer_sequence, even + 2, __ATOMIC_RELEASE);
}

bool peers_get(int fd, struct peer *peer)
{
    const struct slot *slot = fdtable_slot(fd, false);
    uint32_t before = slot ? __atomic_load_n(&slot->peer_sequence, __ATOMIC_ACQUIRE) : 0;
    if (before == 0 || before & 1)
        return false;
    *peer = slot->peer;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&slot->peer_sequence, __ATOMIC_RELAXED) == before;
}
