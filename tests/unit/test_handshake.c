/* SPDX-License-Identifier: MIT
 * The handshake machine in whole conversations, each held in one piece, octet by octet and in
 * between; and in the ways in which they end badly. */
#include "core/handshake.h"

#include "tests/unit/support.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

enum option { PASSWORD_ONLY = 1, PIPELINE = 2 };

struct hop {
    enum proxy_protocol protocol;
    const char *address; /* NULL: no such hop */
    const char *user;    /* NULL: no credentials */
    const char *password;
    int options;
};

/* A route and what it is built from. */
struct way {
    struct proxy proxy[3];
    const struct proxy *hop[3];
    struct route route;
    struct target to;
};

static void make_proxy(struct proxy *proxy, const struct hop *hop)
{
    *proxy = (struct proxy){.protocol = hop->protocol};
    ck_assert_int_eq(target_from_text(&proxy->address, hop->address, strlen(hop->address), 1080),
                     STATUS_OK);
    proxy->password_only = hop->options & PASSWORD_ONLY;
    proxy->pipeline = hop->options & PIPELINE;
    if (hop->user) {
        struct spelled user = spelled(hop->user), password = spelled(hop->password);
        proxy->has_credentials = true;
        proxy->user_len = (uint8_t)user.len;
        proxy->password_len = (uint8_t)password.len;
        memcpy(proxy->user, user.text, user.len);
        memcpy(proxy->password, password.text, password.len);
    }
}

static void make_way(struct way *way, const struct hop hops[static 3], const char *to)
{
    struct spelled text = spelled(to);
    way->route = (struct route){.kind = ROUTE_PROXY, .hop = way->hop};
    for (size_t i = 0; i < 3 && hops[i].address; i++) {
        make_proxy(&way->proxy[i], &hops[i]);
        way->hop[i] = &way->proxy[i];
        way->route.hop_count++;
    }
    ck_assert_int_eq(target_from_text(&way->to, text.text, text.len, 0), STATUS_OK);
}

/* The machine gives out exactly this, and takes back how far it got, `step` octets at a time. */
static void expect_output(struct handshake *h, const struct octets *frame, size_t step)
{
    for (size_t sent = 0; sent < frame->len;) {
        ck_assert_int_eq(handshake_want(h), WANT_WRITE);
        const uint8_t *bytes;
        size_t len = handshake_output(h, &bytes);
        ck_assert_uint_eq(len, frame->len - sent);
        ck_assert_mem_eq(bytes, frame->at + sent, len);
        if (len > step)
            len = step;
        handshake_sent(h, len);
        sent += len;
    }
}

/* The machine is fed as much of this as it asks for, `step` octets at a time. Returns what it said
 * last; *left octets are not its own. */
static enum status feed(struct handshake *h, const struct octets *frame, size_t step, size_t *left)
{
    enum status status = STATUS_OK;
    size_t taken = 0;
    while (status == STATUS_OK && taken < frame->len && handshake_want(h) == WANT_READ) {
        size_t len = handshake_need(h);
        ck_assert_uint_ge(len, 1);
        ck_assert_uint_le(len, HANDSHAKE_IN_MAX);
        if (len > step)
            len = step;
        if (len > frame->len - taken)
            len = frame->len - taken;
        status = handshake_feed(h, guarded(frame->at + taken, len), len);
        taken += len;
    }
    *left = frame->len - taken;
    return status;
}

/*
 * Hold a conversation: lines "C hex" (the client must say just that), "S hex" (the server says
 * that), "X errno" (the connection ends), "T" (the time is up). Between two lines of the server
 * nothing may be left; *left is what the last one left.
 */
static enum status converse(struct handshake *h, const char *const *line, size_t step, size_t *left)
{
    enum status status = STATUS_OK;
    *left = 0;
    for (; *line; line++) {
        ck_assert_uint_eq(*left, 0);
        ck_assert_int_eq(status, STATUS_OK);
        struct octets frame = {0};
        if (**line == 'C' || **line == 'S')
            frame = octets(*line + 2);
        if (**line == 'C')
            expect_output(h, &frame, step);
        else if (**line == 'S')
            status = feed(h, &frame, step, left);
        else if (**line == 'X')
            status = handshake_closed(h, atoi(*line + 2));
        else
            status = handshake_expired(h);
    }
    return status;
}

