/* SPDX-License-Identifier: MIT
 * getaddrinfo(3). libc itself builds the list, from literal addresses in place of the name: so
 * family, socket types, services, flags and error codes are its own, and freeaddrinfo(3) frees it.
 */
#include "preload/addrinfo.h"
#include "preload/guard.h"
#include "preload/lookup.h"
#include "preload/real.h"
#include "preload/state.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
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

static int set_canonical(struct addrinfo *first, const char *name)
{
    char *copy = strdup(name);
    if (!copy)
        return EAI_MEMORY;
    free(first->ai_canonname);
    first->ai_canonname = copy;
    return 0;
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
        if (i == 0 && ours.ai_flags & AI_CANONNAME)
            result = set_canonical(head, found->canonical);
        if (result != 0)
            break;
        while (*tail)
            tail = &(*tail)->ai_next;
    }
    if (result == 0)
        *list = head;
    else if (head)
        freeaddrinfo(head);
    return result;
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
    switch (lookup_name(node, family, &found)) {
    case LOOKUP_REAL:
        return false;
    case LOOKUP_FOUND:
        *result = build_list(&found, service, hints, list);
        return true;
    case LOOKUP_MALFORMED:
        *result = EAI_NONAME;
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
