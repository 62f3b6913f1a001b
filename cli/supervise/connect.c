/* SPDX-License-Identifier: MIT
 * connect(2): what kind of socket, whose destination, which way. */
#include "cli/supervise/connect.h"

#include "cli/supervise/datagram.h"
#include "cli/supervise/notify.h"
#include "cli/supervise/peers.h"
#include "cli/supervise/programs.h"
#include "cli/supervise/responder.h"
#include "cli/supervise/tunnels.h"
#include "core/config.h"
#include "core/dial.h"
#include "core/log.h"
#include "core/report.h"
#include "core/rules.h"
#include "core/sockopt.h"
#include "core/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* A direct connect ends when the kernel gives up, which is well before. */
enum { KERNEL_PATIENCE_MS = 15 * 60 * 1000 };

static const struct route direct_route = {
    .kind = ROUTE_DIRECT, .timeout_ms = KERNEL_PATIENCE_MS, .text = "direct"};

/* One connect(2) under consideration. */
struct wish {
    struct request *request;
    int fd; /* ours, to be closed or handed on */
    int number;
    int domain;
    uint64_t cookie;
    bool waits; /* a blocking socket */
    union {
        struct sockaddr any;
        union endpoint endpoint;
        struct sockaddr_storage room;
    } address;
    socklen_t len;
    void *data; /* MSG_FASTOPEN */
    size_t data_len;
    int send_flags;
};

static bool answer(struct wish *wish, int64_t value)
{
    bool heard = request_answer(wish->request, value);
    caller_give_back(wish->fd);
    free(wish->data);
    return heard;
}

/* --- Local sockets --- */

/* Daemons that look host names up for others, in the clear. A C library goes on to DNS without
 * them, and that is answered here. */
static bool is_resolver_daemon(const struct sockaddr *addr, socklen_t len)
{
    static const char *const paths[] = {
        "/run/systemd/resolve/io.systemd.Resolve",
        "/run/nscd/socket",
        "/var/run/nscd/socket",
        "/run/avahi-daemon/socket",
        "/var/run/avahi-daemon/socket",
    };
    if (addr->sa_family != AF_UNIX || len <= offsetof(struct sockaddr_un, sun_path) ||
        len > sizeof(struct sockaddr_un)) /* which the kernel takes for none */
        return false;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = "";
    memcpy(path, ((const struct sockaddr_un *)(const void *)addr)->sun_path,
           len - offsetof(struct sockaddr_un, sun_path));
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        if (strcmp(path, paths[i]) == 0)
            return true;
    return false;
}

/* --- Without a proxy --- */

/* connect(2) that does not wait, on the caller's own socket; 0 or minus an errno. */
static int connect_at_once(const struct wish *wish, const struct sockaddr *addr, socklen_t len)
{
    int flags = fcntl(wish->fd, F_GETFL);
    bool blocking = flags >= 0 && !(flags & O_NONBLOCK);
    if (blocking)
        fcntl(wish->fd, F_SETFL, flags | O_NONBLOCK);
    int result = connect(wish->fd, addr, len) == 0 ? 0 : -errno;
    if (blocking)
        fcntl(wish->fd, F_SETFL, flags);
    return result;
}

/*
 * A socket that is connected, connecting or listening: the kernel has an answer, whatever the
 * address. It gets one of this host, for the socket's state may have changed meanwhile.
 */
static void answer_busy(struct wish *wish)
{
    union endpoint nowhere = {0};
    socklen_t len = sizeof(nowhere.in);
    nowhere.in.sin_family = AF_INET;
    nowhere.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    nowhere.in.sin_port = htons(9);
    len = endpoint_for_family(&nowhere, wish->domain, &nowhere);
    answer(wish, connect_at_once(wish, &nowhere.any, len));
}

static int64_t send_timeout_ms(int fd)
{
    struct timeval timeout = {0};
    socklen_t len = sizeof(timeout);
    getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &len);
    return (int64_t)timeout.tv_sec * 1000 + (timeout.tv_usec + 999) / 1000;
}

/* --- Along a route --- */

