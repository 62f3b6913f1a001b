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

static enum status add_one(struct rules *rules, const struct pattern *pattern,
                           const struct rule *rule)
{
    return rule_table_add(&rules->table, pattern, rule) ? STATUS_OK : STATUS_NO_MEMORY;
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
        status = add_one(rules, &pattern, rule);
    }
    for (size_t i = 0; i < sizeof(networks) / sizeof(*networks) && status == STATUS_OK; i++) {
        pattern.kind = networks[i].kind;
        pattern.level = networks[i].level;
        pattern.address = networks[i].address;
        status = add_one(rules, &pattern, rule);
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
                                                           : add_one(rules, pattern, &rule);
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

enum status rules_finish(struct rules *rules)
{
    return rule_table_link(&rules->table) ? STATUS_OK : STATUS_NO_MEMORY;
}

/* One decision under way. */
struct search {
    const struct rules *rules;
    uint16_t port;        /* 0: matched by the rules for any port only */
    uint32_t first_other; /* least number of a rule seen that misses the port and is not
                             direct */
    const struct rule *best;
};

static void weigh(struct search *search, const struct rule *rule)
{
    if (rule->low <= search->port && search->port <= rule->high) {
        if (!search->best || rule->number < search->best->number)
            search->best = rule;
    } else if (rule->route->kind != ROUTE_DIRECT && rule->number < search->first_other) {
        search->first_other = rule->number;
    }
}

static void try_key(struct search *search, const struct rule_key *key)
{
    const struct rule *rule = rule_table_find(&search->rules->table, key);
    for (; rule; rule = rule_table_next(rule, key))
        weigh(search, rule);
}

static void try_pattern(struct search *search, enum pattern_kind kind, unsigned level,
                        const void *octets, size_t len)
{
    const struct rule_table *table = &search->rules->table;
    uint32_t hash = rule_hash(kind, level, octets, len);
    if (!rule_table_may_have(table, hash))
        return;
    struct rule_key key = {kind, (uint8_t)level, (uint8_t)len, 0, octets, hash};
    try_key(search, &key);
    key.port = search->port;
    if (key.port)
        try_key(search, &key);
}

static void try_any(struct search *search)
{
    static const struct bits none;
    try_pattern(search, PATTERN_ANY, 0, &none, sizeof(none));
}

static void try_name(struct search *search, const char *name, size_t len)
{
    const uint64_t *levels = search->rules->table.levels[PATTERN_SUFFIX];
    unsigned labels = 1;
    for (size_t i = len; i-- > 0;) {
        if (name[i] != '.')
            continue;
        if (levels[labels / 64] >> labels % 64 & 1)
            try_pattern(search, PATTERN_SUFFIX, labels, name + i + 1, len - i - 1);
        labels += labels < RULE_LEVEL_MAX;
    }
    try_pattern(search, PATTERN_NAME, labels, name, len);
}

static void try_address(struct search *search, enum pattern_kind kind, const uint8_t *octets,
                        size_t len)
{
    const uint64_t *levels = search->rules->table.levels[kind];
    struct bits address = bits_of(octets, len);
    for (unsigned i = 0; i <= RULE_LEVEL_MAX / 64; i++) {
        for (uint64_t left = levels[i]; left; left &= left - 1) {
            unsigned level = 64 * i + (unsigned)__builtin_ctzll(left);
            struct bits prefix = bits_prefix(address, level);
            try_pattern(search, kind, level, &prefix, sizeof(prefix));
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
