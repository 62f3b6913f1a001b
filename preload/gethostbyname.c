/* SPDX-License-Identifier: MIT
 * gethostbyname(3), gethostbyname2(3) and their reentrant forms. */
#include "preload/guard.h"
#include "preload/hostent.h"
#include "preload/real.h"
#include "preload/resolve.h"
#include "preload/state.h"

#include <netdb.h>

static int real_byname2_r(const char *name, int family, struct hostent *entry, char *buf,
                          size_t buf_len, struct hostent **result, int *h_error)
{
    guard_enter();
    int error = real(gethostbyname2_r)(name, family, entry, buf, buf_len, result, h_error);
    guard_leave();
    return error;
}

static int byname_r(const char *name, int family, struct hostent *entry, char *buf, size_t buf_len,
                    struct hostent **result, int *h_error)
{
    bool known_family = family == AF_INET || family == AF_INET6;
    if (guard_is_inside() || !name || !known_family)
        return real(gethostbyname2_r)(name, family, entry, buf, buf_len, result, h_error);
    struct lookup found;
    enum lookup_kind kind = resolve_name(name, family, &found);
    switch (kind) {
    case LOOKUP_REAL:
        return real_byname2_r(name, family, entry, buf, buf_len, result, h_error);
    case LOOKUP_FOUND:
        return hostent_fill(&found, family, entry, buf, buf_len, result, h_error);
    default:
        return hostent_fail(kind, result, h_error);
    }
}

/* The forms without _r answer in static memory, overwritten by the next call, as libc's do.
 * False when the name is libc's business. */
static bool byname(const char *name, int family, struct hostent **result)
{
    static struct hostent entry;
    static char buf[HOSTENT_BUFFER_MAX];

    if (guard_is_inside() || !name || (family != AF_INET && family != AF_INET6))
        return false;
    struct lookup found;
    enum lookup_kind kind = resolve_name(name, family, &found);
    if (kind == LOOKUP_REAL)
        return false;
    int h_error = 0;
    if (kind == LOOKUP_FOUND)
        hostent_fill(&found, family, &entry, buf, sizeof(buf), result, &h_error);
    else
        hostent_fail(kind, result, &h_error);
    if (!*result)
        h_errno = h_error;
    return true;
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    struct hostent *result;
    if (byname(name, AF_INET, &result))
        return result;
    guard_enter();
    result = real(gethostbyname)(name);
    guard_leave();
    return result;
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
    struct hostent *result;
    if (byname(name, family, &result))
        return result;
    guard_enter();
    result = real(gethostbyname2)(name, family);
    guard_leave();
    return result;
}

EXPORT int gethostbyname_r(const char *__restrict name, struct hostent *__restrict entry,
                           char *__restrict buf, size_t buf_len, struct hostent **__restrict result,
                           int *__restrict h_error)
{
    return byname_r(name, AF_INET, entry, buf, buf_len, result, h_error);
}

EXPORT int gethostbyname2_r(const char *__restrict name, int family,
                            struct hostent *__restrict entry, char *__restrict buf, size_t buf_len,
                            struct hostent **__restrict result, int *__restrict h_error)
{
    return byname_r(name, family, entry, buf, buf_len, result, h_error);
}
