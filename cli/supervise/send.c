/* SPDX-License-Identifier: MIT
 * sendto(2) with an address, sendmsg(2) and sendmmsg(2). Datagrams are sent by us, on the caller's
 * socket, from copies of all that the call points at: neither the address nor the route can be
 * changed after it was judged. */
#include "cli/supervise/connect.h"
#include "cli/supervise/datagram.h"
#include "cli/supervise/hold.h"
#include "cli/supervise/message.h"
#include "cli/supervise/notify.h"
#include "cli/supervise/supervisor.h"
#include "cli/supervise/tunnels.h"
#include "core/outreach.h"
#include "core/sockopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of one sendmmsg(2), so that the others do not wait for long; it may always send fewer. */
enum {
    BATCH_OCTETS_MAX = 1 << 20,
    BATCH_PIECES_MAX = 4 * MESSAGE_PIECES_MAX, /* each costs as much as a kilobyte */
};

/* What one message consists of. */
struct parcel {
    struct message_name name;
    int flags;
    uint8_t *data; /* MESSAGE_DATA_MAX octets of room */
    size_t len;
    size_t piece_count; /* that the data lay in */
    _Alignas(struct cmsghdr) uint8_t control[MESSAGE_CONTROL_MAX];
    size_t control_len;
};

enum traffic {
    TRAFFIC_PASSES, /* none of ours, or a stream that has its peer already */
    TRAFFIC_OPENS,  /* a stream, with MSG_FASTOPEN */
    TRAFFIC_ABSURD, /* that flag on a socket without a network */
    TRAFFIC_DATAGRAM,
};

/* Flags stand in a register. Passed, MSG_FASTOPEN might meet a stream under the same number, which
 * it would connect, and for which Landlock does not refuse that. Without it only connected streams
 * send. Nothing but TCP knows the flag. */
static enum traffic sort(int fd, int flags)
{
    int domain = sockopt_domain(fd);
    if (domain != AF_INET && domain != AF_INET6)
        return flags & MSG_FASTOPEN ? TRAFFIC_ABSURD : TRAFFIC_PASSES;
    if (!sockopt_is_tcp(fd))
        return TRAFFIC_DATAGRAM;
    return flags & MSG_FASTOPEN ? TRAFFIC_OPENS : TRAFFIC_PASSES;
}

/* --- Reading --- */

static int read_sendto(const struct request *request, struct parcel *parcel)
{
    const uint64_t *args = request->call.args;
    int name_len = (int)args[5];
    if (name_len < 0 || (size_t)name_len > sizeof(parcel->name.addr))
        return EINVAL;
    if (args[2] > MESSAGE_DATA_MAX)
        return EMSGSIZE;
    parcel->flags = (int)args[3];
    parcel->control_len = 0;
    parcel->name.len = (socklen_t)name_len;
    parcel->len = (size_t)args[2];
    parcel->piece_count = 1;
    memset(&parcel->name.addr, 0, sizeof(parcel->name.addr));
    int error = caller_read(&request->caller, args[4], &parcel->name.addr, parcel->name.len);
    return error ? error : caller_read(&request->caller, args[1], parcel->data, parcel->len);
}

static int read_message(const struct request *request, uint64_t at, int flags,
                        struct parcel *parcel)
{
    const struct caller *caller = &request->caller;
    bool is_compat = request->call.is_compat;
    struct message message;
    struct piece pieces[MESSAGE_PIECES_MAX];
    uint64_t total = 0;
    parcel->flags = flags;
    parcel->control_len = sizeof(parcel->control);
    int error = message_read(caller, is_compat, at, &message);
    if (error == 0)
        error = message_read_name(caller, &message, &parcel->name);
    if (error == 0)
        error = message_read_pieces(caller, is_compat, &message, pieces, &total);
    if (error == 0 && total > MESSAGE_DATA_MAX)
        error = EMSGSIZE;
    if (error == 0)
        error = message_read_control(caller, is_compat, &message, parcel->control,
                                     &parcel->control_len);
    if (error == 0)
        error = message_gather(caller, pieces, parcel->data, total);
    parcel->len = total;
    parcel->piece_count = error ? 0 : message.piece_count;
    return error;
}

/* --- Datagrams --- */

