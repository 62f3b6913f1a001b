/* SPDX-License-Identifier: MIT
 * The codec against octets worked out by hand from the RFCs: each frame built, and parsed whole,
 * cut at every position and with junk behind it, always flush against a page that cannot be
 * touched. */
#include "core/socks.h"

#include "tests/unit/support.h"

union parsed {
    struct socks4_request socks4;
    struct socks5_greeting greeting;
    struct socks5_auth auth;
    struct socks5_request socks5;
    int code;
};

typedef enum status parse_function(const uint8_t *frame, size_t len, size_t *need,
                                   union parsed *out);

static enum status parse_socks4_request(const uint8_t *frame, size_t len, size_t *need,
                                        union parsed *out)
{
    return socks4_parse_request(frame, len, need, &out->socks4);
}

static enum status parse_greeting(const uint8_t *frame, size_t len, size_t *need, union parsed *out)
{
    return socks5_parse_greeting(frame, len, need, &out->greeting);
}

static enum status parse_auth(const uint8_t *frame, size_t len, size_t *need, union parsed *out)
{
    return socks5_parse_auth(frame, len, need, &out->auth);
}

static enum status parse_socks5_request(const uint8_t *frame, size_t len, size_t *need,
                                        union parsed *out)
{
    return socks5_parse_request(frame, len, need, &out->socks5);
}

static enum status parse_socks4_reply(const uint8_t *frame, size_t len, size_t *need,
                                      union parsed *out)
{
    return socks4_parse_reply(frame, len, need, &out->code);
}

static enum status parse_method(const uint8_t *frame, size_t len, size_t *need, union parsed *out)
{
    return socks5_parse_method(frame, len, need, &out->code);
}

static enum status parse_auth_status(const uint8_t *frame, size_t len, size_t *need,
                                     union parsed *out)
{
    return socks5_parse_auth_status(frame, len, need, &out->code);
}

static enum status parse_socks5_reply(const uint8_t *frame, size_t len, size_t *need,
                                      union parsed *out)
{
    return socks5_parse_reply(frame, len, need, &out->code);
}

/* The frame is whole at its last octet, never before, whatever follows it. Every prefix needs more,
 * but nothing beyond the frame: so a reader who takes just that, wherever the frame was cut, ends
 * at its last octet. *out: what the frame says. */
static void expect_frame(parse_function *parse, const struct octets *frame, union parsed *out)
{
    size_t need;
    for (size_t len = 0; len < frame->len; len++) {
        need = 0;
        ck_assert_int_eq(parse(guarded(frame->at, len), len, &need, out), STATUS_MORE);
        ck_assert_uint_gt(need, len);
        ck_assert_uint_le(need, frame->len);
    }

    struct octets stream = *frame;
    octets_add(&stream, "SSH-2.0-\0\0\xff\x05", 12);
    memset(out, 0x55, sizeof(*out));
    ck_assert_int_eq(parse(guarded(stream.at, stream.len), stream.len, &need, out), STATUS_OK);
    ck_assert_uint_eq(need, frame->len);
    memset(out, 0xaa, sizeof(*out));
    ck_assert_int_eq(parse(guarded(frame->at, frame->len), frame->len, &need, out), STATUS_OK);
    ck_assert_uint_eq(need, frame->len);
}

/* The frame is refused from octet number `decides` on, and not before. */
static void expect_refusal(parse_function *parse, const struct octets *frame, size_t decides,
                           enum status status, union parsed *out)
{
    for (size_t len = 0; len <= frame->len; len++) {
        size_t need = 0;
        enum status found = parse(guarded(frame->at, len), len, &need, out);
        if (len > decides) {
            ck_assert_int_eq(found, status);
        } else {
            ck_assert_int_eq(found, STATUS_MORE);
            ck_assert_uint_gt(need, len);
        }
    }
}

static void expect_octets(const uint8_t *built, size_t len, const struct octets *frame)
{
    ck_assert_uint_eq(len, frame->len);
    ck_assert_mem_eq(built, frame->at, len);
}

/* Room for a builder: as much as it may use, and not one octet more. */
static uint8_t *room(size_t len)
{
    static const uint8_t nothing[1024];
    return guarded(nothing, len);
}

/* host in the notation of spelled(); "" is a name of length 0. */
static struct target target(const char *host, uint16_t port)
{
    struct target made = {.kind = TARGET_NAME, .port = port};
    struct spelled text = spelled(host);
    if (text.len > 0)
        ck_assert_int_eq(target_set_host(&made, text.text, text.len, port), STATUS_OK);
    return made;
}

