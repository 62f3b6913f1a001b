/* SPDX-License-Identifier: MIT
 * The handshake over a route that the input chooses, with proxies that answer with the input's
 * octets: at once, octet by octet, and split as the input says. All three must end alike; what was
 * sent is read by the server's side of the codec, and no octet is taken that a proxy did not owe.
 */
#include "core/handshake.h"

#include "fuzz.h"

#include <errno.h>

enum { HOPS_MAX = 3, SENT_MAX = HOPS_MAX * HANDSHAKE_OUT_MAX };

enum pace { AT_ONCE, OCTET_BY_OCTET, AS_IT_SAYS, PACE_COUNT };

/* What the input says beside the proxies' octets. */
struct script {
    struct proxy proxies[HOPS_MAX];
    const struct proxy *hops[HOPS_MAX];
    struct route route;
    struct target to;
    uint8_t end; /* what happens when the octets are used up */
    struct input paces;
    struct input answers;
};

/* How a handshake went. */
struct course {
    struct failure failure;
    bool done;
    size_t taken; /* octets of the answers */
    size_t sent_len;
    uint8_t sent[SENT_MAX];
};

static void choose_target(struct target *target, uint8_t choice)
{
    static const char *const hosts[] = {"192.0.2.10", "2001:db8::10", "target.test", "0.0.0.1",
                                        "a"};
    const char *host = hosts[choice % COUNT(hosts)];
    MUST(target_set_host(target, host, strlen(host), (uint16_t)(1 + choice)) == STATUS_OK);
}

static void choose_proxy(struct proxy *proxy, struct input *input)
{
    uint8_t choice = take_octet(input);
    memset(proxy, 0, sizeof(*proxy));
    proxy->name = "proxy";
    proxy->protocol = choice % 3;
    proxy->pipeline = choice & 0x10;
    choose_target(&proxy->address, choice / 3 % 3);
    if (choice & 0x40) {
        proxy->has_credentials = true;
        proxy->password_only = choice & 0x80;
        proxy->user_len = choice & 0x20 ? PROXY_CREDENTIAL_MAX : 5;
        proxy->password_len = proxy->protocol == PROXY_SOCKS5 ? proxy->user_len - 5 : 0;
        memset(proxy->user, 'u', proxy->user_len);
        memset(proxy->password, 'p', proxy->password_len);
    }
}

static void read_script(struct input input, struct script *script)
{
    *script = (struct script){.route = {.kind = ROUTE_PROXY, .timeout_ms = 1, .text = "route"}};
    uint8_t choice = take_octet(&input);
    script->route.hop_count = 1 + choice % HOPS_MAX;
    script->end = choice / HOPS_MAX;
    for (size_t i = 0; i < script->route.hop_count; i++) {
        choose_proxy(&script->proxies[i], &input);
        script->hops[i] = &script->proxies[i];
    }
    script->route.hop = script->hops;
    choose_target(&script->to, take_octet(&input));
    script->paces = take_part(&input, take_octet(&input) % 16);
    script->answers = input;
}

/* How many octets go over the wire at once, of at most so many. */
static size_t piece(enum pace pace, struct input *paces, size_t max)
{
    if (pace == AT_ONCE)
        return max;
    size_t size = pace == AS_IT_SAYS ? take_octet(paces) : 0;
    return 1 + size % max;
}

/* The wire breaks where the octets end. */
static enum status break_off(struct handshake *h, uint8_t end)
{
    static const int errors[] = {0, ECONNRESET, EPIPE, EHOSTUNREACH};
    size_t kind = end % (COUNT(errors) + 1);
    return kind < COUNT(errors) ? handshake_closed(h, errors[kind]) : handshake_expired(h);
}

static void check_end(struct handshake *h, bool done)
{
    char text[FAILURE_TEXT_MAX];
    enum status status = h->failure.status;
    MUST(handshake_want(h) == WANT_NOTHING && handshake_is_done(h) == done);
    MUST(done == (status == STATUS_OK));
    if (done) /* what follows is not ours */
        status = handshake_feed(h, (const uint8_t *)"\5", 1);
    MUST(status != STATUS_OK && status != STATUS_MORE);
    MUST(handshake_feed(h, (const uint8_t *)"\5", 1) == status);
    MUST(handshake_closed(h, 0) == status && handshake_expired(h) == status);
    MUST(handshake_want(h) == WANT_NOTHING && !handshake_is_done(h));
    MUST(failure_errno(&h->failure) > 0 && h->failure.hop < h->route->hop_count);
    MUST(strlen(failure_text(&h->failure, text)) < sizeof(text));
    failure_is_proxys(&h->failure, h->route);
}

static void send_piece(struct handshake *h, enum pace pace, struct input *paces,
                       struct course *course)
{
    const uint8_t *bytes;
    size_t len = handshake_output(h, &bytes);
    MUST(len > 0 && len <= HANDSHAKE_OUT_MAX && course->sent_len + len <= SENT_MAX);
    len = piece(pace, paces, len);
    memcpy(course->sent + course->sent_len, bytes, len);
    course->sent_len += len;
    handshake_sent(h, len);
}

