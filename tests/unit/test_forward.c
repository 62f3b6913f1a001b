/* SPDX-License-Identifier: MIT
 * Queries that go to a name server: over TCP to the dns-server, by datagram to the program's own.
 * The name server is a thread of the test. */
#include "core/forward.h"

#include "core/dns.h"
#include "core/log.h"
#include "tests/unit/scope.h"
#include "tests/unit/support.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 20000, TYPE_MX = 15 };

/* A name server that answers one query with `len` octets: the query made a reply, then zeros. */
static struct {
    int fd; /* bound, and for TCP listening */
    union endpoint at;
    bool tcp;
    size_t len; /* 0: it hangs up */
    const char *complaint;
    pthread_t thread;
} server;

static uint8_t query[DNS_QUERY_MAX];
static size_t query_len;

static bool receive_all(int fd, uint8_t *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct pollfd pollfd = {.fd = fd, .events = POLLIN};
        ssize_t more =
            poll(&pollfd, 1, PATIENCE_MS) == 1 ? recv(fd, bytes + done, len - done, 0) : -1;
        if (more <= 0)
            return false;
        done += (size_t)more;
    }
    return true;
}

static void make_reply(uint8_t *message)
{
    memcpy(message, query, query_len);
    message[2] |= 0x80;
}

static const char *serve_tcp(void)
{
    static uint8_t message[2 + 65535];
    const char *complaint = NULL;
    int fd = accept(server.fd, NULL, NULL);
    if (!receive_all(fd, message, 2 + query_len) ||
        (size_t)(message[0] << 8 | message[1]) != query_len ||
        memcmp(message + 2, query, query_len) != 0)
        complaint = "another query";
    memset(message, 0, sizeof(message));
    message[0] = (uint8_t)(server.len >> 8);
    message[1] = (uint8_t)server.len;
    make_reply(message + 2);
    if (server.len > 0 && send(fd, message, 2 + server.len, MSG_NOSIGNAL) < 0)
        complaint = "nobody takes the reply";
    close(fd);
    return complaint;
}

static const char *serve_datagram(void)
{
    static uint8_t message[4096];
    union endpoint client;
    socklen_t len = sizeof(client);
    ssize_t got = recvfrom(server.fd, message, sizeof(message), 0, &client.any, &len);
    if (got != (ssize_t)query_len || memcmp(message, query, query_len) != 0)
        return "another query";
    memset(message, 0, sizeof(message));
    make_reply(message);
    return sendto(server.fd, message, server.len, 0, &client.any, len) == (ssize_t)server.len
               ? NULL
               : "the reply cannot be sent";
}

static void *serve(void *unused)
{
    (void)unused;
    struct pollfd pollfd = {.fd = server.fd, .events = POLLIN};
    server.complaint = poll(&pollfd, 1, PATIENCE_MS) != 1 ? "nobody came"
                       : server.tcp                       ? serve_tcp()
                                                          : serve_datagram();
    return NULL;
}

static void bind_server(bool tcp, size_t len)
{
    memset(&server, 0, sizeof(server));
    server.tcp = tcp;
    server.len = len;
    server.at.in =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t at_len = sizeof(server.at.in);
    server.fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server.fd, &server.at.any, at_len), 0);
    ck_assert_int_eq(getsockname(server.fd, &server.at.any, &at_len), 0);
}

