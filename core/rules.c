/* SPDX-License-Identifier: MIT
 * Rules in one hash table, whose keys are patterns.
 *
 * A key is what a pattern says without its rank: the kind, the octets, how much of them counts
 * (the level) and one port, or none for any. A decision looks up the few keys that can match its
 * target, one for every level that occurs at all, and takes the rule that was added first; so its
 * cost depends on how many prefix lengths are in use, not on how many rules. */
#include "core/rules.h"

#include "core/arena.h"
#include "core/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum kind { KIND_ANY, KIND_NAME, KIND_SUFFIX, KIND_IPV4, KIND_IPV6, KIND_COUNT };

enum {
    PORT_MAX = 65535,
    FIRST_CAPACITY = 32, /* a power of two */
    LEVEL_MAX = 128,     /* the prefix length of an IPv6 address, or the labels of a name */
    REASON_MAX = 128,
};

struct rule {
    const struct route *route;
    struct rule *next; /* of the same key, with a higher number */
    uint32_t number;   /* rank: the least one that matches wins */
    unsigned line;
    uint16_t low, high; /* ports; 0 to PORT_MAX for any, low > high for none (see add_shadow) */
};

/* What tells one key from another. */
struct identity {
    enum kind kind;
    uint8_t level; /* prefix length; for names the number of labels */
    uint8_t len;   /* of the octets */
    uint16_t port; /* 0: the rules of this key have port ranges of their own */
    const void *octets;
    uint64_t hash; /* of the octets */
};

struct key {
    struct rule *last;
    bool has_shadow;
    uint8_t kind;
    uint8_t level;
    uint8_t len;
    uint16_t port;
    struct rule first;
    char octets[];
};

/* A set of levels. */
struct levels {
    uint64_t bits[LEVEL_MAX / 64 + 1];
};

struct rules {
    struct arena *arena;
    struct decision otherwise;
    uint32_t rule_count;
    /* Open addressing: tags[i] is the hash of *keys[i], never 0; 0 for a free place. Apart from
     * each other, so that a search for what is not there touches the tags only. */
    uint32_t *tags;
    struct key **keys;
    uint32_t key_count;
    uint32_t capacity;
    struct levels any_port[KIND_COUNT]; /* for which levels there is a key without a port... */
    struct levels one_port[KIND_COUNT]; /* ...and with one */
};

/* An address as two numbers, so that a prefix is a mask: an IPv4 one in the upper half of high. */
struct bits {
    uint64_t high, low;
};

/* A pattern as it was read. */
struct pattern {
    enum kind kind;
    bool is_localnet; /* kind and the rest do not count */
    uint16_t low, high;
    uint8_t level;
    uint8_t len;
    struct bits address;
    char name[TARGET_NAME_MAX];
};

static struct bits bits_of(const uint8_t *octets, size_t len)
{
    uint64_t halves[2] = {0, 0};
    for (size_t i = 0; i < len; i++)
        halves[i / 8] |= (uint64_t)octets[i] << (56 - 8 * (i % 8));
    return (struct bits){halves[0], halves[1]};
}

static void octets_of(struct bits bits, uint8_t octets[static 16])
{
    for (size_t i = 0; i < 8; i++) {
        octets[i] = (uint8_t)(bits.high >> (56 - 8 * i));
        octets[8 + i] = (uint8_t)(bits.low >> (56 - 8 * i));
    }
}

static struct bits prefix_of(struct bits bits, unsigned length)
{
    if (length < 64)
        return (struct bits){length ? bits.high & ~(UINT64_MAX >> length) : 0, 0};
    if (length < 128)
        bits.low &= length > 64 ? ~(UINT64_MAX >> (length - 64)) : 0;
    return bits;
}

static bool levels_has(const struct levels *levels, unsigned level)
{
    return levels->bits[level / 64] >> (level % 64) & 1;
}

