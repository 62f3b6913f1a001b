/* SPDX-License-Identifier: MIT
 * DNS messages, without I/O: a query is read, and a reply to it is built in the caller's buffer.
 * Whatever the octets, nothing is read beyond their end and no name is followed in circles.
 * Sources: RFC 1035, RFC 6891 (EDNS), RFC 3596 (ip6.arpa). */
#ifndef SOCKSIFY_CORE_DNS_H
#define SOCKSIFY_CORE_DNS_H

#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DNS_HEADER_LEN = 12,
    DNS_NAME_MAX = 255, /* octets on the wire, RFC 1035 section 2.3.4 */
    DNS_LABEL_MAX = 63,
    DNS_DATAGRAM_MAX = 512,  /* what a query without EDNS takes, RFC 1035 section 2.3.4 */
    DNS_MESSAGE_MAX = 65535, /* what a length in front of a message on TCP can say */
    DNS_QUERY_MAX = DNS_HEADER_LEN + DNS_NAME_MAX + 4 + 11, /* one of dns_build_query */
};

/* The types that are told from others here; the numbers are IANA's. */
enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_PTR = 12,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_OPT = 41,
    DNS_TYPE_SVCB = 64,
    DNS_TYPE_HTTPS = 65,
    DNS_TYPE_TKEY = 249, /* from here to ANY: what no answer of one message can serve */
    DNS_TYPE_ANY = 255,
};

enum { DNS_CLASS_IN = 1 };

enum dns_rcode {
    DNS_NOERROR = 0, /* without an answer: there is the name, but nothing of that type */
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_BADVERS = 16, /* RFC 6891 section 9: only to a query with EDNS */
};

/* A query as it was read. */
struct dns_query {
    uint16_t id;
    uint16_t flags; /* the header's second word */
    uint16_t type;
    uint16_t class;
    enum dns_rcode error; /* DNS_NOERROR, or what to answer it with, for it is malformed */
    bool has_edns;
    uint16_t payload;  /* octets that the asker takes in one datagram: 512 without EDNS */
    bool is_host_name; /* name can be said to a proxy: no octet of it had to be escaped */
    /* The first question's name as a target has it: lower case, no trailing dot, NUL-terminated.
     * Dots, backslashes, spaces and control octets inside a label are escaped as in RFC 1035
     * section 5.1. Empty for the root, and for a name whose text would be longer than this. */
    uint8_t name_len;
    char name[TARGET_NAME_MAX + 1];
    const uint8_t *question; /* as it came, borrowed from the message */
    uint16_t question_len;   /* 0 when it could not be read */
};

/*
 * Read a query. False when it asks for no answer at all: too short for a header, or itself a reply.
 * Otherwise what could be read stands in *query, and query->error says whether it was all of it.
 */
bool dns_parse_query(const uint8_t *message, size_t len, struct dns_query *query);

/*
 * Build a query for a name, written as in RFC 1035 section 5.1 ("_sip._tcp.example.com", with or
 * without a trailing dot; \. and \DDD for octets that would mean something else). Recursion is
 * desired; dnssec_ok asks for signatures, too (EDNS with DO, RFC 3225). Returns its length; 0 for a
 * text that is no name.
 */
size_t dns_build_query(uint8_t out[static DNS_QUERY_MAX], uint16_t id, const char *name,
                       uint16_t class, uint16_t type, bool dnssec_ok);

/* A reply that is being built: caller-owned, private. */
struct dns_reply {
    uint8_t *out;
    size_t size;
    size_t len;
    enum dns_rcode rcode;
    uint16_t answers;
    bool has_edns;
};

/*
 * Begin a reply to query: header, the question exactly as it came, and, when the query has one, an
 * OPT record at the end. size is what out takes, at least DNS_DATAGRAM_MAX; the reply keeps within
 * it, and sets TC when an answer does not fit. query must outlive the reply.
 */
void dns_reply_begin(struct dns_reply *reply, const struct dns_query *query, enum dns_rcode rcode,
                     uint8_t *out, size_t size);

/* Answer with an address: of 4 octets (A) or 16 (AAAA). */
void dns_reply_add_address(struct dns_reply *reply, const uint8_t *address, size_t address_len,
                           uint32_t ttl);

/* Answer with a name (PTR), not NUL-terminated, in the form of struct target. One that has no form
 * on the wire (a label over 63 octets) is left out. */
void dns_reply_add_pointer(struct dns_reply *reply, const char *name, size_t len, uint32_t ttl);

/* The reply's length. */
size_t dns_reply_end(struct dns_reply *reply);

/* A reply without answers, whole. Returns its length. size as above. */
size_t dns_refuse(const struct dns_query *query, enum dns_rcode rcode, uint8_t *out, size_t size);

/* The octets that a reply to query over datagrams may have, when the sender's buffer has size. */
size_t dns_datagram_limit(const struct dns_query *query, size_t size);

/* True when message can be the reply to a query with that id. */
bool dns_is_reply(const uint8_t *message, size_t len, uint16_t id);

/* RCODE (four bits) and number of answers of a message of at least DNS_HEADER_LEN octets. */
enum dns_rcode dns_rcode(const uint8_t *message);
uint16_t dns_answer_count(const uint8_t *message);

/* Clear AD ("these data are authentic"), for askers that have not said whom they trust. */
void dns_clear_authentic(uint8_t *message);

/* Set TC in a message (of at least DNS_HEADER_LEN octets) that was cut. */
void dns_set_truncated(uint8_t *message);

/* What a message of len octets (at least DNS_HEADER_LEN) leaves for a datagram that cannot hold it:
 * header and question, with TC set. Returns its length, at most DNS_DATAGRAM_MAX. */
size_t dns_shorten(uint8_t *message, size_t len);

/*
 * The address that a name of in-addr.arpa (four labels before it) or ip6.arpa (thirty-two) is for.
 * name as in struct dns_query. False, with *address untouched, for every other name.
 */
bool dns_address_from_arpa(const char *name, size_t len, struct target *address);

#endif
