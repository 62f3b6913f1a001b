/* SPDX-License-Identifier: MIT
 * One connection from the program's sockaddr to a route and along it. */
#include "preload/tunnel.h"

#include "core/dial.h"
#include "core/endpoint_cache.h"
#include "core/log.h"
#include "core/replace.h"
#include "core/report.h"
#include "core/rules.h"
#include "core/sockopt.h"
#include "core/sys.h"
#include "core/target.h"
#include "preload/connector.h"
#include "preload/datagram.h"
#include "preload/guard.h"
#include "preload/lock.h"
#include "preload/peers.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/resolve.h"
#include "preload/responder.h"
#include "preload/state.h"
#include "preload/watches.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>

enum socket_kind {
    SOCKET_FRESH, /* TCP, and free to be connected */
    SOCKET_BUSY,  /* TCP, and connected, connecting or listening: the kernel has the answer */
    SOCKET_OTHER, /* not TCP */
};

static bool is_connected(int fd)
{
    union endpoint peer;
    socklen_t len = sizeof(peer);
    return real(getpeername)(fd, &peer.any, &len) == 0;
}

/* One system call for three purposes: TCP alone knows the option, takes it only while the socket is
 * neither connected nor connecting, and connect(2) must wait for the proxy, not for the first
 * write. */
static enum socket_kind socket_kind(int fd)
{
    static const int off = 0;
    if (sys_setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof(off)) == 0)
        return SOCKET_FRESH;
    if (errno == EINVAL)
        return SOCKET_BUSY;
    /* Another protocol; or TCP where fast open is switched off, or that of an older kernel. */
    if (!sockopt_is_tcp(fd))
        return SOCKET_OTHER;
    return is_connected(fd) ? SOCKET_BUSY : SOCKET_FRESH;
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

static int begin_in_background(const struct dial *d, const struct config *config,
                               const union endpoint *address, int64_t start_ms, bool begun)
{
    const struct connector_job job = {
        .fd = d->fd,
        .family = d->family,
        .address = address,
        .config = config,
        .route = d->route,
        .to = d->to,
        .endpoints = d->endpoints,
        .start_ms = start_ms,
        .deadline_ms = d->deadline_ms,
        .begun = begun ? d : NULL,
    };
    return connector_begin(&job);
}

/*
 * 0, or an errno. A program that set O_NONBLOCK does not wait for the proxy. One that waits may be
 * interrupted by a signal: then, as in the kernel, the connect goes on without it.
 */
static int carry_out(struct dial *d, const struct config *config, const union endpoint *address,
                     int64_t start_ms)
{
    int flags = sys_fcntl(d->fd, F_GETFL, 0);
    bool waits = flags < 0 || !(flags & O_NONBLOCK);
    int begun =
        waits ? CONNECTOR_UNAVAILABLE : begin_in_background(d, config, address, start_ms, false);
    if (begun != CONNECTOR_UNAVAILABLE)
        return begun;
    d->interruptible = waits;
    enum status status = dial(d);
    if (status != STATUS_SYSTEM || d->failure.sys_errno != EINTR)
        return status == STATUS_OK ? 0 : failure_errno(&d->failure);
    begun = begin_in_background(d, config, address, start_ms, true);
    return begun == EINPROGRESS ? EINTR : ECONNABORTED;
}

/* A socket that reaches no endpoint of the proxy is replaced; its epoll registrations stay. */
static bool fit_socket(struct dial *d)
{
    if (!replace_is_needed(d->fd, d->family, d->endpoints))
        return true;
    watches_hide(d->fd);
    bool fits = replace_unfit_socket(d->fd, &d->family, d->endpoints);
    watches_show(d->fd);
    return fits;
}

static int connect_through(int fd, const union endpoint *address, const struct config *config,
                           const struct route *route, struct target *to)
{
    endpoints_resolve_for_socks4(route, to);
    int64_t start = dial_now_ms();
    struct endpoints endpoints;
    struct dial d = {
        .fd = fd,
        .family = address->any.sa_family,
        .route = route,
        .to = to,
        .endpoints = &endpoints,
        .deadline_ms = start + route->timeout_ms,
        .failure = {.code = -1},
    };
    d.failure.status = endpoint_cache_find(state_endpoints(), config, route->hop[0], &endpoints);
    if (d.failure.status == STATUS_OK && !fit_socket(&d))
        return -1;
    int error = d.failure.status == STATUS_OK ? carry_out(&d, config, address, start)
                                              : failure_errno(&d.failure);
    if (error == EINPROGRESS || error == EINTR)
        return fail_with(error);
    if (d.failure.status != STATUS_OK) {
        if (d.failure.stage == STAGE_CONNECT)
            endpoint_cache_forget(state_endpoints(), config, route->hop[0]);
        report_failure(to, route, &d.failure);
    }
    if (error != 0)
        return fail_with(error);
    const struct peer peer = {.target = *address, .proxy = endpoints.list[d.endpoint]};
    peers_set(fd, &peer);
    report_success(to, route, dial_now_ms() - start);
    return 0;
}

/* A direct rule holds for a name whose stand-in the program has: look it up for real, now that
 * its port is known, and connect to the first address that takes us. */
