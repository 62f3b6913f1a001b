/* SPDX-License-Identifier: MIT
 * The policy for datagrams. */
#include "preload/datagram.h"

#include "core/datagram_rule.h"
#include "core/report.h"
#include "core/sockopt.h"
#include "core/sys.h"
#include "preload/fdtable.h"
#include "preload/guard.h"
#include "preload/peers.h"
#include "preload/real.h"
#include "preload/responder.h"
#include "preload/state.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum { DISCARD_PORT = 9 }; /* RFC 863: whoever listens there has no use for what comes */

uint32_t datagram_marks;

static bool is_udp(int protocol)
{
    return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* Whether the configuration lets datagrams to that address pass. */
static bool is_allowed(const struct target *to)
{
    return datagram_rule_allows(state_config(), to);
}

static bool find_responder(int fd, const struct sockaddr *addr, socklen_t len,
                           struct redirect *redirect)
{
    union endpoint nameserver = {0};
    memcpy(&nameserver, addr, len < sizeof(nameserver) ? len : sizeof(nameserver));
    int family = addr->sa_family;
    if (!responder_for(&nameserver, family, family == AF_INET6 && sockopt_is_ipv6_only(fd), false,
                       &redirect->addr))
        return false;
    redirect->len = family == AF_INET ? sizeof(redirect->addr.in) : sizeof(redirect->addr.in6);
    return true;
}

static void mark(int fd, enum datagram_mark what)
{
    struct slot *slot = fdtable_slot(fd, true);
    if (!slot)
        return;
    if (slot->datagram == DATAGRAM_FREE && what != DATAGRAM_FREE)
        __atomic_add_fetch(&datagram_marks, 1, __ATOMIC_RELAXED);
    slot->datagram = what;
}

static void remember_peer(int fd, const struct sockaddr *addr, socklen_t len,
                          const union endpoint *actual)
{
    struct peer peer = {.proxy = *actual};
    memcpy(&peer.target, addr, len < sizeof(peer.target) ? len : sizeof(peer.target));
    peers_set(fd, &peer);
}

/*
 * A connected socket sends without an address, and by ways that nobody sees: from a program that
 * inherits it, by splice(2). So one that must not send is connected to this host, where nobody
 * listens. It keeps the local address that the kernel chose for the way to the real peer, which is
 * what programs connect such sockets for. False: it is not connected at all.
 */
static bool divert(int fd, union endpoint *actual)
{
    socklen_t len = sizeof(*actual);
    memset(actual, 0, sizeof(*actual));
    if (getsockname(fd, &actual->any, &len) == 0) {
        if (actual->any.sa_family == AF_INET)
            actual->in.sin_port = htons(DISCARD_PORT);
        else
            actual->in6.sin6_port = htons(DISCARD_PORT);
        if (sys_connect(fd, &actual->any, len) == 0) {
            len = sizeof(*actual);
            return real(getpeername)(fd, &actual->any, &len) == 0;
        }
    }
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    sys_connect(fd, &nobody, sizeof(nobody));
    return false;
}

static int connect_to_responder(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct redirect redirect;
    if (!find_responder(fd, addr, len, &redirect))
        return -1;
    mark(fd, DATAGRAM_FREE);
    remember_peer(fd, addr, len, &redirect.addr);
    /* For the local address, as above; an IPv6 socket cannot change its mind to IPv4 any more. */
    int saved = errno;
    if (addr->sa_family == AF_INET)
        sys_connect(fd, addr, len);
    errno = saved;
    return sys_connect(fd, &redirect.addr.any, redirect.len);
}

static void report_blocked(const struct target *to)
{
    const struct scope scope = state_scope_so_far();
    report_blocked_datagram(&scope, to);
}

int datagram_connect(int fd, const struct sockaddr *addr, socklen_t len, const struct target *to)
{
    int protocol = sockopt_protocol(fd);
    if (is_udp(protocol) && to->port == RESPONDER_PORT)
        return connect_to_responder(fd, addr, len);
    int result = sys_connect(fd, addr, len);
    if (result != 0 || protocol < 0)
        return result;
    if (is_allowed(to)) {
        const struct slot *slot = fdtable_slot(fd, false);
        if (slot && slot->datagram != DATAGRAM_FREE)
            mark(fd, DATAGRAM_FREE);
        return 0;
    }
    union endpoint actual;
    if (!divert(fd, &actual)) {
        report_blocked(to);
        errno = EACCES;
        return -1;
    }
    mark(fd, DATAGRAM_BLOCKED);
    remember_peer(fd, addr, len, &actual);
    return 0;
}

void datagram_copied(int fd, int copy)
{
    const struct slot *slot = datagram_any() ? fdtable_slot(fd, false) : NULL;
    if (slot && slot->datagram != DATAGRAM_FREE)
        mark(copy, slot->datagram);
}

/* A mark may be that of an earlier descriptor with the same number: it holds while the kernel
 * names the peer that it was made for. */
static bool is_blocked(int fd, struct target *to)
{
    const struct slot *slot = datagram_any() ? fdtable_slot(fd, false) : NULL;
    struct peer peer;
    union endpoint actual;
    socklen_t len = sizeof(actual);
    if (!slot || slot->datagram != DATAGRAM_BLOCKED || !peers_get(fd, &peer))
        return false;
    return real(getpeername)(fd, &actual.any, &len) == 0 && endpoint_equal(&actual, &peer.proxy) &&
           target_from_sockaddr(to, &peer.target.any, sizeof(peer.target)) &&
           sockopt_protocol(fd) != IPPROTO_TCP;
}

static enum passage refuse(const struct target *to)
{
    report_blocked(to);
    errno = EACCES;
    return PASSAGE_REFUSED;
}

/*
 * What the kernel makes of an address without a family: IPv4 on an IPv4 socket, on one of IPv6 the
 * connected peer.
 */
static const struct sockaddr *as_kernel_reads(int fd, const struct sockaddr *addr, socklen_t len,
                                              union endpoint *named)
{
    if (!addr || len < sizeof(addr->sa_family) || addr->sa_family != AF_UNSPEC)
        return addr;
    int domain = sockopt_domain(fd);
    if (domain == AF_INET6)
        return NULL;
    if (domain != AF_INET || len < sizeof(named->in))
        return addr;
    memcpy(&named->in, addr, sizeof(named->in));
    named->in.sin_family = AF_INET;
    return &named->any;
}

enum passage datagram_passage(int fd, const struct sockaddr *addr, socklen_t len, int flags,
                              struct redirect *redirect)
{
    struct target to;
    union endpoint named;
    if (guard_is_inside())
        return PASSAGE_FREE;
    addr = as_kernel_reads(fd, addr, len, &named);
    if (!addr)
        return is_blocked(fd, &to) ? refuse(&to) : PASSAGE_FREE;
    if (!target_from_sockaddr(&to, addr, len))
        return PASSAGE_FREE;
    if (flags & MSG_FASTOPEN)
        return PASSAGE_CONNECT;
    if (target_is_this_host(&to) && to.port != RESPONDER_PORT && is_allowed(&to))
        return PASSAGE_FREE;
    int protocol = sockopt_protocol(fd);
    if (protocol < 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)
        return PASSAGE_FREE; /* an address that TCP ignores */
    if (is_udp(protocol) && to.port == RESPONDER_PORT)
        return find_responder(fd, addr, len, redirect) ? PASSAGE_REDIRECTED : PASSAGE_REFUSED;
    return is_allowed(&to) ? PASSAGE_FREE : refuse(&to);
}

bool datagram_may_join(int fd, const struct target *group)
{
    union endpoint own;
    socklen_t len = sizeof(own);
    struct target to = *group, local;
    if (guard_is_inside())
        return true;
    if (getsockname(fd, &own.any, &len) == 0 && target_from_sockaddr(&local, &own.any, len))
        to.port = local.port;
    return is_allowed(&to) || refuse(&to) == PASSAGE_FREE;
}

void datagram_restore_source(struct sockaddr *addr, socklen_t room, socklen_t *len)
{
    union endpoint source, nameserver;
    if (!__atomic_load_n(&responder_started, __ATOMIC_RELAXED) || !addr || !len ||
        *len > sizeof(source) || room < *len)
        return;
    memset(&source, 0, sizeof(source));
    memcpy(&source, addr, *len);
    union endpoint in_family;
    if (!responder_original(&source, &nameserver))
        return;
    socklen_t original_len = endpoint_for_family(&nameserver, addr->sa_family, &in_family);
    if (original_len == 0 || original_len > room)
        return;
    memcpy(addr, &in_family, original_len);
    *len = original_len;
}
