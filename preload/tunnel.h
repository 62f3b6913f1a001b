/* SPDX-License-Identifier: MIT
 * Our connect: which way a destination goes, and the connection along that way. */
#ifndef SOCKSIFY_PRELOAD_TUNNEL_H
#define SOCKSIFY_PRELOAD_TUNNEL_H

#include <sys/socket.h>

/* The contract of connect(2), through a proxy where the rules say so. Sockets that are not TCP, and
 * destinations that are local or direct, go to libc. */
int tunnel_connect(int fd, const struct sockaddr *addr, socklen_t len);

#endif
