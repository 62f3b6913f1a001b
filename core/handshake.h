/* SPDX-License-Identifier: MIT
 * The client's side of a handshake over a route of one or more proxies, without I/O: it says which
 * octets to send and how many may be received, and is told what happened. A chain is the same
 * handshake again inside the tunnel of the one before. */
#ifndef SOCKSIFY_CORE_HANDSHAKE_H
#define SOCKSIFY_CORE_HANDSHAKE_H

#include "core/route.h"
#include "core/socks.h"
#include "core/status.h"
#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum want { WANT_WRITE, WANT_READ, WANT_NOTHING };

/* Where in the course of one connection something happened. */
enum stage { STAGE_CONNECT, STAGE_GREETING, STAGE_AUTHENTICATION, STAGE_REQUEST, STAGE_DONE };

/* Why a connection failed: all that a message to the user needs. */
struct failure {
    enum status status;
    enum stage stage;
    uint8_t hop;   /* index of the proxy in the route */
    int code;      /* the octet a proxy refused with (REP, CD, METHOD, STATUS); -1: none */
    int sys_errno; /* when status is STATUS_SYSTEM */
};

/* The errno the program gets. */
int failure_errno(const struct failure *failure);

enum { FAILURE_TEXT_MAX = 256 };

/* "Connection refused (connecting to the proxy)", "authentication refused (authentication, code
 * 1)"; NUL-terminated; returns buf. */
const char *failure_text(const struct failure *failure, char buf[static FAILURE_TEXT_MAX]);

/* True when the fault is a proxy's of the route, or ours with it, so that errno alone would
 * mislead: it cannot be reached, refused our password, spoke no SOCKS, timed out. False when the
 * proxies did their work and the target is the one that cannot be reached. */
bool failure_is_proxys(const struct failure *failure, const struct route *route);

enum {
    /* greeting, password and request together: the most that pipeline=yes sends at once */
    HANDSHAKE_OUT_MAX = SOCKS5_GREETING_MAX + SOCKS5_AUTH_MAX + SOCKS5_REQUEST_MAX,
    HANDSHAKE_IN_MAX = SOCKS5_REPLY_MAX,
};

/* Caller-owned, fixed size (1.6 KiB), no heap, no descriptor, no clock. Private but for failure. */
struct handshake {
    const struct route *route;
    const struct target *to;
    struct failure failure; /* status STATUS_OK until it fails */
    enum stage awaits;      /* the answer that comes next */
    uint8_t hop;
    uint16_t out_len, out_sent;
    uint16_t in_len, in_need;
    uint8_t out[HANDSHAKE_OUT_MAX];
    uint8_t in[HANDSHAKE_IN_MAX];
};

/*
 * Begin. route (of kind ROUTE_PROXY) and to are borrowed until the end. Returns STATUS_OK, or why
 * the route cannot carry the target (STATUS_NAME_UNSUPPORTED, STATUS_IPV6_UNSUPPORTED: SOCKS4),
 * found before anything is sent; failure then names the hop.
 */
enum status handshake_init(struct handshake *h, const struct route *route, const struct target *to);

/* What to do next: send what handshake_output says, receive, or nothing (done or failed). */
enum want handshake_want(const struct handshake *h);

/* The octets to send, to be written with one send(2) where that takes them; their number. Valid
 * until the next call. */
size_t handshake_output(const struct handshake *h, const uint8_t **bytes);

/* len of them were sent. */
void handshake_sent(struct handshake *h, size_t len);

/* How many octets may be received now (1 to HANDSHAKE_IN_MAX): never one that belongs to the
 * program. */
size_t handshake_need(const struct handshake *h);

/*
 * len octets (1 to handshake_need) were received. Returns STATUS_OK, or why the proxy's answer ends
 * the handshake; after a failure that same status for ever.
 */
enum status handshake_feed(struct handshake *h, const uint8_t *bytes, size_t len);

/* The proxy closed (error 0 or ECONNRESET or EPIPE), or send or recv failed with another errno.
 * Returns the status, as handshake_feed. */
enum status handshake_closed(struct handshake *h, int error);

/* The deadline passed. */
enum status handshake_expired(struct handshake *h);

static inline bool handshake_is_done(const struct handshake *h)
{
    return h->awaits == STAGE_DONE && h->failure.status == STATUS_OK;
}

#endif