static void start_server(bool tcp, size_t len)
{
    bind_server(tcp, len);
    if (tcp)
        ck_assert_int_eq(listen(server.fd, 1), 0);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void finish_server(void)
{
    ck_assert_int_eq(pthread_join(server.thread, NULL), 0);
    ck_assert_msg(!server.complaint, "server: %s", server.complaint);
    close(server.fd);
}

/* A scope whose dns-server is the one that was started. */
static void open_scope(void)
{
    char config[256];
    snprintf(config, sizeof(config),
             "proxy home socks5://127.0.0.1:1\ndefault home\ndns-server 127.0.0.1:%d\n",
             ntohs(server.at.in.sin_port));
    scope_open(config, "");
}

static void set_up(void)
{
    log_setup(LOG_QUIET, "test", NULL);
    query_len = dns_build_query(query, 0x1234, "page.test", DNS_CLASS_IN, TYPE_MX, false);
    ck_assert_uint_gt(query_len, 0);
}

static size_t answer(enum resolver_verdict verdict, bool by_datagram, uint8_t *reply, size_t size)
{
    const struct forward_question question = {.query = query,
                                              .len = query_len,
                                              .verdict = verdict,
                                              .nameserver = &server.at,
                                              .by_datagram = by_datagram};
    size_t len = forward_answer(&scope, &question, reply, size);
    ck_assert_uint_le(len, size);
    ck_assert(dns_is_reply(reply, len, 0x1234));
    return len;
}

START_TEST(query_is_answered_by_the_dns_server)
{
    uint8_t reply[4096];
    size_t len = 0;
    start_server(true, 900);
    open_scope();
    ck_assert_int_eq(forward_query(&scope, query, query_len, reply, sizeof(reply), &len),
                     STATUS_OK);
    ck_assert_uint_eq(len, 900);
    ck_assert(dns_is_reply(reply, len, 0x1234));
    ck_assert(!(reply[2] & 2));
    finish_server();
}
END_TEST

START_TEST(reply_that_is_too_long_is_begun)
{
    uint8_t reply[600];
    size_t len = 0;
    memset(reply, 0xee, sizeof(reply));
    start_server(true, 900);
    open_scope();
    ck_assert_int_eq(forward_query(&scope, query, query_len, reply, 512, &len), STATUS_OK);
    ck_assert_uint_eq(len, 900);
    ck_assert(reply[2] & 2); /* TC */
    ck_assert_uint_eq(reply[512], 0xee);
    finish_server();
}
END_TEST

START_TEST(query_to_a_server_that_hangs_up_fails)
{
    uint8_t reply[4096];
    size_t len = 0;
    start_server(true, 0);
    open_scope();
    ck_assert_int_eq(forward_query(&scope, query, query_len, reply, sizeof(reply), &len),
                     STATUS_SYSTEM);
    finish_server();
}
END_TEST

START_TEST(query_without_a_dns_server_fails)
{
    uint8_t reply[512];
    size_t len = 0;
    scope_open("proxy home socks5://127.0.0.1:1\ndefault home\n", "");
    ck_assert_int_eq(forward_query(&scope, query, query_len, reply, sizeof(reply), &len),
                     STATUS_UNCONFIGURED);
    scope.config = NULL;
    ck_assert_int_eq(forward_query(&scope, query, query_len, reply, sizeof(reply), &len),
                     STATUS_UNCONFIGURED);
}
END_TEST

static const struct {
    enum resolver_verdict verdict;
    size_t sent;
    bool by_datagram;
    bool cut;
} answers[] = {
    {RESOLVER_DIRECT, 100, true, false},   {RESOLVER_DIRECT, 512, true, false},
    {RESOLVER_DIRECT, 513, true, true},    {RESOLVER_DIRECT, 900, false, false},
    {RESOLVER_FORWARD, 100, true, false},  {RESOLVER_FORWARD, 513, true, true},
    {RESOLVER_FORWARD, 900, false, false},
};

START_TEST(answer_fits_the_way_that_it_goes)
{
    uint8_t reply[4096];
    start_server(answers[_i].verdict == RESOLVER_FORWARD, answers[_i].sent);
    open_scope();
    size_t len = answer(answers[_i].verdict, answers[_i].by_datagram, reply, sizeof(reply));
    ck_assert_uint_eq(len, answers[_i].cut ? query_len : answers[_i].sent);
    ck_assert_int_eq((reply[2] & 2) != 0, answers[_i].cut);
    finish_server();
}
END_TEST

static const enum resolver_verdict verdicts[] = {RESOLVER_DIRECT, RESOLVER_FORWARD};

START_TEST(answer_of_nobody_is_a_failure)
{
    uint8_t reply[4096];
    bind_server(verdicts[_i] == RESOLVER_FORWARD, 0);
    if (verdicts[_i] == RESOLVER_DIRECT) /* takes datagrams of itself alone: others are refused */
        ck_assert_int_eq(connect(server.fd, &server.at.any, sizeof(server.at.in)), 0);
    open_scope();
    answer(verdicts[_i], true, reply, sizeof(reply));
    ck_assert_int_eq(dns_rcode(reply), DNS_SERVFAIL);
}
END_TEST

START_TEST(what_is_no_query_gets_no_answer)
{
    uint8_t reply[DNS_DATAGRAM_MAX];
    const struct forward_question question = {.query = query, .len = 3};
    scope_open("default direct\n", "");
    ck_assert_uint_eq(forward_answer(&scope, &question, reply, sizeof(reply)), 0);
}
END_TEST

static Suite *forward_suite(void)
{
    Suite *suite = suite_create("forward");
    TCase *tcase = tcase_create("forward");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, scope_close);
    tcase_add_test(tcase, query_is_answered_by_the_dns_server);
    tcase_add_test(tcase, reply_that_is_too_long_is_begun);
    tcase_add_test(tcase, query_to_a_server_that_hangs_up_fails);
    tcase_add_test(tcase, query_without_a_dns_server_fails);
    tcase_add_loop_test(tcase, answer_fits_the_way_that_it_goes, 0, COUNT(answers));
    tcase_add_loop_test(tcase, answer_of_nobody_is_a_failure, 0, COUNT(verdicts));
    tcase_add_test(tcase, what_is_no_query_gets_no_answer);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run(forward_suite());
}
