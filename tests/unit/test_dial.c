/* SPDX-License-Identifier: MIT
 * The blocking driver against small servers in threads of the test, on blocking and non-blocking
 * sockets: what comes out, what becomes of the socket, and that no deadline is overrun. */
#include "core/dial.h"

#include "tests/unit/support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
    PATIENCE_MS = 20000, /* nothing takes that long unless it is broken */
    SHORT_MS = 200,      /* a deadline that is meant to pass */
};

/* What a server does with its one connection, line by line: "C hex" (must be told just that), "S
 * hex" (says that), "1 hex" (says that octet by octet, each when the one before was read), "N"
 * (waits until some signals have arrived), "H" (is silent until the client goes), "R" (resets),
 * NULL. */
struct server {
    int listener;
    union endpoint at;
    const char *const *script;
    const char *complaint; /* what went wrong; NULL: nothing */
    pthread_t thread;
};

static int client; /* the socket under test */
static atomic_int signals;

static bool wait_for(int fd, short events)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    return poll(&pollfd, 1, PATIENCE_MS) == 1;
}

static bool hear(int fd, const struct octets *wanted)
{
    for (size_t len = 0; len < wanted->len;) {
        uint8_t heard[1024];
        ssize_t more = wait_for(fd, POLLIN) ? recv(fd, heard, wanted->len - len, MSG_DONTWAIT) : -1;
        if (more <= 0 || memcmp(heard, wanted->at + len, (size_t)more) != 0)
            return false;
        len += (size_t)more;
    }
    return true;
}

/* Until the client has read all that was said. */
static bool wait_until_read(void)
{
    int64_t until = dial_now_ms() + PATIENCE_MS;
    for (int unread = 1; unread > 0 && dial_now_ms() < until; sched_yield())
        if (ioctl(client, FIONREAD, &unread) == 0 && unread == 0)
            return true;
    return false;
}

static bool speak_slowly(int fd, const struct octets *words)
{
    for (size_t i = 0; i < words->len; i++)
        if (send(fd, words->at + i, 1, MSG_NOSIGNAL) != 1 || !wait_until_read())
            return false;
    return true;
}

static bool wait_for_signals(void)
{
    int64_t until = dial_now_ms() + PATIENCE_MS;
    int wanted = atomic_load(&signals) + 5;
    while (atomic_load(&signals) < wanted && dial_now_ms() < until)
        poll(NULL, 0, 1);
    return atomic_load(&signals) >= wanted;
}

static bool perform(int fd, const char *line)
{
    static const struct linger at_once = {.l_onoff = 1};
    struct octets words = {0};
    char byte;
    if (line[1] == ' ')
        words = octets(line + 2);
    switch (line[0]) {
    case 'C':
        return hear(fd, &words);
    case 'S':
        return send(fd, words.at, words.len, MSG_NOSIGNAL) == (ssize_t)words.len;
    case '1':
        return speak_slowly(fd, &words);
    case 'N':
        return wait_for_signals();
    case 'H':
        return wait_for(fd, POLLIN) && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
    case 'R':
        return setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0;
    default:
        return false;
    }
}