static void expect_target(const struct target *found, const char *host, uint16_t port)
{
    struct target wanted = target(host, port);
    ck_assert_msg(target_equal(found, &wanted), "host %s", host);
    if (found->kind == TARGET_NAME)
        ck_assert_uint_eq(strlen(found->name), found->name_len);
}

static const struct {
    const char *hex;
    uint8_t command;
    uint16_t port;
    const char *host;
    const char *user;
} socks4_requests[] = {
    {"04 01 00 50 c0 00 02 0a 66 72 65 64 00", SOCKS_CONNECT, 80, "192.0.2.10", "fred"},
    {"04 01 00 50 c0 00 02 0a 00", SOCKS_CONNECT, 80, "192.0.2.10", ""},
    {"04 01 ff ff c0 00 02 0a 00", SOCKS_CONNECT, 65535, "192.0.2.10", ""},
    {"04 01 00 50 c0 00 02 0a 75*255 00", SOCKS_CONNECT, 80, "192.0.2.10", "u*255"},
    {"04 02 00 15 c0 00 02 0a 66 72 65 64 00", SOCKS_BIND, 21, "192.0.2.10", "fred"},
    {"04 01 00 50 00 00 00 00 00", SOCKS_CONNECT, 80, "0.0.0.0", ""}, /* not SOCKS4a */
    {"04 01 00 50 00 00 00 01 66 72 65 64 00 74 61 72 67 65 74 2e 74 65 73 74 00", SOCKS_CONNECT,
     80, "target.test", "fred"},
    {"04 01 01 bb 00 00 00 01 00 74 61 72 67 65 74 2e 74 65 73 74 00", SOCKS_CONNECT, 443,
     "target.test", ""},
    {"04 01 00 50 00 00 00 01 00 61 00", SOCKS_CONNECT, 80, "a", ""},
    {"04 01 00 50 00 00 00 01 75*255 00 78*255 00", SOCKS_CONNECT, 80, "x*255", "u*255"},
    {"04 02 00 15 00 00 00 01 66 72 65 64 00 74 61 72 67 65 74 2e 74 65 73 74 00", SOCKS_BIND, 21,
     "target.test", "fred"},
};

START_TEST(socks4_request_is_built)
{
    struct octets frame = octets(socks4_requests[_i].hex);
    struct target to = target(socks4_requests[_i].host, socks4_requests[_i].port);
    struct spelled user = spelled(socks4_requests[_i].user);
    uint8_t *built = room(SOCKS4_REQUEST_MAX);
    size_t len =
        socks4_build_request(built, socks4_requests[_i].command, &to, user.text, (uint8_t)user.len);
    expect_octets(built, len, &frame);
}
END_TEST

START_TEST(socks4_request_is_parsed)
{
    struct octets frame = octets(socks4_requests[_i].hex);
    struct spelled user = spelled(socks4_requests[_i].user);
    union parsed out;
    expect_frame(parse_socks4_request, &frame, &out);
    ck_assert_uint_eq(out.socks4.command, socks4_requests[_i].command);
    ck_assert_uint_eq(out.socks4.user_len, user.len);
    ck_assert_mem_eq(out.socks4.user, user.text, user.len);
    expect_target(&out.socks4.to, socks4_requests[_i].host, socks4_requests[_i].port);
}
END_TEST

START_TEST(socks4_request_that_marks_a_name_with_any_0_0_0_x_is_parsed)
{
    for (unsigned x = 1; x <= 255; x += 127) {
        struct octets frame =
            octets("04 01 01 bb 00 00 00 ff 00 74 61 72 67 65 74 2e 74 65 73 74 00");
        union parsed out;
        frame.at[7] = (uint8_t)x;
        expect_frame(parse_socks4_request, &frame, &out);
        expect_target(&out.socks4.to, "target.test", 443);
    }
}
END_TEST

START_TEST(socks4_request_for_what_it_cannot_say_is_not_built)
{
    static const char *const hosts[] = {"2001:db8::10", "::1", "0.0.0.1", "0.0.0.255"};
    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct target to = target(hosts[i], 80);
        uint8_t *built = room(SOCKS4_REQUEST_MAX);
        ck_assert_uint_eq(socks4_build_request(built, SOCKS_CONNECT, &to, "", 0), 0);
    }
}
END_TEST