static void levels_add(struct levels *levels, unsigned level)
{
    levels->bits[level / 64] |= (uint64_t)1 << (level % 64);
}

/* Names are hashed from their end, so that one pass gives the hash of every suffix. */
static uint64_t hash_step(uint64_t hash, char octet)
{
    return (hash ^ (uint8_t)octet) * 0x100000001b3;
}

static const uint64_t hash_start = 0xcbf29ce484222325;

static uint64_t hash_address(const struct bits *address)
{
    return (address->high * 0x9e3779b97f4a7c15) ^ (address->low * 0xc2b2ae3d27d4eb4f);
}

static uint32_t tag_of(const struct identity *id)
{
    uint64_t hash = id->hash ^ ((uint64_t)id->port << 40 | (uint64_t)id->level << 8 | id->kind);
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15;
    uint32_t tag = (uint32_t)(hash >> 32);
    return tag ? tag : 1;
}

/* Where the key of this identity is, or the free place where it belongs. At least half of the
 * places are free, so that the search ends. */
static uint32_t place_of(const struct rules *rules, const struct identity *id, uint32_t tag)
{
    uint32_t mask = rules->capacity - 1;
    uint32_t place = tag & mask;
    for (; rules->tags[place]; place = (place + 1) & mask) {
        const struct key *key = rules->keys[place];
        if (rules->tags[place] == tag && key->kind == id->kind && key->level == id->level &&
            key->port == id->port && key->len == id->len &&
            memcmp(key->octets, id->octets, id->len) == 0)
            break;
    }
    return place;
}

static bool allocate_table(struct rules *rules, uint32_t capacity)
{
    uint32_t *tags = arena_alloc(rules->arena, capacity * sizeof(*tags));
    struct key **keys = arena_alloc(rules->arena, capacity * sizeof(*keys));
    if (!tags || !keys)
        return false;
    for (uint32_t i = 0; i < rules->capacity; i++) {
        if (!rules->tags[i])
            continue;
        uint32_t place = rules->tags[i] & (capacity - 1);
        while (tags[place])
            place = (place + 1) & (capacity - 1);
        tags[place] = rules->tags[i];
        keys[place] = rules->keys[i];
    }
    rules->tags = tags;
    rules->keys = keys;
    rules->capacity = capacity;
    return true;
}

struct rules *rules_new(struct arena *arena, const struct route *otherwise, unsigned line)
{
    struct rules *rules = arena_alloc(arena, sizeof(*rules));
    if (!rules)
        return NULL;
    rules->arena = arena;
    rules->otherwise = (struct decision){otherwise, line};
    return allocate_table(rules, FIRST_CAPACITY) ? rules : NULL;
}

void rules_set_otherwise(struct rules *rules, const struct route *otherwise, unsigned line)
{
    rules->otherwise = (struct decision){otherwise, line};
}

static bool is_any_port(const struct rule *rule)
{
    return rule->low == 0 && rule->high == PORT_MAX;
}

static struct key *new_key(struct rules *rules, const struct identity *id, const struct rule *rule)
{
    struct key *key = arena_alloc(rules->arena, sizeof(*key) + id->len);
    if (!key)
        return NULL;
    key->kind = (uint8_t)id->kind;
    key->level = id->level;
    key->len = id->len;
    key->port = id->port;
    memcpy(key->octets, id->octets, id->len);
    key->first = *rule;
    key->last = &key->first;
    return key;
}

