/* SPDX-License-Identifier: MIT
 * A socket address of IPv4 or IPv6, in no more space than the larger takes. */
#ifndef SOCKSIFY_CLI_ADDRESS_H
#define SOCKSIFY_CLI_ADDRESS_H

#include "core/target.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct address {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    };
};

/* False for another family than IPv4 and IPv6; *address is then untouched. */
bool address_from_sockaddr(struct address *address, const struct sockaddr *from, socklen_t len);

/* False when the target is a name. */
bool address_from_target(struct address *address, const struct target *target);

/* "1.2.3.4:80" or "[v6]:80", NUL-terminated; IPv4-mapped is written as IPv4; returns buf. */
const char *address_text(const struct address *address, char buf[static TARGET_TEXT_MAX]);

/* Same host, whatever the port. */
bool address_same_host(const struct address *a, const struct address *b);

/*
 * Put the families in turns, beginning with the first address's and keeping the order within each.
 * Source: RFC 8305 section 4, with a First Address Family Count of 1.
 */
void address_interleave(struct address *list, size_t count);

#endif