static const size_t steps[] = {SIZE_MAX, 1, 2, 3, 7};

#define SOCKS4(address)                                                                            \
    {                                                                                              \
        PROXY_SOCKS4, address, NULL, NULL, 0                                                       \
    }
#define SOCKS4A(address, user)                                                                     \
    {                                                                                              \
        PROXY_SOCKS4A, address, user, "", 0                                                        \
    }
#define SOCKS5(address)                                                                            \
    {                                                                                              \
        PROXY_SOCKS5, address, NULL, NULL, 0                                                       \
    }
#define SOCKS5_USER(address, options)                                                              \
    {                                                                                              \
        PROXY_SOCKS5, address, "alice", "s3cret", options                                          \
    }

static const struct {
    const char *name;
    struct hop hops[3];
    const char *to;
    const char *const lines[14];
    size_t left;
} good[] = {
    {"SOCKS5, no authentication, by name",
     {SOCKS5("192.0.2.1")},
     "target.test:80",
     {"C 05 01 00", "S 05 00", "C 05 01 00 03 0b 74 61 72 67 65 74 2e 74 65 73 74 00 50",
      "S 05 00 00 01 00 00 00 00 00 00"},
     0},
    {"SOCKS5, user name/password",
     {SOCKS5_USER("192.0.2.1", 0)},
     "192.0.2.10:443",
     {"C 05 02 00 02", "S 05 02", "C 01 05 61 6c 69 63 65 06 73 33 63 72 65 74", "S 01 00",
      "C 05 01 00 01 c0 00 02 0a 01 bb", "S 05 00 00 01 7f 00 00 01 1f 90"},
     0},
    {"SOCKS5, a password that is not asked for",
     {SOCKS5_USER("192.0.2.1", 0)},
     "192.0.2.10:443",
     {"C 05 02 00 02", "S 05 00", "C 05 01 00 01 c0 00 02 0a 01 bb",
      "S 05 00 00 01 7f 00 00 01 1f 90"},
     0},
    {"SOCKS5, auth=password",
     {SOCKS5_USER("192.0.2.1", PASSWORD_ONLY)},
     "192.0.2.10:443",
     {"C 05 01 02", "S 05 02", "C 01 05 61 6c 69 63 65 06 73 33 63 72 65 74", "S 05 00",
      "C 05 01 00 01 c0 00 02 0a 01 bb", "S 05 00 00 01 7f 00 00 01 1f 90"},
     0},
    {"SOCKS5, the longest password and the longest name",
     {{PROXY_SOCKS5, "192.0.2.1", "u*255", "p*255", 0}},
     "x*255:80",
     {"C 05 02 00 02", "S 05 02", "C 01 ff 75*255 ff 70*255", "S 01 00",
      "C 05 01 00 03 ff 78*255 00 50", "S 05 00 00 03 ff 78*255 1f 90"},
     0},
    {"SOCKS5, IPv6",
     {SOCKS5("192.0.2.1")},
     "[2001:db8::10]:443",
     {"C 05 01 00", "S 05 00",
      "C 05 01 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 01 bb", "S 05 00 00 04 00*18"},
     0},
    {"SOCKS5, a bound name of length 0",
     {SOCKS5("192.0.2.1")},
     "192.0.2.10:22",
     {"C 05 01 00", "S 05 00", "C 05 01 00 01 c0 00 02 0a 00 16", "S 05 00 00 03 00 00 00"},
     0},
    {"SOCKS5, the target's first words behind the reply",
     {SOCKS5("192.0.2.1")},
     "192.0.2.10:22",
     {"C 05 01 00", "S 05 00", "C 05 01 00 01 c0 00 02 0a 00 16",
      "S 05 00 00 01 00 00 00 00 00 00 53 53 48 2d"},
     4},
    {"SOCKS5, the same behind a bound name",
     {SOCKS5("192.0.2.1")},
     "192.0.2.10:22",
     {"C 05 01 00", "S 05 00", "C 05 01 00 01 c0 00 02 0a 00 16",
      "S 05 00 00 03 03 61 62 63 00 00 53 53 48 2d"},
     4},
    {"SOCKS5, the same behind a bound name of length 0",
     {SOCKS5("192.0.2.1")},
     "192.0.2.10:22",
     {"C 05 01 00", "S 05 00", "C 05 01 00 01 c0 00 02 0a 00 16",
      "S 05 00 00 03 00 00 00 53 53 48 2d"},
     4},
    {"SOCKS4A",
     {SOCKS4A("192.0.2.1", "fred")},
     "target.test:80",
     {"C 04 01 00 50 00 00 00 01 66 72 65 64 00 74 61 72 67 65 74 2e 74 65 73 74 00",
      "S 00 5a 00 00 00 00 00 00"},
     0},
    {"SOCKS4A by address, the target's first words behind the reply",
     {SOCKS4A("192.0.2.1", "fred")},
     "192.0.2.10:80",
     {"C 04 01 00 50 c0 00 02 0a 66 72 65 64 00", "S 00 5a 1f 90 7f 00 00 01 53 53 48 2d"},
     4},
    {"SOCKS4, a reply of version 4",
     {SOCKS4("192.0.2.1")},
     "192.0.2.10:80",
     {"C 04 01 00 50 c0 00 02 0a 00", "S 04 5a 00 00 00 00 00 00"},
     0},
    {"pipeline",
     {{PROXY_SOCKS5, "192.0.2.1", NULL, NULL, PIPELINE}},
     "192.0.2.10:443",
     {"C 05 01 00 05 01 00 01 c0 00 02 0a 01 bb", "S 05 00", "S 05 00 00 01 7f 00 00 01 1f 90"},
     0},
    {"pipeline with a password, answered at once",
     {SOCKS5_USER("192.0.2.1", PIPELINE)},
     "192.0.2.10:443",
     {"C 05 01 02 01 05 61 6c 69 63 65 06 73 33 63 72 65 74 05 01 00 01 c0 00 02 0a 01 bb",
      "S 05 02 01 00 05 00 00 01 7f 00 00 01 1f 90 53 53 48 2d"},
     4},
    {"pipeline, everything at its longest",
     {{PROXY_SOCKS5, "192.0.2.1", "u*255", "p*255", PIPELINE}},
     "x*255:80",
     {"C 05 01 02 01 ff 75*255 ff 70*255 05 01 00 03 ff 78*255 00 50", "S 05 02", "S 01 00",
      "S 05 00 00 01 7f 00 00 01 1f 90"},
     0},
    {"chain of two: SOCKS5 by way of SOCKS5",
     {SOCKS5("192.0.2.1"), SOCKS5_USER("second.test:1081", 0)},
     "target.test:80",
     {"C 05 01 00", "S 05 00", "C 05 01 00 03 0b 73 65 63 6f 6e 64 2e 74 65 73 74 04 39",
      "S 05 00 00 01 00 00 00 00 00 00", "C 05 02 00 02", "S 05 02",
      "C 01 05 61 6c 69 63 65 06 73 33 63 72 65 74", "S 01 00",
      "C 05 01 00 03 0b 74 61 72 67 65 74 2e 74 65 73 74 00 50", "S 05 00 00 04 00*18 53 53 48 2d"},
     4},
    {"chain of three: SOCKS4, SOCKS5 in a pipeline, SOCKS4A",
     {SOCKS4("192.0.2.1"),
      {PROXY_SOCKS5, "192.0.2.2", NULL, NULL, PIPELINE},
      SOCKS4A("192.0.2.3:1083", "fred")},
     "target.test:80",
     {"C 04 01 04 38 c0 00 02 02 00", "S 00 5a 00 00 00 00 00 00",
      "C 05 01 00 05 01 00 01 c0 00 02 03 04 3b", "S 05 00 05 00 00 03 00 00 00",
      "C 04 01 00 50 00 00 00 01 66 72 65 64 00 74 61 72 67 65 74 2e 74 65 73 74 00",
      "S 00 5a 00 00 00 00 00 00 53 53 48 2d"},
     4},
    {"chain of three: SOCKS5, SOCKS4A, SOCKS5 for a target of IPv6",
     {SOCKS5("192.0.2.1"), SOCKS4A("[2001:db8::2]", ""), SOCKS5("third.test")},
     "[2001:db8::10]:443",
     {"C 05 01 00", "S 05 00",
      "C 05 01 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02 04 38",
      "S 05 00 00 01 00 00 00 00 00 00",
      "C 04 01 04 38 00 00 00 01 00 74 68 69 72 64 2e 74 65 73 74 00", "S 00 5a 00 00 00 00 00 00",
      "C 05 01 00", "S 05 00",
      "C 05 01 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 01 bb",
      "S 05 00 00 01 00 00 00 00 00 00"},
     0},
};