/* Takes the wish over, whatever happens. */
static void begin(struct wish *wish, const struct route *route, const struct target *to,
                  const union endpoint *address)
{
    struct tunnel *tunnel = caller_may_keep(wish->fd) ? calloc(1, sizeof(*tunnel)) : NULL;
    if (!tunnel) {
        answer(wish, -EAGAIN); /* as for want of a thread, or of whatever the kernel is short of */
        return;
    }
    int64_t now = dial_now_ms();
    int64_t patience = wish->waits ? send_timeout_ms(wish->fd) : 0;
    bool is_short = patience > 0 && patience < route->timeout_ms;
    tunnel->attempt = (struct attempt){
        .fd = wish->fd,
        .family = wish->domain,
        .route = route,
        .to = *to,
        .start_ms = now,
        .deadline_ms = now + (is_short ? patience : route->timeout_ms),
        .failure = {.code = -1},
    };
    tunnel->attempt.step_deadline_ms = tunnel->attempt.deadline_ms;
    if (address) {
        tunnel->attempt.endpoints.count = 1;
        tunnel->attempt.endpoints.list[0] = *address;
    }
    tunnel->may_go_on = is_short && route->kind == ROUTE_DIRECT;
    tunnel->scope = request_scope(wish->request);
    tunnel->caller = wish->request->caller;
    wish->request->caller.pidfd = -1; /* the tunnel's now */
    tunnel->cookie = wish->cookie;
    tunnel->number = wish->number;
    tunnel->address = wish->address.endpoint;
    tunnel->waits = wish->waits;
    tunnel->data = wish->waits ? wish->data : NULL;
    tunnel->data_len = wish->data_len;
    tunnel->send_flags = wish->send_flags;
    if (!wish->waits)
        free(wish->data); /* as the kernel without a cookie: the connect goes on, nothing is sent */
    tunnels_begin(wish->request->supervisor->tunnels, tunnel, &wish->request->call);
}

static void go_direct(struct wish *wish, const struct target *to, const union endpoint *address)
{
    socklen_t len = address->any.sa_family == AF_INET ? sizeof(address->in) : sizeof(address->in6);
    if (wish->waits || wish->data) {
        begin(wish, &direct_route, to, address);
        return;
    }
    dial_unmap(wish->fd, address);
    answer(wish, connect_at_once(wish, &address->any, len));
}

/* A name server asked over TCP: our responder, which knows the stand-ins. */
static void go_to_responder(struct wish *wish, const struct target *to)
{
    struct supervisor *supervisor = wish->request->supervisor;
    union endpoint ours;
    bool ipv6_only = wish->domain == AF_INET6 && sockopt_is_ipv6_only(wish->fd);
    if (!responder_for(supervisor->responder, request_scope(wish->request), wish->request->call.tid,
                       &wish->address.endpoint, wish->domain, ipv6_only, true, &ours)) {
        answer(wish, -errno);
        return;
    }
    struct peer peer = {.target = wish->address.endpoint, .actual = ours};
    peer.target_len = wish->domain == AF_INET ? sizeof(peer.target.in) : sizeof(peer.target.in6);
    peers_set(supervisor->peers, wish->cookie, &peer);
    go_direct(wish, to, &ours);
}

static void refuse(struct wish *wish, const struct target *to, enum status status)
{
    char text[TARGET_TEXT_MAX];
    if (status == STATUS_BLOCKED)
        report_decision(to, status_text(status));
    else
        log_error("%s: %s", target_to_text(to, text), status_text(status));
    answer(wish, -status_errno(status));
}

static void go_by_rules(struct wish *wish, struct target *to)
{
    const struct scope *scope = request_scope(wish->request);
    enum standin standin = standin_to_name(scope->names, to);
    if (standin == STANDIN_NOT && to->port == RESPONDER_PORT) {
        go_to_responder(wish, to);
        return;
    }
    if (standin == STANDIN_UNKNOWN) {
        refuse(wish, to, STATUS_UNKNOWN_STANDIN);
        return;
    }
    if (!scope->config) {
        if (target_is_this_host(to))
            go_direct(wish, to, &wish->address.endpoint);
        else
            answer(wish, -status_errno(STATUS_UNCONFIGURED));
        return;
    }
    const struct route *route = rules_decide(config_rules(scope->config), to).route;
    /* The library, when the program has it, on its own way to the proxy: it has its own words. */
    bool is_librarys = programs_is_proxy(scope, to);
    if (is_librarys)
        route = &direct_route;
    switch (route->kind) {
    case ROUTE_DIRECT:
        if (!is_librarys)
            report_decision(to, route->text);
        if (standin == STANDIN_NOT)
            go_direct(wish, to, &wish->address.endpoint);
        else
            begin(wish, &direct_route, to, NULL);
        break;
    case ROUTE_BLOCK:
        refuse(wish, to, STATUS_BLOCKED);
        break;
    case ROUTE_PROXY:
        begin(wish, route, to, NULL);
        break;
    }
}

/* --- Which socket --- */

/* Who connects again after being told asks whether it stands, and hears it in the end. A program
 * that was not told asks for another reason. */
static bool was_told_early(const struct wish *wish, const struct tunnel *tunnel)
{
    return tunnel_seems_ready(tunnel) && endpoint_equal(&wish->address.endpoint, &tunnel->address);
}

