/* SPDX-License-Identifier: MIT
 * A proxy's socket addresses. */
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

enum status endpoints_resolve(const struct proxy *proxy, struct endpoints *found)
{
    found->count = 0;
    if (proxy->address.kind != TARGET_NAME) {
        int family = proxy->address.kind == TARGET_IPV4 ? AF_INET : AF_INET6;
        struct sockaddr_storage addr;
        socklen_t len = target_to_sockaddr(&proxy->address, family, &addr);
        add(found, (const struct sockaddr *)&addr, len, proxy->address.port);
        return STATUS_OK;
    }

    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (sys_getaddrinfo(proxy->address.name, NULL, &hints, &list) != 0)
        return STATUS_PROXY_UNRESOLVED;
    for (const struct addrinfo *ai = list; ai && found->count < ENDPOINTS_MAX; ai = ai->ai_next)
        add(found, ai->ai_addr, ai->ai_addrlen, proxy->address.port);
    sys_freeaddrinfo(list);
    return found->count > 0 ? STATUS_OK : STATUS_PROXY_UNRESOLVED;
}

socklen_t endpoint_for_family(const union endpoint *endpoint, int family, union endpoint *out)
{
    if (endpoint->any.sa_family == family) {
        *out = *endpoint;
        return family == AF_INET ? sizeof(out->in) : sizeof(out->in6);
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
