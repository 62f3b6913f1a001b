/* SPDX-License-Identifier: MIT
 * The event-driven driver against a proxy that the test plays itself, a step at a time: it waits
 * for events edge-triggered and never sleeps, so every test has one course only. */
#include "core/attempt.h"

#include "core/dial.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    PATIENCE_MS = 20000,   /* nothing takes that long unless it is broken */
    DEADLINE_MS = 3600000, /* never passes by itself: tests say when it does */
};

#define REQUEST "05 01 00 01 c0 00 02 0a 01 bb" /* 192.0.2.10:443 */

/* A route of one SOCKS5 proxy. */
static struct proxy proxy;
static const struct proxy *const hops[] = {&proxy};
static const struct route through = {.kind = ROUTE_PROXY, .hop_count = 1, .hop = hops};
static const struct route directly = {.kind = ROUTE_DIRECT};

static struct attempt attempt;
static int client, set, peer; /* the socket under test, its epoll set, the proxy's end */
static int status_flags;      /* of the socket under test: they never change */

static void set_up(void)
{
    static const char text[] = "192.0.2.10:443";
    proxy = (struct proxy){.protocol = PROXY_SOCKS5};
    attempt = (struct attempt){.route = &through, .endpoint = 7, .tcp_connected = true};
    ck_assert_int_eq(target_from_text(&attempt.to, text, sizeof(text) - 1, 0), STATUS_OK);
    attempt.start_ms = dial_now_ms();
    attempt.deadline_ms = attempt.start_ms + DEADLINE_MS;
    client = set = peer = -1;
}

/* A socket bound to a port of its own on loopback. */
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

static int add_listener(int family)
{
    union endpoint *at = &attempt.endpoints.list[attempt.endpoints.count++];
    int fd = bound_socket(family, at);
    ck_assert_int_eq(listen(fd, 8), 0);
    return fd;
}

/* Nobody listens there: connections are refused. */
static void add_closed_port(int family)
{
    bound_socket(family, &attempt.endpoints.list[attempt.endpoints.count++]);
}

/* A listener whose queue is full: the kernel drops what comes, as a filter on the way would. */
static void add_black_hole(void)
{
    union endpoint *at = &attempt.endpoints.list[attempt.endpoints.count++];
    int fd = bound_socket(AF_INET, at);
    ck_assert_int_eq(listen(fd, 0), 0);
    for (int i = 0; i < 8; i++) {
        int filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(filler, &at->any, endpoint_len(at)) != 0)
            ck_assert_int_eq(errno, EINPROGRESS);
    }
}

/* Begin with a socket of that family and flags; the events of it are those after this. */
static enum attempt_state begin(int family, int flags)
{
    client = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    ck_assert_int_ge(client, 0);
    status_flags = fcntl(client, F_GETFL);
    attempt.fd = client;
    attempt.family = family;
    set = epoll_create1(EPOLL_CLOEXEC);
    ck_assert_int_ge(set, 0);
    enum attempt_state state = attempt_begin(&attempt);
    ck_assert_int_eq(fcntl(client, F_GETFL), status_flags);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    ck_assert_int_eq(epoll_ctl(set, EPOLL_CTL_ADD, client, &event), 0);
    return state;
}

/* Wait until there is an event, or something at peer, and take the event. */
static enum attempt_state take_event(int watched)
{
    struct pollfd fds[] = {{.fd = set, .events = POLLIN}, {.fd = watched, .events = POLLIN}};
    struct epoll_event event;
    ck_assert_int_ge(poll(fds, 2, PATIENCE_MS), 1);
    if (epoll_wait(set, &event, 1, 0) < 1)
        return ATTEMPT_RUNNING;
    enum attempt_state state = attempt_advance(&attempt);
    ck_assert_int_eq(fcntl(client, F_GETFL), status_flags);
    return state;
}

/* Until it has ended. */
static enum attempt_state finish(enum attempt_state state)
{
    while (state == ATTEMPT_RUNNING)
        state = take_event(-1);
    return state;
}

