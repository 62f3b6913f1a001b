/* SPDX-License-Identifier: MIT
 * The peers of proxied sockets: a sequence lock a slot, odd while somebody writes. A writer that
 * finds another at work, and a reader that was overtaken, go without: nobody ever waits. */
#include "preload/peers.h"

#include <stddef.h>

/* Word by word, for a reader may come while a writer is at work. */
static void copy_peer(struct peer *to, const struct peer *from)
{
    typedef uint32_t word __attribute__((may_alias));
    _Static_assert(sizeof(*to) % sizeof(word) == 0, "a peer is whole words");
    word *into = (word *)to;
    const word *out_of = (const word *)from;
    for (size_t i = 0; i < sizeof(*to) / sizeof(word); i++)
        __atomic_store_n(&into[i], __atomic_load_n(&out_of[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

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
    copy_peer(&slot->peer, peer);
    __atomic_store_n(&slot->peer_sequence, even + 2, __ATOMIC_RELEASE);
}

bool peers_get(int fd, struct peer *peer)
{
    const struct slot *slot = fdtable_slot(fd, false);
    uint32_t before = slot ? __atomic_load_n(&slot->peer_sequence, __ATOMIC_ACQUIRE) : 0;
    if (before == 0 || before & 1)
        return false;
    copy_peer(peer, &slot->peer);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&slot->peer_sequence, __ATOMIC_RELAXED) == before;
}