START_TEST(handshake_that_is_granted_ends_with_the_reply)
{
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct way way;
        struct handshake h;
        size_t left;
        make_way(&way, good[_i].hops, good[_i].to);
        ck_assert_int_eq(handshake_init(&h, &way.route, &way.to), STATUS_OK);
        ck_assert(!handshake_is_done(&h));
        ck_assert_int_eq(converse(&h, good[_i].lines, steps[i], &left), STATUS_OK);
        ck_assert_msg(handshake_is_done(&h), "%s", good[_i].name);
        ck_assert_int_eq(handshake_want(&h), WANT_NOTHING);
        ck_assert_uint_eq(left, good[_i].left);
        ck_assert_int_eq(h.failure.status, STATUS_OK);
    }
}
END_TEST

#define REQUEST "C 05 01 00 01 c0 00 02 0a 00 51"
#define PASSWORD "C 01 05 61 6c 69 63 65 06 73 33 63 72 65 74"

static const struct {
    const char *name;
    struct hop hops[3];
    const char *const lines[12];
    struct failure failure;
    int number; /* the errno */
} bad[] = {
    {"SOCKS5, refused",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 00", REQUEST, "S 05 05 00 01 00 00 00 00 00 00"},
     {STATUS_REFUSED, STAGE_REQUEST, 0, 5, 0},
     ECONNREFUSED},
    {"SOCKS5, refused in two octets",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 00", REQUEST, "S 05 04"},
     {STATUS_HOST_UNREACH, STAGE_REQUEST, 0, 4, 0},
     EHOSTUNREACH},
    {"SOCKS4, rejected",
     {SOCKS4("192.0.2.1")},
     {"C 04 01 00 51 c0 00 02 0a 00", "S 00 5b 00 00 00 00 00 00"},
     {STATUS_REJECTED, STAGE_REQUEST, 0, 0x5b, 0},
     ECONNREFUSED},
    {"SOCKS4, no identd",
     {SOCKS4("192.0.2.1")},
     {"C 04 01 00 51 c0 00 02 0a 00", "S 00 5c"},
     {STATUS_NO_IDENTD, STAGE_REQUEST, 0, 0x5c, 0},
     EACCES},
    {"SOCKS4, another user",
     {SOCKS4("192.0.2.1")},
     {"C 04 01 00 51 c0 00 02 0a 00", "S 00 5d"},
     {STATUS_USER_MISMATCH, STAGE_REQUEST, 0, 0x5d, 0},
     EACCES},
    {"a password is wanted and none is there",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 02"},
     {STATUS_WANTS_PASSWORD, STAGE_GREETING, 0, 2, 0},
     EACCES},
    {"none is acceptable",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 ff"},
     {STATUS_NO_METHOD, STAGE_GREETING, 0, 0xff, 0},
     EACCES},
    {"a method that was not offered: GSSAPI",
     {SOCKS5_USER("192.0.2.1", 0)},
     {"C 05 02 00 02", "S 05 01"},
     {STATUS_NO_METHOD, STAGE_GREETING, 0, 1, 0},
     EACCES},
    {"a method that was not offered: none, with auth=password",
     {SOCKS5_USER("192.0.2.1", PASSWORD_ONLY)},
     {"C 05 01 02", "S 05 00"},
     {STATUS_NO_METHOD, STAGE_GREETING, 0, 0, 0},
     EACCES},
    {"a method that was not offered: none, in a pipeline with a password",
     {SOCKS5_USER("192.0.2.1", PIPELINE)},
     {"C 05 01 02 01 05 61 6c 69 63 65 06 73 33 63 72 65 74 05 01 00 01 c0 00 02 0a 00 51",
      "S 05 00"},
     {STATUS_NO_METHOD, STAGE_GREETING, 0, 0, 0},
     EACCES},
    {"a method that was not offered: password, in a pipeline without",
     {{PROXY_SOCKS5, "192.0.2.1", NULL, NULL, PIPELINE}},
     {"C 05 01 00 05 01 00 01 c0 00 02 0a 00 51", "S 05 02"},
     {STATUS_WANTS_PASSWORD, STAGE_GREETING, 0, 2, 0},
     EACCES},
    {"wrong password",
     {SOCKS5_USER("192.0.2.1", 0)},
     {"C 05 02 00 02", "S 05 02", PASSWORD, "S 01 01"},
     {STATUS_AUTH_REFUSED, STAGE_AUTHENTICATION, 0, 1, 0},
     EACCES},
    {"an HTTP server",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 48"},
     {STATUS_SPEAKS_HTTP, STAGE_GREETING, 0, -1, 0},
     EPROTO},
    {"a TLS server",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 15"},
     {STATUS_SPEAKS_TLS, STAGE_GREETING, 0, -1, 0},
     EPROTO},
    {"a SOCKS4 server",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 00"},
     {STATUS_OTHER_VERSION, STAGE_GREETING, 0, -1, 0},
     EPROTO},
    {"a SOCKS5 server",
     {SOCKS4("192.0.2.1")},
     {"C 04 01 00 51 c0 00 02 0a 00", "S 05"},
     {STATUS_OTHER_VERSION, STAGE_REQUEST, 0, -1, 0},
     EPROTO},
    {"an SSH server",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 53"},
     {STATUS_NOT_SOCKS, STAGE_GREETING, 0, -1, 0},
     EPROTO},
    {"a success whose length cannot be known",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 00", REQUEST, "S 05 00 00 02"},
     {STATUS_NOT_SOCKS, STAGE_REQUEST, 0, 0, 0},
     EPROTO},

    {"closed at once",
     {SOCKS5("192.0.2.1")},
     {"X 0"},
     {STATUS_CLOSED_EARLY, STAGE_GREETING, 0, -1, 0},
     ECONNRESET},
    {"closed after the greeting",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "X 0"},
     {STATUS_CLOSED_EARLY, STAGE_GREETING, 0, -1, 0},
     ECONNRESET},
    {"closed within the choice of a method",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05", "X 0"},
     {STATUS_CLOSED_EARLY, STAGE_GREETING, 0, -1, 0},
     ECONNRESET},
    {"closed after the password",
     {SOCKS5_USER("192.0.2.1", 0)},
     {"C 05 02 00 02", "S 05 02", PASSWORD, "X 0"},
     {STATUS_CLOSED_EARLY, STAGE_AUTHENTICATION, 0, -1, 0},
     ECONNRESET},
    {"closed within the answer to the password",
     {SOCKS5_USER("192.0.2.1", 0)},
     {"C 05 02 00 02", "S 05 02", PASSWORD, "S 01", "X 0"},
     {STATUS_CLOSED_EARLY, STAGE_AUTHENTICATION, 0, -1, 0},
     ECONNRESET},
    {"closed after the request",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 00", REQUEST, "X 0"},
     {STATUS_CLOSED_AFTER_REQUEST, STAGE_REQUEST, 0, -1, 0},
     ECONNREFUSED},
    {"closed within the reply",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 00", REQUEST, "S 05 00 00 01 00 00 00 00 00", "X 0"},
     {STATUS_CLOSED_EARLY, STAGE_REQUEST, 0, -1, 0},
     ECONNRESET},
    {"SOCKS4, closed after the request",
     {SOCKS4("192.0.2.1")},
     {"C 04 01 00 51 c0 00 02 0a 00", "X 0"},
     {STATUS_CLOSED_AFTER_REQUEST, STAGE_REQUEST, 0, -1, 0},
     ECONNREFUSED},
    {"SOCKS4, closed within the reply",
     {SOCKS4("192.0.2.1")},
     {"C 04 01 00 51 c0 00 02 0a 00", "S 00 5a 00 00 00 00 00", "X 0"},
     {STATUS_CLOSED_EARLY, STAGE_REQUEST, 0, -1, 0},
     ECONNRESET},
    {"reset after the greeting",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "X 104"},
     {STATUS_CLOSED_EARLY, STAGE_GREETING, 0, -1, 0},
     ECONNRESET},
    {"broken pipe at the greeting",
     {SOCKS5("192.0.2.1")},
     {"X 32"},
     {STATUS_CLOSED_EARLY, STAGE_GREETING, 0, -1, 0},
     ECONNRESET},
    {"reset after the request",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 00", REQUEST, "X 104"},
     {STATUS_CLOSED_AFTER_REQUEST, STAGE_REQUEST, 0, -1, 0},
     ECONNREFUSED},
    {"another error of the connection",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "X 113"},
     {STATUS_SYSTEM, STAGE_GREETING, 0, -1, EHOSTUNREACH},
     EHOSTUNREACH},
    {"no greeting in time",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "T"},
     {STATUS_TIMED_OUT, STAGE_GREETING, 0, -1, 0},
     ETIMEDOUT},
    {"no reply in time",
     {SOCKS5("192.0.2.1")},
     {"C 05 01 00", "S 05 00", REQUEST, "S 05 00", "T"},
     {STATUS_TIMED_OUT, STAGE_REQUEST, 0, -1, 0},
     ETIMEDOUT},
    {"the second proxy is refused",
     {SOCKS5("192.0.2.1"), SOCKS5("192.0.2.2")},
     {"C 05 01 00", "S 05 00", "C 05 01 00 01 c0 00 02 02 04 38", "S 05 05 00 01 00*6"},
     {STATUS_REFUSED, STAGE_REQUEST, 0, 5, 0},
     ECONNREFUSED},
    {"the second proxy wants a password",
     {SOCKS4("192.0.2.1"), SOCKS5("192.0.2.2")},
     {"C 04 01 04 38 c0 00 02 02 00", "S 00 5a 00*6", "C 05 01 00", "S 05 02"},
     {STATUS_WANTS_PASSWORD, STAGE_GREETING, 1, 2, 0},
     EACCES},
    {"the second proxy closes",
     {SOCKS5("192.0.2.1"), SOCKS4("192.0.2.2")},
     {"C 05 01 00", "S 05 00", "C 05 01 00 01 c0 00 02 02 04 38", "S 05 00 00 01 00*6",
      "C 04 01 00 51 c0 00 02 0a 00", "X 0"},
     {STATUS_CLOSED_AFTER_REQUEST, STAGE_REQUEST, 1, -1, 0},
     ECONNREFUSED},
};

