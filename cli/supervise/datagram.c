/* SPDX-License-Identifier: MIT
 * The policy for datagrams, on other processes' sockets. */
#include "cli/supervise/datagram.h"

#include "cli/supervise/decoy.h"
#include "cli/supervise/peers.h"
#include "cli/supervise/responder.h"
#include "core/datagram_rule.h"
#include "core/report.h"
#include "core/sockopt.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { DISCARD_PORT = 9 }; /* RFC 863: whoever listens there has no use for what comes */

static bool is_udp(int protocol)
{
    return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

static bool own_address(int fd, union endpoint *own)
{
    socklen_t len = sizeof(*own);
    memset(own, 0, sizeof(*own));
    return getsockname(fd, &own->any, &len) == 0 &&
           (own->any.sa_family == AF_INET || own->any.sa_family == AF_INET6);
}

static bool has_address(const union endpoint *own)
{
    static const struct in6_addr any = IN6ADDR_ANY_INIT;
    return own->any.sa_family == AF_INET ? own->in.sin_addr.s_addr != htonl(INADDR_ANY)
                                         : memcmp(&own->in6.sin6_addr, &any, sizeof(any)) != 0;
}

static bool same_address(const union endpoint *a, const union endpoint *b)
{
    union endpoint x = *a;
    union endpoint y = *b;
    x.in.sin_port = y.in.sin_port = 0; /* sin6_port lies at the same place */
    return endpoint_equal(&x, &y);
}

static int refuse(const struct request *request, const struct target *to)
{
    report_blocked_datagram(request_scope(request), to);
    return EACCES;
}

static bool is_allowed(const struct request *request, const struct target *to)
{
    return datagram_rule_allows(request_scope(request)->config, to);
}

/* --- The responder in place of a name server --- */

/* IPv6, and nothing else: by option, or because it is bound to an IPv6 address. */
static bool is_ipv6_only(int fd)
{
    union endpoint own;
    return sockopt_is_ipv6_only(fd) ||
           (own_address(fd, &own) && own.any.sa_family == AF_INET6 && has_address(&own) &&
            !IN6_IS_ADDR_V4MAPPED(&own.in6.sin6_addr));
}

/* 0 or an errno. */
static int find_responder(const struct request *request, int fd, const union endpoint *nameserver,
                          union endpoint *instead)
{
    int family = nameserver->any.sa_family;
    bool ipv6_only = family == AF_INET6 && is_ipv6_only(fd);
    bool found = responder_for(request->supervisor->responder, request_scope(request),
                               request->call.tid, nameserver, family, ipv6_only, false, instead);
    return found ? 0 : errno;
}

/* What comes back gets the name server's address again. */
static void remember_asker(const struct request *request, int fd)
{
    uint64_t cookie = socket_cookie(fd);
    struct peer *known = peers_get(request->supervisor->peers, cookie);
    const struct peer asker = {.is_asker = true};
    if (known)
        known->is_asker = true;
    else
        peers_set(request->supervisor->peers, cookie, &asker);
}

/* --- connect --- */

/* The address of this host that the kernel would choose for datagrams to addr. 0 or an errno. */
static int choose_own(const union endpoint *addr, socklen_t len, union endpoint *own)
{
    int scratch = socket(addr->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = scratch >= 0 && connect(scratch, &addr->any, len) == 0 ? 0 : errno;
    if (error == 0 && !own_address(scratch, own))
        error = EAFNOSUPPORT;
    if (scratch >= 0)
        close(scratch);
    return error;
}

/* Connect to a port of this host in place of `to` (NULL: for a moment only), and make sure that it
 * is this host's: the program may live in another network namespace. */
static bool connect_within(const struct request *request, int fd, union endpoint *own,
                           const struct target *to)
{
    union endpoint now;
    bool connected = to && decoy_connect(request, fd, own, to);
    if (!connected) {
        own->in.sin_port = htons(DISCARD_PORT); /* sin6_port lies at the same place */
        connected = connect(fd, &own->any, endpoint_len(own)) == 0;
    }
    return connected && own_address(fd, &now) && same_address(&now, own);
}

static void set_loopback(union endpoint *address, int family)
{
    memset(address, 0, sizeof(*address));
    address->any.sa_family = (sa_family_t)family;
    if (family == AF_INET)
        address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        address->in6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
}

/*
 * A connected socket sends without an address, and by ways that nobody sees: write(2), splice(2).
 * So one that must not send is connected to this host, where nobody has a use for it. It gets the
 * local address that the kernel chooses for the way to the real peer, which is what programs
 * connect such sockets for; it is never connected to that peer, not for a moment, for another
 * thread could use the moment. 0 or an errno.
 */
static int divert(const struct request *request, int fd, const union endpoint *addr, socklen_t len,
                  const struct target *to)
{
    union endpoint own;
    if (!own_address(fd, &own))
        return EACCES;
    if (!has_address(&own)) {
        int error = choose_own(addr, len, &own);
        if (error != 0)
            return error;
    }
    if (connect_within(request, fd, &own, to))
        return 0;
    set_loopback(&own, own.any.sa_family);
    return connect_within(request, fd, &own, to) ? 0 : EACCES;
}

static void remember(const struct request *request, int fd, const union endpoint *addr,
                     socklen_t len, bool is_asker)
{
    struct peer peer = {.target = *addr, .is_asker = is_asker};
    socklen_t actual_len = sizeof(peer.actual);
    peer.target_len = len < endpoint_len(addr) ? len : endpoint_len(addr);
    if (getpeername(fd, &peer.actual.any, &actual_len) == 0)
        peers_set(request->supervisor->peers, socket_cookie(fd), &peer);
}

/* 0 or an errno. */
static int connect_to_responder(const struct request *request, int fd, const union endpoint *addr,
                                socklen_t len)
{
    union endpoint ours;
    int error = find_responder(request, fd, addr, &ours);
    if (error != 0)
        return error;
    /* For the local address; an IPv6 socket cannot change its mind to IPv4 any more. */
    if (addr->any.sa_family == AF_INET)
        divert(request, fd, addr, len, NULL);
    if (connect(fd, &ours.any, endpoint_len(&ours)) != 0)
        return errno;
    remember(request, fd, addr, len, true);
    return 0;
}

static int connect_freely(const struct request *request, int fd, const union endpoint *addr,
                          socklen_t len)
{
    struct peers *peers = request->supervisor->peers;
    uint64_t cookie = socket_cookie(fd);
    const struct peer *known = peers_get(peers, cookie);
    bool is_asker = known && known->is_asker; /* answers may be on their way yet */
    if (connect(fd, &addr->any, len) != 0)
        return errno;
    if (is_asker)
        remember(request, fd, addr, len, true);
    else
        peers_remove(peers, cookie);
    return 0;
}

static int connect_blocked(const struct request *request, int fd, const union endpoint *addr,
                           socklen_t len, const struct target *to)
{
    int error = divert(request, fd, addr, len, to);
    if (error == EACCES)
        return refuse(request, to);
    if (error == 0)
        remember(request, fd, addr, len, false);
    return error;
}

static int decide_connect(const struct request *request, int fd, const union endpoint *addr,
                          socklen_t len)
{
    struct target to;
    if (!target_from_sockaddr(&to, &addr->any, len))
        return EAFNOSUPPORT;
    if (is_udp(sockopt_protocol(fd)) && to.port == RESPONDER_PORT)
        return connect_to_responder(request, fd, addr, len);
    return is_allowed(request, &to) ? connect_freely(request, fd, addr, len)
                                    : connect_blocked(request, fd, addr, len, &to);
}

void datagram_connect(struct request *request, int fd, const union endpoint *addr, socklen_t len)
{
    request_answer(request, -decide_connect(request, fd, addr, len));
    caller_give_back(fd);
}

/* --- send --- */

/* Whether the socket is one that was diverted; *to: whom the program connected it to. */
static bool is_diverted(const struct request *request, int fd, struct target *to)
{
    union endpoint actual, nameserver;
    socklen_t len = sizeof(actual);
    const struct peer *peer = peers_get(request->supervisor->peers, socket_cookie(fd));
    return peer && peer->actual.any.sa_family != AF_UNSPEC &&
           getpeername(fd, &actual.any, &len) == 0 && endpoint_equal(&actual, &peer->actual) &&
           !endpoint_equal(&actual, &peer->target) &&
           !responder_original(request->supervisor->responder, &actual, &nameserver) &&
           target_from_sockaddr(to, &peer->target.any, sizeof(peer->target));
}

static int route_to_peer(const struct request *request, int fd, struct message_name *name)
{
    struct target to;
    name->len = 0;
    return is_diverted(request, fd, &to) ? refuse(request, &to) : 0;
}

static int route_to_nameserver(const struct request *request, int fd, struct message_name *name)
{
    union endpoint nameserver = {0};
    union endpoint ours;
    memcpy(&nameserver, &name->addr,
           name->len < sizeof(nameserver) ? name->len : sizeof(nameserver));
    int error = find_responder(request, fd, &nameserver, &ours);
    if (error != 0)
        return error;
    remember_asker(request, fd);
    name->len = endpoint_len(&ours);
    memcpy(&name->addr, &ours, name->len);
    return 0;
}

/* From a loopback address nothing leaves this host, whatever it is sent to: so a resolver of the
 * program's own, bound there, may answer a socket that has another of this host's addresses. */
static bool stays_here(const struct request *request, int fd)
{
    union endpoint own;
    struct target from;
    return own_address(fd, &own) && target_from_sockaddr(&from, &own.any, sizeof(own)) &&
           from.kind == TARGET_IPV4 && from.ipv4[0] == IN_LOOPBACKNET && is_allowed(request, &from);
}

int datagram_route(const struct request *request, int fd, struct message_name *name, bool is_plain)
{
    struct target to;
    struct sockaddr *addr = (struct sockaddr *)&name->addr;
    int domain = sockopt_domain(fd);
    int protocol = sockopt_protocol(fd);
    bool has_family = name->len >= sizeof(addr->sa_family);
    /* What the kernel makes of an address without a family: IPv4 on an IPv4 socket, on one of IPv6
     * the connected peer. */
    if (has_family && addr->sa_family == AF_UNSPEC && domain == AF_INET)
        addr->sa_family = AF_INET;
    else if (has_family && addr->sa_family == AF_UNSPEC && !is_udp(protocol))
        return EAFNOSUPPORT;
    if (name->len == 0 || (has_family && addr->sa_family == AF_UNSPEC))
        return route_to_peer(request, fd, name);
    if (!target_from_sockaddr(&to, addr, name->len))
        return has_family && addr->sa_family != domain ? EAFNOSUPPORT : EINVAL;
    if (is_udp(protocol) && to.port == RESPONDER_PORT)
        return route_to_nameserver(request, fd, name);
    if (is_allowed(request, &to) || (is_plain && stays_here(request, fd)))
        return 0;
    return refuse(request, &to);
}

/* --- Groups --- */

bool datagram_may_join(const struct request *request, int fd, const struct target *group)
{
    struct target to = *group;
    struct target local;
    union endpoint own;
    if (own_address(fd, &own) && target_from_sockaddr(&local, &own.any, sizeof(own)))
        to.port = local.port;
    return is_allowed(request, &to) || refuse(request, &to) == 0;
}