static const struct {
    const char *hex;
    uint8_t command;
    uint16_t port;
    const char *host;
} socks5_requests[] = {
    {"05 01 00 01 c0 00 02 0a 00 50", SOCKS_CONNECT, 80, "192.0.2.10"},
    {"05 01 00 03 0b 74 61 72 67 65 74 2e 74 65 73 74 00 50", SOCKS_CONNECT, 80, "target.test"},
    {"05 01 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 01 bb", SOCKS_CONNECT, 443,
     "2001:db8::10"},
    {"05 01 00 01 c0 00 02 0a ff ff", SOCKS_CONNECT, 65535, "192.0.2.10"},
    {"05 01 00 03 01 61 00 01", SOCKS_CONNECT, 1, "a"},
    {"05 01 00 03 3f 78*63 00 50", SOCKS_CONNECT, 80, "x*63"},
    {"05 01 00 03 fd 78*63 2e 78*63 2e 78*63 2e 78*61 00 50", SOCKS_CONNECT, 80,
     "x*63.x*63.x*63.x*61"},
    {"05 01 00 03 ff 78*255 00 50", SOCKS_CONNECT, 80, "x*255"},
    {"05 02 00 01 c0 00 02 0a 00 15", SOCKS_BIND, 21, "192.0.2.10"},
    {"05 03 00 01 00 00 00 00 00 00", SOCKS_UDP_ASSOCIATE, 0, "0.0.0.0"},
    {"05 03 00 04 00*18", SOCKS_UDP_ASSOCIATE, 0, "::"},
};

START_TEST(socks5_request_is_built)
{
    struct octets frame = octets(socks5_requests[_i].hex);
    struct target to = target(socks5_requests[_i].host, socks5_requests[_i].port);
    uint8_t *built = room(SOCKS5_REQUEST_MAX);
    expect_octets(built, socks5_build_request(built, socks5_requests[_i].command, &to), &frame);
}
END_TEST

START_TEST(socks5_request_is_parsed)
{
    struct octets frame = octets(socks5_requests[_i].hex);
    union parsed out;
    expect_frame(parse_socks5_request, &frame, &out);
    ck_assert_uint_eq(out.socks5.command, socks5_requests[_i].command);
    expect_target(&out.socks5.to, socks5_requests[_i].host, socks5_requests[_i].port);
}
END_TEST

/* What clients say in another way than we would. */
static const struct {
    const char *hex;
    uint8_t command;
    uint16_t port;
    const char *host;
} odd_socks5_requests[] = {
    {"05 01 00 03 0b 54 61 52 67 65 74 2e 54 45 73 74 00 50", 1, 80, "target.test"},
    {"05 01 00 03 0c 74 61 72 67 65 74 2e 74 65 73 74 2e 00 50", 1, 80, "target.test"},
    {"05 01 00 03 0a 31 39 32 2e 30 2e 32 2e 31 30 00 50", 1, 80, "192.0.2.10"},
    {"05 01 00 03 03 3a 3a 31 00 50", 1, 80, "::1"},
    {"05 01 00 04 00*10 ff ff c0 00 02 0a 00 50", 1, 80, "192.0.2.10"},
    {"05 01 ff 01 c0 00 02 0a 00 50", 1, 80, "192.0.2.10"},
    {"05 f0 00 01 c0 00 02 0a 00 00", 0xf0, 0, "192.0.2.10"},
};

START_TEST(socks5_request_in_another_form_is_parsed)
{
    struct octets frame = octets(odd_socks5_requests[_i].hex);
    union parsed out;
    expect_frame(parse_socks5_request, &frame, &out);
    ck_assert_uint_eq(out.socks5.command, odd_socks5_requests[_i].command);
    expect_target(&out.socks5.to, odd_socks5_requests[_i].host, odd_socks5_requests[_i].port);
}
END_TEST

