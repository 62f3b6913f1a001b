/* SPDX-License-Identifier: MIT
 * getpeername(2): the address that the program connected to, not the proxy's. */
#include "cli/supervise/notify.h"
#include "cli/supervise/peers.h"
#include "cli/supervise/supervisor.h"
#include "cli/supervise/tunnels.h"
#include "core/knock.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_knock(const struct call *call)
{
    return (int)call->args[0] == KNOCK_FD && call->args[1] == KNOCK_ADDRESS &&
           call->args[2] == KNOCK_LENGTH;
}

/* The entry may be that of a connection which has ended since. */
static bool holds(const struct peer *peer, int fd)
{
    union endpoint actual = {0};
    socklen_t len = sizeof(actual);
    return getpeername(fd, &actual.any, &len) == 0 && endpoint_equal(&actual, &peer->actual);
}

/* As the kernel: at most the program's room, and the whole length told. */
static int give_address(const struct request *request, const struct peer *peer)
{
    int room;
    int len = (int)peer->target_len;
    int error = caller_read(&request->caller, request->call.args[2], &room, sizeof(room));
    if (error != 0)
        return error;
    if (room < 0)
        return EINVAL;
    error = caller_write(&request->caller, request->call.args[1], &peer->target,
                         (size_t)(room < len ? room : len));
    return error ? error : caller_write(&request->caller, request->call.args[2], &len, sizeof(len));
}

void on_getpeername(struct request *request)
{
    struct supervisor *supervisor = request->supervisor;
    if (is_knock(&request->call)) {
        request_answer(request, 0);
        return;
    }
    int fd = caller_take(&request->caller, (int)request->call.args[0]);
    uint64_t cookie = fd >= 0 ? socket_cookie(fd) : 0;
    struct tunnel *tunnel = tunnels_find(supervisor->tunnels, cookie);
    const struct peer *peer = peers_get(supervisor->peers, cookie);
    if (tunnel && tunnel_seems_ready(tunnel))
        tunnel_await(tunnel, &request->call); /* a way to ask whether a connect has succeeded */
    else if (tunnel)
        request_answer(request, -ENOTCONN);
    else if (peer && peer->error == 0 && holds(peer, fd))
        request_answer(request, -give_address(request, peer));
    else
        request_pass(request);
    if (fd >= 0)
        caller_give_back(fd);
}
