/* SPDX-License-Identifier: MIT
 * Rules against a matcher that goes through them one by one. The input chooses patterns from a
 * small world of names, addresses and ports, so that they meet; what is left of it is a pattern
 * as somebody may have typed it. */
#include "core/rules.h"

#include "core/arena.h"
#include "core/pattern.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <ctype.h>

enum { RULES_MAX = 24, TARGETS = 8, TEXT_MAX = 128, WHY_MAX = 192 };

/* A rule as it was chosen: what the matcher knows of it. */
struct choice {
    enum pattern_kind kind;
    char name[64];
    uint8_t address[16]; /* IPv4 in the first four */
    unsigned prefix;
    unsigned low, high; /* 0 to 65535: no port was written */
    const struct route *route;
    unsigned line;
};

static const struct route routes[] = {
    {.kind = ROUTE_DIRECT, .timeout_ms = 1, .text = "direct"},
    {.kind = ROUTE_BLOCK, .timeout_ms = 1, .text = "block"},
    {.kind = ROUTE_PROXY, .timeout_ms = 1, .text = "home", .hop_count = 1},
};

static void choose_name(char name[static 64], struct input *input)
{
    static const char *const labels[] = {"a", "b", "c", "localhost", "local", "x1"};
    uint8_t choice = take_octet(input);
    *name = '\0';
    for (unsigned i = 0; i <= choice % 4u; i++) {
        strcat(name, i ? "." : "");
        strcat(name, labels[take_octet(input) % COUNT(labels)]);
    }
}

static void choose_address(uint8_t address[static 16], size_t len, struct input *input)
{
    static const uint8_t starts[][16] = {{127},      {10},      {192, 168},
                                         {169, 254}, {172, 16}, {0xfe, 0x80},
                                         {0xfd},     {0},       {[10] = 0xff, [11] = 0xff},
                                         {[15] = 1}};
    memset(address, 0, 16);
    memcpy(address, starts[take_octet(input) % COUNT(starts)], len);
    uint8_t changes = take_octet(input) % 3;
    for (uint8_t i = 0; i < changes; i++) {
        size_t at = take_octet(input) % len;
        address[at] = take_octet(input);
    }
}

static uint16_t choose_port(struct input *input)
{
    static const uint16_t ports[] = {1, 2, 80, 81, 443, 65534, 65535};
    uint8_t choice = take_octet(input);
    return choice < 0xf0 ? ports[choice % COUNT(ports)] : (uint16_t)(take_16(input) | 1);
}