static void *serve(void *arg)
{
    struct server *server = arg;
    static const int on = 1;
    int fd = wait_for(server->listener, POLLIN) ? accept(server->listener, NULL, NULL) : -1;
    if (fd < 0) {
        server->complaint = "nobody came";
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    for (const char *const *line = server->script; *line && !server->complaint; line++)
        if (!perform(fd, *line))
            server->complaint = *line;
    close(fd);
    return NULL;
}

/* A socket bound to a port of its own on loopback; not listening. */
static int bound_socket(int family, union endpoint *at)
{
    static const int on = 1;
    memset(at, 0, sizeof(*at));
    at->any.sa_family = (sa_family_t)family;
    if (family == AF_INET)
        at->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        at->in6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = endpoint_len(at);
    if (family == AF_INET6)
        ck_assert_int_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
    ck_assert_int_eq(bind(fd, &at->any, len), 0);
    ck_assert_int_eq(getsockname(fd, &at->any, &len), 0);
    return fd;
}

static void start_server(struct server *server, int family, const char *const *script)
{
    sigset_t all, before;
    *server = (struct server){.script = script};
    server->listener = bound_socket(family, &server->at);
    ck_assert_int_eq(listen(server->listener, 8), 0);
    sigfillset(&all); /* signals are for the thread that dials */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ck_assert_int_eq(pthread_create(&server->thread, NULL, serve, server), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void finish_server(struct server *server)
{
    ck_assert_int_eq(pthread_join(server->thread, NULL), 0);
    ck_assert_msg(!server->complaint, "server: %s", server->complaint);
    close(server->listener);
}

static void open_client(int family, int flags)
{
    client = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    ck_assert_int_ge(client, 0);
}

/* A route of one SOCKS5 proxy, and 192.0.2.10:443 behind it. */
static struct proxy proxy;
static const struct proxy *const hops[] = {&proxy};
static const struct route route = {.kind = ROUTE_PROXY, .hop_count = 1, .hop = hops};
static struct target to;
static struct endpoints endpoints;

#define REQUEST "C 05 01 00 01 c0 00 02 0a 01 bb"
#define GRANTED "S 05 00 00 01 00 00 00 00 00 00"
#define GRANTED_AND_SSH "S 05 00 00 01 00 00 00 00 00 00 53 53 48 2d"

static void set_up(void)
{
    static const char text[] = "192.0.2.10:443";
    proxy = (struct proxy){.protocol = PROXY_SOCKS5};
    ck_assert_int_eq(target_from_text(&to, text, sizeof(text) - 1, 0), STATUS_OK);
    endpoints.count = 0;
}

static void add_endpoint(const union endpoint *at)
{
    endpoints.list[endpoints.count++] = *at;
}

static struct timeval send_timeout_of(int fd)
{
    struct timeval timeout = {0};
    socklen_t len = sizeof(timeout);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &len), 0);
    return timeout;
}

static int domain_of(int fd)
{
    int domain = -1;
    socklen_t len = sizeof(domain);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len), 0);
    return domain;
}

/* Dial with the client's socket. Whatever comes of it, the flags and the timeout stay. */
static enum status dial_within(int64_t ms, struct dial *d)
{
    int descriptor_flags = fcntl(client, F_GETFD), status_flags = fcntl(client, F_GETFL);
    struct timeval timeout = send_timeout_of(client);
    *d = (struct dial){
        .fd = client,
        .family = domain_of(client),
        .route = &route,
        .to = &to,
        .endpoints = &endpoints,
        .deadline_ms = dial_now_ms() + ms,
        .failure = {.code = -1},
    };
    enum status status = dial(d);
    struct timeval timeout_after = send_timeout_of(client);
    ck_assert_int_eq(d->fd, client);
    ck_assert_int_eq(d->family, domain_of(client));
    ck_assert_int_eq(fcntl(client, F_GETFD), descriptor_flags);
    ck_assert_int_eq(fcntl(client, F_GETFL), status_flags);
    ck_assert_int_eq(timeout_after.tv_sec, timeout.tv_sec);
    ck_assert_int_eq(timeout_after.tv_usec, timeout.tv_usec);
    return status;
}

static void expect_text(const char *text)
{
    struct octets words = {0};
    octets_add(&words, text, strlen(text));
    ck_assert_msg(hear(client, &words), "%s", text);
}

static void say(const char *text)
{
    ck_assert_int_eq(send(client, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* As after a failed connect(2): not connected, and good for another connect(2). */
static void expect_reusable(void)
{
    union endpoint at;
    socklen_t len = sizeof(at);
    ck_assert_int_eq(getpeername(client, &at.any, &len), -1);
    ck_assert_int_eq(errno, ENOTCONN);

    static const char *const greet[] = {"S 68 65 6c 6c 6f", "C 62 79 65", NULL};
    struct server server;
    start_server(&server, domain_of(client), greet);
    if (connect(client, &server.at.any, endpoint_len(&server.at)) != 0)
        ck_assert_int_eq(errno, EINPROGRESS);
    expect_text("hello");
    say("bye");
    finish_server(&server);
}

/* Loop tests run on both kinds of socket. */
static const int kinds[] = {0, SOCK_NONBLOCK};

START_TEST(dial_leaves_the_stream_to_the_program)
{
    static const char *const script[] = {"C 05 01 00",    "S 05 00",       REQUEST, GRANTED,
                                         "C 70 69 6e 67", "S 70 6f 6e 67", NULL};
    struct server server;
    struct dial d;
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&server.at);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_OK);
    ck_assert(endpoint_equal(&d.endpoints->list[d.endpoint], &server.at));
    say("ping");
    expect_text("pong");
    finish_server(&server);
}
END_TEST

/* "SSH-" comes in one segment with the reply. */
START_TEST(dial_reads_nothing_of_the_targets)
{
    static const char *const script[] = {"C 05 01 00", "S 05 00", REQUEST, GRANTED_AND_SSH, NULL};
    struct server server;
    struct dial d;
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&server.at);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_OK);
    expect_text("SSH-");
    char byte;
    ck_assert(wait_for(client, POLLIN));
    ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
    finish_server(&server);
}
END_TEST

