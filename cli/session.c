/* SPDX-License-Identifier: MIT
 * One client's life. A session is freed by session_end alone; every function that may come to that
 * is either the last thing its caller does or says so by what it returns. */
#include "cli/session.h"

#include "cli/admission.h"
#include "cli/eyeballs.h"
#include "cli/relay.h"
#include "core/log.h"
#include "core/socks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum state { SHAKING_HANDS, CONNECTING, RELAYING, LINGERING };

enum { LINGER_OCTETS_MAX = 1 << 20 }; /* read and thrown away after a refusal */

struct session {
    LIST_ENTRY(session) link;
    struct server *server;
    struct address address; /* the client's */
    struct watch client;
    struct timer timer; /* for the handshake, the connect or the lingering: one at a time */
    enum state state;
    struct admission admission;
    int64_t asked_ms;
    struct lookup *lookup;
    struct eyeballs eyeballs;
    struct relay relay;
    size_t discarded;
};

static void session_end(struct session *s)
{
    if (s->lookup)
        lookup_cancel(s->lookup);
    eyeballs_stop(&s->eyeballs);
    relay_stop(&s->relay);
    loop_disarm(&s->timer);
    loop_close(&s->server->loop, &s->client);
    LIST_REMOVE(s, link);
    s->server->session_count--;
    free(s);
}

/* One line for the user about what became of this client's wish: "what why". */
static void report(const struct session *s, const char *what, const char *why)
{
    static const char *const protocols[] = {
        [SOCKS4_VERSION] = " socks4", [SOCKS5_VERSION] = " socks5", [0] = ""};
    char client[TARGET_TEXT_MAX];
    if (s->server->options->verbose)
        log_info("serve: %s%s %s %s", address_text(&s->address, client),
                 protocols[s->admission.version], what, why);
}

enum { WORDS_MAX = 2 * TARGET_TEXT_MAX + 64 };

static void report_failure(const struct session *s, const char *why)
{
    char to[TARGET_TEXT_MAX];
    char what[WORDS_MAX];
    snprintf(what, sizeof(what),
             "CONNECT %s: failed in %lld ms:", target_to_text(&s->admission.to, to),
             (long long)(loop_now_ms() - s->asked_ms));
    report(s, what, why);
}

static void report_success(const struct session *s, const struct address *address)
{
    char to[TARGET_TEXT_MAX];
    char reached[TARGET_TEXT_MAX];
    char why[WORDS_MAX];
    snprintf(why, sizeof(why), "%s -> %s: succeeded in %lld ms",
             target_to_text(&s->admission.to, to), address_text(address, reached),
             (long long)(loop_now_ms() - s->asked_ms));
    report(s, "CONNECT", why);
}

/* Send what the admission has to say. Frames are small and few: one that does not fit the socket's
 * empty buffer has no honest reader. False when it could not be sent whole. */