static const struct {
    parse_function *parse;
    const char *hex;
    size_t decides; /* the octet, from 0 */
    enum status status;
} refused_clients[] = {
    {parse_socks4_request, "05 01 00", 0, STATUS_OTHER_VERSION},
    {parse_socks4_request, "00 01 00 50 c0 00 02 0a 00", 0, STATUS_NOT_SOCKS},
    {parse_socks4_request, "47 45 54 20 2f", 0, STATUS_NOT_SOCKS},
    {parse_socks4_request, "48 45 41 44 20", 0, STATUS_NOT_SOCKS},
    {parse_socks4_request, "16 03 01 02 00", 0, STATUS_NOT_SOCKS},
    {parse_socks4_request, "04 01 00 50 c0 00 02 0a 75*256", 263, STATUS_BAD_INPUT},
    {parse_socks4_request, "04 01 00 50 00 00 00 01 00 78*256", 264, STATUS_BAD_INPUT},
    {parse_socks4_request, "04 01 00 50 00 00 00 01 00 61 20 62 00", 12, STATUS_BAD_INPUT},
    {parse_greeting, "04 01 00 50", 0, STATUS_OTHER_VERSION},
    {parse_greeting, "00 01 00", 0, STATUS_NOT_SOCKS},
    {parse_greeting, "48 45 41 44 20", 0, STATUS_NOT_SOCKS},
    {parse_greeting, "16 03 01 02 00", 0, STATUS_NOT_SOCKS},
    {parse_auth, "05 01 00", 0, STATUS_OTHER_VERSION},
    {parse_auth, "00 01 61 01 62", 0, STATUS_NOT_SOCKS},
    {parse_socks5_request, "04 01 00 50", 0, STATUS_OTHER_VERSION},
    {parse_socks5_request, "01 01 61 01 62", 0, STATUS_NOT_SOCKS},
    {parse_socks5_request, "05 01 00 00 00 00 00 00 00 00", 3, STATUS_ADDRESS_UNSUPPORTED},
    {parse_socks5_request, "05 01 00 02 00 00 00 00 00 00", 3, STATUS_ADDRESS_UNSUPPORTED},
    {parse_socks5_request, "05 01 00 05 00 00 00 00 00 00", 3, STATUS_ADDRESS_UNSUPPORTED},
    {parse_socks5_request, "05 01 00 ff 00 00 00 00 00 00", 3, STATUS_ADDRESS_UNSUPPORTED},
    {parse_socks5_request, "05 01 00 03 00 00 50", 6, STATUS_BAD_INPUT},
    {parse_socks5_request, "05 01 00 03 03 61 20 62 00 50", 9, STATUS_BAD_INPUT},
    {parse_socks5_request, "05 01 00 03 03 61 00 62 00 50", 9, STATUS_BAD_INPUT},
    {parse_socks5_request, "05 01 00 03 08 3a 3a 31 00 2e 63 6f 6d 00 50", 14, STATUS_BAD_INPUT},
};

START_TEST(socks_client_is_refused_at_the_octet_that_decides)
{
    struct octets frame = octets(refused_clients[_i].hex);
    union parsed out;
    expect_refusal(refused_clients[_i].parse, &frame, refused_clients[_i].decides,
                   refused_clients[_i].status, &out);
}
END_TEST

/* The name would begin where the frame ends: one octet has to be waited for. */
START_TEST(socks4_request_with_an_empty_name_is_refused)
{
    struct octets frame = octets("04 01 00 50 00 00 00 01 00 00");
    size_t need;
    struct socks4_request out;
    ck_assert_int_eq(socks4_parse_request(guarded(frame.at, frame.len), frame.len, &need, &out),
                     STATUS_BAD_INPUT);
}
END_TEST

static const struct {
    const char *hex, *methods;
} greetings[] = {
    {"05 01 00", "00"}, {"05 02 00 02", "00 02"}, {"05 03 00 01 02", "00 01 02"},
    {"05 01 02", "02"}, {"05 01 01", "01"},
};

static void expect_greeting(const struct octets *frame, const struct octets *methods)
{
    uint8_t *built = room(SOCKS5_GREETING_MAX);
    size_t len = socks5_build_greeting(built, methods->at, (uint8_t)methods->len);
    expect_octets(built, len, frame);
    union parsed out;
    expect_frame(parse_greeting, frame, &out);
    ck_assert_uint_eq(out.greeting.count, methods->len);
    ck_assert_mem_eq(out.greeting.methods, methods->at, methods->len);
}

START_TEST(socks5_greeting_is_built_and_parsed)
{
    struct octets frame = octets(greetings[_i].hex), methods = octets(greetings[_i].methods);
    expect_greeting(&frame, &methods);
}
END_TEST

START_TEST(socks5_greeting_with_all_methods_is_built_and_parsed)
{
    struct octets frame = octets("05 ff"), methods = {0};
    for (unsigned method = 0; method < 255; method++)
        octets_add(&methods, &(uint8_t){(uint8_t)method}, 1);
    octets_add(&frame, methods.at, methods.len);
    ck_assert_uint_eq(frame.len, 257);
    expect_greeting(&frame, &methods);
}
END_TEST