START_TEST(dial_takes_answers_octet_by_octet)
{
    static const char *const script[] = {
        "C 05 02 00 02", "1 05 02", "C 01 05 61 6c 69 63 65 06 73 33 63 72 65 74",
        "1 01 00",       REQUEST,   "1 05 00 00 03 0a 70 72 6f 78 79 2e 74 65 73 74 1f 90",
        "S 53 53 48 2d", NULL};
    struct server server;
    struct dial d;
    proxy.has_credentials = true;
    proxy.user_len = 5;
    memcpy(proxy.user, "alice", 5);
    proxy.password_len = 6;
    memcpy(proxy.password, "s3cret", 6);
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&server.at);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_OK);
    expect_text("SSH-");
    finish_server(&server);
}
END_TEST

static const struct {
    const char *const script[6];
    enum status status;
    enum stage stage;
    int code, number;
} refusals[] = {
    {{"C 05 01 00", "S 05 00", REQUEST, "S 05 05 00 01 00*6"},
     STATUS_REFUSED,
     STAGE_REQUEST,
     5,
     ECONNREFUSED},
    {{"C 05 01 00", "S 05 00", REQUEST, "S 05 04"},
     STATUS_HOST_UNREACH,
     STAGE_REQUEST,
     4,
     EHOSTUNREACH},
    {{"C 05 01 00", "S 05 02"}, STATUS_WANTS_PASSWORD, STAGE_GREETING, 2, EACCES},
    {{"C 05 01 00", "S 48 54 54 50 2f 31 2e 31 20 34 30 30 0d 0a"},
     STATUS_SPEAKS_HTTP,
     STAGE_GREETING,
     -1,
     EPROTO},
    {{"C 05 01 00"}, STATUS_CLOSED_EARLY, STAGE_GREETING, -1, ECONNRESET},
    {{"C 05 01 00", "S 05"}, STATUS_CLOSED_EARLY, STAGE_GREETING, -1, ECONNRESET},
    {{"C 05 01 00", "S 05 00", REQUEST},
     STATUS_CLOSED_AFTER_REQUEST,
     STAGE_REQUEST,
     -1,
     ECONNREFUSED},
    {{"C 05 01 00", "S 05 00", REQUEST, "S 05 00 00 01 00"},
     STATUS_CLOSED_EARLY,
     STAGE_REQUEST,
     -1,
     ECONNRESET},
    {{"C 05 01 00", "R"}, STATUS_CLOSED_EARLY, STAGE_GREETING, -1, ECONNRESET},
    {{"C 05 01 00", "S 05 00", REQUEST, "R"},
     STATUS_CLOSED_AFTER_REQUEST,
     STAGE_REQUEST,
     -1,
     ECONNREFUSED},
};

START_TEST(dial_that_is_refused_says_why_and_leaves_a_new_socket)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct server server;
        struct dial d;
        set_up();
        start_server(&server, AF_INET, refusals[_i].script);
        open_client(AF_INET, kinds[i]);
        add_endpoint(&server.at);
        ck_assert_int_eq(dial_within(PATIENCE_MS, &d), refusals[_i].status);
        ck_assert_int_eq(d.failure.status, refusals[_i].status);
        ck_assert_int_eq(d.failure.stage, refusals[_i].stage);
        ck_assert_int_eq(d.failure.code, refusals[_i].code);
        ck_assert_int_eq(failure_errno(&d.failure), refusals[_i].number);
        finish_server(&server);
        expect_reusable();
        close(client);
    }
}
END_TEST

/* A server that closes at once: the greeting may or may not still be sent. */
START_TEST(dial_to_a_proxy_that_closes_at_once_is_reset)
{
    static const char *const script[] = {NULL};
    struct server server;
    struct dial d;
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&server.at);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_CLOSED_EARLY);
    ck_assert_int_eq(failure_errno(&d.failure), ECONNRESET);
    finish_server(&server);
    expect_reusable();
}
END_TEST