static void keep_bits(uint8_t *address, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        address[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static void choose_rule(struct choice *rule, struct input *input)
{
    uint8_t choice = take_octet(input);
    rule->kind = choice % PATTERN_KIND_COUNT;
    unsigned ports[2] = {choose_port(input), 0};
    ports[1] = choice & 0x80 ? ports[0] : choose_port(input);
    rule->low = choice & 0x40 ? ports[0] < ports[1] ? ports[0] : ports[1] : 0;
    rule->high = choice & 0x40 ? ports[0] < ports[1] ? ports[1] : ports[0] : 65535;
    if (rule->low == 1 && rule->high == 65535)
        rule->low = 0;
    choose_name(rule->name, input);
    bool is_ipv6 = rule->kind == PATTERN_IPV6;
    choose_address(rule->address, is_ipv6 ? 16 : 4, input);
    rule->prefix = take_octet(input) % (is_ipv6 ? 129 : 33);
    keep_bits(rule->address, rule->prefix);
    rule->route = &routes[take_octet(input) % COUNT(routes)];
}

/* The pattern's text. */
static void write_rule(const struct choice *rule, char text[static TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN];
    bool has_port = rule->low > 0 || rule->line % 3 == 0; /* 1-65535 is any port, too */
    switch (rule->kind) {
    case PATTERN_ANY:
        strcpy(text, "*");
        break;
    case PATTERN_NAME:
    case PATTERN_SUFFIX:
        sprintf(text, "%s%s", rule->kind == PATTERN_SUFFIX ? "*." : "", rule->name);
        break;
    case PATTERN_IPV4:
    case PATTERN_IPV6:
        inet_ntop(rule->kind == PATTERN_IPV4 ? AF_INET : AF_INET6, rule->address, address,
                  sizeof(address));
        sprintf(text, rule->kind == PATTERN_IPV6 && has_port ? "[%s/%u]" : "%s/%u", address,
                rule->prefix);
        break;
    default:
        strcpy(text, "localnet");
    }
    if (has_port)
        sprintf(text + strlen(text), rule->low == rule->high ? ":%u" : ":%u-%u",
                rule->low ? rule->low : 1, rule->high);
    for (char *c = text; rule->line % 2 && *c; c++)
        *c = (char)toupper(*c);
}

static bool in_network(const uint8_t *address, const uint8_t *network, unsigned bits)
{
    uint8_t prefix[16];
    memcpy(prefix, address, 16);
    keep_bits(prefix, bits);
    return memcmp(prefix, network, 16) == 0;
}

static bool is_below(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0 &&
           name[len - suffix_len - 1] == '.';
}

static bool is_localhost(const struct target *target)
{
    return target->kind == TARGET_NAME &&
           (strcmp(target->name, "localhost") == 0 || is_below(target->name, "localhost"));
}

static bool is_localnet(const struct target *target, const uint8_t *address)
{
    static const uint8_t ten[16] = {10}, loopback[16] = {127}, private_b[16] = {172, 16},
                         private_c[16] = {192, 168}, link[16] = {169, 254}, one[16] = {[15] = 1},
                         link6[16] = {0xfe, 0x80}, ula[16] = {0xfc};
    if (target->kind == TARGET_IPV4)
        return in_network(address, ten, 8) || in_network(address, loopback, 8) ||
               in_network(address, private_b, 12) || in_network(address, private_c, 16) ||
               in_network(address, link, 16);
    if (target->kind == TARGET_IPV6)
        return in_network(address, one, 128) || in_network(address, link6, 10) ||
               in_network(address, ula, 7);
    return is_localhost(target);
}

/* The host, whatever the port. */
static bool matches(const struct choice *rule, const struct target *target)
{
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
    uint8_t address[16] = {0}, in_mapped[16];
    if (target->kind != TARGET_NAME)
        memcpy(address, target->ipv6, target->kind == TARGET_IPV4 ? 4 : 16);
    switch (rule->kind) {
    case PATTERN_ANY:
        return !is_localhost(target) && !target_is_this_host(target);
    case PATTERN_NAME:
        return target->kind == TARGET_NAME && strcmp(target->name, rule->name) == 0;
    case PATTERN_SUFFIX:
        return target->kind == TARGET_NAME && is_below(target->name, rule->name);
    case PATTERN_IPV4:
        return target->kind == TARGET_IPV4 && in_network(address, rule->address, rule->prefix);
    case PATTERN_IPV6:
        if (target->kind == TARGET_IPV6)
            return in_network(address, rule->address, rule->prefix);
        memcpy(in_mapped, mapped, 12);
        memcpy(in_mapped + 12, address, 4);
        return target->kind == TARGET_IPV4 && rule->prefix >= 96 &&
               in_network(in_mapped, rule->address, rule->prefix);
    default:
        return is_localnet(target, address);
    }
}

static struct decision decide(const struct choice *rules, size_t count, const struct route *last,
                              const struct target *target)
{
    for (size_t i = 0; i < count; i++)
        if (matches(&rules[i], target) && rules[i].low <= target->port &&
            target->port <= rules[i].high)
            return (struct decision){rules[i].route, rules[i].line};
    if (is_localhost(target) || target_is_this_host(target))
        return (struct decision){&routes[0], 0};
    return (struct decision){last, 1000};
}

/* True answers must be true for every port; and where every rule about the name that comes before
 * the first for any port goes direct, the answer must be true. */
static void check_name(const struct rules *compiled, const struct choice *rules, size_t count,
                       const struct route *last, struct target target)
{
    bool certain = true, every = true, ended = false;
    for (size_t i = 0; i < count; i++) {
        const unsigned edges[] = {1, rules[i].low, rules[i].high + 1};
        for (size_t j = 0; j < COUNT(edges); j++) {
            target.port = (uint16_t)edges[j];
            if (target.port > 0)
                every &= decide(rules, count, last, &target).route->kind == ROUTE_DIRECT;
        }
        if (ended || !matches(&rules[i], &target))
            continue;
        certain &= rules[i].route->kind == ROUTE_DIRECT;
        ended = rules[i].low == 0;
    }
    target.port = 1;
    every &= decide(rules, count, last, &target).route->kind == ROUTE_DIRECT;
    if (!ended)
        certain &= is_localhost(&target) || last->kind == ROUTE_DIRECT;
    bool said = rules_name_is_direct(compiled, target.name, target.name_len);
    MUST(!said || every);
    MUST(said || !certain);
}

static void check_target(const struct rules *compiled, const struct choice *rules, size_t count,
                         const struct route *last, struct input *input)
{
    struct target target;
    char text[64];
    uint8_t address[16], choice = take_octet(input);
    if (choice % 3 == 0) {
        choose_name(text, input);
    } else {
        choose_address(address, choice % 3 == 1 ? 4 : 16, input);
        inet_ntop(choice % 3 == 1 ? AF_INET : AF_INET6, address, text, sizeof(text));
    }
    uint16_t port = choice & 0x80 ? 0 : choose_port(input);
    MUST(target_set_host(&target, text, strlen(text), port) == STATUS_OK);
    struct decision said = rules_decide(compiled, &target);
    struct decision right = decide(rules, count, last, &target);
    MUST(said.line == right.line && said.route->kind == right.route->kind);
    MUST(said.route == right.route || right.line == 0);
    if (target.kind == TARGET_NAME)
        check_name(compiled, rules, count, last, target);
}

/* A pattern of any octets: taken or refused in words, alike with and without rules. */
static void check_typed(struct rules *compiled, struct input input)
{
    char why[2][WHY_MAX];
    memset(why, 'x', sizeof(why));
    char *text = copy_exactly(input.at, input.left);
    enum status status = rules_add(NULL, text, input.left, &routes[2], 1, why[0], WHY_MAX);
    MUST(status == STATUS_OK || status == STATUS_BAD_INPUT);
    MUST(rules_add(compiled, text, input.left, &routes[2], 1, why[1], WHY_MAX) == status);
    if (status != STATUS_OK) {
        MUST(memchr(why[0], '\0', WHY_MAX) && strlen(why[0]) > 10);
        MUST(strcmp(why[0], why[1]) == 0);
    }
    enum status address = rules_add_address(NULL, text, input.left, &routes[2], 1, why[0], WHY_MAX);
    MUST(status == STATUS_OK || address == STATUS_BAD_INPUT);
    MUST(rules_finish(compiled) == STATUS_OK);
    rules_name_is_direct(compiled, text, input.left);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input input = {data, len};
    struct choice rules[RULES_MAX];
    struct arena *arena = arena_new();
    uint8_t choice = take_octet(&input);
    const struct route *last = &routes[choice % COUNT(routes)];
    size_t count = choice / COUNT(routes) % (RULES_MAX + 1);
    struct rules *compiled = rules_new(arena, last, 1000);
    for (size_t i = 0; i < count; i++) {
        char text[TEXT_MAX], why[WHY_MAX];
        rules[i].line = (unsigned)i + 1;
        choose_rule(&rules[i], &input);
        write_rule(&rules[i], text);
        char *typed = copy_exactly(text, strlen(text));
        MUST(rules_add(compiled, typed, strlen(text), rules[i].route, rules[i].line, why,
                       sizeof(why)) == STATUS_OK);
        free(typed);
    }
    MUST(rules_finish(compiled) == STATUS_OK);
    for (size_t i = 0; i < TARGETS; i++)
        check_target(compiled, rules, count, last, &input);
    check_typed(compiled, input);
    arena_free(arena);
    return 0;
}
