/* SPDX-License-Identifier: MIT
 * Where to connect to: the socket addresses behind a proxy, or behind a target that goes direct.
 * What the system's resolver is asked, is asked here. */
#ifndef SOCKSIFY_CORE_ENDPOINT_H
#define SOCKSIFY_CORE_ENDPOINT_H

#include "core/proxy.h"
#include "core/route.h"
#include "core/status.h"
#include "core/target.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

union endpoint {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

enum { ENDPOINTS_MAX = 8 }; /* a name with more addresses: the first eight are tried */

struct endpoints {
    size_t count;
    union endpoint list[ENDPOINTS_MAX];
};

/*
 * The addresses of a proxy, in the order in which to try them. A literal address costs nothing; a
 * host name is looked up with the system's resolver, which may take its time. STATUS_OK with at
 * least one, or STATUS_PROXY_UNRESOLVED.
 */
enum status endpoints_resolve(const struct proxy *proxy, struct endpoints *found);

/*
 * The addresses of a target that goes direct, with its port, in the order in which to try them; a
 * host name is looked up as above. family is that of the socket (AF_INET6: with IPv4 addresses as
 * IPv4-mapped ones), or AF_UNSPEC. False when there is none.
 */
bool endpoints_of_target(const struct target *target, int family, struct endpoints *found);

/* Whether host names that take this route of proxies are looked up on this machine: the last proxy
 * is a SOCKS4 one with resolve=local. */
bool endpoints_are_local(const struct route *route);

/* resolve=local: where the route's last proxy speaks SOCKS4, a host name becomes an address, looked
 * up here as the user asked. One that cannot be found stays a name. */
void endpoints_resolve_for_socks4(const struct route *route, struct target *to);

/* The length of its sockaddr. */
socklen_t endpoint_len(const union endpoint *endpoint);

/* An endpoint in the form that a socket of the given family can connect to: IPv4 becomes
 * IPv4-mapped for AF_INET6. Returns the length, or 0 when that family cannot say it (IPv6 for
 * AF_INET). */
socklen_t endpoint_for_family(const union endpoint *endpoint, int family, union endpoint *out);

/* Same family, address and port; an IPv4-mapped address equals its IPv4 one. */
bool endpoint_equal(const union endpoint *a, const union endpoint *b);

#endif
