/* SPDX-License-Identifier: MIT
 * Rules in one hash table, whose keys are patterns without their rank: the kind, the octets, how
 * much of them counts (the level) and one port, or none for any. */
#ifndef SOCKSIFY_CORE_RULE_TABLE_H
#define SOCKSIFY_CORE_RULE_TABLE_H

#include "core/pattern.h"
#include "core/prefix.h"
#include "core/route.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum { RULE_LEVEL_MAX = 128 }; /* the prefix length of an IPv6 address, or the labels of a name */

struct rule {
    const struct route *route;
    struct rule *next; /* of the same key, with a higher number */
    uint32_t number;   /* rank: the least one that matches wins */
    unsigned line;
    uint16_t low, high; /* ports, as in struct pattern; low > high for none */
};

struct rule_key {
    enum pattern_kind kind;
    uint8_t level; /* see struct pattern */
    uint8_t len;   /* of the octets */
    uint16_t port; /* 0: the rules of this key have port ranges of their own */
    const void *octets;
    uint64_t hash; /* of the octets */
};

/* The rules of one key, in order. */
struct rule_group {
    struct rule *last;
    bool has_shadow; /* for the caller */
    uint8_t kind;
    uint8_t level;
    uint8_t len;
    uint16_t port;
    struct rule first;
    char octets[];
};

/* A set of levels. */
struct rule_levels {
    uint64_t bits[RULE_LEVEL_MAX / 64 + 1];
};

struct rule_table {
    struct arena *arena;
    /* Open addressing: tags[i] is the hash of groups[i]'s key, never 0; 0 for a free place. Apart
     * from each other, so that a search for what is not there touches the tags only. */
    uint32_t *tags;
    struct rule_group **groups;
    uint32_t count;
    uint32_t capacity;
    /* For which levels there is a key without a port, and with one. */
    struct rule_levels any_port[PATTERN_KIND_COUNT];
    struct rule_levels one_port[PATTERN_KIND_COUNT];
};

/* Names are hashed from their end, octet by octet, so that one pass gives the hash of every suffix:
 * start with this... */
static const uint64_t rule_hash_start = 0xcbf29ce484222325;

/* ...and go on with the hash so far. */
static inline uint64_t rule_hash_step(uint64_t hash, char octet)
{
    return (hash ^ (uint8_t)octet) * 0x100000001b3;
}

static inline uint64_t rule_hash_address(struct bits address)
{
    return (address.high * 0x9e3779b97f4a7c15) ^ (address.low * 0xc2b2ae3d27d4eb4f);
}

static inline bool rule_levels_has(const struct rule_levels *levels, unsigned level)
{
    return levels->bits[level / 64] >> (level % 64) & 1;
}

/* Make an empty table, all zeros before, in arena. False when there is no memory. */
bool rule_table_init(struct rule_table *table, struct arena *arena);

/* Make room for so many keys at once, if there is memory, so that the table need not grow on the
 * way. */
void rule_table_reserve(struct rule_table *table, size_t count);

/* The rules of a key; NULL when it has none. */
struct rule_group *rule_table_find(const struct rule_table *table, const struct rule_key *key);

/*
 * Add a copy of a rule, whose number is the highest so far, to those of its key; the octets are
 * copied, too. *group is the key's, or NULL when an earlier rule takes all that this one could and
 * it was left out. STATUS_OK or STATUS_NO_MEMORY.
 */
enum status rule_table_add(struct rule_table *table, const struct rule_key *key,
                           const struct rule *rule, struct rule_group **group);

#endif