static void expect_proxy_down(const struct dial *d)
{
    ck_assert_int_eq(d->failure.status, STATUS_SYSTEM);
    ck_assert_int_eq(d->failure.stage, STAGE_CONNECT);
    ck_assert_int_eq(d->failure.code, -1);
    ck_assert_int_eq(failure_errno(&d->failure), ECONNREFUSED);
}

START_TEST(dial_to_a_proxy_that_is_down_gives_the_errno_of_connect)
{
    union endpoint nobody;
    struct dial d;
    int held = bound_socket(AF_INET, &nobody);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&nobody);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_SYSTEM);
    expect_proxy_down(&d);
    close(held);
    expect_reusable();
}
END_TEST

START_TEST(dial_that_cannot_carry_the_target_does_not_connect)
{
    static const char name[] = "target.test:80";
    union endpoint nobody;
    struct dial d;
    int held = bound_socket(AF_INET, &nobody);
    proxy.protocol = PROXY_SOCKS4;
    ck_assert_int_eq(target_from_text(&to, name, sizeof(name) - 1, 0), STATUS_OK);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&nobody);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_NAME_UNSUPPORTED);
    ck_assert_int_eq(d.failure.status, STATUS_NAME_UNSUPPORTED);
    close(held);
    expect_reusable();
}
END_TEST

START_TEST(dial_tries_the_next_endpoint)
{
    static const char *const script[] = {"C 05 01 00", "S 05 00", REQUEST, GRANTED, NULL};
    union endpoint nobody;
    struct server server;
    struct dial d;
    int held = bound_socket(AF_INET, &nobody);
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&nobody);
    add_endpoint(&nobody);
    add_endpoint(&server.at);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_OK);
    ck_assert(endpoint_equal(&d.endpoints->list[d.endpoint], &server.at));
    finish_server(&server);
    close(held);
}
END_TEST

/* A listener whose queue is full: the kernel drops what comes, as a filter on the way would. */
struct black_hole {
    int listener, filler[8];
    union endpoint at;
};

static void open_black_hole(struct black_hole *hole)
{
    hole->listener = bound_socket(AF_INET, &hole->at);
    ck_assert_int_eq(listen(hole->listener, 0), 0);
    for (size_t i = 0; i < COUNT(hole->filler); i++) {
        hole->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(hole->filler[i], &hole->at.any, sizeof(hole->at.in)) != 0)
            ck_assert_int_eq(errno, EINPROGRESS);
    }
}

static void close_black_hole(struct black_hole *hole)
{
    for (size_t i = 0; i < COUNT(hole->filler); i++)
        close(hole->filler[i]);
    close(hole->listener);
}

/* No earlier than its deadline, and not for ever. */
static void expect_timeout(const struct dial *d, enum stage stage, int64_t start)
{
    int64_t took = dial_now_ms() - start;
    ck_assert_int_eq(d->failure.status, STATUS_TIMED_OUT);
    ck_assert_int_eq(d->failure.stage, stage);
    ck_assert_int_eq(failure_errno(&d->failure), ETIMEDOUT);
    ck_assert_int_ge(took, SHORT_MS);
    ck_assert_int_lt(took, PATIENCE_MS / 2);
}

START_TEST(dial_to_a_proxy_that_cannot_be_reached_ends_at_its_deadline)
{
    struct black_hole hole;
    struct dial d;
    open_black_hole(&hole);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&hole.at);
    int64_t start = dial_now_ms();
    ck_assert_int_eq(dial_within(SHORT_MS, &d), STATUS_TIMED_OUT);
    expect_timeout(&d, STAGE_CONNECT, start);
    close_black_hole(&hole);
    expect_reusable();
}
END_TEST

START_TEST(dial_leaves_time_for_the_next_endpoint)
{
    static const char *const script[] = {"C 05 01 00", "S 05 00", REQUEST, GRANTED, NULL};
    struct black_hole hole;
    struct server server;
    struct dial d;
    open_black_hole(&hole);
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&hole.at);
    add_endpoint(&server.at);
    ck_assert_int_eq(dial_within(3000, &d), STATUS_OK);
    ck_assert(endpoint_equal(&d.endpoints->list[d.endpoint], &server.at));
    finish_server(&server);
    close_black_hole(&hole);
}
END_TEST