/* *found is the rule's key, or NULL when the rule can never match and was left out. */
static enum status add_rule(struct rules *rules, const struct identity *id, const struct rule *rule,
                            struct key **found)
{
    uint32_t tag = tag_of(id);
    uint32_t place = place_of(rules, id, tag);
    if (rules->tags[place]) {
        struct key *key = rules->keys[place];
        *found = key->port || is_any_port(key->last) ? NULL : key;
        if (!*found)
            return STATUS_OK; /* an earlier rule takes all that this one could */
        struct rule *next = arena_alloc(rules->arena, sizeof(*next));
        if (!next)
            return STATUS_NO_MEMORY;
        *next = *rule;
        key->last->next = next;
        key->last = next;
        return STATUS_OK;
    }
    if (2 * rules->key_count >= rules->capacity) {
        if (!allocate_table(rules, 2 * rules->capacity))
            return STATUS_NO_MEMORY;
        place = place_of(rules, id, tag);
    }
    struct key *key = new_key(rules, id, rule);
    if (!key)
        return STATUS_NO_MEMORY;
    rules->tags[place] = tag;
    rules->keys[place] = key;
    rules->key_count++;
    levels_add(id->port ? &rules->one_port[id->kind] : &rules->any_port[id->kind], id->level);
    *found = key;
    return STATUS_OK;
}

/* A rule for one port of a name that does not go direct must be seen by rules_name_is_direct, which
 * knows no port to look it up by: a rule that matches no port stands for it, and all that follow
 * it, in the key without a port. */
static enum status add_shadow(struct rules *rules, struct identity id, struct rule rule)
{
    id.port = 0;
    rule.low = 1;
    rule.high = 0;
    uint32_t place = place_of(rules, &id, tag_of(&id));
    if (rules->tags[place] && rules->keys[place]->has_shadow)
        return STATUS_OK;
    struct key *key;
    enum status status = add_rule(rules, &id, &rule, &key);
    if (status == STATUS_OK && key)
        key->has_shadow = true;
    return status;
}

static enum status add_pattern(struct rules *rules, const struct pattern *pattern,
                               const struct rule *rule)
{
    bool is_address = pattern->kind == KIND_IPV4 || pattern->kind == KIND_IPV6;
    struct identity id = {
        .kind = pattern->kind,
        .level = pattern->level,
        .len = is_address ? sizeof(pattern->address) : pattern->len,
        .port = rule->low == rule->high ? rule->low : 0,
        .octets = is_address ? (const void *)&pattern->address : pattern->name,
        .hash = is_address ? hash_address(&pattern->address) : hash_start,
    };
    for (size_t i = is_address ? 0 : pattern->len; i-- > 0;)
        id.hash = hash_step(id.hash, pattern->name[i]);

    struct key *key;
    enum status status = add_rule(rules, &id, rule, &key);
    if (status == STATUS_OK && key && id.port && !is_address && rule->route->kind != ROUTE_DIRECT)
        status = add_shadow(rules, id, *rule);
    return status;
}

static enum status add_localnet(struct rules *rules, const struct rule *rule)
{
    static const struct {
        enum kind kind;
        uint8_t level;
        struct bits address;
    } networks[] = {
        {KIND_IPV4, 8, {0x7f00000000000000, 0}},  {KIND_IPV4, 8, {0x0a00000000000000, 0}},
        {KIND_IPV4, 12, {0xac10000000000000, 0}}, {KIND_IPV4, 16, {0xc0a8000000000000, 0}},
        {KIND_IPV4, 16, {0xa9fe000000000000, 0}}, {KIND_IPV6, 128, {0, 1}},
        {KIND_IPV6, 10, {0xfe80000000000000, 0}}, {KIND_IPV6, 7, {0xfc00000000000000, 0}},
    };
    struct pattern pattern = {.level = 1, .len = 9, .name = "localhost"};
    enum status status = STATUS_OK;
    for (enum kind kind = KIND_NAME; kind <= KIND_SUFFIX && status == STATUS_OK; kind++) {
        pattern.kind = kind;
        status = add_pattern(rules, &pattern, rule);
    }
    for (size_t i = 0; i < sizeof(networks) / sizeof(*networks) && status == STATUS_OK; i++) {
        pattern.kind = networks[i].kind;
        pattern.level = networks[i].level;
        pattern.address = networks[i].address;
        status = add_pattern(rules, &pattern, rule);
    }
    return status;
}