static struct msghdr as_message(struct parcel *parcel, struct iovec *piece)
{
    *piece = (struct iovec){parcel->data, parcel->len};
    return (struct msghdr){
        .msg_name = parcel->name.len > 0 ? &parcel->name.addr : NULL,
        .msg_namelen = parcel->name.len,
        .msg_iov = piece,
        .msg_iovlen = 1,
        .msg_control = parcel->control_len > 0 ? parcel->control : NULL,
        .msg_controllen = parcel->control_len,
    };
}

/* The octets sent, or minus an errno. */
static int64_t transmit(const struct request *request, int fd, struct parcel *parcel)
{
    struct iovec piece;
    struct msghdr message = as_message(parcel, &piece);
    if (!notify_is_waiting(request->supervisor->listener.fd, request->call.id))
        return -EINTR;
    ssize_t sent = sendmsg(fd, &message, parcel->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent >= 0 ? sent : -errno;
}

static int64_t post(const struct request *request, int fd, struct parcel *parcel)
{
    struct iovec piece;
    const struct msghdr message = as_message(parcel, &piece);
    if (outreach_message_is_routed(&message))
        return -EACCES;
    int error = datagram_route(request, fd, &parcel->name, parcel->control_len == 0);
    return error ? -error : transmit(request, fd, parcel);
}

/* Room for data. The kernel holds on to the pages of what it sends without a copy: those must be
 * nobody's afterwards. */
static uint8_t *borrow_room(int flags, uint8_t *ordinary)
{
    if (!(flags & MSG_ZEROCOPY))
        return ordinary;
    void *room =
        mmap(NULL, MESSAGE_DATA_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return room == MAP_FAILED ? NULL : room;
}

static void return_room(uint8_t *room, const uint8_t *ordinary)
{
    if (room && room != ordinary)
        munmap(room, MESSAGE_DATA_MAX);
}

/* at: the message's header; 0: a sendto(2). *pieces: in how many its data lay, if it was sent. */
static int64_t send_datagram(const struct request *request, int fd, uint64_t at, int flags,
                             size_t *pieces)
{
    uint8_t ordinary[MESSAGE_DATA_MAX];
    struct parcel parcel;
    parcel.data = borrow_room(flags, ordinary);
    int error = parcel.data ? 0 : ENOBUFS;
    if (error == 0)
        error = request->call.kind == CALL_SENDTO ? read_sendto(request, &parcel)
                                                  : read_message(request, at, flags, &parcel);
    int64_t result = error ? -error : post(request, fd, &parcel);
    return_room(parcel.data, ordinary);
    *pieces = error ? 0 : parcel.piece_count;
    return result;
}

/* Answers, unless the call has to wait for room in the socket's buffer. */
static void conclude(struct request *request, int fd, int64_t result, int flags,
                     void (*again)(struct request *request))
{
    if (result == -EAGAIN) {
        hold_as_told(request, fd, EPOLLOUT, flags, again);
        return;
    }
    request_answer(request, result);
    caller_give_back(fd);
}

/* --- Streams --- */

/* A connect(2) and a send(2) in one: of the data what fits in one go, as a stream may. */
static void open_stream(struct request *request, int fd, uint64_t at, int flags)
{
    uint8_t ordinary[MESSAGE_DATA_MAX];
    struct parcel parcel;
    struct request shortened = *request;
    parcel.data = ordinary;
    if (shortened.call.args[2] > MESSAGE_DATA_MAX)
        shortened.call.args[2] = MESSAGE_DATA_MAX;
    int error = request->call.kind == CALL_SENDTO ? read_sendto(&shortened, &parcel)
                                                  : read_message(request, at, flags, &parcel);
    const struct sockaddr *addr = (const struct sockaddr *)&parcel.name.addr;
    if (error == 0 && parcel.name.len >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC)
        error = EOPNOTSUPP;
    if (error == 0 && parcel.name.len == 0) {
        conclude(request, fd, transmit(request, fd, &parcel), flags,
                 request->call.kind == CALL_SENDTO ? on_sendto : on_sendmsg);
        return;
    }
    void *data = error == 0 ? malloc(parcel.len + 1) : NULL;
    if (data) {
        memcpy(data, parcel.data, parcel.len);
        connect_for_fastopen(request, fd, addr, parcel.name.len, data, parcel.len, flags);
        return;
    }
    request_answer(request, error ? -error : -ENOMEM);
    caller_give_back(fd);
}

/* A stream whose tunnel is under way takes nothing yet. True when that answers the call. */
static bool is_too_early(struct request *request, int fd, int flags)
{
    const struct tunnels *tunnels = request->supervisor->tunnels;
    struct tunnel *tunnel = tunnels_any(tunnels) ? tunnels_find(tunnels, socket_cookie(fd)) : NULL;
    if (!tunnel)
        return false;
    if (tunnel->waits && !(flags & MSG_DONTWAIT))
        tunnel_await(tunnel, &request->call);
    else
        request_answer(request, -EAGAIN);
    return true;
}

/* An address that this socket cannot take: passed, it might meet another under the same number. */
static bool is_misdirected(const struct request *request, int fd)
{
    int domain = sockopt_domain(fd);
    sa_family_t family;
    return request->call.kind == CALL_SENDTO && domain != AF_INET && domain != AF_INET6 &&
           (uint32_t)request->call.args[5] >= sizeof(family) &&
           caller_read(&request->caller, request->call.args[4], &family, sizeof(family)) == 0 &&
           (family == AF_INET || family == AF_INET6);
}

static void pass_stream(struct request *request, int fd, int flags)
{
    if (is_misdirected(request, fd)) {
        request_answer(request, -EINVAL);
        caller_give_back(fd);
        return;
    }
    if (!is_too_early(request, fd, flags))
        request_pass(request);
    caller_give_back(fd);
}

/* --- The calls --- */

static void send_one(struct request *request, uint64_t at, int flags,
                     void (*again)(struct request *request))
{
    size_t pieces;
    int fd = request_take_socket(request);
    if (fd < 0)
        return;
    switch (sort(fd, flags)) {
    case TRAFFIC_PASSES:
        pass_stream(request, fd, flags);
        break;
    case TRAFFIC_OPENS:
        open_stream(request, fd, at, flags);
        break;
    case TRAFFIC_ABSURD:
        request_answer(request, -EOPNOTSUPP);
        caller_give_back(fd);
        break;
    case TRAFFIC_DATAGRAM:
        conclude(request, fd, send_datagram(request, fd, at, flags, &pieces), flags, again);
        break;
    }
}

void on_sendto(struct request *request)
{
    send_one(request, 0, (int)request->call.args[3], on_sendto);
}

void on_sendmsg(struct request *request)
{
    send_one(request, request->call.args[1], (int)request->call.args[2], on_sendmsg);
}

/* As sendmmsg(2): how many were sent before the first that failed; when that is none, why. */
static int64_t send_many(const struct request *request, int fd, int flags)
{
    bool is_compat = request->call.is_compat;
    uint64_t at = request->call.args[1];
    uint64_t count = (uint32_t)request->call.args[2];
    int64_t octets = 0;
    size_t pieces = 0;
    uint64_t i = 0;
    for (; i < count && i < MESSAGE_PIECES_MAX && octets < BATCH_OCTETS_MAX &&
           pieces < BATCH_PIECES_MAX;
         i++) {
        size_t of_this;
        int64_t result = send_datagram(request, fd, at, flags, &of_this);
        uint32_t sent = (uint32_t)result;
        int error = result < 0 ? (int)-result
                               : caller_write(&request->caller, at + message_len_offset(is_compat),
                                              &sent, sizeof(sent));
        if (error != 0)
            return i > 0 ? (int64_t)i : -error;
        octets += result;
        pieces += of_this;
        at += message_stride(is_compat);
    }
    return (int64_t)i;
}

void on_sendmmsg(struct request *request)
{
    int flags = (int)request->call.args[3];
    int fd = request_take_socket(request);
    if (fd < 0)
        return;
    switch (sort(fd, flags)) {
    case TRAFFIC_PASSES:
        pass_stream(request, fd, flags);
        break;
    case TRAFFIC_OPENS: /* what kernels say that have it switched off */
    case TRAFFIC_ABSURD:
        request_answer(request, -EOPNOTSUPP);
        caller_give_back(fd);
        break;
    case TRAFFIC_DATAGRAM:
        conclude(request, fd, send_many(request, fd, flags), flags, on_sendmmsg);
        break;
    }
}
