/* SPDX-License-Identifier: MIT
 * The SOCKS codec. Layouts are drawn above the function that builds or reads them. */
#include "core/socks.h"

#include <string.h>

enum { ATYP_IPV4 = 1, ATYP_NAME = 3, ATYP_IPV6 = 4 };

static uint8_t *put_port(uint8_t *at, uint16_t port)
{
    at[0] = (uint8_t)(port >> 8);
    at[1] = (uint8_t)port;
    return at + 2;
}

static uint16_t get_port(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

/* STATUS_MORE with *need = at_least when len falls short of it. */
static enum status want(size_t len, size_t at_least, size_t *need)
{
    *need = at_least;
    return len < at_least ? STATUS_MORE : STATUS_OK;
}

/* What a first octet that is not the expected version says about the other end. */
static enum status foreign_version(uint8_t octet)
{
    switch (octet) {
    case 'H': /* HTTP/1.1 400 Bad Request */
        return STATUS_SPEAKS_HTTP;
    case 0x15: /* TLS alert */
    case 0x16: /* TLS handshake */
        return STATUS_SPEAKS_TLS;
    case 0: /* the version of SOCKS4 replies */
    case SOCKS4_VERSION:
    case SOCKS5_VERSION:
        return STATUS_OTHER_VERSION;
    default:
        return STATUS_NOT_SOCKS;
    }
}

/* The same of a client: what else it may speak is of no use to anybody. */
static enum status foreign_client(uint8_t octet)
{
    return octet == SOCKS4_VERSION || octet == SOCKS5_VERSION ? STATUS_OTHER_VERSION
                                                              : STATUS_NOT_SOCKS;
}

/*
 *  +----+----+---------+-------+--------+------+  SOCKS4a: +------+------+
 *  | VN | CD | DSTPORT | DSTIP | USERID | NUL  |           | name | NUL  |
 *  +----+----+---------+-------+--------+------+           +------+------+
 *    1    1       2        4     any       1                  any     1
 */
size_t socks4_build_request(uint8_t out[static SOCKS4_REQUEST_MAX], uint8_t command,
                            const struct target *to, const char *user, uint8_t user_len)
{
    static const uint8_t by_name[4] = {0, 0, 0, 1};

    bool looks_like_4a =
        to->kind == TARGET_IPV4 && memcmp(to->ipv4, by_name, 3) == 0 && to->ipv4[3] != 0;
    if (to->kind == TARGET_IPV6 || looks_like_4a)
        return 0;
    uint8_t *at = out;
    *at++ = SOCKS4_VERSION;
    *at++ = command;
    at = put_port(at, to->port);
    at = put_bytes(at, to->kind == TARGET_IPV4 ? to->ipv4 : by_name, 4);
    at = put_bytes(at, user, user_len);
    *at++ = 0;
    if (to->kind == TARGET_NAME) {
        at = put_bytes(at, to->name, to->name_len);
        *at++ = 0;
    }
    return (size_t)(at - out);
}

/*
 *  +----+----+---------+-------+
 *  | 0  | CD | DSTPORT | DSTIP |
 *  +----+----+---------+-------+
 */
size_t socks4_build_reply(uint8_t out[static SOCKS4_REPLY_LEN], uint8_t code,
                          const struct target *bound)
{
    memset(out, 0, SOCKS4_REPLY_LEN);
    out[1] = code;
    if (bound && bound->kind == TARGET_IPV4) {
        put_port(out + 2, bound->port);
        put_bytes(out + 4, bound->ipv4, 4);
    }
    return SOCKS4_REPLY_LEN;
}

size_t socks5_build_greeting(uint8_t out[static SOCKS5_GREETING_MAX], const uint8_t *methods,
                             uint8_t count)
{
    out[0] = SOCKS5_VERSION;
    out[1] = count;
    put_bytes(out + 2, methods, count);
    return 2 + (size_t)count;
}

size_t socks5_build_method(uint8_t out[static SOCKS5_METHOD_LEN], uint8_t method)
{
    out[0] = SOCKS5_VERSION;
    out[1] = method;
    return SOCKS5_METHOD_LEN;
}

/*
 *  +-----+------+-------+------+--------+
 *  | VER | ULEN | UNAME | PLEN | PASSWD |
 *  +-----+------+-------+------+--------+
 */
size_t socks5_build_auth(uint8_t out[static SOCKS5_AUTH_MAX], const char *user, uint8_t user_len,
                         const char *password, uint8_t password_len)
{
    uint8_t *at = out;
    *at++ = SOCKS5_AUTH_VERSION;
    *at++ = user_len;
    at = put_bytes(at, user, user_len);
    *at++ = password_len;
    at = put_bytes(at, password, password_len);
    return (size_t)(at - out);
}

size_t socks5_build_auth_status(uint8_t out[static SOCKS5_AUTH_STATUS_LEN], uint8_t status)
{
    out[0] = SOCKS5_AUTH_VERSION;
    out[1] = status;
    return SOCKS5_AUTH_STATUS_LEN;
}

/*
 *  +-----+-----------+-----+------+----------+----------+
 *  | VER | CMD / REP | RSV | ATYP | *.ADDR   | *.PORT   |
 *  +-----+-----------+-----+------+----------+----------+
 *     1        1        0      1    4, 1+n, 16     2
 */
static size_t build_with_address(uint8_t *out, uint8_t octet, const struct target *target)
{
    uint8_t *at = out;
    *at++ = SOCKS5_VERSION;
    *at++ = octet;
    *at++ = 0;
    switch (target->kind) {
    case TARGET_IPV4:
        *at++ = ATYP_IPV4;
        at = put_bytes(at, target->ipv4, 4);
        break;
    case TARGET_IPV6:
        *at++ = ATYP_IPV6;
        at = put_bytes(at, target->ipv6, 16);
        break;
    case TARGET_NAME:
        *at++ = ATYP_NAME;
        *at++ = target->name_len;
        at = put_bytes(at, target->name, target->name_len);
        break;
    }
    at = put_port(at, target->port);
    return (size_t)(at - out);
}

size_t socks5_build_request(uint8_t out[static SOCKS5_REQUEST_MAX], uint8_t command,
                            const struct target *to)
{
    return build_with_address(out, command, to);
}

size_t socks5_build_reply(uint8_t out[static SOCKS5_REPLY_MAX], uint8_t code,
                          const struct target *bound)
{
    static const struct target nowhere = {.kind = TARGET_IPV4};

    return build_with_address(out, code, bound ? bound : &nowhere);
}

/* The octets from `from` up to a NUL, at most max of them. On STATUS_OK *end is the NUL's place. */
static enum status find_nul(const uint8_t *frame, size_t len, size_t from, size_t max, size_t *end,
                            size_t *need)
{
    for (size_t i = from; i < len && i <= from + max; i++) {
        if (frame[i] == 0) {
            *end = i;
            return STATUS_OK;
        }
    }
    if (len > from + max)
        return STATUS_BAD_INPUT;
    *need = len + 1;
    return STATUS_MORE;
}

enum status socks4_parse_request(const uint8_t *frame, size_t len, size_t *need,
                                 struct socks4_request *out)
{
    if (len >= 1 && frame[0] != SOCKS4_VERSION)
        return foreign_client(frame[0]);
    /* The shortest request: an empty user id. */
    enum status status = want(len, 9, need);
    if (status != STATUS_OK)
        return status;

    size_t user_end;
    status = find_nul(frame, len, 8, 255, &user_end, need);
    if (status != STATUS_OK)
        return status;
    const uint8_t *ip = frame + 4;
    bool by_name = ip[0] == 0 && ip[1] == 0 && ip[2] == 0 && ip[3] != 0;
    size_t name_end = user_end;
    if (by_name) {
        status = find_nul(frame, len, user_end + 1, TARGET_NAME_MAX, &name_end, need);
        if (status == STATUS_MORE && *need < user_end + 3)
            *need = user_end + 3; /* a name has one letter at least */
        if (status != STATUS_OK)
            return status;
    }

    uint16_t port = get_port(frame + 2);
    if (by_name) {
        status = target_set_host(&out->to, (const char *)frame + user_end + 1,
                                 name_end - user_end - 1, port);
        if (status != STATUS_OK)
            return status;
    } else {
        out->to.kind = TARGET_IPV4;
        out->to.port = port;
        put_bytes(out->to.ipv4, ip, 4);
    }
    out->command = frame[1];
    out->user_len = (uint8_t)(user_end - 8);
    put_bytes((uint8_t *)out->user, frame + 8, out->user_len);
    *need = name_end + 1;
    return STATUS_OK;
}

enum status socks5_parse_greeting(const uint8_t *frame, size_t len, size_t *need,
                                  struct socks5_greeting *out)
{
    if (len >= 1 && frame[0] != SOCKS5_VERSION)
        return foreign_client(frame[0]);
    enum status status = want(len, 2, need);
    if (status == STATUS_OK)
        status = want(len, 2 + (size_t)frame[1], need);
    if (status != STATUS_OK)
        return status;
    out->count = frame[1];
    put_bytes(out->methods, frame + 2, out->count);
    return STATUS_OK;
}

enum status socks5_parse_auth(const uint8_t *frame, size_t len, size_t *need,
                              struct socks5_auth *out)
{
    if (len >= 1 && frame[0] != SOCKS5_AUTH_VERSION)
        return foreign_client(frame[0]);
    enum status status = want(len, 3, need);
    if (status != STATUS_OK)
        return status;
    size_t user_len = frame[1];
    status = want(len, 3 + user_len, need);
    if (status != STATUS_OK)
        return status;
    size_t password_len = frame[2 + user_len];
    status = want(len, 3 + user_len + password_len, need);
    if (status != STATUS_OK)
        return status;
    out->user_len = (uint8_t)user_len;
    out->password_len = (uint8_t)password_len;
    put_bytes((uint8_t *)out->user, frame + 2, user_len);
    put_bytes((uint8_t *)out->password, frame + 3 + user_len, password_len);
    return STATUS_OK;
}

/* The whole length of a frame with an address, from its ATYP and length octets. A frame of fewer
 * octets than those needs `*need` at least; an unknown ATYP is STATUS_ADDRESS_UNSUPPORTED. */
static enum status length_by_atyp(const uint8_t *frame, size_t len, size_t *need)
{
    enum status status = want(len, 4, need);
    if (status != STATUS_OK) {
        *need = SOCKS5_REPLY_MIN; /* whatever the ATYP, it is no shorter */
        return status;
    }
    switch (frame[3]) {
    case ATYP_IPV4:
        return want(len, 4 + 4 + 2, need);
    case ATYP_IPV6:
        return want(len, 4 + 16 + 2, need);
    case ATYP_NAME:
        if (len < 5)
            return want(len, SOCKS5_REPLY_MIN, need);
        return want(len, 4 + 1 + (size_t)frame[4] + 2, need);
    default:
        return STATUS_ADDRESS_UNSUPPORTED;
    }
}

enum status socks5_parse_request(const uint8_t *frame, size_t len, size_t *need,
                                 struct socks5_request *out)
{
    if (len >= 1 && frame[0] != SOCKS5_VERSION)
        return foreign_client(frame[0]);
    enum status status = length_by_atyp(frame, len, need);
    if (status != STATUS_OK)
        return status;

    struct target *to = &out->to;
    uint16_t port = get_port(frame + *need - 2);
    if (frame[3] == ATYP_NAME) {
        status = target_set_host(to, (const char *)frame + 5, frame[4], port);
        if (status != STATUS_OK)
            return status;
    } else if (frame[3] == ATYP_IPV6) {
        target_set_ipv6(to, frame + 4, port);
    } else {
        to->kind = TARGET_IPV4;
        to->port = port;
        put_bytes(to->ipv4, frame + 4, 4);
    }
    out->command = frame[1];
    return STATUS_OK;
}

enum status socks4_parse_reply(const uint8_t *frame, size_t len, size_t *need, int *code)
{
    *code = -1;
    if (len >= 1 && frame[0] != 0 && frame[0] != SOCKS4_VERSION)
        return foreign_version(frame[0]);
    if (len >= 2) {
        *code = frame[1];
        enum status verdict = socks4_reply_status(frame[1]);
        if (verdict != STATUS_OK)
            return verdict;
    }
    return want(len, SOCKS4_REPLY_LEN, need);
}

enum status socks5_parse_method(const uint8_t *frame, size_t len, size_t *need, int *code)
{
    *code = -1;
    if (len >= 1 && frame[0] != SOCKS5_VERSION)
        return foreign_version(frame[0]);
    enum status status = want(len, SOCKS5_METHOD_LEN, need);
    if (status != STATUS_OK)
        return status;
    *code = frame[1];
    return frame[1] == SOCKS5_METHOD_UNACCEPTABLE ? STATUS_NO_METHOD : STATUS_OK;
}

enum status socks5_parse_auth_status(const uint8_t *frame, size_t len, size_t *need, int *code)
{
    *code = -1;
    if (len >= 1 && frame[0] != SOCKS5_AUTH_VERSION && frame[0] != SOCKS5_VERSION)
        return foreign_version(frame[0]);
    enum status status = want(len, SOCKS5_AUTH_STATUS_LEN, need);
    if (status != STATUS_OK)
        return status;
    *code = frame[1];
    return frame[1] == 0 ? STATUS_OK : STATUS_AUTH_REFUSED;
}

enum status socks5_parse_reply(const uint8_t *frame, size_t len, size_t *need, int *code)
{
    *code = -1;
    if (len >= 1 && frame[0] != SOCKS5_VERSION)
        return foreign_version(frame[0]);
    if (len >= 2) {
        *code = frame[1];
        enum status verdict = socks5_reply_status(frame[1]);
        if (verdict != STATUS_OK)
            return verdict;
    }
    enum status status = length_by_atyp(frame, len, need);
    return status == STATUS_ADDRESS_UNSUPPORTED ? STATUS_NOT_SOCKS : status;
}

enum status socks5_reply_status(uint8_t code)
{
    static const enum status by_code[] = {
        [SOCKS5_SUCCEEDED] = STATUS_OK,
        [SOCKS5_GENERAL_FAILURE] = STATUS_GENERAL_FAILURE,
        [SOCKS5_NOT_ALLOWED] = STATUS_NOT_ALLOWED,
        [SOCKS5_NETWORK_UNREACHABLE] = STATUS_NET_UNREACH,
        [SOCKS5_HOST_UNREACHABLE] = STATUS_HOST_UNREACH,
        [SOCKS5_CONNECTION_REFUSED] = STATUS_REFUSED,
        [SOCKS5_TTL_EXPIRED] = STATUS_TTL_EXPIRED,
        [SOCKS5_COMMAND_NOT_SUPPORTED] = STATUS_COMMAND_UNSUPPORTED,
        [SOCKS5_ADDRESS_NOT_SUPPORTED] = STATUS_ADDRESS_UNSUPPORTED,
    };
    return code < sizeof(by_code) / sizeof(by_code[0]) ? by_code[code] : STATUS_UNKNOWN_REPLY;
}

enum status socks4_reply_status(uint8_t code)
{
    switch (code) {
    case SOCKS4_GRANTED:
        return STATUS_OK;
    case SOCKS4_REJECTED:
        return STATUS_REJECTED;
    case SOCKS4_NO_IDENTD:
        return STATUS_NO_IDENTD;
    case SOCKS4_USER_MISMATCH:
        return STATUS_USER_MISMATCH;
    default:
        return STATUS_UNKNOWN_REPLY;
    }
}