/* The functions that read a pattern return NULL, or what is wrong with it; words that depend on the
 * pattern are put together in `words`. */

static const char *read_ports(struct pattern *pattern, const char *text, size_t len)
{
    const char *dash = len ? memchr(text, '-', len) : NULL;
    size_t low_len = dash ? (size_t)(dash - text) : len;
    unsigned long low, high;
    if (!text_to_number(text, low_len, PORT_MAX, &low) || !low)
        return "expected a port from 1 to 65535, or LOW-HIGH, after the colon";
    high = low;
    if (dash && (!text_to_number(dash + 1, len - low_len - 1, PORT_MAX, &high) || !high))
        return "expected a port from 1 to 65535 after the dash";
    if (low > high)
        return "expected the lower port before the dash";
    bool all = low == 1 && high == PORT_MAX;
    pattern->low = all ? 0 : (uint16_t)low;
    pattern->high = (uint16_t)high;
    return NULL;
}

static const char *name_prefix(const struct pattern *pattern, unsigned length, char *words)
{
    char literal[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    octets_of(prefix_of(pattern->address, length), octets);
    inet_ntop(pattern->kind == KIND_IPV4 ? AF_INET : AF_INET6, octets, literal, sizeof(literal));
    struct text text = text_start(words, REASON_MAX);
    text_add(&text, "has bits set beyond its prefix: expected ");
    text_add(&text, literal);
    text_add(&text, "/");
    text_add_number(&text, length);
    return words;
}

/* ADDRESS or ADDRESS/LENGTH */
static const char *read_address(struct pattern *pattern, const char *text, size_t len, char *words)
{
    const char *slash = memchr(text, '/', len);
    size_t address_len = slash ? (size_t)(slash - text) : len;
    bool is_ipv6 = memchr(text, ':', address_len) != NULL;
    unsigned long bits = is_ipv6 ? 128 : 32;
    char literal[INET6_ADDRSTRLEN];
    uint8_t octets[16];

    if (address_len >= sizeof(literal))
        return "expected an address";
    memcpy(literal, text, address_len);
    literal[address_len] = '\0';
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, literal, octets) != 1)
        return is_ipv6 ? "expected an IPv6 address (in brackets when a port follows)"
                       : "expected an IPv4 address of four numbers from 0 to 255";
    unsigned long length = bits;
    if (slash && !text_to_number(slash + 1, len - address_len - 1, bits, &length))
        return is_ipv6 ? "expected a prefix length from 0 to 128 after the slash"
                       : "expected a prefix length from 0 to 32 after the slash";

    pattern->kind = is_ipv6 ? KIND_IPV6 : KIND_IPV4;
    pattern->address = bits_of(octets, bits / 8);
    struct bits prefix = prefix_of(pattern->address, (unsigned)length);
    if (memcmp(&prefix, &pattern->address, sizeof(prefix)) != 0)
        return name_prefix(pattern, (unsigned)length, words);
    /* Targets are never IPv4-mapped: see target.h. */
    if (is_ipv6 && length >= 96 && prefix.high == 0 && prefix.low >> 32 == 0xffff) {
        pattern->kind = KIND_IPV4;
        pattern->address = (struct bits){prefix.low << 32, 0};
        length -= 96;
    }
    pattern->level = (uint8_t)length;
    return NULL;
}

