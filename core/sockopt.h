/* SPDX-License-Identifier: MIT
 * What a socket says of itself when asked. All of these keep errno. */
#ifndef SOCKSIFY_CORE_SOCKOPT_H
#define SOCKSIFY_CORE_SOCKOPT_H

#include <netinet/in.h>
#include <stdbool.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* AF_INET, AF_UNIX and so on; -1 for what is no socket. */
int sockopt_domain(int fd);

/* IPPROTO_TCP, IPPROTO_UDP and so on; 0 for families without one; -1 for what is no socket. */
int sockopt_protocol(int fd);

/* TCP, or MPTCP, which is TCP to whoever uses it. */
bool sockopt_is_tcp(int fd);

/* An IPv6 socket that cannot say IPv4 addresses (IPV6_V6ONLY). */
bool sockopt_is_ipv6_only(int fd);

#endif