/* An earlier connect(2) of this socket is under way, or has an answer that nobody has heard yet.
 * True when that answers the call. */
static bool go_on_with_earlier(struct wish *wish)
{
    struct supervisor *supervisor = wish->request->supervisor;
    bool dissolves = wish->len >= sizeof(sa_family_t) && wish->address.any.sa_family == AF_UNSPEC;
    struct tunnel *tunnel = tunnels_find(supervisor->tunnels, wish->cookie);
    struct peer *peer = peers_get(supervisor->peers, wish->cookie);
    if (dissolves) {
        peers_remove(supervisor->peers, wish->cookie);
        if (!tunnel)
            return false;
        tunnel_dissolve(tunnel);
        answer(wish, 0);
        return true;
    }
    if (tunnel && tunnel->is_unheard && !wish->waits) {
        tunnel->is_unheard = !answer(wish, -EINPROGRESS);
        return true;
    }
    if (tunnel && (wish->waits || was_told_early(wish, tunnel))) {
        tunnel_await(tunnel, &wish->request->call);
        caller_give_back(wish->fd);
        free(wish->data);
        return true;
    }
    if (tunnel) {
        answer(wish, -EALREADY);
        return true;
    }
    if (peer && peer->error != 0) {
        dial_disconnect(wish->fd);
        if (answer(wish, -peer->error))
            peers_remove(supervisor->peers, wish->cookie);
        return true;
    }
    if (peer && peer->is_news) {
        peer->is_news = !answer(wish, 0);
        return true;
    }
    return false;
}

/* TCP alone knows the option, takes it only while the socket is neither connected nor connecting,
 * and the connect must not wait for the first write. */
static bool is_busy(int fd)
{
    static const int off = 0;
    if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof(off)) == 0)
        return false;
    if (errno == EINVAL)
        return true;
    union endpoint peer;
    socklen_t len = sizeof(peer);
    return getpeername(fd, &peer.any, &len) == 0;
}

static void go(struct wish *wish)
{
    struct target to;
    int flags = fcntl(wish->fd, F_GETFL);
    wish->cookie = socket_cookie(wish->fd);
    wish->waits = flags >= 0 && !(flags & O_NONBLOCK);
    if (go_on_with_earlier(wish))
        return;
    bool is_address = target_from_sockaddr(&to, &wish->address.any, wish->len);
    if (!sockopt_is_tcp(wish->fd) && is_address)
        datagram_connect(wish->request, wish->fd, &wish->address.endpoint, wish->len);
    else if (!is_address || wish->address.any.sa_family != wish->domain)
        answer(wish, connect_at_once(wish, &wish->address.any, wish->len)); /* leads nowhere */
    else if (is_busy(wish->fd))
        answer_busy(wish);
    else
        go_by_rules(wish, &to);
}

static int socket_domain(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof(domain);
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    return domain;
}

void on_connect(struct request *request)
{
    struct wish wish = {.request = request, .number = (int)request->call.args[0]};
    int len = (int)request->call.args[2];
    wish.fd = request_take_socket(request);
    if (wish.fd < 0)
        return;
    int error = len < 0 || (size_t)len > sizeof(wish.address.room) ? EINVAL : 0;
    if (error == 0)
        error = caller_read(&request->caller, request->call.args[1], &wish.address, (size_t)len);
    wish.len = (socklen_t)len;
    wish.domain = socket_domain(wish.fd);
    if (error != 0) {
        answer(&wish, -error);
    } else if (wish.domain == AF_INET || wish.domain == AF_INET6) {
        go(&wish);
    } else if (wish.address.any.sa_family == AF_INET || wish.address.any.sa_family == AF_INET6) {
        answer(&wish, -EINVAL); /* passed, it might meet a socket that takes it */
    } else if (is_resolver_daemon(&wish.address.any, wish.len)) {
        answer(&wish, -ECONNREFUSED);
    } else {
        request_pass(request);
        caller_give_back(wish.fd);
    }
}

void connect_for_fastopen(struct request *request, int fd, const void *addr, socklen_t len,
                          void *data, size_t data_len, int flags)
{
    struct wish wish = {
        .request = request,
        .fd = fd,
        .number = (int)request->call.args[0],
        .domain = socket_domain(fd),
        .len = len,
        .data = data,
        .data_len = data_len,
        .send_flags = flags & ~MSG_FASTOPEN,
    };
    if (len > sizeof(wish.address.room)) {
        answer(&wish, -EINVAL);
        return;
    }
    memcpy(&wish.address, addr, len);
    go(&wish);
}
