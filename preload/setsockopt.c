/* SPDX-License-Identifier: MIT
 * setsockopt(2), for the options that reach out by themselves: who joins a multicast group has the
 * kernel send a report of it, which the configuration has to allow like a datagram. Source routes
 * are allowed to nobody. */
#include "core/outreach.h"
#include "preload/datagram.h"
#include "preload/guard.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

static bool may_set(int fd, int level, int name, const void *value, socklen_t len)
{
    struct join join;
    if (outreach_is_route(level, name, len)) {
        errno = EACCES;
        return guard_is_inside();
    }
    return !value || !outreach_is_join(level, name) ||
           !outreach_read_join(level, name, value, len, &join) || join.is_local ||
           datagram_may_join(fd, &join.group);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    if (!may_set(fd, level, name, value, len))
        return -1;
    return real(setsockopt)(fd, level, name, value, len);
}
