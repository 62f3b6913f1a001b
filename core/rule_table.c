/* SPDX-License-Identifier: MIT
 * The hash table of the rules: buckets of linked rules, the latest in front. */
#include "core/rule_table.h"

#include "core/arena.h"

#include <string.h>

enum {
    FIRST_CAPACITY = 16, /* buckets: a power of two, like all that follow */
    CAPACITY_MAX = 1 << 26,
    NAME_ROOM = 24, /* octets of a name or an address, more or less */
};

static uint16_t port_of_key(const struct rule *rule)
{
    return rule->low == rule->high ? rule->low : 0;
}

static uint32_t bucket_of(const struct rule_table *table, uint32_t hash, uint16_t port)
{
    return (hash ^ port * 0x9e3779b1u) & table->mask;
}

static void insert(struct rule_table *table, struct rule *rule)
{
    struct rule **bucket = &table->buckets[bucket_of(table, rule->hash, port_of_key(rule))];
    rule->next = *bucket;
    *bucket = rule;
    table->filter[rule->hash >> 6 & (table->mask >> 2)] |= (uint64_t)1 << (rule->hash & 63);
}

static bool grow(struct rule_table *table, uint32_t capacity)
{
    struct rule_table larger = *table;
    larger.buckets = arena_alloc(table->arena, capacity * sizeof(*larger.buckets));
    larger.filter = arena_alloc(table->arena, capacity / 4 * sizeof(*larger.filter));
    larger.mask = capacity - 1;
    if (!larger.buckets || !larger.filter)
        return false;
    for (uint32_t i = 0; table->buckets && i <= table->mask; i++) {
        for (struct rule *rule = table->buckets[i], *next; rule; rule = next) {
            next = rule->next;
            insert(&larger, rule);
        }
    }
    *table = larger;
    return true;
}

bool rule_table_init(struct rule_table *table, struct arena *arena)
{
    table->arena = arena;
    return grow(table, FIRST_CAPACITY);
}

void rule_table_reserve(struct rule_table *table, size_t count)
{
    size_t each = sizeof(struct rule) + NAME_ROOM + 2 * sizeof(*table->buckets);
    if (count < CAPACITY_MAX)
        arena_reserve(table->arena, count * each);
}

static bool has_key(const struct rule *rule, const struct rule_key *key)
{
    return rule->hash == key->hash && rule->kind == key->kind && rule->level == key->level &&
           rule->len == key->len && port_of_key(rule) == key->port &&
           memcmp(rule->octets, key->octets, key->len) == 0;
}

static const struct rule *first_of_key(const struct rule *rule, const struct rule_key *key)
{
    while (rule && !has_key(rule, key))
        rule = rule->next;
    return rule;
}

const struct rule *rule_table_find(const struct rule_table *table, const struct rule_key *key)
{
    return first_of_key(table->buckets[bucket_of(table, key->hash, key->port)], key);
}

const struct rule *rule_table_next(const struct rule *rule, const struct rule_key *key)
{
    return first_of_key(rule->next, key);
}

static bool covers(const struct rule *other, const struct rule *rule)
{
    return other->low == 0 || (other->low == rule->low && other->high == rule->high);
}

/* Lists are put together from lists, and say many a thing twice. A range of ports is not compared:
 * there may be thousands for one key. */
static bool is_covered(const struct rule_table *table, const struct rule *rule)
{
    const struct rule_key key = {rule->kind,        rule->level,  rule->len,
                                 port_of_key(rule), rule->octets, rule->hash};
    bool is_range = rule->low > 0 && rule->low < rule->high;
    const struct rule *other = is_range ? NULL : rule_table_find(table, &key);
    while (other && !covers(other, rule))
        other = rule_table_next(other, &key);
    return other != NULL;
}

static size_t padded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

bool rule_table_add(struct rule_table *table, const struct pattern *pattern,
                    const struct rule *rule)
{
    bool is_name = pattern->kind == PATTERN_NAME || pattern->kind == PATTERN_SUFFIX;
    const char *octets = is_name ? pattern->name : (const char *)&pattern->address;
    size_t len = is_name ? pattern->len : sizeof(pattern->address);
    struct rule *written = arena_alloc(table->arena, sizeof(*written) + padded(len));
    if (!written)
        return false;
    *written = *rule;
    written->next = NULL;
    written->kind = (uint8_t)pattern->kind;
    written->level = pattern->level;
    written->len = (uint8_t)len;
    for (size_t at = 0; at < len; at += 8) /* zeros behind it, in the pattern, too */
        memcpy(written->octets + at, octets + at, 8);
    written->hash = rule_hash(pattern->kind, pattern->level, octets, len);
    table->levels[pattern->kind][pattern->level / 64] |= (uint64_t)1 << pattern->level % 64;
    table->count++;
    if (table->new)
        table->last->next = written;
    else
        table->new = written;
    table->last = written;
    return true;
}

static bool link_rule(struct rule_table *table, struct rule *rule)
{
    bool is_superfluous = rule_table_may_have(table, rule->hash) && is_covered(table, rule);
    if (!is_superfluous)
        insert(table, rule);
    return !is_superfluous;
}

static bool link_shadow(struct rule_table *table, const struct rule *rule)
{
    size_t size = sizeof(*rule) + padded(rule->len);
    struct rule *shadow = arena_alloc(table->arena, size);
    if (!shadow)
        return false;
    memcpy(shadow, rule, size);
    shadow->low = 1;
    shadow->high = 0;
    link_rule(table, shadow);
    return true;
}

bool rule_table_link(struct rule_table *table)
{
    uint32_t capacity = table->mask + 1;
    while (capacity < table->count && capacity < CAPACITY_MAX)
        capacity *= 2;
    if (capacity > table->mask + 1 && !grow(table, capacity))
        return false;
    while (table->new) {
        struct rule *rule = table->new;
        table->new = rule->next;
        bool is_address = rule->kind == PATTERN_IPV4 || rule->kind == PATTERN_IPV6;
        bool has_shadow =
            rule->low == rule->high && !is_address && rule->route->kind != ROUTE_DIRECT;
        if (link_rule(table, rule) && has_shadow && !link_shadow(table, rule))
            return false;
    }
    return true;
}
