/* SPDX-License-Identifier: MIT
 * Patterns into the keys of the rule table, and decisions from it.
 *
 * A decision looks up the few keys that can match its target, one for every level that occurs at
 * all, and takes the rule that was added first; so its cost depends on how many prefix lengths are
 * in use, not on how many rules. */
#include "core/rules.h"

#include "core/arena.h"
#include "core/pattern.h"
#include "core/rule_table.h"
#include "core/text.h"

#include <string.h>

struct rules {
    struct decision otherwise;
    uint32_t rule_count;
    struct rule_table table;
};

struct rules *rules_new(struct arena *arena, const struct route *otherwise, unsigned line)
{
    struct rules *rules = arena_alloc(arena, sizeof(*rules));
    if (!rules || !rule_table_init(&rules->table, arena))
        return NULL;
    rules->otherwise = (struct decision){otherwise, line};
    return rules;
}

void rules_reserve(struct rules *rules, size_t count)
{
    rule_table_reserve(&rules->table, count);
}

void rules_set_otherwise(struct rules *rules, const struct route *otherwise, unsigned line)
{
    rules->otherwise = (struct decision){otherwise, line};
}

/* A rule for one port of a name that does not go direct must be seen by rules_name_is_direct, which
 * knows no port to look it up by: a rule that matches no port stands for it, and all that follow
 * it, in the key without a port. */
static enum status add_shadow(struct rules *rules, struct rule_key key, struct rule rule)
{
    key.port = 0;
    rule.low = 1;
    rule.high = 0;
    struct rule_group *group = rule_table_find(&rules->table, &key);
    if (group && group->has_shadow)
        return STATUS_OK;
    enum status status = rule_table_add(&rules->table, &key, &rule, &group);
    if (status == STATUS_OK && group)
        group->has_shadow = true;
    return status;
}

static enum status add_key(struct rules *rules, const struct pattern *pattern,
                           const struct rule *rule)
{
    bool is_address = pattern->kind == PATTERN_IPV4 || pattern->kind == PATTERN_IPV6;
    struct rule_key key = {
        .kind = pattern->kind,
        .level = pattern->level,
        .len = is_address ? sizeof(pattern->address) : pattern->len,
        .port = rule->low == rule->high ? rule->low : 0,
        .octets = is_address ? (const void *)&pattern->address : pattern->name,
        .hash = is_address ? rule_hash_address(pattern->address) : rule_hash_start,
    };
    for (size_t i = is_address ? 0 : pattern->len; i-- > 0;)
        key.hash = rule_hash_step(key.hash, pattern->name[i]);

    struct rule_group *group;
    enum status status = rule_table_add(&rules->table, &key, rule, &group);
    if (status == STATUS_OK && group && key.port && !is_address &&
        rule->route->kind != ROUTE_DIRECT)
        status = add_shadow(rules, key, *rule);
    return status;
}

static enum status add_localnet(struct rules *rules, const struct rule *rule)
{
    static const struct {
        enum pattern_kind kind;
        uint8_t level;
        struct bits address;
    } networks[] = {
        {PATTERN_IPV4, 8, {0x7f00000000000000, 0}},  {PATTERN_IPV4, 8, {0x0a00000000000000, 0}},
        {PATTERN_IPV4, 12, {0xac10000000000000, 0}}, {PATTERN_IPV4, 16, {0xc0a8000000000000, 0}},
        {PATTERN_IPV4, 16, {0xa9fe000000000000, 0}}, {PATTERN_IPV6, 128, {0, 1}},
        {PATTERN_IPV6, 10, {0xfe80000000000000, 0}}, {PATTERN_IPV6, 7, {0xfc00000000000000, 0}},
    };
    struct pattern pattern = {.level = 1, .len = 9, .name = "localhost"};
    enum status status = STATUS_OK;
    for (enum pattern_kind kind = PATTERN_NAME; kind <= PATTERN_SUFFIX && status == STATUS_OK;
         kind++) {
        pattern.kind = kind;
        status = add_key(rules, &pattern, rule);
    }
    for (size_t i = 0; i < sizeof(networks) / sizeof(*networks) && status == STATUS_OK; i++) {
        pattern.kind = networks[i].kind;
        pattern.level = networks[i].level;
        pattern.address = networks[i].address;
        status = add_key(rules, &pattern, rule);
    }
    return status;
}

static enum status explain(enum status status, const char *words, char *why, size_t why_len)
{
    text_join(why, why_len, words, NULL);
    return status;
}

static enum status add_pattern(struct rules *rules, const struct pattern *pattern,
                               const struct route *route, unsigned line, char *why, size_t why_len)
{
    if (!rules)
        return STATUS_OK;
    struct rule rule = {
        .route = route,
        .number = ++rules->rule_count,
        .line = line,
        .low = pattern->low,
        .high = pattern->high,
    };
    enum status status = pattern->kind == PATTERN_LOCALNET ? add_localnet(rules, &rule)
                                                           : add_key(rules, pattern, &rule);
    return status == STATUS_OK ? status : explain(status, status_text(status), why, why_len);
}

enum status rules_add(struct rules *rules, const char *pattern, size_t len,
                      const struct route *route, unsigned line, char *why, size_t why_len)
{
    struct pattern parsed;
    char words[PATTERN_WORDS_MAX];
    const char *wrong = pattern_read(&parsed, pattern, len, words);
    if (wrong)
        return explain(STATUS_BAD_INPUT, wrong, why, why_len);
    return add_pattern(rules, &parsed, route, line, why, why_len);
}

