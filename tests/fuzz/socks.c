/* SPDX-License-Identifier: MIT
 * The codec in both roles. The input is a frame, whole or not, put to every parser, octet by octet
 * as it would arrive; what a server has read is built again by the client's side and read again;
 * and the input says what the builders are to build. */
#include "core/socks.h"

#include "fuzz.h"

enum { INPUT_MAX = 600 }; /* more than the longest frame; a prefix costs as much as it is long */

enum parser {
    SOCKS4_REQUEST,
    SOCKS5_GREETING,
    SOCKS5_AUTH,
    SOCKS5_REQUEST,
    SOCKS4_REPLY,
    SOCKS5_METHOD,
    SOCKS5_AUTH_STATUS,
    SOCKS5_REPLY,
    PARSER_COUNT,
};

static const size_t frame_max[PARSER_COUNT] = {
    [SOCKS4_REQUEST] = SOCKS4_REQUEST_MAX, [SOCKS5_GREETING] = SOCKS5_GREETING_MAX,
    [SOCKS5_AUTH] = SOCKS5_AUTH_MAX,       [SOCKS5_REQUEST] = SOCKS5_REQUEST_MAX,
    [SOCKS4_REPLY] = SOCKS4_REPLY_LEN,     [SOCKS5_METHOD] = SOCKS5_METHOD_LEN,
    [SOCKS5_REPLY] = SOCKS5_REPLY_MAX,     [SOCKS5_AUTH_STATUS] = SOCKS5_AUTH_STATUS_LEN,
};

/* What a parser says of some octets. */
struct verdict {
    enum status status;
    size_t need;
    int code; /* replies only; -1 elsewhere */
    union {
        struct socks4_request request4;
        struct socks5_greeting greeting;
        struct socks5_auth auth;
        struct socks5_request request5;
    } out;
};

static struct verdict parse(enum parser parser, const uint8_t *octets, size_t len)
{
    struct verdict v;
    memset(&v, 0, sizeof(v)); /* verdicts are compared as octets */
    v.code = -1;
    uint8_t *frame = copy_exactly(octets, len);
    switch (parser) {
    case SOCKS4_REQUEST:
        v.status = socks4_parse_request(frame, len, &v.need, &v.out.request4);
        break;
    case SOCKS5_GREETING:
        v.status = socks5_parse_greeting(frame, len, &v.need, &v.out.greeting);
        break;
    case SOCKS5_AUTH:
        v.status = socks5_parse_auth(frame, len, &v.need, &v.out.auth);
        break;
    case SOCKS5_REQUEST:
        v.status = socks5_parse_request(frame, len, &v.need, &v.out.request5);
        break;
    case SOCKS4_REPLY:
        v.status = socks4_parse_reply(frame, len, &v.need, &v.code);
        break;
    case SOCKS5_METHOD:
        v.status = socks5_parse_method(frame, len, &v.need, &v.code);
        break;
    case SOCKS5_AUTH_STATUS:
        v.status = socks5_parse_auth_status(frame, len, &v.need, &v.code);
        break;
    default:
        v.status = socks5_parse_reply(frame, len, &v.need, &v.code);
        break;
    }
    free(frame);
    return v;
}

/* Octet by octet: never asks for one that follows the frame, and sticks to what it has said. */
static struct verdict parse_growing(enum parser parser, const uint8_t *octets, size_t len)
{
    struct verdict before = parse(parser, octets, 0);
    MUST(before.status == STATUS_MORE && before.need > 0);
    for (size_t n = 1; n <= len; n++) {
        struct verdict now = parse(parser, octets, n);
        if (before.status != STATUS_MORE)
            MUST(now.status == before.status);
        if (before.status == STATUS_OK)
            MUST(same_octets(&now, &before, sizeof(now)));
        if (now.status == STATUS_MORE)
            MUST(now.need > n && now.need >= before.need && now.need <= frame_max[parser]);
        if (now.status == STATUS_OK && before.status == STATUS_MORE)
            MUST(now.need == n && before.need <= n);
        MUST(before.code == -1 || now.code == before.code);
        MUST(now.code >= -1 && now.code <= 0xff);
        before = now;
    }
    return before;
}

