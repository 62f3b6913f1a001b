/* SPDX-License-Identifier: MIT
 * DNS queries of a program, whichever way they came (res_query, a datagram, a TCP connection to
 * port 53): answered from what we know, without I/O, or sorted by who else may see them. */
#ifndef SOCKSIFY_CORE_RESOLVER_H
#define SOCKSIFY_CORE_RESOLVER_H

#include "core/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resolver_verdict {
    RESOLVER_SILENT,   /* no query: it gets no answer */
    RESOLVER_ANSWERED, /* the reply is built */
    RESOLVER_DIRECT,   /* for a name that goes direct: the real name server's business */
    RESOLVER_FORWARD,  /* the dns-server's business: see forward.h */
};

/*
 * Answer a query of len octets. out takes size octets, at least DNS_DATAGRAM_MAX; a reply that goes
 * by datagram keeps within what the asker takes, too. *reply_len is set for RESOLVER_ANSWERED. The
 * buffers must not overlap.
 *
 * A, AAAA and PTR are answered as getaddrinfo(3) and getnameinfo(3) answer. Without a dns-server
 * other types get SERVFAIL, and one message says so, but HTTPS and SVCB "no such record", because
 * programs ask for them along with every address.
 */
enum resolver_verdict resolver_answer(const struct scope *scope, const uint8_t *query, size_t len,
                                      bool by_datagram, uint8_t *out, size_t size,
                                      size_t *reply_len);

/* What a query gets that could not be forwarded: SERVFAIL. Returns the length, 0 for no answer. */
size_t resolver_fail(const uint8_t *query, size_t len, uint8_t *out, size_t size);

#endif
