/* SPDX-License-Identifier: MIT
 * The SOCKS codec, without I/O, for both roles: build a frame into a buffer, parse a frame from a
 * buffer; SOCKS4, SOCKS4a, SOCKS5 (RFC 1928) and user name/password (RFC 1929).
 *
 * Every parser takes the octets received so far (frame, len) and answers
 *   STATUS_MORE  the frame is not whole; *need is a length it has at least (always > len and never
 *                more than its true length, so that a reader who asks for *need - len octets never
 *                takes one that follows the frame);
 *   STATUS_OK    the frame is whole; *need is its exact length (<= len), *out is filled;
 *   another      why the frame is refused; *need and *out are undefined.
 * Parsers keep no state: they are called again with the longer buffer. They never read past len.
 */
#ifndef SOCKSIFY_CORE_SOCKS_H
#define SOCKSIFY_CORE_SOCKS_H

#include "core/status.h"
#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SOCKS4_VERSION = 4, SOCKS5_VERSION = 5, SOCKS5_AUTH_VERSION = 1 };

enum { SOCKS_CONNECT = 1, SOCKS_BIND = 2, SOCKS_UDP_ASSOCIATE = 3 };

/* RFC 1928 section 3 */
enum {
    SOCKS5_METHOD_NONE = 0x00,
    SOCKS5_METHOD_GSSAPI = 0x01,
    SOCKS5_METHOD_PASSWORD = 0x02,
    SOCKS5_METHOD_UNACCEPTABLE = 0xff,
};

/* RFC 1928 section 6 */
enum {
    SOCKS5_SUCCEEDED = 0x00,
    SOCKS5_GENERAL_FAILURE = 0x01,
    SOCKS5_NOT_ALLOWED = 0x02,
    SOCKS5_NETWORK_UNREACHABLE = 0x03,
    SOCKS5_HOST_UNREACHABLE = 0x04,
    SOCKS5_CONNECTION_REFUSED = 0x05,
    SOCKS5_TTL_EXPIRED = 0x06,
    SOCKS5_COMMAND_NOT_SUPPORTED = 0x07,
    SOCKS5_ADDRESS_NOT_SUPPORTED = 0x08,
};

/* SOCKS4 memo */
enum {
    SOCKS4_GRANTED = 0x5a,
    SOCKS4_REJECTED = 0x5b,
    SOCKS4_NO_IDENTD = 0x5c,
    SOCKS4_USER_MISMATCH = 0x5d,
};

/* Longest frames, in octets */
enum {
    SOCKS4_REQUEST_MAX = 8 + 255 + 1 + 255 + 1,
    SOCKS4_REPLY_LEN = 8,
    SOCKS5_GREETING_MAX = 2 + 255,
    SOCKS5_METHOD_LEN = 2,
    SOCKS5_AUTH_MAX = 3 + 255 + 255,
    SOCKS5_AUTH_STATUS_LEN = 2,
    SOCKS5_REQUEST_MAX = 4 + 1 + 255 + 2,
    SOCKS5_REPLY_MAX = SOCKS5_REQUEST_MAX,
    SOCKS5_REPLY_MIN = 4 + 1 + 0 + 2, /* a bound name of length 0 */
};

struct socks4_request {
    uint8_t command;
    uint8_t user_len; /* 0 to 255 */
    char user[255];
    struct target to; /* TARGET_NAME for SOCKS4a */
};

struct socks5_greeting {
    uint8_t count;
    uint8_t methods[255];
};

struct socks5_auth {
    uint8_t user_len; /* 0 to 255: the RFC says 1, some clients send 0 */
    uint8_t password_len;
    char user[255];
    char password[255];
};

struct socks5_request {
    uint8_t command;
    struct target to;
};

/*
 * Client's request: VN 4, CD, DSTPORT, DSTIP, USERID, NUL; for a name DSTIP is 0.0.0.1 and the name
 * follows with a NUL of its own. Returns the frame's length, or 0 for what it cannot say: an IPv6
 * target, and 0.0.0.x, which would announce a name.
 * Source: SOCKS4 memo 1), SOCKS4A memo.
 */
size_t socks4_build_request(uint8_t out[static SOCKS4_REQUEST_MAX], uint8_t command,
                            const struct target *to, const char *user, uint8_t user_len);