/* NAME, or the SUFFIX of *.SUFFIX, without its trailing dot. */
static const char *read_name(struct pattern *pattern, const char *text, size_t len)
{
    if (len > 1 && text[len - 1] == '.')
        len--;
    if (len == 0)
        return "expected a host name";
    if (len > TARGET_NAME_MAX)
        return "expected a host name of at most 255 octets";
    if (text[0] == '.')
        return "expected *.SUFFIX for all names below a suffix";
    unsigned labels = 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char lower = c | 0x20;
        if (lower >= 'a' && lower <= 'z') {
            pattern->name[i] = (char)lower;
            continue;
        }
        if (c == '*' || c == '?')
            return "expected a * only by itself or as the first label (*.SUFFIX)";
        if (c == ',')
            return "expected spaces between patterns, not commas";
        if (c <= ' ' || c == 0x7f || c == '/' || c == '@' || c == '[' || c == ']')
            return "expected a host name, *.SUFFIX, an address, ADDRESS/LENGTH, localnet or *";
        if (c == '.' && (i + 1 == len || text[i + 1] == '.'))
            return "expected a host name without empty labels";
        labels += c == '.';
        pattern->name[i] = text[i];
    }
    pattern->level = (uint8_t)labels;
    pattern->len = (uint8_t)len;
    return NULL;
}

