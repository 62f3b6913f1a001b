/* SPDX-License-Identifier: MIT
 * The handshake machine. Each state is named after the answer it awaits; the codec reads and writes
 * the frames. */
#include "core/handshake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int failure_errno(const struct failure *failure)
{
    return failure->status == STATUS_SYSTEM ? failure->sys_errno : status_errno(failure->status);
}

const char *failure_text(const struct failure *failure, char buf[static FAILURE_TEXT_MAX])
{
    static const char *const stages[] = {
        [STAGE_CONNECT] = "connecting to the proxy",
        [STAGE_GREETING] = "greeting",
        [STAGE_AUTHENTICATION] = "authentication",
        [STAGE_REQUEST] = "request",
        [STAGE_DONE] = "connected",
    };
    const char *words = failure->status == STATUS_SYSTEM ? status_errno_text(failure->sys_errno)
                                                         : status_text(failure->status);
    if (failure->code >= 0)
        snprintf(buf, FAILURE_TEXT_MAX, "%s (%s, code %d)", words, stages[failure->stage],
                 failure->code);
    else
        snprintf(buf, FAILURE_TEXT_MAX, "%s (%s)", words, stages[failure->stage]);
    return buf;
}

bool failure_is_proxys(const struct failure *failure, const struct route *route)
{
    switch (failure->status) {
    case STATUS_GENERAL_FAILURE:
    case STATUS_NET_UNREACH:
    case STATUS_HOST_UNREACH:
    case STATUS_REFUSED:
    case STATUS_TTL_EXPIRED:
    case STATUS_UNKNOWN_REPLY:
    case STATUS_REJECTED:
    case STATUS_CLOSED_AFTER_REQUEST:
        /* Said of the next proxy of a chain, it is a proxy that cannot be reached. */
        return failure->hop + 1 < route->hop_count;
    default:
        return true;
    }
}

static const struct proxy *proxy_of(const struct handshake *h)
{
    return h->route->hop[h->hop];
}

/* What hop number i is asked to connect to. */
static const struct target *target_of(const struct handshake *h, uint8_t i)
{
    return i + 1 < h->route->hop_count ? &h->route->hop[i + 1]->address : h->to;
}

static enum status fail(struct handshake *h, enum status status, int code)
{
    h->failure.status = status;
    h->failure.stage = h->awaits;
    h->failure.hop = h->hop;
    h->failure.code = code;
    h->out_len = h->out_sent = 0;
    return status;
}

/* Change state: await an answer of at least need octets. */
static void await(struct handshake *h, enum stage answer, size_t need)
{
    h->awaits = answer;
    h->in_len = 0;
    h->in_need = (uint16_t)need;
}

static uint8_t *out_end(struct handshake *h)
{
    return h->out + h->out_len;
}

static void put_auth(struct handshake *h)
{
    const struct proxy *proxy = proxy_of(h);
    h->out_len += (uint16_t)socks5_build_auth(out_end(h), proxy->user, proxy->user_len,
                                              proxy->password, proxy->password_len);
}

static void put_request(struct handshake *h)
{
    h->out_len += (uint16_t)socks5_build_request(out_end(h), SOCKS_CONNECT, target_of(h, h->hop));
}

static bool offers_password(const struct proxy *proxy)
{
    return proxy->has_credentials;
}

/* A pipeline must know beforehand which method it will be: with a password, only that one. */
static bool offers_none(const struct proxy *proxy)
{
    return !proxy->has_credentials || (!proxy->password_only && !proxy->pipeline);
}

static void begin_socks5(struct handshake *h)
{
    const struct proxy *proxy = proxy_of(h);
    uint8_t methods[2];
    uint8_t count = 0;
    if (offers_none(proxy))
        methods[count++] = SOCKS5_METHOD_NONE;
    if (offers_password(proxy))
        methods[count++] = SOCKS5_METHOD_PASSWORD;
    h->out_len = (uint16_t)socks5_build_greeting(h->out, methods, count);
    if (proxy->pipeline) {
        if (offers_password(proxy))
            put_auth(h);
        put_request(h);
    }
    await(h, STAGE_GREETING, SOCKS5_METHOD_LEN);
}

static void begin_socks4(struct handshake *h)
{
    const struct proxy *proxy = proxy_of(h);
    h->out_len = (uint16_t)socks4_build_request(h->out, SOCKS_CONNECT, target_of(h, h->hop),
                                                proxy->user, proxy->user_len);
    await(h, STAGE_REQUEST, SOCKS4_REPLY_LEN);
}

static void begin_hop(struct handshake *h)
{
    h->out_len = h->out_sent = 0;
    if (proxy_of(h)->protocol == PROXY_SOCKS5)
        begin_socks5(h);
    else
        begin_socks4(h);
}

/* Whether hop i can say its target at all. */
static enum status carries(const struct handshake *h, uint8_t i)
{
    const struct target *to = target_of(h, i);
    enum proxy_protocol protocol = h->route->hop[i]->protocol;
    if (protocol == PROXY_SOCKS5)
        return STATUS_OK;
    if (to->kind == TARGET_IPV6)
        return STATUS_IPV6_UNSUPPORTED;
    if (to->kind == TARGET_NAME && protocol == PROXY_SOCKS4)
        return STATUS_NAME_UNSUPPORTED;
    uint8_t frame[SOCKS4_REQUEST_MAX];
    return socks4_build_request(frame, SOCKS_CONNECT, to, "", 0) ? STATUS_OK : STATUS_BAD_INPUT;
}