static const struct {
    const char *const script[6];
    enum stage stage;
} silences[] = {
    {{"C 05 01 00", "H"}, STAGE_GREETING},
    {{"C 05 01 00", "S 05", "H"}, STAGE_GREETING},
    {{"C 05 01 00", "S 05 00", REQUEST, "H"}, STAGE_REQUEST},
    {{"C 05 01 00", "S 05 00", REQUEST, "S 05 00 00 01 00", "H"}, STAGE_REQUEST},
};

START_TEST(dial_to_a_silent_proxy_ends_at_its_deadline)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct server server;
        struct dial d;
        set_up();
        start_server(&server, AF_INET, silences[_i].script);
        open_client(AF_INET, kinds[i]);
        add_endpoint(&server.at);
        int64_t start = dial_now_ms();
        ck_assert_int_eq(dial_within(SHORT_MS, &d), STATUS_TIMED_OUT);
        expect_timeout(&d, silences[_i].stage, start);
        finish_server(&server);
        expect_reusable();
        close(client);
    }
}
END_TEST

START_TEST(dial_whose_deadline_has_passed_fails_at_once)
{
    union endpoint nobody;
    struct dial d;
    int held = bound_socket(AF_INET, &nobody);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&nobody);
    ck_assert_int_eq(dial_within(-1, &d), STATUS_TIMED_OUT);
    ck_assert_int_eq(failure_errno(&d.failure), ETIMEDOUT);
    close(held);
    expect_reusable();
}
END_TEST

START_TEST(dial_honours_a_shorter_send_timeout)
{
    static const char *const script[] = {"C 05 01 00", "H", NULL};
    struct timeval timeout = {.tv_usec = SHORT_MS * 1000};
    struct server server;
    struct dial d;
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)), 0);
    add_endpoint(&server.at);
    int64_t start = dial_now_ms();
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_TIMED_OUT);
    expect_timeout(&d, STAGE_GREETING, start);
    finish_server(&server);
}
END_TEST

START_TEST(dial_does_not_wait_longer_for_a_longer_send_timeout)
{
    static const char *const script[] = {"C 05 01 00", "H", NULL};
    struct timeval timeout = {.tv_sec = 3600};
    struct server server;
    struct dial d;
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)), 0);
    add_endpoint(&server.at);
    int64_t start = dial_now_ms();
    ck_assert_int_eq(dial_within(SHORT_MS, &d), STATUS_TIMED_OUT);
    expect_timeout(&d, STAGE_GREETING, start);
    finish_server(&server);
}
END_TEST

static void expect_bound_to(const union endpoint *own)
{
    union endpoint at = {0};
    socklen_t len = sizeof(at);
    ck_assert_int_eq(getsockname(client, &at.any, &len), 0);
    ck_assert(endpoint_equal(&at, own));
}

/* The address and the port are of our own choice: one that the kernel chose is lost with a failed
 * connect(2), too. */
START_TEST(dial_that_fails_leaves_the_socket_bound)
{
    static const char *const script[] = {"C 05 01 00", "S 05 ff", "H", NULL};
    struct server server;
    struct dial d;
    union endpoint own;
    int held = bound_socket(AF_INET, &own); /* a port that nobody else has */
    own.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    ck_assert_int_eq(bind(client, &own.any, sizeof(own.in)), 0);
    add_endpoint(&server.at);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_NO_METHOD);
    expect_bound_to(&own);
    finish_server(&server);
    expect_reusable();
    expect_bound_to(&own);
    close(held);
}
END_TEST

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
    return cookie;
}

static const struct {
    int client, server;
    bool ipv6_only, replaced;
} families[] = {
    {AF_INET, AF_INET, false, false},  {AF_INET6, AF_INET6, false, false},
    {AF_INET6, AF_INET6, true, false}, {AF_INET6, AF_INET, false, false},
    {AF_INET6, AF_INET, true, true},   {AF_INET, AF_INET6, false, true},
};

