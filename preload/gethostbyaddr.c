/* SPDX-License-Identifier: MIT
 * gethostbyaddr(3) and its reentrant form: stand-ins have their names, other proxied addresses
 * none, since asking for one would tell a name server whom the program talks to. */
#include "preload/guard.h"
#include "preload/hostent.h"
#include "preload/real.h"
#include "preload/resolve.h"
#include "preload/state.h"

#include <netdb.h>

static bool is_address(const void *addr, socklen_t len, int family)
{
    return addr && ((family == AF_INET && len == 4) || (family == AF_INET6 && len == 16));
}

static int fill(enum lookup_kind kind, const struct lookup *found, int family,
                struct hostent *entry, char *buf, size_t buf_len, struct hostent **result,
                int *h_error)
{
    if (kind == LOOKUP_FOUND && found->count > 0)
        return hostent_fill(found, family, entry, buf, buf_len, result, h_error);
    return hostent_fail(LOOKUP_MALFORMED, result, h_error);
}

EXPORT struct hostent *gethostbyaddr(const void *addr, socklen_t len, int family)
{
    static struct hostent entry;
    static char buf[HOSTENT_BUFFER_MAX];

    struct lookup found;
    enum lookup_kind kind = LOOKUP_REAL;
    if (!guard_is_inside() && is_address(addr, len, family))
        kind = resolve_address(family, addr, &found);
    struct hostent *result = NULL;
    if (kind == LOOKUP_REAL) {
        guard_enter();
        result = real(gethostbyaddr)(addr, len, family);
        guard_leave();
        return result;
    }
    int h_error = 0;
    fill(kind, &found, family, &entry, buf, sizeof(buf), &result, &h_error);
    if (!result)
        h_errno = h_error;
    return result;
}

EXPORT int gethostbyaddr_r(const void *__restrict addr, socklen_t len, int family,
                           struct hostent *__restrict entry, char *__restrict buf, size_t buf_len,
                           struct hostent **__restrict result, int *__restrict h_error)
{
    struct lookup found;
    enum lookup_kind kind = LOOKUP_REAL;
    if (!guard_is_inside() && is_address(addr, len, family))
        kind = resolve_address(family, addr, &found);
    if (kind != LOOKUP_REAL)
        return fill(kind, &found, family, entry, buf, buf_len, result, h_error);
    guard_enter();
    int error = real(gethostbyaddr_r)(addr, len, family, entry, buf, buf_len, result, h_error);
    guard_leave();
    return error;
}