static bool answer(struct session *s)
{
    size_t len = s->admission.out_len;
    return len == 0 ||
           send(s->client.fd, s->admission.out, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

static bool reply(struct session *s, uint8_t code, const struct target *bound)
{
    admission_reply(&s->admission, code, bound);
    return answer(s);
}

/* Part from a client that has been refused. Closing at once, with something of its unread, would
 * send a reset, and the reset could overtake the refusal. */
static void linger(struct session *s)
{
    s->state = LINGERING;
    shutdown(s->client.fd, SHUT_WR);
    loop_arm(&s->server->loop, &s->timer, DELAY_LINGER);
    if (!loop_watch(&s->server->loop, &s->client, EPOLLIN))
        session_end(s);
}

static void fail(struct session *s, uint8_t code, const char *why)
{
    report_failure(s, why);
    if (reply(s, code, NULL))
        linger(s);
    else
        session_end(s);
}

static uint8_t reply_code(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return SOCKS5_CONNECTION_REFUSED;
    case ETIMEDOUT:
        return SOCKS5_TTL_EXPIRED;
    case EHOSTUNREACH:
    case EHOSTDOWN:
        return SOCKS5_HOST_UNREACHABLE;
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL: /* no source address for such a destination: ::1 without IPv6 */
    case EAFNOSUPPORT:
        return SOCKS5_NETWORK_UNREACHABLE;
    case EACCES:
    case EPERM:
        return SOCKS5_NOT_ALLOWED;
    default:
        return SOCKS5_GENERAL_FAILURE;
    }
}

static void relay_ended(struct relay *relay)
{
    session_end(HOLDER_OF(relay, struct session, relay));
}

static bool bound_target(struct target *bound, int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    return getsockname(fd, (struct sockaddr *)&name, &len) == 0 &&
           target_from_sockaddr(bound, (struct sockaddr *)&name, len);
}

static void connected(struct eyeballs *eyeballs, int fd, const struct address *address, int error)
{
    struct session *s = HOLDER_OF(eyeballs, struct session, eyeballs);
    struct target bound;
    if (fd < 0) {
        fail(s, reply_code(error), strerror(error));
        return;
    }
    loop_disarm(&s->timer);
    report_success(s, address);
    if (!reply(s, SOCKS5_SUCCEEDED, bound_target(&bound, fd) ? &bound : NULL)) {
        close(fd);
        session_end(s);
        return;
    }
    int client = s->client.fd;
    loop_unwatch(&s->server->loop, &s->client);
    s->client.fd = -1;
    s->state = RELAYING;
    relay_start(&s->relay, client, fd, relay_ended);
}

static void looked_up(void *owner, struct address *list, size_t count)
{
    struct session *s = owner;
    s->lookup = NULL;
    if (count == 0) {
        fail(s, SOCKS5_HOST_UNREACHABLE, "name not found");
        return;
    }
    address_interleave(list, count);
    eyeballs_start(&s->eyeballs, list, count, connected);
}

/* The addresses that the hosts file of --hosts has for the target; 0 when it does not know it. */
static size_t find_in_hosts(struct server *server, const struct target *to,
                            struct address list[static LOOKUP_ADDRESSES])
{
    struct hosts_address found[LOOKUP_ADDRESSES];
    char canonical[256];
    if (!server->hosts.path)
        return 0;
    size_t count =
        hosts_find(&server->hosts, to->name, to->name_len, found, LOOKUP_ADDRESSES, canonical);
    for (size_t i = 0; i < count; i++) {
        struct target host = {.kind = TARGET_IPV4, .port = to->port};
        if (found[i].family == AF_INET6)
            target_set_ipv6(&host, found[i].bytes, to->port);
        else
            memcpy(host.ipv4, found[i].bytes, sizeof(host.ipv4));
        address_from_target(&list[i], &host);
    }
    return count;
}

static void look_up(struct session *s)
{
    struct server *server = s->server;
    struct address list[LOOKUP_ADDRESSES];
    size_t count = find_in_hosts(server, &s->admission.to, list);
    if (count > 0) {
        looked_up(s, list, count);
        return;
    }
    s->lookup = lookup_start(server->lookups, s->admission.to.name, s->admission.to.port,
                             &s->address, looked_up, s);
    if (!s->lookup)
        fail(s, SOCKS5_GENERAL_FAILURE, "no thread for the look-up");
}

static void connect_to_target(struct session *s)
{
    struct server *server = s->server;
    struct address address;
    s->state = CONNECTING;
    s->asked_ms = loop_now_ms();
    loop_arm(&server->loop, &s->timer, DELAY_CONNECT);
    /* What the client says from now on is the target's and waits in the kernel. */
    loop_watch(&server->loop, &s->client, 0);
    if (address_from_target(&address, &s->admission.to))
        eyeballs_start(&s->eyeballs, &address, 1, connected);
    else
        look_up(s);
}

/* True when there may be another frame behind the one that has been taken. */
static bool act_on(struct session *s, enum verdict verdict)
{
    bool answered = answer(s);
    if (verdict == VERDICT_REFUSED)
        report(s, "refused:", s->admission.words);
    if (!answered)
        session_end(s);
    else if (verdict == VERDICT_REFUSED)
        linger(s);
    else if (verdict == VERDICT_REQUEST)
        connect_to_target(s);
    return answered && verdict == VERDICT_NEXT;
}

/* Look at what the client has sent before taking it: only the admission knows how much of it is a
 * frame, and what follows a request is the target's. */
static bool receive(struct session *s)
{
    size_t room;
    size_t taken;
    uint8_t *at = admission_room(&s->admission, &room);
    ssize_t n = recv(s->client.fd, at, room, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        session_end(s);
        return false;
    }
    enum verdict verdict = admission_take(&s->admission, (size_t)n, &taken);
    recv(s->client.fd, NULL, taken, MSG_TRUNC | MSG_DONTWAIT); /* TCP: drop that many */
    return act_on(s, verdict);
}

static void discard(struct session *s)
{
    uint8_t scratch[4096];
    ssize_t n = recv(s->client.fd, scratch, sizeof(scratch), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    s->discarded += n > 0 ? (size_t)n : 0;
    if (n <= 0 || s->discarded > LINGER_OCTETS_MAX)
        session_end(s);
}

static void client_ready(struct watch *watch, uint32_t events)
{
    struct session *s = HOLDER_OF(watch, struct session, client);
    (void)events;
    if (s->state == LINGERING) {
        discard(s);
    } else if (s->state == CONNECTING) {
        /* Only a reset is reported here: an orderly end of the client's words is no reason to stop.
         */
        report_failure(s, "the client has left");
        session_end(s);
    } else {
        while (receive(s))
            continue;
    }
}

static void time_over(struct timer *timer)
{
    struct session *s = HOLDER_OF(timer, struct session, timer);
    if (s->state == CONNECTING) {
        if (s->lookup)
            lookup_cancel(s->lookup);
        s->lookup = NULL;
        eyeballs_stop(&s->eyeballs);
        fail(s, SOCKS5_TTL_EXPIRED, "timed out");
        return;
    }
    if (s->state != LINGERING)
        report(s, "refused:", "made no request in time");
    session_end(s);
}

void session_begin(struct server *server, int fd, const struct address *client)
{
    struct session *s = calloc(1, sizeof(*s));
    if (!s) {
        close(fd);
        return;
    }
    s->server = server;
    s->address = *client;
    s->client = (struct watch){.fd = fd, .ready = client_ready};
    s->timer.fired = time_over;
    admission_init(&s->admission, server->options->user, server->options->password);
    eyeballs_init(&s->eyeballs, &server->loop);
    relay_init(&s->relay, &server->loop, &server->pipes);
    LIST_INSERT_HEAD(&server->sessions, s, link);
    server->session_count++;
    loop_arm(&server->loop, &s->timer, DELAY_HANDSHAKE);
    if (!loop_watch(&server->loop, &s->client, EPOLLIN))
        session_end(s);
}

bool session_evict(struct server *server)
{
    struct timer *timer = loop_next_due(&server->loop, DELAY_HANDSHAKE);
    if (!timer)
        return false;
    struct session *s = HOLDER_OF(timer, struct session, timer);
    report(s, "refused:", "made no request, and makes room for another");
    session_end(s);
    return true;
}

void session_end_all(struct server *server)
{
    struct session *next = LIST_FIRST(&server->sessions);
    while (next) {
        struct session *s = next;
        next = LIST_NEXT(s, link);
        session_end(s);
    }
}