START_TEST(dial_replaces_a_socket_only_when_its_family_cannot_reach_the_proxy)
{
    static const char *const script[] = {"C 05 01 00",    "S 05 00",       REQUEST, GRANTED,
                                         "C 70 69 6e 67", "S 70 6f 6e 67", NULL};
    static const int on = 1;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct server server;
        struct dial d;
        set_up();
        start_server(&server, families[_i].server, script);
        open_client(families[_i].client, kinds[i]);
        ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)), 0);
        if (families[_i].ipv6_only)
            ck_assert_int_eq(setsockopt(client, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
        uint64_t cookie = cookie_of(client);
        add_endpoint(&server.at);
        ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_OK);
        ck_assert_int_eq(cookie_of(client) != cookie, families[_i].replaced);
        ck_assert_int_eq(domain_of(client),
                         families[_i].replaced ? families[_i].server : families[_i].client);
        int keepalive = 0;
        socklen_t len = sizeof(keepalive);
        ck_assert_int_eq(getsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &keepalive, &len), 0);
        ck_assert_int_eq(keepalive, 1);
        say("ping");
        expect_text("pong");
        finish_server(&server);
        close(client);
    }
}
END_TEST

START_TEST(dial_passes_over_an_endpoint_that_its_family_cannot_say)
{
    static const char *const script[] = {"C 05 01 00", "S 05 00", REQUEST, GRANTED, NULL};
    union endpoint nobody;
    struct server server;
    struct dial d;
    int held = bound_socket(AF_INET6, &nobody);
    start_server(&server, AF_INET, script);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&nobody);
    add_endpoint(&server.at);
    ck_assert_int_eq(dial_within(PATIENCE_MS, &d), STATUS_OK);
    ck_assert(endpoint_equal(&d.endpoints->list[d.endpoint], &server.at));
    finish_server(&server);
    close(held);
}
END_TEST

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
}

/* SIGALRM every two milliseconds, with or without SA_RESTART. */
static void start_alarms(int flags)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};
    struct itimerval timer = {.it_interval.tv_usec = 2000, .it_value.tv_usec = 2000};
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void stop_alarms(void)
{
    struct itimerval timer = {0};
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static const int restarts[] = {0, SA_RESTART};

START_TEST(dial_is_not_ended_by_signals)
{
    static const char *const script[] = {
        "C 05 01 00", "N", "S 05",       "N", "S 00",
        REQUEST,      "N", "S 05 00 00", "N", "S 01 00 00 00 00 00 00",
        NULL};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct server server;
        struct dial d;
        set_up();
        start_server(&server, AF_INET, script);
        open_client(AF_INET, kinds[i]);
        add_endpoint(&server.at);
        start_alarms(restarts[_i]);
        enum status status = dial_within(PATIENCE_MS, &d);
        stop_alarms();
        ck_assert_int_eq(status, STATUS_OK);
        finish_server(&server);
        close(client);
    }
}
END_TEST

START_TEST(dial_is_not_prolonged_by_signals)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct black_hole hole;
        struct dial d;
        set_up();
        open_black_hole(&hole);
        open_client(AF_INET, kinds[i]);
        add_endpoint(&hole.at);
        int before = atomic_load(&signals);
        start_alarms(restarts[_i]);
        int64_t start = dial_now_ms();
        enum status status = dial_within(SHORT_MS, &d);
        stop_alarms();
        ck_assert_int_eq(status, STATUS_TIMED_OUT);
        ck_assert_int_gt(atomic_load(&signals), before);
        expect_timeout(&d, STAGE_CONNECT, start);
        close_black_hole(&hole);
        close(client);
    }
}
END_TEST

/* Take the fillers out of the way, then serve whoever comes. */
static void *drain(void *arg)
{
    static const char *const script[] = {"C 05 01 00", "S 05 00", REQUEST, GRANTED, NULL};
    struct black_hole *hole = arg;
    if (!wait_for_signals())
        return NULL;
    for (size_t i = 0; i < COUNT(hole->filler); i++)
        close(hole->filler[i]);
    for (int tries = 0; tries < 32 && wait_for(hole->listener, POLLIN); tries++) {
        int fd = accept(hole->listener, NULL, NULL);
        const char *const *line = script;
        while (*line && perform(fd, *line))
            line++;
        close(fd);
        if (!*line)
            return hole; /* served */
    }
    return NULL;
}