static void take_piece(struct handshake *h, enum pace pace, struct input *paces,
                       struct input *answers, struct course *course)
{
    size_t need = handshake_need(h);
    MUST(need > 0 && need <= HANDSHAKE_IN_MAX);
    size_t len = piece(pace, paces, need);
    len = len < answers->left ? len : answers->left;
    uint8_t *bytes = copy_exactly(answers->at, len);
    enum status status = handshake_feed(h, bytes, len);
    free(bytes);
    take_part(answers, len);
    course->taken += len;
    MUST(status == h->failure.status && status != STATUS_MORE);
}

static void run(const struct script *script, enum pace pace, struct course *course)
{
    struct handshake h;
    struct input answers = script->answers, paces = script->paces;
    memset(course, 0, sizeof(*course));
    MUST(handshake_init(&h, &script->route, &script->to) == h.failure.status);
    for (enum want want; (want = handshake_want(&h)) != WANT_NOTHING;) {
        if (want == WANT_WRITE)
            send_piece(&h, pace, &paces, course);
        else if (answers.left > 0)
            take_piece(&h, pace, &paces, &answers, course);
        else
            MUST(break_off(&h, script->end) == h.failure.status);
    }
    course->failure = h.failure;
    course->done = handshake_is_done(&h);
    check_end(&h, course->done);
}

/* Read what was sent, as the proxies of the route would; it may end after any frame. */
static void check_sent(const struct script *script, const struct course *course)
{
    const uint8_t *at = course->sent, *end = at + course->sent_len;
    for (size_t i = 0; at < end; i++) {
        MUST(i < script->route.hop_count);
        const struct proxy *proxy = &script->proxies[i];
        const struct target *to = i + 1 < script->route.hop_count ? &proxy[1].address : &script->to;
        size_t need = 0;
        if (proxy->protocol != PROXY_SOCKS5) {
            struct socks4_request request;
            MUST(socks4_parse_request(at, (size_t)(end - at), &need, &request) == STATUS_OK);
            MUST(request.command == SOCKS_CONNECT && target_equal(&request.to, to));
            MUST(request.user_len == proxy->user_len);
            at += need;
            continue;
        }
        struct socks5_greeting greeting;
        MUST(socks5_parse_greeting(at, (size_t)(end - at), &need, &greeting) == STATUS_OK);
        MUST(greeting.count > 0 && (proxy->has_credentials || greeting.count == 1));
        at += need;
        if (at < end && *at == SOCKS5_AUTH_VERSION) {
            struct socks5_auth auth;
            MUST(socks5_parse_auth(at, (size_t)(end - at), &need, &auth) == STATUS_OK);
            MUST(proxy->has_credentials && auth.user_len == proxy->user_len &&
                 auth.password_len == proxy->password_len);
            at += need;
        }
        struct socks5_request request;
        if (at == end)
            continue;
        MUST(socks5_parse_request(at, (size_t)(end - at), &need, &request) == STATUS_OK);
        MUST(request.command == SOCKS_CONNECT && target_equal(&request.to, to));
        at += need;
    }
}

/* How long the answers are of a route that was opened. */
static size_t owed(const struct script *script)
{
    const uint8_t *answers = script->answers.at;
    size_t len = 0;
    for (size_t i = 0; i < script->route.hop_count; i++) {
        if (script->proxies[i].protocol != PROXY_SOCKS5) {
            len += SOCKS4_REPLY_LEN;
            continue;
        }
        len += SOCKS5_METHOD_LEN + (answers[len + 1] == SOCKS5_METHOD_PASSWORD ? 2 : 0);
        len += answers[len + 3] == 1   ? 10
               : answers[len + 3] == 4 ? 22
                                       : (size_t)7 + answers[len + 4];
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct course courses[PACE_COUNT];
    static struct script script;
    read_script((struct input){data, len}, &script);
    for (enum pace pace = 0; pace < PACE_COUNT; pace++)
        run(&script, pace, &courses[pace]);
    const struct course *first = &courses[AT_ONCE];
    for (enum pace pace = 1; pace < PACE_COUNT; pace++) {
        const struct course *other = &courses[pace];
        MUST(other->done == first->done && other->failure.status == first->failure.status);
        MUST(other->failure.stage == first->failure.stage &&
             other->failure.code == first->failure.code);
        MUST(other->failure.hop == first->failure.hop && other->taken <= first->taken);
        MUST(other->sent_len == first->sent_len &&
             memcmp(other->sent, first->sent, first->sent_len) == 0);
        MUST(!first->done || other->taken == first->taken);
    }
    MUST(!first->done || first->taken == owed(&script));
    check_sent(&script, first);
    return 0;
}