static void expect_failure(const struct failure *found, const struct failure *wanted)
{
    ck_assert_int_eq(found->status, wanted->status);
    ck_assert_int_eq(found->stage, wanted->stage);
    ck_assert_uint_eq(found->hop, wanted->hop);
    ck_assert_int_eq(found->code, wanted->code);
    if (wanted->status == STATUS_SYSTEM)
        ck_assert_int_eq(found->sys_errno, wanted->sys_errno);
}

START_TEST(handshake_that_fails_says_why_and_where_for_ever)
{
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct way way;
        struct handshake h;
        size_t left;
        make_way(&way, bad[_i].hops, "192.0.2.10:81");
        ck_assert_int_eq(handshake_init(&h, &way.route, &way.to), STATUS_OK);
        enum status status = converse(&h, bad[_i].lines, steps[i], &left);
        ck_assert_msg(status == bad[_i].failure.status, "%s: %s", bad[_i].name,
                      status_text(status));
        expect_failure(&h.failure, &bad[_i].failure);
        ck_assert_int_eq(failure_errno(&h.failure), bad[_i].number);

        ck_assert_int_eq(handshake_want(&h), WANT_NOTHING);
        ck_assert(!handshake_is_done(&h));
        ck_assert_int_eq(handshake_feed(&h, (const uint8_t *)"\5", 1), status);
        ck_assert_int_eq(handshake_closed(&h, ENETDOWN), status);
        ck_assert_int_eq(handshake_expired(&h), status);
        expect_failure(&h.failure, &bad[_i].failure);
    }
}
END_TEST

