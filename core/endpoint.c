/* SPDX-License-Identifier: MIT
 * Socket addresses of proxies and targets. */
#include "core/endpoint.h"

#include "core/sys.h"

#include <string.h>

static bool same_ipv6(const struct in6_addr *a, const struct in6_addr *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void add(struct endpoints *found, const struct sockaddr *addr, socklen_t len, uint16_t port)
{
    union endpoint *endpoint = &found->list[found->count];
    if (addr->sa_family == AF_INET && len >= sizeof(endpoint->in)) {
        memcpy(&endpoint->in, addr, sizeof(endpoint->in));
        endpoint->in.sin_port = htons(port);
    } else if (addr->sa_family == AF_INET6 && len >= sizeof(endpoint->in6)) {
        memcpy(&endpoint->in6, addr, sizeof(endpoint->in6));
        endpoint->in6.sin6_port = htons(port);
    } else {
        return;
    }
    found->count++;
}

/* Of a host name, for sockets of that family. */
static bool look_up(const struct target *name, int family, struct endpoints *found)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    if (family == AF_INET6)
        hints.ai_flags = AI_V4MAPPED | AI_ALL;
    struct addrinfo *list = NULL;
    if (sys_getaddrinfo(name->name, NULL, &hints, &list) != 0)
        return false;
    for (const struct addrinfo *ai = list; ai && found->count < ENDPOINTS_MAX; ai = ai->ai_next)
        add(found, ai->ai_addr, ai->ai_addrlen, name->port);
    sys_freeaddrinfo(list);
    return found->count > 0;
}

bool endpoints_of_target(const struct target *target, int family, struct endpoints *found)
{
    found->count = 0;
    if (target->kind == TARGET_NAME)
        return look_up(target, family, found);
    if (family == AF_UNSPEC)
        family = target->kind == TARGET_IPV4 ? AF_INET : AF_INET6;
    struct sockaddr_storage addr;
    socklen_t len = target_to_sockaddr(target, family, &addr);
    if (len > 0)
        add(found, (const struct sockaddr *)&addr, len, target->port);
    return found->count > 0;
}

enum status endpoints_resolve(const struct proxy *proxy, struct endpoints *found)
{
    bool resolved = endpoints_of_target(&proxy->address, AF_UNSPEC, found);
    return resolved ? STATUS_OK : STATUS_PROXY_UNRESOLVED;
}

bool endpoints_are_local(const struct route *route)
{
    const struct proxy *last = route->hop[route->hop_count - 1];
    return last->protocol == PROXY_SOCKS4 && last->resolve_local;
}

void endpoints_resolve_for_socks4(const struct route *route, struct target *to)
{
    struct endpoints found;
    if (to->kind == TARGET_NAME && endpoints_are_local(route) &&
        endpoints_of_target(to, AF_INET, &found))
        target_from_sockaddr(to, &found.list[0].any, endpoint_len(&found.list[0]));
}

socklen_t endpoint_len(const union endpoint *endpoint)
{
    return endpoint->any.sa_family == AF_INET ? sizeof(endpoint->in) : sizeof(endpoint->in6);
}

socklen_t endpoint_for_family(const union endpoint *endpoint, int family, union endpoint *out)
{
    if (endpoint->any.sa_family == family) {
        *out = *endpoint;
        return endpoint_len(out);
    }
    if (family != AF_INET6 || endpoint->any.sa_family != AF_INET)
        return 0;
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = endpoint->in.sin_port};
    mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
    memcpy(mapped.sin6_addr.s6_addr + 12, &endpoint->in.sin_addr, 4);
    out->in6 = mapped;
    return sizeof(out->in6);
}

bool endpoint_equal(const union endpoint *a, const union endpoint *b)
{
    union endpoint x, y;
    return endpoint_for_family(a, AF_INET6, &x) && endpoint_for_family(b, AF_INET6, &y) &&
           x.in6.sin6_port == y.in6.sin6_port && same_ipv6(&x.in6.sin6_addr, &y.in6.sin6_addr);
}