static void accept_peer(int listener)
{
    static const int on = 1;
    while (peer < 0) {
        struct pollfd pollfd = {.fd = listener, .events = POLLIN};
        if (poll(&pollfd, 1, 0) == 1)
            peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        else
            ck_assert_int_eq(take_event(listener), ATTEMPT_RUNNING);
    }
    ck_assert_int_eq(setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
}

/* Go on until the peer has heard just that. */
static void hear(const char *hex)
{
    struct octets wanted = octets(hex);
    for (size_t len = 0; len < wanted.len;) {
        uint8_t heard[1024];
        ssize_t more = recv(peer, heard, wanted.len - len, MSG_DONTWAIT);
        if (more < 0) {
            ck_assert_int_eq(errno, EAGAIN);
            ck_assert_int_eq(take_event(peer), ATTEMPT_RUNNING);
            continue;
        }
        ck_assert_msg(more > 0, "the client left before %s", hex);
        ck_assert_mem_eq(heard, wanted.at + len, (size_t)more);
        len += (size_t)more;
    }
}

static void say(const char *hex)
{
    struct octets words = octets(hex);
    ck_assert_int_eq(send(peer, words.at, words.len, MSG_NOSIGNAL), (ssize_t)words.len);
}

/* In segments of one octet. */
static enum attempt_state say_slowly(const char *hex)
{
    struct octets words = octets(hex);
    for (size_t i = 0; i + 1 < words.len; i++) {
        ck_assert_int_eq(send(peer, words.at + i, 1, MSG_NOSIGNAL), 1);
        ck_assert_int_eq(take_event(-1), ATTEMPT_RUNNING);
    }
    ck_assert_int_eq(send(peer, words.at + words.len - 1, 1, MSG_NOSIGNAL), 1);
    return take_event(-1);
}

static void expect_text(int fd, const char *text)
{
    char heard[64];
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq(poll(&pollfd, 1, PATIENCE_MS), 1);
    ck_assert_int_eq(recv(fd, heard, sizeof(heard), MSG_DONTWAIT), (ssize_t)strlen(text));
    ck_assert_mem_eq(heard, text, strlen(text));
}

/* As after a failed connect(2): not connected, without an error, and good for another one. */
static void expect_unconnected(void)
{
    union endpoint at;
    int error = -1;
    socklen_t len = sizeof(at), error_len = sizeof(error);
    ck_assert_int_eq(getpeername(client, &at.any, &len), -1);
    ck_assert_int_eq(errno, ENOTCONN);
    ck_assert_int_eq(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &error_len), 0);
    ck_assert_int_eq(error, 0);

    int listener = bound_socket(attempt.family, &at);
    ck_assert_int_eq(listen(listener, 1), 0);
    if (connect(client, &at.any, endpoint_len(&at)) != 0)
        ck_assert_int_eq(errno, EINPROGRESS);
    int other = accept(listener, NULL, NULL);
    ck_assert_int_ge(other, 0);
    close(other);
    close(listener);
}

static void expect_failure(enum status status, enum stage stage, int number)
{
    ck_assert_int_eq(attempt.failure.status, status);
    ck_assert_int_eq(attempt.failure.stage, stage);
    ck_assert_int_eq(failure_errno(&attempt.failure), number);
    expect_unconnected();
}

/* Loop tests run on both kinds of socket. */
static const int kinds[] = {0, SOCK_NONBLOCK};

START_TEST(attempt_leaves_the_stream_to_the_program)
{
    int listener = add_listener(AF_INET);
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_RUNNING);
    accept_peer(listener);
    hear("05 01 00");
    ck_assert(attempt.tcp_connected);
    say("05 00");
    hear(REQUEST);
    say("05 00 00 01 00*6 53 53 48 2d"); /* the target's first words come with the reply */
    ck_assert_int_eq(finish(ATTEMPT_RUNNING), ATTEMPT_DONE);
    ck_assert_int_eq(attempt.failure.status, STATUS_OK);
    ck_assert_uint_eq(attempt.endpoint, 0);
    expect_text(client, "SSH-");
    ck_assert_int_eq(send(client, "ping", 4, MSG_NOSIGNAL), 4);
    expect_text(peer, "ping");
}
END_TEST