/* True when the last label is a number, as in an IPv4 address and in no host name. */
static bool ends_in_number(const char *text, size_t len)
{
    size_t at = len;
    while (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9')
        at--;
    return at < len && (at == 0 || text[at - 1] == '.');
}

static const char *read_host(struct pattern *pattern, const char *text, size_t len, char *words)
{
    if (len == 1 && text[0] == '*') {
        pattern->kind = KIND_ANY;
        return NULL;
    }
    pattern->is_localnet = text_is_word(text, len, "localnet");
    if (pattern->is_localnet)
        return NULL;
    const char *slash = len ? memchr(text, '/', len) : NULL;
    if (ends_in_number(text, slash ? (size_t)(slash - text) : len))
        return read_address(pattern, text, len, words);
    pattern->kind = KIND_NAME;
    if (len >= 2 && text[0] == '*' && text[1] == '.') {
        pattern->kind = KIND_SUFFIX;
        text += 2;
        len -= 2;
    }
    return read_name(pattern, text, len);
}

static const char *read_pattern(struct pattern *pattern, const char *text, size_t len, char *words)
{
    /* Not the name, which is long to clear. */
    pattern->low = 0;
    pattern->high = PORT_MAX;
    pattern->level = 0;
    pattern->len = 0;
    pattern->is_localnet = false;
    if (len > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        if (!close)
            return "expected a ] after the IPv6 address";
        const char *host = text + 1;
        size_t host_len = (size_t)(close - host);
        const char *ports = close + 1;
        size_t ports_len = len - (size_t)(ports - text);
        if (!memchr(host, ':', host_len))
            return "expected an IPv6 address, or one with its /LENGTH, between the brackets";
        if (ports_len && ports[0] != ':')
            return "expected :PORT or nothing after the ]";
        const char *wrong = read_address(pattern, host, host_len, words);
        return wrong || !ports_len ? wrong : read_ports(pattern, ports + 1, ports_len - 1);
    }
    const char *colon = len ? memchr(text, ':', len) : NULL;
    if (!colon)
        return read_host(pattern, text, len, words);
    size_t host_len = (size_t)(colon - text);
    if (memchr(colon + 1, ':', len - host_len - 1))
        return read_address(pattern, text, len, words);
    if (host_len == 0)
        return "expected a host before the colon (*:PORT for every host)";
    if (host_len + 1 < len && colon[1] == '/')
        return "expected a host, not a URL";
    const char *wrong = read_host(pattern, text, host_len, words);
    return wrong ? wrong : read_ports(pattern, colon + 1, len - host_len - 1);
}

static enum status explain(enum status status, const char *words, char *why, size_t why_len)
{
    text_join(why, why_len, words, NULL);
    return status;
}

static enum status add_parsed(struct rules *rules, const struct pattern *pattern,
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
    enum status status =
        pattern->is_localnet ? add_localnet(rules, &rule) : add_pattern(rules, pattern, &rule);
    return status == STATUS_OK ? status : explain(status, status_text(status), why, why_len);
}

enum status rules_add(struct rules *rules, const char *pattern, size_t len,
                      const struct route *route, unsigned line, char *why, size_t why_len)
{
    struct pattern parsed;
    char words[REASON_MAX];
    const char *wrong = read_pattern(&parsed, pattern, len, words);
    if (wrong)
        return explain(STATUS_BAD_INPUT, wrong, why, why_len);
    return add_parsed(rules, &parsed, route, line, why, why_len);
}

enum status rules_add_address(struct rules *rules, const char *pattern, size_t len,
                              const struct route *route, unsigned line, char *why, size_t why_len)
{
    struct pattern parsed;
    char words[REASON_MAX];
    const char *wrong = read_pattern(&parsed, pattern, len, words);
    bool is_name =
        !wrong && !parsed.is_localnet && (parsed.kind == KIND_NAME || parsed.kind == KIND_SUFFIX);
    if (is_name)
        wrong = "expected an address, ADDRESS/LENGTH, localnet or *, not a name";
    if (wrong)
        return explain(STATUS_BAD_INPUT, wrong, why, why_len);
    return add_parsed(rules, &parsed, route, line, why, why_len);
}

/* One decision under way. */
struct search {
    const struct rules *rules;
    uint16_t port;        /* 0: matched by the rules for any port only */
    uint32_t first_other; /* least number of a rule seen that misses the port and is not
                             direct */
    const struct rule *best;
};

static void weigh(struct search *search, const struct key *key)
{
    for (const struct rule *rule = &key->first; rule; rule = rule->next) {
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

static void look_up(struct search *search, const struct identity *id)
{
    uint32_t place = place_of(search->rules, id, tag_of(id));
    if (search->rules->tags[place])
        weigh(search, search->rules->keys[place]);
}

static void try_key(struct search *search, struct identity *id)
{
    const struct rules *rules = search->rules;
    if (levels_has(&rules->any_port[id->kind], id->level)) {
        id->port = 0;
        look_up(search, id);
    }
    if (search->port && levels_has(&rules->one_port[id->kind], id->level)) {
        id->port = search->port;
        look_up(search, id);
    }
}

static void try_any(struct search *search)
{
    struct identity id = {.kind = KIND_ANY, .octets = "", .hash = hash_start};
    try_key(search, &id);
}

static void try_name(struct search *search, const char *name, size_t len)
{
    struct identity id = {.kind = KIND_SUFFIX, .level = 1, .hash = hash_start};
    for (size_t i = len; i-- > 0;) {
        if (name[i] == '.') {
            id.octets = name + i + 1;
            id.len = (uint8_t)(len - i - 1);
            try_key(search, &id);
            if (id.level < LEVEL_MAX)
                id.level++;
        }
        id.hash = hash_step(id.hash, name[i]);
    }
    id.kind = KIND_NAME;
    id.octets = name;
    id.len = (uint8_t)len;
    try_key(search, &id);
}

static void try_address(struct search *search, enum kind kind, const uint8_t *octets, size_t len)
{
    const struct levels *any_port = &search->rules->any_port[kind];
    const struct levels *one_port = &search->rules->one_port[kind];
    struct bits address = bits_of(octets, len);
    struct bits prefix;
    struct identity id = {.kind = kind, .len = sizeof(prefix), .octets = &prefix};
    for (unsigned i = 0; i <= LEVEL_MAX / 64; i++) {
        uint64_t used = any_port->bits[i] | one_port->bits[i];
        for (; used; used &= used - 1) {
            id.level = (uint8_t)(64 * i + (unsigned)__builtin_ctzll(used));
            prefix = prefix_of(address, id.level);
            id.hash = hash_address(&prefix);
            try_key(search, &id);
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
        try_address(&search, KIND_IPV4, target->ipv4, sizeof(target->ipv4));
        break;
    case TARGET_IPV6:
        try_address(&search, KIND_IPV6, target->ipv6, sizeof(target->ipv6));
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