START_TEST(socks5_greeting_without_methods_is_parsed)
{
    struct octets frame = octets("05 00");
    union parsed out;
    expect_frame(parse_greeting, &frame, &out);
    ck_assert_uint_eq(out.greeting.count, 0);
}
END_TEST

static const struct {
    const char *hex, *user, *password;
} auths[] = {
    {"01 05 61 6c 69 63 65 06 73 33 63 72 65 74", "alice", "s3cret"},
    {"01 01 61 01 62", "a", "b"},
    {"01 ff 75*255 ff 70*255", "u*255", "p*255"},
    {"01 05 61 6c 69 63 65 00", "alice", ""},
    {"01 00 00", "", ""},
};

START_TEST(socks5_auth_is_built_and_parsed)
{
    struct octets frame = octets(auths[_i].hex);
    struct spelled user = spelled(auths[_i].user), password = spelled(auths[_i].password);
    uint8_t *built = room(SOCKS5_AUTH_MAX);
    size_t len = socks5_build_auth(built, user.text, (uint8_t)user.len, password.text,
                                   (uint8_t)password.len);
    expect_octets(built, len, &frame);
    union parsed out;
    expect_frame(parse_auth, &frame, &out);
    ck_assert_uint_eq(out.auth.user_len, user.len);
    ck_assert_mem_eq(out.auth.user, user.text, user.len);
    ck_assert_uint_eq(out.auth.password_len, password.len);
    ck_assert_mem_eq(out.auth.password, password.text, password.len);
}
END_TEST

static const struct {
    const char *hex;
    uint8_t code;
    uint16_t port;
    const char *host; /* NULL: no bound address is given */
} socks4_replies[] = {
    {"00 5a 00 00 00 00 00 00", SOCKS4_GRANTED, 0, NULL},
    {"00 5b 00 00 00 00 00 00", SOCKS4_REJECTED, 0, NULL},
    {"00 5c 00 00 00 00 00 00", SOCKS4_NO_IDENTD, 0, NULL},
    {"00 5d 00 00 00 00 00 00", SOCKS4_USER_MISMATCH, 0, NULL},
    {"00 5a 1f 90 7f 00 00 01", SOCKS4_GRANTED, 8080, "127.0.0.1"},
    {"00 5a 9c 40 00 00 00 00", SOCKS4_GRANTED, 40000, "0.0.0.0"},
    {"00 5a 00 00 00 00 00 00", SOCKS4_GRANTED, 8080, "::1"}, /* cannot be said */
};

START_TEST(socks4_reply_is_built)
{
    struct octets frame = octets(socks4_replies[_i].hex);
    const char *host = socks4_replies[_i].host;
    struct target bound = target(host ? host : "", socks4_replies[_i].port);
    uint8_t *built = room(SOCKS4_REPLY_LEN);
    size_t len = socks4_build_reply(built, socks4_replies[_i].code, host ? &bound : NULL);
    expect_octets(built, len, &frame);
}
END_TEST

static const struct {
    const char *hex;
    uint8_t code;
    uint16_t port;
    const char *host; /* NULL: no bound address is given */
} socks5_replies[] = {
    {"05 00 00 01 7f 00 00 01 1f 90", 0, 8080, "127.0.0.1"},
    {"05 00 00 01 00 00 00 00 00 00", 0, 0, "0.0.0.0"},
    {"05 00 00 01 00 00 00 00 00 00", 0, 0, NULL},
    {"05 00 00 04 00*15 01 1f 90", 0, 8080, "::1"},
    {"05 00 00 04 00*18", 0, 0, "::"},
    {"05 00 00 03 0a 70 72 6f 78 79 2e 74 65 73 74 1f 90", 0, 8080, "proxy.test"},
    {"05 00 00 03 00 00 00", 0, 0, ""},
    {"05 00 00 03 ff 78*255 1f 90", 0, 8080, "x*255"},
    {"05 01 00 01 00 00 00 00 00 00", SOCKS5_GENERAL_FAILURE, 0, NULL},
    {"05 02 00 01 00 00 00 00 00 00", SOCKS5_NOT_ALLOWED, 0, NULL},
    {"05 03 00 01 00 00 00 00 00 00", SOCKS5_NETWORK_UNREACHABLE, 0, NULL},
    {"05 04 00 01 00 00 00 00 00 00", SOCKS5_HOST_UNREACHABLE, 0, NULL},
    {"05 05 00 01 00 00 00 00 00 00", SOCKS5_CONNECTION_REFUSED, 0, NULL},
    {"05 06 00 01 00 00 00 00 00 00", SOCKS5_TTL_EXPIRED, 0, NULL},
    {"05 07 00 01 00 00 00 00 00 00", SOCKS5_COMMAND_NOT_SUPPORTED, 0, NULL},
    {"05 08 00 01 00 00 00 00 00 00", SOCKS5_ADDRESS_NOT_SUPPORTED, 0, NULL},
    {"05 09 00 01 00 00 00 00 00 00", 9, 0, NULL},
};

