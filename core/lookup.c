/* SPDX-License-Identifier: MIT
 * Names to addresses and back, without asking anybody. */
#include "core/lookup.h"

#include "core/config.h"
#include "core/names.h"
#include "core/names_address.h"
#include "core/rules.h"
#include "core/standin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

/* What libc takes for an address and never looks up: inet_aton's forms ("127.1", "0x7f000001"),
 * IPv6, IPv6 with a scope. */
static bool is_literal(const char *name)
{
    struct in_addr ipv4;
    if (name[0] >= '0' && name[0] <= '9' && inet_aton(name, &ipv4))
        return true;
    if (!strchr(name, ':'))
        return false;
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(name, "%");
    struct in6_addr ipv6;
    if (len >= sizeof(address))
        return false;
    memcpy(address, name, len);
    address[len] = '\0';
    return inet_pton(AF_INET6, address, &ipv6) == 1;
}

/* RFC 6724 section 2.1, as far as it can be told without asking the kernel: ::1 comes first. */
static void prefer_loopback(struct lookup *found)
{
    for (size_t i = 1; i < found->count; i++) {
        struct hosts_address address = found->list[i];
        if (address.family != AF_INET6 || !IN6_IS_ADDR_LOOPBACK((struct in6_addr *)address.bytes))
            continue;
        memmove(&found->list[1], &found->list[0], i * sizeof(address));
        found->list[0] = address;
    }
}

static void keep_family(struct lookup *found, int family)
{
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++)
        if (family == AF_UNSPEC || found->list[i].family == family)
            found->list[kept++] = found->list[i];
    found->count = kept;
}

static void set_standin(struct lookup *found, int family, uint32_t index)
{
    struct hosts_address *address = &found->list[0];
    found->count = 1;
    if (family == AF_INET6) {
        struct in6_addr ipv6 = names_ipv6(index);
        address->family = AF_INET6;
        memcpy(address->bytes, &ipv6, 16);
    } else {
        struct in_addr ipv4 = names_ipv4(index);
        address->family = AF_INET;
        memcpy(address->bytes, &ipv4, 4);
    }
}

enum lookup_kind lookup_name(const struct scope *scope, const char *name, int family,
                             struct lookup *found)
{
    if (is_literal(name))
        return LOOKUP_REAL;
    struct target target;
    /* A colon is part of no name, and of every IPv6 address that is mistyped. */
    if (strchr(name, ':') || target_set_host(&target, name, strlen(name), 0) != STATUS_OK)
        return LOOKUP_MALFORMED;

    found->count = hosts_find(scope->hosts, target.name, target.name_len, found->list,
                              LOOKUP_ADDRESSES_MAX, found->canonical);
    if (found->count > 0) {
        keep_family(found, family);
        prefer_loopback(found);
        return LOOKUP_FOUND;
    }
    if (!scope->config)
        return LOOKUP_REFUSED;
    if (rules_name_is_direct(config_rules(scope->config), target.name, target.name_len))
        return LOOKUP_REAL;
    uint32_t index = scope->names ? names_standin(scope->names, target.name, target.name_len) : 0;
    if (index == 0)
        return LOOKUP_REFUSED;
    set_standin(found, family, index);
    memcpy(found->canonical, target.name, (size_t)target.name_len + 1);
    return LOOKUP_FOUND;
}

enum lookup_kind lookup_address(const struct scope *scope, int family, const void *bytes,
                                struct lookup *found)
{
    struct target target;
    if (family == AF_INET) {
        target = (struct target){.kind = TARGET_IPV4};
        memcpy(target.ipv4, bytes, 4);
    } else {
        uint8_t ipv6[16]; /* the program's may lie anywhere */
        memcpy(ipv6, bytes, sizeof(ipv6));
        target_set_ipv6(&target, ipv6, 0);
    }

    found->count = 0;
    if (target_is_this_host(&target))
        return LOOKUP_REAL;
    if (!scope->names && standin_is(&target))
        return LOOKUP_REFUSED;
    enum standin standin = standin_to_name(scope->names, &target);
    if (standin == STANDIN_NAMED) {
        found->count = 1;
        found->list[0].family = family;
        memcpy(found->list[0].bytes, bytes, lookup_address_len(family));
        memcpy(found->canonical, target.name, (size_t)target.name_len + 1);
    }
    if (standin != STANDIN_NOT)
        return LOOKUP_FOUND;
    if (!scope->config)
        return LOOKUP_REFUSED;
    bool direct = rules_decide(config_rules(scope->config), &target).route->kind == ROUTE_DIRECT;
    return direct ? LOOKUP_REAL : LOOKUP_FOUND;
}