/* The connect(2) itself is interrupted, and succeeds later. */
START_TEST(dial_goes_on_connecting_after_signals)
{
    sigset_t all, before;
    struct black_hole hole;
    struct dial d;
    pthread_t thread;
    void *served;
    open_black_hole(&hole);
    open_client(AF_INET, kinds[_i]);
    add_endpoint(&hole.at);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ck_assert_int_eq(pthread_create(&thread, NULL, drain, &hole), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    start_alarms(0);
    enum status status = dial_within(PATIENCE_MS, &d);
    stop_alarms();
    ck_assert_int_eq(pthread_join(thread, &served), 0);
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert_ptr_eq(served, &hole);
    close(hole.listener);
}
END_TEST

static Suite *dial_suite(void)
{
    Suite *suite = suite_create("dial");

    TCase *stream = tcase_create("stream");
    tcase_set_timeout(stream, 60);
    tcase_add_checked_fixture(stream, set_up, NULL);
    tcase_add_loop_test(stream, dial_leaves_the_stream_to_the_program, 0, COUNT(kinds));
    tcase_add_loop_test(stream, dial_reads_nothing_of_the_targets, 0, COUNT(kinds));
    tcase_add_loop_test(stream, dial_takes_answers_octet_by_octet, 0, COUNT(kinds));
    suite_add_tcase(suite, stream);

    TCase *failure = tcase_create("failure");
    tcase_set_timeout(failure, 60);
    tcase_add_checked_fixture(failure, set_up, NULL);
    tcase_add_loop_test(failure, dial_that_is_refused_says_why_and_leaves_a_new_socket, 0,
                        COUNT(refusals));
    tcase_add_loop_test(failure, dial_to_a_proxy_that_closes_at_once_is_reset, 0, COUNT(kinds));
    tcase_add_loop_test(failure, dial_to_a_proxy_that_is_down_gives_the_errno_of_connect, 0,
                        COUNT(kinds));
    tcase_add_loop_test(failure, dial_that_cannot_carry_the_target_does_not_connect, 0,
                        COUNT(kinds));
    tcase_add_loop_test(failure, dial_that_fails_leaves_the_socket_bound, 0, COUNT(kinds));
    suite_add_tcase(suite, failure);

    TCase *endpoint = tcase_create("endpoint");
    tcase_set_timeout(endpoint, 60);
    tcase_add_checked_fixture(endpoint, set_up, NULL);
    tcase_add_loop_test(endpoint, dial_tries_the_next_endpoint, 0, COUNT(kinds));
    tcase_add_loop_test(endpoint, dial_leaves_time_for_the_next_endpoint, 0, COUNT(kinds));
    tcase_add_loop_test(endpoint,
                        dial_replaces_a_socket_only_when_its_family_cannot_reach_the_proxy, 0,
                        COUNT(families));
    tcase_add_loop_test(endpoint, dial_passes_over_an_endpoint_that_its_family_cannot_say, 0,
                        COUNT(kinds));
    suite_add_tcase(suite, endpoint);

    TCase *deadline = tcase_create("deadline");
    tcase_set_timeout(deadline, 60);
    tcase_add_checked_fixture(deadline, set_up, NULL);
    tcase_add_loop_test(deadline, dial_to_a_proxy_that_cannot_be_reached_ends_at_its_deadline, 0,
                        COUNT(kinds));
    tcase_add_loop_test(deadline, dial_to_a_silent_proxy_ends_at_its_deadline, 0, COUNT(silences));
    tcase_add_loop_test(deadline, dial_whose_deadline_has_passed_fails_at_once, 0, COUNT(kinds));
    tcase_add_loop_test(deadline, dial_honours_a_shorter_send_timeout, 0, COUNT(kinds));
    tcase_add_loop_test(deadline, dial_does_not_wait_longer_for_a_longer_send_timeout, 0,
                        COUNT(kinds));
    suite_add_tcase(suite, deadline);

    TCase *signal_case = tcase_create("signals");
    tcase_set_timeout(signal_case, 60);
    tcase_add_checked_fixture(signal_case, set_up, NULL);
    tcase_add_loop_test(signal_case, dial_is_not_ended_by_signals, 0, COUNT(restarts));
    tcase_add_loop_test(signal_case, dial_is_not_prolonged_by_signals, 0, COUNT(restarts));
    tcase_add_loop_test(signal_case, dial_goes_on_connecting_after_signals, 0, COUNT(kinds));
    suite_add_tcase(suite, signal_case);
    return suite;
}

int main(void)
{
    return run(dial_suite());
}
