/* SPDX-License-Identifier: MIT
 * The hash table of the rules: it only grows. */
#include "core/rule_table.h"

#include "core/arena.h"

#include <string.h>

enum {
    FIRST_CAPACITY = 32, /* a power of two, like all that follow */
    CAPACITY_MAX = 1 << 30,
};

static uint32_t tag_of(const struct rule_key *key)
{
    uint64_t hash = key->hash ^ ((uint64_t)key->port << 40 | (uint64_t)key->level << 8 | key->kind);
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15;
    uint32_t tag = (uint32_t)(hash >> 32);
    return tag ? tag : 1;
}

/* Where the rules of this key are, or the free place where they belong. At least half of the places
 * are free, so that the search ends. */
static uint32_t place_of(const struct rule_table *table, const struct rule_key *key, uint32_t tag)
{
    uint32_t mask = table->capacity - 1;
    uint32_t place = tag & mask;
    for (; table->tags[place]; place = (place + 1) & mask) {
        const struct rule_group *group = table->groups[place];
        if (table->tags[place] == tag && group->kind == key->kind && group->level == key->level &&
            group->port == key->port && group->len == key->len &&
            memcmp(group->octets, key->octets, key->len) == 0)
            break;
    }
    return place;
}

static bool grow(struct rule_table *table, uint32_t capacity)
{
    uint32_t *tags = arena_alloc(table->arena, capacity * sizeof(*tags));
    struct rule_group **groups = arena_alloc(table->arena, capacity * sizeof(*groups));
    if (!tags || !groups)
        return false;
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (!table->tags[i])
            continue;
        uint32_t place = table->tags[i] & (capacity - 1);
        while (tags[place])
            place = (place + 1) & (capacity - 1);
        tags[place] = table->tags[i];
        groups[place] = table->groups[i];
    }
    table->tags = tags;
    table->groups = groups;
    table->capacity = capacity;
    return true;
}

bool rule_table_init(struct rule_table *table, struct arena *arena)
{
    table->arena = arena;
    return grow(table, FIRST_CAPACITY);
}

void rule_table_reserve(struct rule_table *table, size_t count)
{
    uint32_t capacity = table->capacity;
    while (capacity / 2 < count && capacity < CAPACITY_MAX)
        capacity *= 2;
    if (capacity > table->capacity)
        grow(table, capacity);
}

struct rule_group *rule_table_find(const struct rule_table *table, const struct rule_key *key)
{
    uint32_t place = place_of(table, key, tag_of(key));
    return table->tags[place] ? table->groups[place] : NULL;
}

static struct rule_group *new_group(struct arena *arena, const struct rule_key *key,
                                    const struct rule *rule)
{
    struct rule_group *group = arena_alloc(arena, sizeof(*group) + key->len);
    if (!group)
        return NULL;
    group->kind = (uint8_t)key->kind;
    group->level = key->level;
    group->len = key->len;
    group->port = key->port;
    memcpy(group->octets, key->octets, key->len);
    group->first = *rule;
    group->last = &group->first;
    return group;
}

static bool takes_any_port(const struct rule *rule)
{
    return rule->low == 0 && rule->high == PATTERN_PORT_MAX;
}

static enum status add_to_group(struct rule_table *table, struct rule_group *known,
                                const struct rule *rule, struct rule_group **group)
{
    *group = known->port || takes_any_port(known->last) ? NULL : known;
    if (!*group)
        return STATUS_OK;
    struct rule *next = arena_alloc(table->arena, sizeof(*next));
    if (!next)
        return STATUS_NO_MEMORY;
    *next = *rule;
    known->last->next = next;
    known->last = next;
    return STATUS_OK;
}

static void levels_add(struct rule_levels *levels, unsigned level)
{
    levels->bits[level / 64] |= (uint64_t)1 << (level % 64);
}

enum status rule_table_add(struct rule_table *table, const struct rule_key *key,
                           const struct rule *rule, struct rule_group **group)
{
    uint32_t tag = tag_of(key);
    uint32_t place = place_of(table, key, tag);
    if (table->tags[place])
        return add_to_group(table, table->groups[place], rule, group);
    if (2 * table->count >= table->capacity) {
        if (!grow(table, 2 * table->capacity))
            return STATUS_NO_MEMORY;
        place = place_of(table, key, tag);
    }
    struct rule_group *added = new_group(table->arena, key, rule);
    if (!added)
        return STATUS_NO_MEMORY;
    table->tags[place] = tag;
    table->groups[place] = added;
    table->count++;
    levels_add(key->port ? &table->one_port[key->kind] : &table->any_port[key->kind], key->level);
    *group = added;
    return STATUS_OK;
}
