/* SPDX-License-Identifier: MIT
 * A socket of another family in the place of one that cannot reach the proxy: an IPv4 socket and
 * an IPv6 proxy, or an IPv6-only socket and an IPv4 proxy. */
#ifndef SOCKSIFY_CORE_REPLACE_H
#define SOCKSIFY_CORE_REPLACE_H

#include "core/endpoint.h"

#include <stdbool.h>

/*
 * Put a new TCP socket of the given family behind the descriptor number fd. The descriptor's flags
 * (close-on-exec), the status flags (O_NONBLOCK, O_ASYNC with its owner) and the common socket
 * options are carried over; duplicates of the old descriptor keep the old socket. False with errno
 * when it cannot be made; fd is then as it was.
 */
bool replace_socket(int fd, int family);

/* True when a socket of that family, the one behind fd, can reach none of the endpoints. */
bool replace_is_needed(int fd, int family, const struct endpoints *endpoints);

/*
 * Make sure that the socket behind fd can reach one of the endpoints at least, replacing it when
 * it can reach none. *family is the socket's and is changed with it. False with errno as above.
 */
bool replace_unfit_socket(int fd, int *family, const struct endpoints *endpoints);

#endif