/* Server's reply; bound may be NULL (zeros) and is written only when IPv4. SOCKS4 memo 1). */
size_t socks4_build_reply(uint8_t out[static SOCKS4_REPLY_LEN], uint8_t code,
                          const struct target *bound);

/* Client's greeting: VER, NMETHODS, METHODS; count is 1 to 255. RFC 1928 section 3. */
size_t socks5_build_greeting(uint8_t out[static SOCKS5_GREETING_MAX], const uint8_t *methods,
                             uint8_t count);

/* Server's choice: VER, METHOD. RFC 1928 section 3. */
size_t socks5_build_method(uint8_t out[static SOCKS5_METHOD_LEN], uint8_t method);

/* Client's user name/password request. RFC 1929 section 2. */
size_t socks5_build_auth(uint8_t out[static SOCKS5_AUTH_MAX], const char *user, uint8_t user_len,
                         const char *password, uint8_t password_len);

/* Server's answer to it: VER 1, STATUS. RFC 1929 section 2. */
size_t socks5_build_auth_status(uint8_t out[static SOCKS5_AUTH_STATUS_LEN], uint8_t status);

/* Client's request. RFC 1928 sections 4 and 5. */
size_t socks5_build_request(uint8_t out[static SOCKS5_REQUEST_MAX], uint8_t command,
                            const struct target *to);

/* Server's reply; bound NULL says 0.0.0.0:0. RFC 1928 section 6. */
size_t socks5_build_reply(uint8_t out[static SOCKS5_REPLY_MAX], uint8_t code,
                          const struct target *bound);

/* Server side: what a client sent. A version octet other than the frame's own is
 * STATUS_OTHER_VERSION for 4 or 5, else STATUS_NOT_SOCKS. */
enum status socks4_parse_request(const uint8_t *frame, size_t len, size_t *need,
                                 struct socks4_request *out);
enum status socks5_parse_greeting(const uint8_t *frame, size_t len, size_t *need,
                                  struct socks5_greeting *out);
enum status socks5_parse_auth(const uint8_t *frame, size_t len, size_t *need,
                              struct socks5_auth *out);
/* STATUS_ADDRESS_UNSUPPORTED for an unknown ATYP, STATUS_BAD_INPUT for a name of length 0. The
 * caller answers a command it does not serve; port 0 and any command octet are passed through. */
enum status socks5_parse_request(const uint8_t *frame, size_t len, size_t *need,
                                 struct socks5_request *out);

/*
 * Client side: what a proxy sent.
 *
 * A refusal is a verdict as soon as the octet that says it has arrived (REP of a SOCKS5 reply, CD
 * of a SOCKS4 one): the rest of such a frame may be junk or missing. *code gets that octet (REP,
 * CD, METHOD or STATUS) whenever it has been read, also when the frame is refused; -1 before.
 * A first octet that is no SOCKS version gives STATUS_SPEAKS_HTTP ('H'), STATUS_SPEAKS_TLS (0x15,
 * 0x16), STATUS_OTHER_VERSION (a SOCKS of the other version) or STATUS_NOT_SOCKS.
 */

/* Version 0, or 4 as some servers say, and then CD. SOCKS4 memo 1). */
enum status socks4_parse_reply(const uint8_t *frame, size_t len, size_t *need, int *code);

/* STATUS_OK leaves the judgement of *code (offered or not) to the caller, but 0xff is
 * STATUS_NO_METHOD. RFC 1928 section 3. */
enum status socks5_parse_method(const uint8_t *frame, size_t len, size_t *need, int *code);

/* Version 1, or 5 as some servers say; any status but 0 is STATUS_AUTH_REFUSED. RFC 1929 2. */
enum status socks5_parse_auth_status(const uint8_t *frame, size_t len, size_t *need, int *code);

/* The bound address is skipped, not returned: it tells a CONNECT nothing. An ATYP that is unknown
 * in a success makes the length unknowable: STATUS_NOT_SOCKS. RFC 1928 section 6. */
enum status socks5_parse_reply(const uint8_t *frame, size_t len, size_t *need, int *code);

/* The status for a SOCKS5 REP or SOCKS4 CD octet; OK for the one that grants. */
enum status socks5_reply_status(uint8_t code);
enum status socks4_reply_status(uint8_t code);

#endif