/* Whoever received more than was asked for holds octets of the target's: better none than those. */
START_TEST(handshake_takes_no_octet_beyond_what_it_needs)
{
    static const struct hop hops[3] = {SOCKS5("192.0.2.1")};
    static const uint8_t granted[] = {5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    struct way way;
    struct handshake h;
    make_way(&way, hops, "192.0.2.10:81");
    ck_assert_int_eq(handshake_init(&h, &way.route, &way.to), STATUS_OK);
    ck_assert_uint_eq(handshake_need(&h), 2);
    ck_assert_int_eq(handshake_feed(&h, granted, sizeof(granted)), STATUS_BAD_INPUT);
    ck_assert_int_eq(handshake_want(&h), WANT_NOTHING);
    ck_assert(!handshake_is_done(&h));
    ck_assert_int_eq(handshake_feed(&h, granted, 2), STATUS_BAD_INPUT);
}
END_TEST

/* The table of libsocksify(7). */
static const int errno_of_code[] = {
    [1] = ECONNREFUSED, [2] = EACCES,    [3] = ENETUNREACH, [4] = EHOSTUNREACH,
    [5] = ECONNREFUSED, [6] = ETIMEDOUT, [7] = EOPNOTSUPP,  [8] = EAFNOSUPPORT,
};

START_TEST(handshake_gives_the_errno_of_every_reply_code)
{
    static const struct hop hops[3] = {SOCKS5("192.0.2.1")};
    for (int code = 1; code <= 255; code++) {
        struct way way;
        struct handshake h;
        size_t left;
        char reply[64];
        snprintf(reply, sizeof(reply), "S 05 %02x 00 01 00*6", (unsigned)code);
        const char *const lines[] = {"C 05 01 00", "S 05 00", REQUEST, reply, NULL};
        make_way(&way, hops, "192.0.2.10:81");
        ck_assert_int_eq(handshake_init(&h, &way.route, &way.to), STATUS_OK);
        ck_assert_int_ne(converse(&h, lines, SIZE_MAX, &left), STATUS_OK);
        ck_assert_int_eq(h.failure.code, code);
        ck_assert_int_eq(failure_errno(&h.failure), code <= 8 ? errno_of_code[code] : ECONNREFUSED);
    }
}
END_TEST

static const struct {
    struct hop hops[3];
    const char *to;
    enum status status;
    uint8_t hop;
    int number;
} impossible[] = {
    {{SOCKS4("192.0.2.1")}, "target.test:80", STATUS_NAME_UNSUPPORTED, 0, EHOSTUNREACH},
    {{SOCKS4("192.0.2.1")}, "[2001:db8::10]:80", STATUS_IPV6_UNSUPPORTED, 0, EAFNOSUPPORT},
    {{SOCKS4A("192.0.2.1", "")}, "[2001:db8::10]:80", STATUS_IPV6_UNSUPPORTED, 0, EAFNOSUPPORT},
    {{SOCKS4A("192.0.2.1", "")}, "0.0.0.1:80", STATUS_BAD_INPUT, 0, EINVAL},
    {{SOCKS4("192.0.2.1"), SOCKS5("second.test")},
     "192.0.2.10:80",
     STATUS_NAME_UNSUPPORTED,
     0,
     EHOSTUNREACH},
    {{SOCKS4A("192.0.2.1", ""), SOCKS5("[2001:db8::2]")},
     "192.0.2.10:80",
     STATUS_IPV6_UNSUPPORTED,
     0,
     EAFNOSUPPORT},
    {{SOCKS5("192.0.2.1"), SOCKS5("192.0.2.2"), SOCKS4("192.0.2.3")},
     "target.test:80",
     STATUS_NAME_UNSUPPORTED,
     2,
     EHOSTUNREACH},
};

START_TEST(handshake_that_cannot_carry_its_target_sends_nothing)
{
    struct way way;
    struct handshake h;
    make_way(&way, impossible[_i].hops, impossible[_i].to);
    ck_assert_int_eq(handshake_init(&h, &way.route, &way.to), impossible[_i].status);
    ck_assert_int_eq(handshake_want(&h), WANT_NOTHING);
    ck_assert(!handshake_is_done(&h));
    ck_assert_int_eq(h.failure.status, impossible[_i].status);
    ck_assert_uint_eq(h.failure.hop, impossible[_i].hop);
    ck_assert_int_eq(h.failure.code, -1);
    ck_assert_int_eq(failure_errno(&h.failure), impossible[_i].number);
}
END_TEST

/* The header promises a size: threads with 16 KiB of stack hold one. */
START_TEST(handshake_is_small)
{
    ck_assert_uint_le(sizeof(struct handshake), 1640);
}
END_TEST

START_TEST(failure_that_the_target_caused_is_not_the_proxys)
{
    static const enum status targets[] = {
        STATUS_GENERAL_FAILURE, STATUS_NET_UNREACH,          STATUS_HOST_UNREACH,
        STATUS_REFUSED,         STATUS_TTL_EXPIRED,          STATUS_UNKNOWN_REPLY,
        STATUS_REJECTED,        STATUS_CLOSED_AFTER_REQUEST,
    };
    struct route one = {.kind = ROUTE_PROXY, .hop_count = 1};
    struct route three = {.kind = ROUTE_PROXY, .hop_count = 3};
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct failure failure = {.status = targets[i], .stage = STAGE_REQUEST, .code = 1};
        ck_assert(!failure_is_proxys(&failure, &one));
        ck_assert(failure_is_proxys(&failure, &three)); /* it did not reach the next proxy */
        failure.hop = 1;
        ck_assert(failure_is_proxys(&failure, &three));
        failure.hop = 2;
        ck_assert(!failure_is_proxys(&failure, &three));
    }
}
END_TEST