START_TEST(attempt_takes_answers_octet_by_octet)
{
    int listener = add_listener(AF_INET);
    proxy.has_credentials = true;
    proxy.user_len = proxy.password_len = 1;
    proxy.user[0] = 'u';
    proxy.password[0] = 'p';
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_RUNNING);
    accept_peer(listener);
    hear("05 02 00 02");
    say_slowly("05 02");
    hear("01 01 75 01 70");
    say_slowly("01 00");
    hear(REQUEST);
    ck_assert_int_eq(finish(say_slowly("05 00 00 03 02 61 62 1f 90")), ATTEMPT_DONE);
}
END_TEST

/* Whatever the caller takes for an event. */
START_TEST(attempt_is_not_confused_by_events_without_a_cause)
{
    add_black_hole();
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_RUNNING);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(attempt_advance(&attempt), ATTEMPT_RUNNING);
    ck_assert(!attempt.tcp_connected);
}
END_TEST

START_TEST(attempt_tries_the_next_endpoint)
{
    add_closed_port(AF_INET);
    add_closed_port(AF_INET);
    int listener = add_listener(AF_INET);
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_RUNNING);
    accept_peer(listener);
    hear("05 01 00");
    ck_assert_uint_eq(attempt.endpoint, 2);
    say("05 00");
    hear(REQUEST);
    say("05 00 00 01 00*6");
    ck_assert_int_eq(finish(ATTEMPT_RUNNING), ATTEMPT_DONE);
    ck_assert_uint_eq(attempt.endpoint, 2);
}
END_TEST

START_TEST(attempt_passes_over_what_its_family_cannot_say)
{
    add_listener(AF_INET6);
    int listener = add_listener(AF_INET);
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_RUNNING);
    accept_peer(listener);
    ck_assert_uint_eq(attempt.endpoint, 1);
    ck_assert_int_eq(attempt.step_deadline_ms, attempt.deadline_ms); /* it was the last one */
}
END_TEST

START_TEST(attempt_reaches_an_ipv4_proxy_from_an_ipv6_socket)
{
    int listener = add_listener(AF_INET);
    ck_assert_int_eq(begin(AF_INET6, kinds[_i]), ATTEMPT_RUNNING);
    accept_peer(listener);
    hear("05 01 00");
}
END_TEST

/* Each of three silent endpoints has its share of the time that is left, and an endpoint that
 * answers has the rest of it. */
START_TEST(attempt_shares_its_time_among_the_endpoints)
{
    int listener;
    add_black_hole();
    add_black_hole();
    listener = add_listener(AF_INET);
    for (int64_t left = 3; left > 1; left--) {
        int64_t before = dial_now_ms();
        enum attempt_state state = left == 3 ? begin(AF_INET, kinds[_i]) : attempt_expire(&attempt);
        ck_assert_int_eq(state, ATTEMPT_RUNNING);
        ck_assert_int_eq(fcntl(client, F_GETFL), status_flags);
        ck_assert_int_ge(attempt.step_deadline_ms, before + (attempt.deadline_ms - before) / left);
        int64_t after = dial_now_ms();
        ck_assert_int_le(attempt.step_deadline_ms, after + (attempt.deadline_ms - after) / left);
    }
    ck_assert_int_eq(attempt_expire(&attempt), ATTEMPT_RUNNING);
    ck_assert_int_eq(attempt.step_deadline_ms, attempt.deadline_ms);
    accept_peer(listener);
    hear("05 01 00");
    ck_assert_uint_eq(attempt.endpoint, 2);
    ck_assert_int_eq(attempt.step_deadline_ms, attempt.deadline_ms);
}
END_TEST

START_TEST(attempt_that_every_endpoint_refuses_fails_as_connect_does)
{
    add_closed_port(AF_INET);
    add_closed_port(AF_INET);
    ck_assert_int_eq(finish(begin(AF_INET, kinds[_i])), ATTEMPT_FAILED);
    expect_failure(STATUS_SYSTEM, STAGE_CONNECT, ECONNREFUSED);
}
END_TEST

START_TEST(attempt_without_an_endpoint_for_its_family_fails_at_once)
{
    add_listener(AF_INET6);
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_FAILED);
    expect_failure(STATUS_SYSTEM, STAGE_CONNECT, ENETUNREACH);
}
END_TEST