enum status handshake_init(struct handshake *h, const struct route *route, const struct target *to)
{
    h->route = route;
    h->to = to;
    h->failure = (struct failure){.code = -1};
    h->out_len = h->out_sent = 0;
    await(h, STAGE_REQUEST, 0);
    for (h->hop = 0; h->hop < route->hop_count; h->hop++) {
        enum status status = carries(h, h->hop);
        if (status != STATUS_OK)
            return fail(h, status, -1);
    }
    h->hop = 0;
    begin_hop(h);
    return STATUS_OK;
}

enum want handshake_want(const struct handshake *h)
{
    if (h->failure.status != STATUS_OK || h->awaits == STAGE_DONE)
        return WANT_NOTHING;
    return h->out_sent < h->out_len ? WANT_WRITE : WANT_READ;
}

size_t handshake_output(const struct handshake *h, const uint8_t **bytes)
{
    *bytes = h->out + h->out_sent;
    return (size_t)(h->out_len - h->out_sent);
}

void handshake_sent(struct handshake *h, size_t len)
{
    h->out_sent += (uint16_t)len;
}

size_t handshake_need(const struct handshake *h)
{
    return (size_t)(h->in_need - h->in_len);
}

/* The next frame of a lock-step handshake goes out alone; in a pipeline it has gone already. */
static void next_frame(struct handshake *h, void (*put)(struct handshake *h))
{
    if (proxy_of(h)->pipeline)
        return;
    h->out_len = h->out_sent = 0;
    put(h);
}

static enum status on_method(struct handshake *h, int method)
{
    const struct proxy *proxy = proxy_of(h);
    if (method == SOCKS5_METHOD_NONE && offers_none(proxy)) {
        next_frame(h, put_request);
        await(h, STAGE_REQUEST, SOCKS5_REPLY_MIN);
        return STATUS_OK;
    }
    if (method == SOCKS5_METHOD_PASSWORD && offers_password(proxy)) {
        next_frame(h, put_auth);
        await(h, STAGE_AUTHENTICATION, SOCKS5_AUTH_STATUS_LEN);
        return STATUS_OK;
    }
    return fail(h, method == SOCKS5_METHOD_PASSWORD ? STATUS_WANTS_PASSWORD : STATUS_NO_METHOD,
                method);
}

static enum status on_auth_status(struct handshake *h)
{
    next_frame(h, put_request);
    await(h, STAGE_REQUEST, SOCKS5_REPLY_MIN);
    return STATUS_OK;
}

static enum status on_granted(struct handshake *h)
{
    if (h->hop + 1 < h->route->hop_count) {
        h->hop++;
        begin_hop(h);
    } else {
        await(h, STAGE_DONE, 0);
    }
    return STATUS_OK;
}

static enum status parse_answer(struct handshake *h, size_t *need, int *code)
{
    if (h->awaits == STAGE_GREETING)
        return socks5_parse_method(h->in, h->in_len, need, code);
    if (h->awaits == STAGE_AUTHENTICATION)
        return socks5_parse_auth_status(h->in, h->in_len, need, code);
    if (proxy_of(h)->protocol == PROXY_SOCKS5)
        return socks5_parse_reply(h->in, h->in_len, need, code);
    return socks4_parse_reply(h->in, h->in_len, need, code);
}

enum status handshake_feed(struct handshake *h, const uint8_t *bytes, size_t len)
{
    if (h->failure.status != STATUS_OK)
        return h->failure.status;
    if (h->awaits == STAGE_DONE || len > handshake_need(h))
        return fail(h, STATUS_BAD_INPUT, -1);
    memcpy(h->in + h->in_len, bytes, len);
    h->in_len += (uint16_t)len;

    size_t need;
    int code;
    enum status status = parse_answer(h, &need, &code);
    if (status == STATUS_MORE) {
        h->in_need = (uint16_t)need;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return fail(h, status, code);
    if (h->awaits == STAGE_GREETING)
        return on_method(h, code);
    if (h->awaits == STAGE_AUTHENTICATION)
        return on_auth_status(h);
    return on_granted(h);
}

enum status handshake_closed(struct handshake *h, int error)
{
    if (h->failure.status != STATUS_OK)
        return h->failure.status;
    if (error != 0 && error != ECONNRESET && error != EPIPE) {
        fail(h, STATUS_SYSTEM, -1);
        h->failure.sys_errno = error;
        return STATUS_SYSTEM;
    }
    /* OpenSSH -D, and others, say every failure by closing in place of the reply. */
    bool in_place_of_reply = h->awaits == STAGE_REQUEST && h->in_len == 0;
    return fail(h, in_place_of_reply ? STATUS_CLOSED_AFTER_REQUEST : STATUS_CLOSED_EARLY, -1);
}

enum status handshake_expired(struct handshake *h)
{
    return h->failure.status != STATUS_OK ? h->failure.status : fail(h, STATUS_TIMED_OUT, -1);
}
