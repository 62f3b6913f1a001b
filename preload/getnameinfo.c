/* SPDX-License-Identifier: MIT
 * getnameinfo(3): the name behind a stand-in; a number, and no look-up, for other proxied
 * addresses. */
#include "preload/guard.h"
#include "preload/real.h"
#include "preload/resolve.h"
#include "preload/state.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

static int real_getnameinfo(const struct sockaddr *addr, socklen_t len, char *host,
                            socklen_t host_len, char *service, socklen_t service_len, int flags)
{
    guard_enter();
    int result = real(getnameinfo)(addr, len, host, host_len, service, service_len, flags);
    guard_leave();
    return result;
}

static enum lookup_kind lookup_sockaddr(const struct sockaddr *addr, socklen_t len,
                                        struct lookup *found)
{
    if (len >= sizeof(struct sockaddr_in) && addr->sa_family == AF_INET)
        return resolve_address(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, found);
    if (len >= sizeof(struct sockaddr_in6) && addr->sa_family == AF_INET6)
        return resolve_address(AF_INET6, &((const struct sockaddr_in6 *)addr)->sin6_addr, found);
    return LOOKUP_REAL;
}

EXPORT int getnameinfo(const struct sockaddr *__restrict addr, socklen_t len, char *__restrict host,
                       socklen_t host_len, char *__restrict service, socklen_t service_len,
                       int flags)
{
    bool asks_for_name = addr && host && host_len > 0 && !(flags & NI_NUMERICHOST);
    if (guard_is_inside() || !asks_for_name)
        return real(getnameinfo)(addr, len, host, host_len, service, service_len, flags);

    struct lookup found;
    enum lookup_kind kind = lookup_sockaddr(addr, len, &found);
    if (kind == LOOKUP_REAL)
        return real_getnameinfo(addr, len, host, host_len, service, service_len, flags);
    if (kind != LOOKUP_FOUND || found.count == 0) {
        if (flags & NI_NAMEREQD)
            return EAI_NONAME;
        return real_getnameinfo(addr, len, host, host_len, service, service_len,
                                flags | NI_NUMERICHOST);
    }
    size_t name_size = strlen(found.canonical) + 1;
    if (name_size > host_len)
        return EAI_OVERFLOW;
    if (service && service_len > 0) {
        int result =
            real_getnameinfo(addr, len, NULL, 0, service, service_len, flags & ~NI_NAMEREQD);
        if (result != 0)
            return result;
    }
    memcpy(host, found.canonical, name_size);
    return 0;
}