START_TEST(attempt_that_cannot_carry_the_target_does_not_connect)
{
    int listener = add_listener(AF_INET);
    struct pollfd pollfd = {.fd = listener, .events = POLLIN};
    proxy.protocol = PROXY_SOCKS4;
    ck_assert_int_eq(target_set_host(&attempt.to, "name.test", 9, 443), STATUS_OK);
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_FAILED);
    ck_assert_int_eq(poll(&pollfd, 1, 0), 0);
    expect_failure(STATUS_NAME_UNSUPPORTED, STAGE_REQUEST, EHOSTUNREACH);
}
END_TEST

static const struct {
    const char *method, *reply; /* NULL: the proxy closes instead */
    enum status status;
    enum stage stage;
    int code, number;
} refusals[] = {
    {"05 00", "05 01 00 01 00*6", STATUS_GENERAL_FAILURE, STAGE_REQUEST, 1, ECONNREFUSED},
    {"05 00", "05 02 00 01 00*6", STATUS_NOT_ALLOWED, STAGE_REQUEST, 2, EACCES},
    {"05 00", "05 03 00 01 00*6", STATUS_NET_UNREACH, STAGE_REQUEST, 3, ENETUNREACH},
    {"05 00", "05 04", STATUS_HOST_UNREACH, STAGE_REQUEST, 4, EHOSTUNREACH},
    {"05 00", "05 05 00 01 00*6", STATUS_REFUSED, STAGE_REQUEST, 5, ECONNREFUSED},
    {"05 00", "05 06 00 01 00*6", STATUS_TTL_EXPIRED, STAGE_REQUEST, 6, ETIMEDOUT},
    {"05 00", "05 07 00 01 00*6", STATUS_COMMAND_UNSUPPORTED, STAGE_REQUEST, 7, EOPNOTSUPP},
    {"05 00", "05 08 00 01 00*6", STATUS_ADDRESS_UNSUPPORTED, STAGE_REQUEST, 8, EAFNOSUPPORT},
    {"05 00", NULL, STATUS_CLOSED_AFTER_REQUEST, STAGE_REQUEST, -1, ECONNREFUSED},
    {"05 ff", NULL, STATUS_NO_METHOD, STAGE_GREETING, 255, EACCES},
    {"05 02", NULL, STATUS_WANTS_PASSWORD, STAGE_GREETING, 2, EACCES},
    {"48 54", NULL, STATUS_SPEAKS_HTTP, STAGE_GREETING, -1, EPROTO},
    {NULL, NULL, STATUS_CLOSED_EARLY, STAGE_GREETING, -1, ECONNRESET},
};

START_TEST(attempt_says_why_the_proxy_refused)
{
    int listener = add_listener(AF_INET);
    ck_assert_int_eq(begin(AF_INET, SOCK_NONBLOCK), ATTEMPT_RUNNING);
    accept_peer(listener);
    hear("05 01 00");
    if (refusals[_i].method)
        say(refusals[_i].method);
    if (refusals[_i].stage == STAGE_REQUEST)
        hear(REQUEST);
    if (refusals[_i].reply)
        say(refusals[_i].reply);
    else if (refusals[_i].stage == STAGE_REQUEST || !refusals[_i].method)
        close(peer);
    ck_assert_int_eq(finish(ATTEMPT_RUNNING), ATTEMPT_FAILED);
    ck_assert_int_eq(attempt.failure.code, refusals[_i].code);
    expect_failure(refusals[_i].status, refusals[_i].stage, refusals[_i].number);
}
END_TEST

/* All of it before the first event is taken. */
START_TEST(attempt_says_what_it_was_told_before_a_reset)
{
    static const struct linger at_once = {.l_onoff = 1};
    int listener = add_listener(AF_INET);
    add_closed_port(AF_INET); /* not tried: the proxy has answered */
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_RUNNING);
    peer = accept(listener, NULL, NULL);
    ck_assert_int_ge(peer, 0);
    say("48 54 54 50");
    ck_assert_int_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(peer);
    struct pollfd pollfd = {.fd = client};
    ck_assert_int_eq(poll(&pollfd, 1, PATIENCE_MS), 1);
    ck_assert_int_eq(finish(ATTEMPT_RUNNING), ATTEMPT_FAILED);
    expect_failure(STATUS_SPEAKS_HTTP, STAGE_GREETING, EPROTO);
}
END_TEST

