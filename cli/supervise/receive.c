/* SPDX-License-Identifier: MIT
 * recvfrom(2) with room for an address, recvmsg(2) and recvmmsg(2): a socket that has asked our
 * responder in place of a name server is to hear that name server's address. All others are the
 * kernel's business. */
#include "cli/supervise/hold.h"
#include "cli/supervise/message.h"
#include "cli/supervise/notify.h"
#include "cli/supervise/peers.h"
#include "cli/supervise/responder.h"
#include "cli/supervise/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One message as it was received. */
struct arrival {
    struct message_name name;
    uint8_t data[MESSAGE_DATA_MAX];
    size_t room; /* octets of data that the caller can take */
    size_t len;  /* octets of data that it gets */
    _Alignas(struct cmsghdr) uint8_t control[MESSAGE_CONTROL_MAX];
    size_t control_len; /* before: the room for it */
    int flags;
    int64_t result; /* of recvmsg(2): more than len when a datagram was cut and MSG_TRUNC given */
};

/* --- The socket --- */

/* Ours to close; -1: the kernel is to answer. */
static int take_asker(const struct request *request)
{
    if (!responder_is_used(request->supervisor->responder))
        return -1;
    int fd = caller_take(&request->caller, (int)request->call.args[0]);
    const struct peer *peer =
        fd >= 0 ? peers_get(request->supervisor->peers, socket_cookie(fd)) : NULL;
    if (peer && peer->is_asker)
        return fd;
    if (fd >= 0)
        caller_give_back(fd);
    return -1;
}

static void restore_source(const struct request *request, struct message_name *name)
{
    union endpoint source = {0};
    union endpoint nameserver, in_family;
    if (name->len > sizeof(source))
        return;
    memcpy(&source, &name->addr, name->len);
    if (!responder_original(request->supervisor->responder, &source, &nameserver))
        return;
    socklen_t len = endpoint_for_family(&nameserver, source.any.sa_family, &in_family);
    if (len == 0)
        return;
    memcpy(&name->addr, &in_family, len);
    name->len = len;
}

/* For a socket that was shut down the kernel ends the waiting without a datagram. */
static bool is_shut_down(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLRDHUP};
    return poll(&pollfd, 1, 0) == 1 && (pollfd.revents & POLLRDHUP);
}

/* Into our copy. arrival: room and control_len are set. 0 or an errno. */
static int receive(const struct request *request, int fd, int flags, struct arrival *arrival)
{
    struct iovec piece = {arrival->data, arrival->room};
    struct msghdr message = {
        .msg_name = &arrival->name.addr,
        .msg_namelen = sizeof(arrival->name.addr),
        .msg_iov = &piece,
        .msg_iovlen = 1,
        .msg_control = arrival->control_len > 0 ? arrival->control : NULL,
        .msg_controllen = arrival->control_len,
    };
    if (!notify_is_waiting(request->supervisor->listener.fd, request->call.id))
        return EINTR;
    ssize_t received = recvmsg(fd, &message, flags | MSG_DONTWAIT);
    int error = received < 0 ? errno : 0;
    if (error == EAGAIN && !(flags & MSG_DONTWAIT) && is_shut_down(fd)) {
        received = error = 0;
        message.msg_namelen = message.msg_controllen = message.msg_flags = 0;
    }
    if (error != 0)
        return error;
    arrival->result = received;
    arrival->len = (size_t)received < arrival->room ? (size_t)received : arrival->room;
    arrival->name.len = message.msg_namelen;
    arrival->control_len = message.msg_controllen;
    arrival->flags = message.msg_flags;
    restore_source(request, &arrival->name);
    return 0;
}

/* --- The caller's memory --- */

/* As much of the source as the caller has room for. */
static int give_name(const struct request *request, uint64_t at, int room,
                     const struct message_name *name)
{
    if (room < 0)
        return EINVAL;
    size_t len = (socklen_t)room < name->len ? (size_t)room : name->len;
    return caller_write(&request->caller, at, &name->addr, len);
}