START_TEST(socks5_reply_is_built)
{
    struct octets frame = octets(socks5_replies[_i].hex);
    const char *host = socks5_replies[_i].host;
    struct target bound = target(host ? host : "", socks5_replies[_i].port);
    uint8_t *built = room(SOCKS5_REPLY_MAX);
    size_t len = socks5_build_reply(built, socks5_replies[_i].code, host ? &bound : NULL);
    expect_octets(built, len, &frame);
}
END_TEST

START_TEST(socks5_method_and_auth_status_are_built)
{
    for (unsigned code = 0; code <= 255; code++) {
        struct octets method = octets("05 00"), status = octets("01 00");
        method.at[1] = status.at[1] = (uint8_t)code;
        uint8_t *built = room(SOCKS5_METHOD_LEN);
        expect_octets(built, socks5_build_method(built, (uint8_t)code), &method);
        built = room(SOCKS5_AUTH_STATUS_LEN);
        expect_octets(built, socks5_build_auth_status(built, (uint8_t)code), &status);
    }
}
END_TEST

static const struct {
    parse_function *parse;
    const char *hex;
    int code;
} good_answers[] = {
    {parse_socks4_reply, "00 5a 00 00 00 00 00 00", SOCKS4_GRANTED},
    {parse_socks4_reply, "00 5a 1f 90 7f 00 00 01", SOCKS4_GRANTED},
    {parse_socks4_reply, "00 5a 9c 40 00 00 00 00", SOCKS4_GRANTED},
    {parse_socks4_reply, "04 5a 00 00 00 00 00 00", SOCKS4_GRANTED}, /* some servers */
    {parse_method, "05 00", SOCKS5_METHOD_NONE},
    {parse_method, "05 01", SOCKS5_METHOD_GSSAPI},
    {parse_method, "05 02", SOCKS5_METHOD_PASSWORD},
    {parse_method, "05 fe", 0xfe},
    {parse_auth_status, "01 00", 0},
    {parse_auth_status, "05 00", 0}, /* seen in the field */
    {parse_socks5_reply, "05 00 00 01 7f 00 00 01 1f 90", 0},
    {parse_socks5_reply, "05 00 00 01 00 00 00 00 00 00", 0},
    {parse_socks5_reply, "05 00 00 04 00*15 01 1f 90", 0},
    {parse_socks5_reply, "05 00 00 04 00*18", 0},
    {parse_socks5_reply, "05 00 00 03 0a 70 72 6f 78 79 2e 74 65 73 74 1f 90", 0},
    {parse_socks5_reply, "05 00 00 03 00 00 00", 0},
    {parse_socks5_reply, "05 00 00 03 ff 78*255 1f 90", 0},
    {parse_socks5_reply, "05 00 00 03 03 00 0a 1b 00 00", 0}, /* a name that is none: skipped */
    {parse_socks5_reply, "05 00 ff 01 7f 00 00 01 1f 90", 0}, /* RSV judges nothing */
};

START_TEST(socks_answer_is_read_to_its_end)
{
    struct octets frame = octets(good_answers[_i].hex);
    union parsed out;
    expect_frame(good_answers[_i].parse, &frame, &out);
    ck_assert_int_eq(out.code, good_answers[_i].code);
}
END_TEST

