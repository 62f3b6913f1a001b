/* SPDX-License-Identifier: MIT
 * A hash table without growth: a cookie's entry lies in one of a few places, and the one that was
 * written longest ago makes room. */
#include "cli/supervise/peers.h"

#include <stdlib.h>
#include <string.h>

enum {
    WAYS = 8,
    SETS = 4096, /* times 8: more sockets than a program has open at a time */
};

struct entry {
    uint64_t cookie; /* 0: free */
    uint64_t written;
    struct peer peer;
};

struct peers {
    uint64_t clock;
    struct entry sets[SETS][WAYS]; /* pages that are not written to cost nothing */
};

struct peers *peers_new(void)
{
    return calloc(1, sizeof(struct peers));
}

/* Cookies are counted up by the kernel: neighbours go to different sets. */
static struct entry *set_of(struct peers *peers, uint64_t cookie)
{
    return peers->sets[cookie % SETS];
}

static struct entry *find(struct peers *peers, uint64_t cookie)
{
    struct entry *set = set_of(peers, cookie);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].cookie == cookie)
            return &set[i];
    return NULL;
}

void peers_set(struct peers *peers, uint64_t cookie, const struct peer *peer)
{
    struct entry *entry = find(peers, cookie);
    if (!entry) {
        struct entry *set = set_of(peers, cookie);
        entry = set;
        for (size_t i = 1; i < WAYS && entry->cookie != 0; i++)
            if (set[i].cookie == 0 || set[i].written < entry->written)
                entry = &set[i];
    }
    *entry = (struct entry){.cookie = cookie, .written = ++peers->clock, .peer = *peer};
}

struct peer *peers_get(struct peers *peers, uint64_t cookie)
{
    struct entry *entry = cookie != 0 ? find(peers, cookie) : NULL;
    return entry ? &entry->peer : NULL;
}

void peers_remove(struct peers *peers, uint64_t cookie)
{
    struct entry *entry = cookie != 0 ? find(peers, cookie) : NULL;
    if (entry)
        memset(entry, 0, sizeof(*entry));
}
