/* SPDX-License-Identifier: MIT
 * DNS queries that the network has to answer: by the configuration's dns-server, over TCP and the
 * route that the rules give for it, or by the name server that the program asked itself. All of
 * these wait; they may be called by any thread, hold no lock, and their descriptors are out of the
 * program's reach. */
#ifndef SOCKSIFY_CORE_FORWARD_H
#define SOCKSIFY_CORE_FORWARD_H

#include "core/endpoint.h"
#include "core/resolver.h"
#include "core/scope.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Ask the dns-server, and wait for its reply until the route's deadline. query has DNS_HEADER_LEN
 * to DNS_MESSAGE_MAX octets. reply takes size octets, at least DNS_HEADER_LEN; *reply_len is the
 * reply's own length: when it is more than size, reply holds the beginning with TC set.
 * On failure, which has been reported then, why.
 */
enum status forward_query(const struct scope *scope, const uint8_t *query, size_t len,
                          uint8_t *reply, size_t size, size_t *reply_len);

/* A query that a name server of ours was asked, and that resolver_answer left to the network. */
struct forward_question {
    const uint8_t *query;
    size_t len;
    enum resolver_verdict verdict;    /* RESOLVER_DIRECT or RESOLVER_FORWARD */
    const union endpoint *nameserver; /* whom the program means to ask; RESOLVER_DIRECT asks it
                                         once, by datagram, and waits for some seconds */
    bool by_datagram;                 /* the way that the answer goes */
};

/*
 * Get the answer, whatever happens: SERVFAIL when the network has none, and one that is too long
 * for the datagram which the asker takes is cut short, so that it asks again over TCP. answer takes
 * size octets, at least DNS_DATAGRAM_MAX. Returns the length; 0: no answer, for it is no query.
 */
size_t forward_answer(const struct scope *scope, const struct forward_question *question,
                      uint8_t *answer, size_t size);

#endif
