/* SPDX-License-Identifier: MIT
 * DNS queries to the configuration's dns-server, over TCP and the route that the rules give for it.
 */
#ifndef SOCKSIFY_PRELOAD_FORWARD_H
#define SOCKSIFY_PRELOAD_FORWARD_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Ask the dns-server, and wait for its reply until the route's deadline. query has DNS_HEADER_LEN
 * to DNS_MESSAGE_MAX octets. reply takes size octets, at least DNS_HEADER_LEN; *reply_len is the
 * reply's own length: when it is more than size, reply holds the beginning with TC set.
 * On failure, which has been reported then, why. May be called by any thread; holds no lock; its
 * descriptor is out of the program's reach.
 */
enum status forward_query(const uint8_t *query, size_t len, uint8_t *reply, size_t size,
                          size_t *reply_len);

#endif