START_TEST(failure_that_misleads_by_its_errno_is_the_proxys)
{
    static const enum status proxys[] = {
        STATUS_SYSTEM,           STATUS_NO_METHOD, STATUS_WANTS_PASSWORD,   STATUS_AUTH_REFUSED,
        STATUS_CLOSED_EARLY,     STATUS_NOT_SOCKS, STATUS_SPEAKS_HTTP,      STATUS_SPEAKS_TLS,
        STATUS_OTHER_VERSION,    STATUS_TIMED_OUT, STATUS_NAME_UNSUPPORTED, STATUS_IPV6_UNSUPPORTED,
        STATUS_PROXY_UNRESOLVED,
    };
    struct route one = {.kind = ROUTE_PROXY, .hop_count = 1};
    for (size_t i = 0; i < COUNT(proxys); i++) {
        struct failure failure = {.status = proxys[i], .code = -1};
        ck_assert(failure_is_proxys(&failure, &one));
    }
}
END_TEST

static const struct {
    struct failure failure;
    const char *text;
} texts[] = {
    {{STATUS_SYSTEM, STAGE_CONNECT, 0, -1, ECONNREFUSED},
     "Connection refused (connecting to the proxy)"},
    {{STATUS_AUTH_REFUSED, STAGE_AUTHENTICATION, 0, 1, 0},
     "authentication refused (authentication, code 1)"},
    {{STATUS_WANTS_PASSWORD, STAGE_GREETING, 0, 2, 0},
     "this proxy wants a user name and a password (greeting, code 2)"},
    {{STATUS_TIMED_OUT, STAGE_REQUEST, 0, -1, 0}, "no answer in time (request)"},
    {{STATUS_SPEAKS_HTTP, STAGE_GREETING, 0, -1, 0}, "this port speaks HTTP, not SOCKS (greeting)"},
    {{STATUS_SYSTEM, STAGE_CONNECT, 0, -1, 9999}, "unknown error (connecting to the proxy)"},
};

