/* SPDX-License-Identifier: MIT
 * setsockopt(2), for the options that reach out by themselves: who joins a multicast group has the
 * kernel send a report of it, which the configuration has to allow like a datagram. Source routes
 * are allowed to nobody. */
#include "cli/supervise/datagram.h"
#include "cli/supervise/supervisor.h"
#include "core/outreach.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The longest value that these options have. What is longer is cut: the kernel looks no further,
 * either. */
union value {
    struct group_source_req longest;
    uint8_t octets[sizeof(struct group_source_req)];
};

/* A 32-bit program has struct group_req without the padding after its index. */
static void widen(union value *value, socklen_t *len)
{
    const size_t padding = offsetof(struct group_req, gr_group) - sizeof(uint32_t);
    size_t rest = *len > sizeof(uint32_t) ? *len - sizeof(uint32_t) : 0;
    if (rest > sizeof(*value) - offsetof(struct group_req, gr_group))
        rest = sizeof(*value) - offsetof(struct group_req, gr_group);
    memmove(value->octets + offsetof(struct group_req, gr_group), value->octets + sizeof(uint32_t),
            rest);
    memset(value->octets + sizeof(uint32_t), 0, padding);
    if (rest > 0)
        *len = (socklen_t)(offsetof(struct group_req, gr_group) + rest);
}

/* The call with our copy of its value. 0 or minus an errno. */
static int join_group(const struct request *request, int fd)
{
    int level = (int)request->call.args[1];
    int name = (int)request->call.args[2];
    socklen_t len = (socklen_t)request->call.args[4];
    union value value = {0};
    struct join join;
    if (len > sizeof(value))
        len = sizeof(value);
    int error = caller_read(&request->caller, request->call.args[3], &value, len);
    if (error != 0)
        return -error;
    if (request->call.is_compat && (name == MCAST_JOIN_GROUP || name == MCAST_JOIN_SOURCE_GROUP))
        widen(&value, &len);
    if (!outreach_read_join(level, name, &value, len, &join))
        return -EINVAL;
    if (!join.is_local && !datagram_may_join(request, fd, &join.group))
        return -EACCES;
    return setsockopt(fd, level, name, &value, len) == 0 ? 0 : -errno;
}

void on_setsockopt(struct request *request)
{
    int level = (int)request->call.args[1];
    int name = (int)request->call.args[2];
    int len = (int)request->call.args[4];
    if (len > 0 && outreach_is_route(level, name, (socklen_t)len)) {
        request_answer(request, -EACCES);
        return;
    }
    if (!outreach_is_join(level, name) || len < 0) {
        request_pass(request);
        return;
    }
    int fd = request_take_socket(request);
    if (fd < 0)
        return;
    request_answer(request, join_group(request, fd));
    caller_give_back(fd);
}