/* recvfrom(2). 0 or an errno. */
static int receive_plainly(const struct request *request, int fd, struct arrival *arrival)
{
    const struct caller *caller = &request->caller;
    const uint64_t *args = request->call.args;
    int room = 0;
    arrival->room = args[2] < sizeof(arrival->data) ? (size_t)args[2] : sizeof(arrival->data);
    arrival->control_len = 0;
    int error = receive(request, fd, (int)args[3], arrival);
    if (error == 0)
        error = caller_write(caller, args[1], arrival->data, arrival->len);
    if (error == 0)
        error = caller_read(caller, args[5], &room, sizeof(room));
    if (error == 0)
        error = give_name(request, args[4], room, &arrival->name);
    if (error == 0)
        error = caller_write(caller, args[5], &arrival->name.len, sizeof(room));
    return error;
}

/* How much control data can be given on: that of 32-bit programs becomes shorter. */
static size_t room_for_control(const struct message *message, bool is_compat)
{
    if (message->control == 0 || message->control_len == 0)
        return 0;
    bool all = is_compat || message->control_len > MESSAGE_CONTROL_MAX;
    return all ? MESSAGE_CONTROL_MAX : (size_t)message->control_len;
}

static int give_message(const struct request *request, uint64_t at, struct message *message,
                        const struct piece *pieces, const struct arrival *arrival)
{
    const struct caller *caller = &request->caller;
    bool is_compat = request->call.is_compat;
    int error = message_scatter(caller, pieces, arrival->data, arrival->len);
    if (error == 0 && message->name != 0)
        error = give_name(request, message->name, message->name_len, &arrival->name);
    message->name_len = (int32_t)arrival->name.len;
    message->flags = (uint32_t)arrival->flags;
    if (error == 0)
        error = message_write_control(caller, is_compat, message, arrival->control,
                                      arrival->control_len);
    return error ? error : message_write(caller, is_compat, at, message);
}

/* recvmsg(2), for the header there. 0 or an errno. */
static int receive_message(const struct request *request, int fd, uint64_t at, int flags,
                           struct arrival *arrival)
{
    bool is_compat = request->call.is_compat;
    struct message message;
    struct piece pieces[MESSAGE_PIECES_MAX];
    uint64_t total;
    int error = message_read(&request->caller, is_compat, at, &message);
    if (error == 0 && message.name != 0 && message.name_len < 0)
        error = EINVAL;
    if (error == 0)
        error = message_read_pieces(&request->caller, is_compat, &message, pieces, &total);
    if (error != 0)
        return error;
    arrival->room = total < sizeof(arrival->data) ? (size_t)total : sizeof(arrival->data);
    arrival->control_len = room_for_control(&message, is_compat);
    error = receive(request, fd, flags, arrival);
    return error ? error : give_message(request, at, &message, pieces, arrival);
}

/* --- The calls --- */

/* Answers, unless the call has to wait for a datagram. */
static void conclude(struct request *request, int fd, int64_t result, int flags,
                     void (*again)(struct request *request))
{
    if (result == -EAGAIN && !(flags & MSG_ERRQUEUE)) {
        hold_as_told(request, fd, EPOLLIN, flags, again);
        return;
    }
    request_answer(request, result);
    caller_give_back(fd);
}

void on_recvfrom(struct request *request)
{
    struct arrival arrival;
    int fd = take_asker(request);
    if (fd < 0) {
        request_pass(request);
        return;
    }
    int error = receive_plainly(request, fd, &arrival);
    conclude(request, fd, error ? -error : arrival.result, (int)request->call.args[3], on_recvfrom);
}

void on_recvmsg(struct request *request)
{
    struct arrival arrival;
    int flags = (int)request->call.args[2];
    int fd = take_asker(request);
    if (fd < 0) {
        request_pass(request);
        return;
    }
    int error = receive_message(request, fd, request->call.args[1], flags, &arrival);
    conclude(request, fd, error ? -error : arrival.result, flags, on_recvmsg);
}

/* One message, whatever the room: the call may always return fewer. */
void on_recvmmsg(struct request *request)
{
    struct arrival arrival;
    uint64_t at = request->call.args[1];
    int flags = (int)request->call.args[3] & ~MSG_WAITFORONE;
    int fd = (uint32_t)request->call.args[2] > 0 ? take_asker(request) : -1;
    if (fd < 0) {
        request_pass(request);
        return;
    }
    int error = receive_message(request, fd, at, flags, &arrival);
    if (error == 0) {
        uint32_t len = (uint32_t)arrival.result;
        error = caller_write(&request->caller, at + message_len_offset(request->call.is_compat),
                             &len, sizeof(len));
    }
    conclude(request, fd, error ? -error : 1, flags, on_recvmmsg);
}
