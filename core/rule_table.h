/* SPDX-License-Identifier: MIT
 * Rules in one hash table, by what they are about: the kind of pattern, its octets, how much of
 * them counts (the level), and its port when it is one. Made for being filled fast: rules are
 * written one behind the other while they are read, and put into the table all at once, in a loop
 * so short that the processor waits for many of its far places at a time. */
#ifndef SOCKSIFY_CORE_RULE_TABLE_H
#define SOCKSIFY_CORE_RULE_TABLE_H

#include "core/pattern.h"
#include "core/route.h"
#include "core/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum { RULE_LEVEL_MAX = 128 }; /* the prefix length of an IPv6 address, or the labels of a name */

struct rule {
    struct rule *next; /* in its bucket: one that was added before (until then, the one after) */
    const struct route *route;
    uint32_t hash;
    uint32_t number; /* rank: the least one that matches wins */
    unsigned line;
    uint16_t low, high; /* ports, as in struct pattern; low > high for none */
    uint8_t kind;
    uint8_t level; /* see struct pattern */
    uint8_t len;   /* of the octets */
    char octets[]; /* a name in lower case, or the struct bits of an address */
};

/* What rules are looked up by. */
struct rule_key {
    enum pattern_kind kind;
    uint8_t level;
    uint8_t len;
    uint16_t port; /* 0: the rules of this key have any ports but a single one */
    const void *octets;
    uint32_t hash; /* rule_hash of these */
};

struct rule_table {
    struct arena *arena;
    struct rule **buckets;
    /* A bit for every hash there is, among sixteen times as many as there are buckets: most of what
     * is asked for is not there, and is found out here, in memory that stays in the caches. */
    uint64_t *filter;
    uint32_t count;    /* of all rules */
    uint32_t mask;     /* of buckets */
    struct rule *new;  /* those that are not in the table yet, in order... */
    struct rule *last; /* ...of which this is the last */
    uint64_t levels[PATTERN_KIND_COUNT][RULE_LEVEL_MAX / 64 + 1]; /* those that occur: a bit each */
};

static inline uint32_t rule_hash(enum pattern_kind kind, unsigned level, const void *octets,
                                 size_t len)
{
    uint64_t hash = (uint64_t)len << 32 | level << 8 | kind;
    for (size_t at = 0; at < len; at += 8) {
        hash = (hash ^ text_eight(octets, len, at)) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
    }
    return (uint32_t)(hash * 0xc2b2ae3d27d4eb4f >> 32);
}

/* False when there is surely no rule with that hash. */
static inline bool rule_table_may_have(const struct rule_table *table, uint32_t hash)
{
    return table->filter[hash >> 6 & (table->mask >> 2)] >> (hash & 63) & 1;
}

/* Make an empty table, all zeros before, in arena. False when there is no memory. */
bool rule_table_init(struct rule_table *table, struct arena *arena);

/* Make room for so many rules at once, if there is memory: a guess, to save time. */
void rule_table_reserve(struct rule_table *table, size_t count);

/* Add a rule for a pattern that is none of several: `rule` has all but what the pattern says and
 * the hash, and its number is the highest so far. False when there is no memory. */
bool rule_table_add(struct rule_table *table, const struct pattern *pattern,
                    const struct rule *rule);

/*
 * Make findable what was added since the last time; an earlier rule of the same key that takes all
 * that a later one could makes that one superfluous. False when there is no memory.
 *
 * A rule for one port of a name that does not go direct must be seen by who knows no port to look
 * it up by: it has a shadow, a rule that matches no port, in the key without one.
 */
bool rule_table_link(struct rule_table *table);

/* One of the rules of a key, in no order; NULL when it has none. */
const struct rule *rule_table_find(const struct rule_table *table, const struct rule_key *key);

/* Another one of the same key; NULL when that was the last. */
const struct rule *rule_table_next(const struct rule *rule, const struct rule_key *key);

#endif