static const struct {
    parse_function *parse;
    const char *hex;
    size_t decides; /* the octet, from 0 */
    enum status status;
    int code;
} bad_answers[] = {
    {parse_method, "04 00", 0, STATUS_OTHER_VERSION, -1},
    {parse_method, "48 54 54 50", 0, STATUS_SPEAKS_HTTP, -1},
    {parse_method, "15 03 01 00 02 02 28", 0, STATUS_SPEAKS_TLS, -1},
    {parse_method, "16 03 03 00 7a", 0, STATUS_SPEAKS_TLS, -1},
    {parse_method, "00 5b 00 00 00 00 00 00", 0, STATUS_OTHER_VERSION, -1},
    {parse_method, "53 53 48 2d", 0, STATUS_NOT_SOCKS, -1},
    {parse_method, "ff ff", 0, STATUS_NOT_SOCKS, -1},
    {parse_method, "05 ff", 1, STATUS_NO_METHOD, 0xff},
    {parse_auth_status, "01 01", 1, STATUS_AUTH_REFUSED, 1},
    {parse_auth_status, "01 ff", 1, STATUS_AUTH_REFUSED, 0xff},
    {parse_auth_status, "05 01", 1, STATUS_AUTH_REFUSED, 1},
    {parse_auth_status, "04 00", 0, STATUS_OTHER_VERSION, -1},
    {parse_auth_status, "48 54 54 50", 0, STATUS_SPEAKS_HTTP, -1},
    {parse_auth_status, "02 00", 0, STATUS_NOT_SOCKS, -1},
    {parse_socks5_reply, "04 00 00 01 00 00 00 00 00 00", 0, STATUS_OTHER_VERSION, -1},
    {parse_socks5_reply, "01 00 00 01 00 00 00 00 00 00", 0, STATUS_NOT_SOCKS, -1},
    {parse_socks5_reply, "48 54 54 50 2f 31", 0, STATUS_SPEAKS_HTTP, -1},
    {parse_socks5_reply, "05 ff 00 01 00 00 00 00 00 00", 1, STATUS_UNKNOWN_REPLY, 0xff},
    {parse_socks5_reply, "05 05 00 ff", 1, STATUS_REFUSED, 5}, /* junk in place of an ATYP */
    {parse_socks5_reply, "05 04", 1, STATUS_HOST_UNREACH, 4},  /* and then EOF */
    {parse_socks5_reply, "05 00 00 00 00 00 00 00 00 00", 3, STATUS_NOT_SOCKS, 0},
    {parse_socks5_reply, "05 00 00 02 00 00 00 00 00 00", 3, STATUS_NOT_SOCKS, 0},
    {parse_socks4_reply, "00 5b 00 00 00 00 00 00", 1, STATUS_REJECTED, 0x5b},
    {parse_socks4_reply, "00 5c 00 00 00 00 00 00", 1, STATUS_NO_IDENTD, 0x5c},
    {parse_socks4_reply, "00 5d 00 00 00 00 00 00", 1, STATUS_USER_MISMATCH, 0x5d},
    {parse_socks4_reply, "04 5b 00 00 00 00 00 00", 1, STATUS_REJECTED, 0x5b},
    {parse_socks4_reply, "00 00 00 00 00 00 00 00", 1, STATUS_UNKNOWN_REPLY, 0},
    {parse_socks4_reply, "05 ff", 0, STATUS_OTHER_VERSION, -1},
    {parse_socks4_reply, "48 54 54 50", 0, STATUS_SPEAKS_HTTP, -1},
    {parse_socks4_reply, "15 03 01 00 02 02 28", 0, STATUS_SPEAKS_TLS, -1},
    {parse_socks4_reply, "01 5a 00 00 00 00 00 00", 0, STATUS_NOT_SOCKS, -1},
};

START_TEST(socks_answer_is_refused_at_the_octet_that_decides)
{
    struct octets frame = octets(bad_answers[_i].hex);
    union parsed out;
    expect_refusal(bad_answers[_i].parse, &frame, bad_answers[_i].decides, bad_answers[_i].status,
                   &out);
    ck_assert_int_eq(out.code, bad_answers[_i].code);
}
END_TEST

/* A caller may report the code of an answer that was cut short. */
START_TEST(socks_answer_tells_its_code_once_read)
{
    static parse_function *const parsers[] = {parse_socks5_reply, parse_socks4_reply, parse_method,
                                              parse_auth_status};
    static const char *const frames[] = {"05 00 00 01 00 00 00 00 00", "00 5a 00 00 00 00 00", "05",
                                         "01"};
    for (size_t i = 0; i < COUNT(parsers); i++) {
        struct octets frame = octets(frames[i]);
        for (size_t len = 0; len <= frame.len; len++) {
            union parsed out = {.code = 77};
            size_t need;
            ck_assert_int_eq(parsers[i](guarded(frame.at, len), len, &need, &out), STATUS_MORE);
            ck_assert_int_eq(out.code, len < 2 ? -1 : frame.at[1]);
        }
    }
}
END_TEST

