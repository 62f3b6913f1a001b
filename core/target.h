/* SPDX-License-Identifier: MIT
 * A destination: an IPv4 address, an IPv6 address or a host name, with a port; to and from
 * sockaddr and text. No look-ups here. */
#ifndef SOCKSIFY_CORE_TARGET_H
#define SOCKSIFY_CORE_TARGET_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum target_kind { TARGET_IPV4, TARGET_IPV6, TARGET_NAME };

enum {
    TARGET_NAME_MAX = 255, /* octets: the most a SOCKS5 length octet can say (RFC 1928 section 5) */
    TARGET_TEXT_MAX = TARGET_NAME_MAX + sizeof("[]:65535"), /* with the closing NUL */
};

struct target {
    enum target_kind kind;
    uint16_t port;    /* host order */
    uint8_t name_len; /* 1 to 255 when kind is TARGET_NAME */
    union {
        uint8_t ipv4[4];                /* network order */
        uint8_t ipv6[16];               /* network order; never an IPv4-mapped address */
        char name[TARGET_NAME_MAX + 1]; /* lower case, no trailing dot, NUL-terminated */
    };
};

/*
 * Read an AF_INET or AF_INET6 sockaddr; an IPv4-mapped address becomes TARGET_IPV4.
 * False for another family or a len too short for the family; *target is then untouched.
 */
bool target_from_sockaddr(struct target *target, const struct sockaddr *addr, socklen_t len);

/*
 * Write an address of the given family (AF_INET or AF_INET6; an IPv4 target becomes IPv4-mapped for
 * AF_INET6). Returns the sockaddr's length, or 0 when the target cannot be said in that family
 * (a name, or IPv6 in AF_INET).
 */
socklen_t target_to_sockaddr(const struct target *target, int family,
                             struct sockaddr_storage *addr);

/* Make target that address; an IPv4-mapped one becomes TARGET_IPV4. */
void target_set_ipv6(struct target *target, const uint8_t address[static 16], uint16_t port);

/*
 * Make target the host `host` (not NUL-terminated; an IPv4 or IPv6 literal becomes an address,
 * anything else a name in lower case with one trailing dot dropped) with the given port.
 * STATUS_BAD_INPUT for an empty host, a name over 255 octets, one that is or ends in an empty label
 * ("." and "a.."), or one with a space or a control octet in it; *target is then untouched.
 * Brackets are not part of a host.
 */
enum status target_set_host(struct target *target, const char *host, size_t len, uint16_t port);

/*
 * Read "host:port", "1.2.3.4:port" or "[v6]:port"; port in decimal, 1 to 65535.
 * With default_port not 0 the ":port" may be missing, and a bare IPv6 literal may lack brackets.
 */
enum status target_from_text(struct target *target, const char *text, size_t len,
                             uint16_t default_port);

/* Write "host:port" ("[v6]:port" for IPv6), NUL-terminated; returns buf. Control octets in a name
 * (which target_set_host refuses anyway) would be written as they are. */
const char *target_to_text(const struct target *target, char buf[static TARGET_TEXT_MAX]);

/* Same kind, address or name (names are already in one case), and port. */
bool target_equal(const struct target *a, const struct target *b);

/* Loopback (127.0.0.0/8, ::1) or the unspecified address, which is this host on Linux. */
bool target_is_this_host(const struct target *target);

#endif