enum status rules_add_address(struct rules *rules, const char *pattern, size_t len,
                              const struct route *route, unsigned line, char *why, size_t why_len)
{
    struct pattern parsed;
    char words[PATTERN_WORDS_MAX];
    const char *wrong = pattern_read(&parsed, pattern, len, words);
    if (!wrong && (parsed.kind == PATTERN_NAME || parsed.kind == PATTERN_SUFFIX))
        wrong = "expected an address, ADDRESS/LENGTH, localnet or *, not a name";
    if (wrong)
        return explain(STATUS_BAD_INPUT, wrong, why, why_len);
    return add_pattern(rules, &parsed, route, line, why, why_len);
}

/* One decision under way. */
struct search {
    const struct rules *rules;
    uint16_t port;        /* 0: matched by the rules for any port only */
    uint32_t first_other; /* least number of a rule seen that misses the port and is not
                             direct */
    const struct rule *best;
};

static void weigh(struct search *search, const struct rule_group *group)
{
    for (const struct rule *rule = &group->first; rule; rule = rule->next) {
        if (search->best && rule->number > search->best->number)
            return;
        if (rule->low <= search->port && search->port <= rule->high) {
            search->best = rule;
            return;
        }
        if (rule->route->kind != ROUTE_DIRECT && rule->number < search->first_other)
            search->first_other = rule->number;
    }
}

static void look_up(struct search *search, const struct rule_key *key)
{
    const struct rule_group *group = rule_table_find(&search->rules->table, key);
    if (group)
        weigh(search, group);
}

static void try_key(struct search *search, struct rule_key *key)
{
    const struct rule_table *table = &search->rules->table;
    if (rule_levels_has(&table->any_port[key->kind], key->level)) {
        key->port = 0;
        look_up(search, key);
    }
    if (search->port && rule_levels_has(&table->one_port[key->kind], key->level)) {
        key->port = search->port;
        look_up(search, key);
    }
}

static void try_any(struct search *search)
{
    struct rule_key key = {.kind = PATTERN_ANY, .octets = "", .hash = rule_hash_start};
    try_key(search, &key);
}

static void try_name(struct search *search, const char *name, size_t len)
{
    struct rule_key key = {.kind = PATTERN_SUFFIX, .level = 1, .hash = rule_hash_start};
    for (size_t i = len; i-- > 0;) {
        if (name[i] == '.') {
            key.octets = name + i + 1;
            key.len = (uint8_t)(len - i - 1);
            try_key(search, &key);
            if (key.level < RULE_LEVEL_MAX)
                key.level++;
        }
        key.hash = rule_hash_step(key.hash, name[i]);
    }
    key.kind = PATTERN_NAME;
    key.octets = name;
    key.len = (uint8_t)len;
    try_key(search, &key);
}

static void try_address(struct search *search, enum pattern_kind kind, const uint8_t *octets,
                        size_t len)
{
    const struct rule_levels *any_port = &search->rules->table.any_port[kind];
    const struct rule_levels *one_port = &search->rules->table.one_port[kind];
    struct bits address = bits_of(octets, len);
    struct bits prefix;
    struct rule_key key = {.kind = kind, .len = sizeof(prefix), .octets = &prefix};
    for (unsigned i = 0; i <= RULE_LEVEL_MAX / 64; i++) {
        uint64_t used = any_port->bits[i] | one_port->bits[i];
        for (; used; used &= used - 1) {
            key.level = (uint8_t)(64 * i + (unsigned)__builtin_ctzll(used));
            prefix = bits_prefix(address, key.level);
            key.hash = rule_hash_address(prefix);
            try_key(search, &key);
        }
    }
}

static bool is_localhost(const char *name, size_t len)
{
    static const char below[] = ".localhost";
    size_t below_len = sizeof(below) - 1;
    return len < below_len ? text_is_word(name, len, "localhost")
                           : memcmp(name + len - below_len, below, below_len) == 0;
}

struct decision rules_decide(const struct rules *rules, const struct target *target)
{
    static const struct route this_host_route = {
        .kind = ROUTE_DIRECT, .timeout_ms = 24 * 60 * 60 * 1000, .text = "direct"};
    struct search search = {.rules = rules, .port = target->port, .first_other = UINT32_MAX};
    bool is_this_host = target_is_this_host(target);
    switch (target->kind) {
    case TARGET_IPV4:
        try_address(&search, PATTERN_IPV4, target->ipv4, sizeof(target->ipv4));
        break;
    case TARGET_IPV6:
        try_address(&search, PATTERN_IPV6, target->ipv6, sizeof(target->ipv6));
        break;
    case TARGET_NAME:
        try_name(&search, target->name, target->name_len);
        is_this_host = is_localhost(target->name, target->name_len);
        break;
    }
    if (!is_this_host)
        try_any(&search);
    if (search.best)
        return (struct decision){search.best->route, search.best->line};
    return is_this_host ? (struct decision){&this_host_route, 0} : rules->otherwise;
}

bool rules_name_is_direct(const struct rules *rules, const char *name, size_t len)
{
    char lower[TARGET_NAME_MAX];
    struct search search = {.rules = rules, .first_other = UINT32_MAX};
    if (len > 1 && name[len - 1] == '.')
        len--;
    if (len > sizeof(lower))
        return false;
    for (size_t i = 0; i < len; i++)
        lower[i] = text_lower(name[i]);

    bool is_this_host = is_localhost(lower, len);
    try_name(&search, lower, len);
    if (!is_this_host)
        try_any(&search);
    if (search.best)
        return search.best->route->kind == ROUTE_DIRECT && search.best->number < search.first_other;
    bool last_is_direct = is_this_host || rules->otherwise.route->kind == ROUTE_DIRECT;
    return last_is_direct && search.first_other == UINT32_MAX;
}