START_TEST(attempt_ends_when_no_endpoint_is_left_to_try)
{
    add_black_hole();
    attempt.deadline_ms = attempt.start_ms; /* has passed */
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_RUNNING);
    ck_assert_int_le(attempt.step_deadline_ms, dial_now_ms());
    ck_assert_int_eq(attempt_expire(&attempt), ATTEMPT_FAILED);
    expect_failure(STATUS_TIMED_OUT, STAGE_CONNECT, ETIMEDOUT);
}
END_TEST

START_TEST(attempt_ends_when_its_deadline_passes_in_the_handshake)
{
    int listener = add_listener(AF_INET);
    add_closed_port(AF_INET); /* not tried: the proxy has answered */
    ck_assert_int_eq(begin(AF_INET, kinds[_i]), ATTEMPT_RUNNING);
    accept_peer(listener);
    hear("05 01 00");
    ck_assert_int_eq(attempt.step_deadline_ms, attempt.deadline_ms);
    say("05 00");
    hear(REQUEST);
    ck_assert_int_eq(attempt_expire(&attempt), ATTEMPT_FAILED);
    expect_failure(STATUS_TIMED_OUT, STAGE_REQUEST, ETIMEDOUT);
}
END_TEST

START_TEST(attempt_goes_direct_without_a_handshake)
{
    int listener;
    add_closed_port(AF_INET);
    listener = add_listener(AF_INET);
    attempt.route = &directly;
    ck_assert_int_eq(finish(begin(AF_INET, kinds[_i])), ATTEMPT_DONE);
    ck_assert(attempt.tcp_connected);
    ck_assert_uint_eq(attempt.endpoint, 1);
    peer = accept(listener, NULL, NULL);
    ck_assert_int_eq(send(client, "ping", 4, MSG_NOSIGNAL), 4);
    expect_text(peer, "ping"); /* and nothing before it */
}
END_TEST

START_TEST(attempt_goes_direct_to_nobody)
{
    add_closed_port(AF_INET);
    attempt.route = &directly;
    ck_assert_int_eq(finish(begin(AF_INET, kinds[_i])), ATTEMPT_FAILED);
    expect_failure(STATUS_SYSTEM, STAGE_CONNECT, ECONNREFUSED);
}
END_TEST

/* A dial that has sent its greeting, and was interrupted. */
START_TEST(attempt_takes_over_what_a_dial_has_begun)
{
    struct dial begun = {.endpoint = 1, .tcp_connected = true};
    struct target elsewhere = attempt.to;
    int listener;
    add_closed_port(AF_INET);
    listener = add_listener(AF_INET);
    client = attempt.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | kinds[_i], 0);
    attempt.family = AF_INET;
    status_flags = fcntl(client, F_GETFL);
    if (connect(client, &attempt.endpoints.list[1].any, sizeof(struct sockaddr_in)) != 0)
        ck_assert_int_eq(errno, EINPROGRESS);
    peer = accept(listener, NULL, NULL);
    ck_assert_int_eq(handshake_init(&begun.handshake, &through, &elsewhere), STATUS_OK);
    handshake_sent(&begun.handshake, 3);

    attempt_take_over(&attempt, &begun);
    memset(&elsewhere, 0, sizeof(elsewhere)); /* the dial's own was the caller's */
    ck_assert_uint_eq(attempt.endpoint, 1);
    ck_assert_int_eq(attempt.step_deadline_ms, attempt.deadline_ms);
    set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    ck_assert_int_eq(epoll_ctl(set, EPOLL_CTL_ADD, client, &event), 0);
    say("05 00");
    hear(REQUEST);
    say("05 00 00 01 00*6");
    ck_assert_int_eq(finish(ATTEMPT_RUNNING), ATTEMPT_DONE);
}
END_TEST

static const struct {
    int family, flags;
    bool ipv6_only;
} sockets[] = {
    {AF_INET, 0, false},
    {AF_INET, SOCK_NONBLOCK, false},
    {AF_INET6, 0, false},
    {AF_INET6, SOCK_NONBLOCK, true},
};