START_TEST(failure_is_told_in_words)
{
    char *buf = guarded(spelled("?*256").text, FAILURE_TEXT_MAX);
    ck_assert_ptr_eq(failure_text(&texts[_i].failure, buf), buf);
    ck_assert_str_eq(buf, texts[_i].text);
}
END_TEST

static Suite *handshake_suite(void)
{
    Suite *suite = suite_create("handshake");

    TCase *machine = tcase_create("machine");
    tcase_add_loop_test(machine, handshake_that_is_granted_ends_with_the_reply, 0, COUNT(good));
    tcase_add_loop_test(machine, handshake_that_fails_says_why_and_where_for_ever, 0, COUNT(bad));
    tcase_add_test(machine, handshake_takes_no_octet_beyond_what_it_needs);
    tcase_add_test(machine, handshake_gives_the_errno_of_every_reply_code);
    tcase_add_loop_test(machine, handshake_that_cannot_carry_its_target_sends_nothing, 0,
                        COUNT(impossible));
    tcase_add_test(machine, handshake_is_small);
    suite_add_tcase(suite, machine);

    TCase *failure = tcase_create("failure");
    tcase_add_test(failure, failure_that_the_target_caused_is_not_the_proxys);
    tcase_add_test(failure, failure_that_misleads_by_its_errno_is_the_proxys);
    tcase_add_loop_test(failure, failure_is_told_in_words, 0, COUNT(texts));
    suite_add_tcase(suite, failure);
    return suite;
}

int main(void)
{
    return run(handshake_suite());
}
