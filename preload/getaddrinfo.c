/* SPDX-License-Identifier: MIT
 * getaddrinfo(3). libc itself builds the list, from literal addresses in place of the name: so
 * family, socket types, services, flags and error codes are its own, and freeaddrinfo(3) frees it.
 */
#include "preload/addrinfo.h"

#include "core/names_address.h"
#include "preload/guard.h"
#include "preload/libc.h"
#include "preload/real.h"
#include "preload/resolve.h"
#include "preload/state.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

static int real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                            struct addrinfo **list)
{
    guard_enter();
    int result = real(getaddrinfo)(node, service, hints, list);
    guard_leave();
    return result;
}

/* What the program asked for, with a literal in place of the name. */
static struct addrinfo literal_hints(const struct addrinfo *hints, int family)
{
    struct addrinfo ours = {0};
    if (hints) {
        ours.ai_flags = hints->ai_flags;
        ours.ai_socktype = hints->ai_socktype;
        ours.ai_protocol = hints->ai_protocol;
    }
    ours.ai_family = family;
    /* Which addresses this host has is no matter to a proxy, and finding out costs system calls. */
    ours.ai_flags &= ~(AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL | AI_IDN | AI_CANONIDN);
    ours.ai_flags |= AI_NUMERICHOST;
    return ours;
}

static int build_list(const struct lookup *found, const char *service, const struct addrinfo *hints,
                      struct addrinfo **list)
{
    struct addrinfo *head = NULL;
    struct addrinfo **tail = &head;
    int result = EAI_NODATA;
    for (size_t i = 0; i < found->count; i++) {
        const struct hosts_address *address = &found->list[i];
        char literal[INET6_ADDRSTRLEN];
        inet_ntop(address->family, address->bytes, literal, sizeof(literal));
        struct addrinfo ours = literal_hints(hints, address->family);
        if (i > 0)
            ours.ai_flags &= ~AI_CANONNAME; /* the first one alone bears it */
        result = real_getaddrinfo(literal, service, &ours, tail);
        if (result != 0)
            break;
        if (i == 0 && ours.ai_flags & AI_CANONNAME &&
            !addrinfo_set_canonical(head, found->canonical)) {
            result = EAI_MEMORY;
            break;
        }
        for (; *tail; tail = &(*tail)->ai_next)
            (*tail)->ai_flags = hints ? hints->ai_flags : AI_V4MAPPED | AI_ADDRCONFIG;
    }
    if (result == 0)
        *list = head;
    else if (head)
        freeaddrinfo(head);
    return result;
}

/* AI_V4MAPPED: the IPv4 addresses that the hosts file has, as IPv6 ones. A stand-in needs none: it
 * has an IPv6 address of its own. */
static void add_mapped(const char *node, const struct addrinfo *hints, struct lookup *found)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    struct lookup ipv4;
    bool wanted = hints && hints->ai_family == AF_INET6 && hints->ai_flags & AI_V4MAPPED &&
                  (found->count == 0 || hints->ai_flags & AI_ALL);
    if (!wanted || resolve_name(node, AF_INET, &ipv4) != LOOKUP_FOUND)
        return;
    for (size_t i = 0; i < ipv4.count && found->count < LOOKUP_ADDRESSES_MAX; i++) {
        uint32_t index;
        if (names_is_ipv4(ipv4.list[i].bytes, &index))
            continue;
        struct hosts_address *mapped = &found->list[found->count++];
        mapped->family = AF_INET6;
        memcpy(mapped->bytes, prefix, sizeof(prefix));
        memcpy(mapped->bytes + sizeof(prefix), ipv4.list[i].bytes, 4);
        memcpy(found->canonical, ipv4.canonical, sizeof(found->canonical));
    }
}

/* EAI_NONAME, unless libc finds another fault first. Asking it for no more than an address in
 * figures, nothing is looked up. */
static int refuse_malformed(const char *node, const char *service, const struct addrinfo *hints,
                            struct addrinfo **list)
{
    struct addrinfo ours = literal_hints(hints, hints ? hints->ai_family : AF_UNSPEC);
    return real_getaddrinfo(node, service, &ours, list);
}

bool addrinfo_answer(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **list, int *result)
{
    int family = hints ? hints->ai_family : AF_UNSPEC;
    bool asks_for_name = node && !(hints && hints->ai_flags & AI_NUMERICHOST) &&
                         (family == AF_UNSPEC || family == AF_INET || family == AF_INET6);
    if (guard_is_inside() || !asks_for_name)
        return false;

    struct lookup found;
    switch (resolve_name(node, family, &found)) {
    case LOOKUP_REAL:
        return false;
    case LOOKUP_FOUND:
        add_mapped(node, hints, &found);
        *result = build_list(&found, service, hints, list);
        return true;
    case LOOKUP_MALFORMED:
        *result = refuse_malformed(node, service, hints, list);
        return true;
    case LOOKUP_REFUSED:
        break;
    }
    *result = EAI_FAIL;
    return true;
}

EXPORT int getaddrinfo(const char *__restrict node, const char *__restrict service,
                       const struct addrinfo *__restrict hints, struct addrinfo **__restrict list)
{
    int result;
    if (addrinfo_answer(node, service, hints, list, &result))
        return result;
    return real_getaddrinfo(node, service, hints, list);
}