static void check_target(const struct target *to)
{
    if (to->kind == TARGET_NAME)
        MUST(to->name_len > 0 && strlen(to->name) == to->name_len);
    else
        MUST(to->kind == TARGET_IPV4 || to->kind == TARGET_IPV6);
}

/* What was read, built by the other role; 0 when SOCKS4 cannot say it. */
static size_t build_again(enum parser parser, const struct verdict *v, uint8_t *frame)
{
    switch (parser) {
    case SOCKS4_REQUEST:
        check_target(&v->out.request4.to);
        return socks4_build_request(frame, v->out.request4.command, &v->out.request4.to,
                                    v->out.request4.user, v->out.request4.user_len);
    case SOCKS5_GREETING:
        return socks5_build_greeting(frame, v->out.greeting.methods, v->out.greeting.count);
    case SOCKS5_AUTH:
        return socks5_build_auth(frame, v->out.auth.user, v->out.auth.user_len,
                                 v->out.auth.password, v->out.auth.password_len);
    default:
        check_target(&v->out.request5.to);
        return socks5_build_request(frame, v->out.request5.command, &v->out.request5.to);
    }
}

static void check_round_trip(enum parser parser, const struct verdict *v)
{
    uint8_t frame[SOCKS5_AUTH_MAX + SOCKS4_REQUEST_MAX];
    size_t len = build_again(parser, v, frame);
    MUST(len <= frame_max[parser]);
    if (parser == SOCKS4_REQUEST && len == 0) {
        const struct target *to = &v->out.request4.to;
        MUST(to->kind == TARGET_IPV6 ||
             (to->kind == TARGET_IPV4 && memcmp(to->ipv4, "\0\0", 3) == 0));
        return;
    }
    struct verdict again = parse_growing(parser, frame, len);
    MUST(again.status == STATUS_OK && again.need == len);
    MUST(same_octets(&again.out, &v->out, sizeof(again.out)));
}

/* The server's frames, whatever they are about, are read by the client's side to their last octet,
 * and as refusals when they are. */
static void check_replies(struct input input)
{
    uint8_t frame[SOCKS5_REPLY_MAX];
    uint8_t code = take_octet(&input);
    struct target bound;
    bool has_bound = target_set_host(&bound, (const char *)input.at, input.left, code) == STATUS_OK;
    const struct target *at = has_bound ? &bound : NULL;

    struct verdict v = parse_growing(SOCKS5_REPLY, frame, socks5_build_reply(frame, code, at));
    MUST(v.code == code && v.status == socks5_reply_status(code));
    MUST((v.status == STATUS_OK) == (code == SOCKS5_SUCCEEDED));
    v = parse_growing(SOCKS4_REPLY, frame, socks4_build_reply(frame, code, at));
    MUST(v.code == code && v.status == socks4_reply_status(code));
    MUST((v.status == STATUS_OK) == (code == SOCKS4_GRANTED));
    v = parse_growing(SOCKS5_METHOD, frame, socks5_build_method(frame, code));
    MUST(v.code == code && v.status == (code == 0xff ? STATUS_NO_METHOD : STATUS_OK));
    v = parse_growing(SOCKS5_AUTH_STATUS, frame, socks5_build_auth_status(frame, code));
    MUST(v.code == code && v.status == (code == 0 ? STATUS_OK : STATUS_AUTH_REFUSED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    len = len < INPUT_MAX ? len : INPUT_MAX;
    for (enum parser parser = 0; parser < PARSER_COUNT; parser++) {
        struct verdict v = parse_growing(parser, data, len);
        if (v.status == STATUS_OK && parser < SOCKS4_REPLY)
            check_round_trip(parser, &v);
    }
    check_replies((struct input){data, len});
    return 0;
}