static int connect_direct_by_name(int fd, int family, const struct target *to)
{
    struct endpoints endpoints;
    if (!endpoints_of_target(to, family, &endpoints))
        return fail_with(EHOSTUNREACH);
    int result = -1;
    for (size_t i = 0; i < endpoints.count && result != 0; i++) {
        const union endpoint *address = &endpoints.list[i];
        result = sys_connect(fd, &address->any, endpoint_len(address));
        if (result != 0 && (errno == EINPROGRESS || errno == EINTR))
            break;
    }
    return result;
}

/* A name server asked over TCP: our responder, which knows the stand-ins. */
static int connect_responder(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct peer peer = {0};
    memcpy(&peer.target, addr, len < sizeof(peer.target) ? len : sizeof(peer.target));
    bool ipv6_only = addr->sa_family == AF_INET6 && sockopt_is_ipv6_only(fd);
    if (!responder_for(&peer.target, addr->sa_family, ipv6_only, true, &peer.proxy))
        return -1;
    peers_set(fd, &peer);
    return sys_connect(fd, &peer.proxy.any,
                       addr->sa_family == AF_INET ? sizeof(peer.proxy.in) : sizeof(peer.proxy.in6));
}

/* Under a seal the supervisor sees it as well, and tells. */
static void report_direct(const struct target *to)
{
    if (state_way() != WAY_SEAL)
        report_decision(to, "direct");
}

static int connect_by_rules(int fd, const struct sockaddr *addr, socklen_t len, struct target *to)
{
    const struct target as_given = *to;
    enum standin standin = resolve_standin(to);
    if (standin == STANDIN_NOT && to->port == RESPONDER_PORT && socket_kind(fd) == SOCKET_FRESH)
        return connect_responder(fd, addr, len);
    if (standin == STANDIN_UNKNOWN) {
        char text[TARGET_TEXT_MAX];
        log_error("%s: %s", target_to_text(to, text), status_text(STATUS_UNKNOWN_STANDIN));
        return fail_with(status_errno(STATUS_UNKNOWN_STANDIN));
    }
    const struct config *config = state_config();
    if (!config) {
        if (target_is_this_host(to))
            return sys_connect(fd, addr, len);
        if (socket_kind(fd) == SOCKET_OTHER)
            return datagram_connect(fd, addr, len, &as_given);
        return fail_with(status_errno(STATUS_UNCONFIGURED));
    }
    const struct route *route = rules_decide(config_rules(config), to).route;
    bool direct = route->kind == ROUTE_DIRECT && standin == STANDIN_NOT;
    /* The commonest case costs no system call, unless the user wants to hear of it. */
    bool here = target_is_this_host(to) && to->port != RESPONDER_PORT &&
                rules_decide(config_udp(config), to).route->kind == ROUTE_DIRECT;
    if (direct && here && !report_hears_decisions())
        return sys_connect(fd, addr, len);
    enum socket_kind kind = socket_kind(fd);
    if (kind == SOCKET_OTHER)
        return datagram_connect(fd, addr, len, &as_given);
    if (direct && kind == SOCKET_FRESH)
        report_direct(to);
    if (direct || kind == SOCKET_BUSY)
        return sys_connect(fd, addr, len);
    switch (route->kind) {
    case ROUTE_DIRECT:
        report_direct(to);
        return connect_direct_by_name(fd, addr->sa_family, to);
    case ROUTE_BLOCK:
        report_decision(to, status_text(STATUS_BLOCKED));
        return fail_with(status_errno(STATUS_BLOCKED));
    case ROUTE_PROXY:
        break;
    }
    union endpoint address = {0};
    memcpy(&address, addr, len < sizeof(address) ? len : sizeof(address));
    return connect_through(fd, &address, config, route, to);
}

/*
 * connect(2) on a socket whose connect is pending or has failed unnoticed. True when *result, with
 * errno, is the answer; false when there is nothing to say and a new connect may begin.
 */
static bool connect_again(int fd, const struct sockaddr *addr, socklen_t len, int *result)
{
    bool aborts = len >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC;
    int flags = sys_fcntl(fd, F_GETFL, 0);
    bool waits = flags >= 0 && !(flags & O_NONBLOCK) && !aborts;
    if (waits)
        pending_wait(fd); /* the program has made it blocking meanwhile */

    int error = aborts ? 0 : pending_take_error(fd);
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_find(fd);
    bool running = entry && entry->state == PENDING_RUNNING;
    if (running && aborts && pending_by_number(entry->number))
        connector_cancel(entry, true);
    else if (running)
        error = EALREADY;
    else if (entry)
        pending_fetch_error(entry);
    lock_release(&held);
    if (error == 0)
        return false;
    if (!running) {
        dial_disconnect(fd); /* as if the kernel had told its error */
    }
    *result = fail_with(error);
    return true;
}

int tunnel_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct target to;
    if (guard_is_inside() || !addr)
        return sys_connect(fd, addr, len);
    bool was_pending = pending_any() && pending_is_running(fd);
    int result;
    if (pending_any() && connect_again(fd, addr, len, &result))
        return result;
    if (!target_from_sockaddr(&to, addr, len))
        return sys_connect(fd, addr, len);
    int saved = errno;
    result = connect_by_rules(fd, addr, len, &to);
    /* Who connects again after a signal waits for the connect that went on, and is told its end.
     * The kernel knows of none: to it the socket has been connected since the proxy took it. */
    if (!was_pending || result == 0 || errno != EISCONN)
        return result;
    errno = saved;
    return 0;
}