START_TEST(attempt_that_failed_shows_it_to_whoever_polls)
{
    int on = sockets[_i].ipv6_only, error = 0;
    socklen_t len = sizeof(error);
    client = socket(sockets[_i].family, SOCK_STREAM | SOCK_CLOEXEC | sockets[_i].flags, 0);
    if (sockets[_i].family == AF_INET6)
        ck_assert_int_eq(setsockopt(client, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
    status_flags = fcntl(client, F_GETFL);
    attempt_show_failure(client, sockets[_i].family);
    ck_assert_int_eq(fcntl(client, F_GETFL), status_flags);
    struct pollfd pollfd = {.fd = client, .events = POLLOUT};
    ck_assert_int_eq(poll(&pollfd, 1, PATIENCE_MS), 1);
    ck_assert_int_eq(pollfd.revents & (POLLOUT | POLLERR | POLLHUP), POLLOUT | POLLERR | POLLHUP);
    ck_assert_int_eq(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    ck_assert_int_eq(error, ECONNREFUSED);
}
END_TEST

static Suite *attempt_suite(void)
{
    Suite *suite = suite_create("attempt");
    TCase *success = tcase_create("success");
    tcase_set_timeout(success, 60);
    tcase_add_checked_fixture(success, set_up, NULL);
    tcase_add_loop_test(success, attempt_leaves_the_stream_to_the_program, 0, COUNT(kinds));
    tcase_add_loop_test(success, attempt_takes_answers_octet_by_octet, 0, COUNT(kinds));
    tcase_add_loop_test(success, attempt_is_not_confused_by_events_without_a_cause, 0,
                        COUNT(kinds));
    tcase_add_loop_test(success, attempt_goes_direct_without_a_handshake, 0, COUNT(kinds));
    tcase_add_loop_test(success, attempt_takes_over_what_a_dial_has_begun, 0, COUNT(kinds));
    suite_add_tcase(suite, success);

    TCase *endpoint = tcase_create("endpoint");
    tcase_set_timeout(endpoint, 60);
    tcase_add_checked_fixture(endpoint, set_up, NULL);
    tcase_add_loop_test(endpoint, attempt_tries_the_next_endpoint, 0, COUNT(kinds));
    tcase_add_loop_test(endpoint, attempt_passes_over_what_its_family_cannot_say, 0, COUNT(kinds));
    tcase_add_loop_test(endpoint, attempt_reaches_an_ipv4_proxy_from_an_ipv6_socket, 0,
                        COUNT(kinds));
    tcase_add_loop_test(endpoint, attempt_shares_its_time_among_the_endpoints, 0, COUNT(kinds));
    suite_add_tcase(suite, endpoint);

    TCase *failure = tcase_create("failure");
    tcase_set_timeout(failure, 60);
    tcase_add_checked_fixture(failure, set_up, NULL);
    tcase_add_loop_test(failure, attempt_that_every_endpoint_refuses_fails_as_connect_does, 0,
                        COUNT(kinds));
    tcase_add_loop_test(failure, attempt_without_an_endpoint_for_its_family_fails_at_once, 0,
                        COUNT(kinds));
    tcase_add_loop_test(failure, attempt_that_cannot_carry_the_target_does_not_connect, 0,
                        COUNT(kinds));
    tcase_add_loop_test(failure, attempt_says_why_the_proxy_refused, 0, COUNT(refusals));
    tcase_add_loop_test(failure, attempt_says_what_it_was_told_before_a_reset, 0, COUNT(kinds));
    tcase_add_loop_test(failure, attempt_ends_when_no_endpoint_is_left_to_try, 0, COUNT(kinds));
    tcase_add_loop_test(failure, attempt_ends_when_its_deadline_passes_in_the_handshake, 0,
                        COUNT(kinds));
    tcase_add_loop_test(failure, attempt_goes_direct_to_nobody, 0, COUNT(kinds));
    tcase_add_loop_test(failure, attempt_that_failed_shows_it_to_whoever_polls, 0, COUNT(sockets));
    suite_add_tcase(suite, failure);
    return suite;
}

int main(void)
{
    return run(attempt_suite());
}