static const enum status socks5_verdicts[] = {
    STATUS_OK,          STATUS_GENERAL_FAILURE,     STATUS_NOT_ALLOWED,
    STATUS_NET_UNREACH, STATUS_HOST_UNREACH,        STATUS_REFUSED,
    STATUS_TTL_EXPIRED, STATUS_COMMAND_UNSUPPORTED, STATUS_ADDRESS_UNSUPPORTED,
};

START_TEST(socks5_reply_of_every_code_has_its_verdict)
{
    for (unsigned code = 0; code <= 255; code++) {
        enum status verdict =
            code < COUNT(socks5_verdicts) ? socks5_verdicts[code] : STATUS_UNKNOWN_REPLY;
        ck_assert_int_eq(socks5_reply_status((uint8_t)code), verdict);
        if (code == 0)
            continue;
        struct octets frame = octets("05 00 00 01 00 00 00 00 00 00");
        frame.at[1] = (uint8_t)code;
        union parsed out;
        expect_refusal(parse_socks5_reply, &frame, 1, verdict, &out);
        ck_assert_int_eq(out.code, (int)code);
    }
}
END_TEST

START_TEST(socks4_reply_of_every_code_has_its_verdict)
{
    for (unsigned code = 0; code <= 255; code++) {
        enum status verdict = code == 0x5a   ? STATUS_OK
                              : code == 0x5b ? STATUS_REJECTED
                              : code == 0x5c ? STATUS_NO_IDENTD
                              : code == 0x5d ? STATUS_USER_MISMATCH
                                             : STATUS_UNKNOWN_REPLY;
        ck_assert_int_eq(socks4_reply_status((uint8_t)code), verdict);
        if (code == 0x5a)
            continue;
        struct octets frame = octets("00 00 00 00 00 00 00 00");
        frame.at[1] = (uint8_t)code;
        union parsed out;
        expect_refusal(parse_socks4_reply, &frame, 1, verdict, &out);
        ck_assert_int_eq(out.code, (int)code);
    }
}
END_TEST

static Suite *socks_suite(void)
{
    Suite *suite = suite_create("socks");

    TCase *client = tcase_create("what a client says");
    tcase_add_loop_test(client, socks4_request_is_built, 0, COUNT(socks4_requests));
    tcase_add_loop_test(client, socks4_request_is_parsed, 0, COUNT(socks4_requests));
    tcase_add_test(client, socks4_request_that_marks_a_name_with_any_0_0_0_x_is_parsed);
    tcase_add_test(client, socks4_request_for_what_it_cannot_say_is_not_built);
    tcase_add_test(client, socks4_request_with_an_empty_name_is_refused);
    tcase_add_loop_test(client, socks5_greeting_is_built_and_parsed, 0, COUNT(greetings));
    tcase_add_test(client, socks5_greeting_with_all_methods_is_built_and_parsed);
    tcase_add_test(client, socks5_greeting_without_methods_is_parsed);
    tcase_add_loop_test(client, socks5_auth_is_built_and_parsed, 0, COUNT(auths));
    tcase_add_loop_test(client, socks5_request_is_built, 0, COUNT(socks5_requests));
    tcase_add_loop_test(client, socks5_request_is_parsed, 0, COUNT(socks5_requests));
    tcase_add_loop_test(client, socks5_request_in_another_form_is_parsed, 0,
                        COUNT(odd_socks5_requests));
    tcase_add_loop_test(client, socks_client_is_refused_at_the_octet_that_decides, 0,
                        COUNT(refused_clients));
    suite_add_tcase(suite, client);

    TCase *server = tcase_create("what a server says");
    tcase_add_loop_test(server, socks4_reply_is_built, 0, COUNT(socks4_replies));
    tcase_add_loop_test(server, socks5_reply_is_built, 0, COUNT(socks5_replies));
    tcase_add_test(server, socks5_method_and_auth_status_are_built);
    tcase_add_loop_test(server, socks_answer_is_read_to_its_end, 0, COUNT(good_answers));
    tcase_add_loop_test(server, socks_answer_is_refused_at_the_octet_that_decides, 0,
                        COUNT(bad_answers));
    tcase_add_test(server, socks_answer_tells_its_code_once_read);
    tcase_add_test(server, socks5_reply_of_every_code_has_its_verdict);
    tcase_add_test(server, socks4_reply_of_every_code_has_its_verdict);
    suite_add_tcase(suite, server);
    return suite;
}

int main(void)
{
    return run(socks_suite());
}
