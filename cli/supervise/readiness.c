/* SPDX-License-Identifier: MIT
 * What a program sees of its non-blocking connects: epoll_ctl(2) on a socket whose tunnel is under
 * way is noted, and carried out when it ends; getsockopt(SO_ERROR) waits for the end. */
#include "cli/supervise/notify.h"
#include "cli/supervise/peers.h"
#include "cli/supervise/supervisor.h"
#include "cli/supervise/tunnels.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- epoll_ctl(2) --- */

/* As the kernel: with EPOLL_CTL_ADD alone, and few other words. */
static bool is_exclusive_right(int operation, uint32_t events)
{
    const uint32_t others = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET;
    return !(events & EPOLLEXCLUSIVE) ||
           (operation == EPOLL_CTL_ADD && !(events & ~(others | EPOLLEXCLUSIVE)));
}

/* Answers, unless the kernel is to: when the set had the socket before the connect(2). */
static void control(struct request *request, struct tunnel *tunnel)
{
    int operation = (int)request->call.args[1];
    int set_number = (int)request->call.args[0], number = (int)request->call.args[2];
    struct registration **at = registration_find(&tunnel->registrations, set_number, number);
    struct epoll_event event;
    if (operation == EPOLL_CTL_DEL) {
        tunnel_check_soon(tunnel); /* programs do it before they close */
        if (!*at) {
            request_pass(request);
            return;
        }
        if (request_answer(request, 0))
            registration_remove(at);
        return;
    }
    if (operation != EPOLL_CTL_ADD && !(operation == EPOLL_CTL_MOD && *at)) {
        request_pass(request);
        return;
    }
    int error = caller_read(&request->caller, request->call.args[3], &event, sizeof(event));
    if (error == 0 && !is_exclusive_right(operation, event.events))
        error = EINVAL;
    else if (error == 0 && operation == EPOLL_CTL_ADD)
        error = registration_add(&tunnel->registrations, &request->caller, set_number, number,
                                 tunnel->attempt.fd, &event);
    else if (error == 0)
        (*at)->event = event;
    bool heard = request_answer(request, -error);
    if (!heard && error == 0 && operation == EPOLL_CTL_ADD) /* it will be made anew */
        registration_remove(registration_find(&tunnel->registrations, set_number, number));
}

void on_epoll_ctl(struct request *request)
{
    struct supervisor *supervisor = request->supervisor;
    if (!tunnels_any(supervisor->tunnels)) {
        request_pass(request);
        return;
    }
    int fd = caller_take(&request->caller, (int)request->call.args[2]);
    struct tunnel *tunnel = fd >= 0 ? tunnels_find(supervisor->tunnels, socket_cookie(fd)) : NULL;
    if (tunnel && !tunnel->waits)
        control(request, tunnel);
    else
        request_pass(request);
    if (fd >= 0)
        caller_give_back(fd);
}

/* --- SO_ERROR --- */

/* As the kernel: at most the program's room, and its length told. */
static int give_error(const struct request *request, int error)
{
    int room;
    int failed = caller_read(&request->caller, request->call.args[4], &room, sizeof(room));
    if (failed != 0)
        return failed;
    if (room < 0)
        return EINVAL;
    if (room > (int)sizeof(error))
        room = sizeof(error);
    failed = caller_write(&request->caller, request->call.args[3], &error, (size_t)room);
    return failed ? failed
                  : caller_write(&request->caller, request->call.args[4], &room, sizeof(room));
}

void on_getsockopt(struct request *request)
{
    struct supervisor *supervisor = request->supervisor;
    int fd = caller_take(&request->caller, (int)request->call.args[0]);
    uint64_t cookie = fd >= 0 ? socket_cookie(fd) : 0;
    struct tunnel *tunnel = tunnels_find(supervisor->tunnels, cookie);
    struct peer *peer = peers_get(supervisor->peers, cookie);
    if (tunnel) {
        /* Its readiness came in a way that is not seen here (poll, select): the end is what the
         * program wants to know. */
        tunnel_await(tunnel, &request->call);
    } else if (peer && peer->error != 0) {
        int kernels;
        socklen_t len = sizeof(kernels);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &kernels, &len); /* fetched with ours */
        int failed = give_error(request, peer->error);
        if (request_answer(request, -failed) && failed == 0)
            peers_remove(supervisor->peers, cookie);
    } else {
        if (peer)
            peer->is_news = false;
        request_pass(request);
    }
    if (fd >= 0)
        caller_give_back(fd);
}
