/* SPDX-License-Identifier: MIT
 * The embedded server, driven over loopback: each test forks one, talks to it octet by octet, and
 * ends it with SIGTERM, upon which it must exit with 0. */
#include "cli/address.h"
#include "cli/serve.h"
#include "core/log.h"
#include "core/socks.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Made from a string literal, whose closing NUL is no part of the frame. */
#define FRAME(literal) (const uint8_t *)(literal), sizeof(literal) - 1

enum { PATIENCE_S = 10 }; /* for what should come at once */

/* A look-up of slow.example lasts until this pipe is closed. */
static int slow_lookup[2] = {-1, -1};

/* In place of libc's for the server under test. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (node && strcmp(node, "slow.example") == 0) {
        char octet;
        while (read(slow_lookup[0], &octet, 1) < 0 && errno == EINTR)
            continue;
        return real("127.0.0.1", service, hints, list);
    }
    return real(node, service, hints, list);
}

struct fixture {
    pid_t server;
    int stop; /* write end: closing it tells the server that its program has ended */
    struct address address;
    char directory[64];
    char hosts[96];
    char log[96];
};

static struct fixture fixture;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct address loopback(const char *host, uint16_t port)
{
    struct target target;
    struct address address;
    ck_assert_int_eq(target_set_host(&target, host, strlen(host), port), STATUS_OK);
    ck_assert(address_from_target(&address, &target));
    return address;
}

static void be_patient(int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static void read_address(int fd)
{
    char line[64] = "";
    struct target target;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq(poll(&wait, 1, PATIENCE_S * 1000), 1);
    ssize_t len = read(fd, line, sizeof(line) - 1);
    ck_assert_int_gt(len, 1);
    ck_assert_int_eq(line[len - 1], '\n');
    ck_assert_int_eq(target_from_text(&target, line, (size_t)len - 1, 0), STATUS_OK);
    ck_assert(address_from_target(&fixture.address, &target));
}

static _Noreturn void be_server(struct serve_options options, rlim_t descriptors)
{
    const struct rlimit limit = {.rlim_cur = descriptors, .rlim_max = descriptors};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (descriptors)
        setrlimit(RLIMIT_NOFILE, &limit);
    log_setup(LOG_VERBOSE, NULL, fixture.log);
    exit(serve(&options));
}

static void start_limited(struct serve_options options, rlim_t descriptors)
{
    int ready[2];
    int stop[2];
    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(stop, O_CLOEXEC), 0);
    if (!options.listen)
        options.listen = "127.0.0.1:0";
    options.hosts = fixture.hosts;
    options.verbose = true;
    options.ready_fd = ready[1];
    if (options.stop_fd >= 0)
        options.stop_fd = stop[0];
    fixture.server = fork();
    if (fixture.server == 0) {
        close(ready[0]);
        close(stop[1]);
        if (slow_lookup[1] >= 0)
            close(slow_lookup[1]);
        be_server(options, descriptors);
    }
    close(ready[1]);
    close(stop[0]);
    fixture.stop = stop[1];
    read_address(ready[0]);
    close(ready[0]);
}

static void start(struct serve_options options)
{
    start_limited(options, 0);
}

static const struct serve_options anybody = {.stop_fd = -1};
static const struct serve_options alice = {.user = "alice", .password = "s3cret", .stop_fd = -1};

/* The server's exit status; the test's own time limit bounds the wait. */
static int await_end(void)
{
    int status;
    ck_assert_int_eq(waitpid(fixture.server, &status, 0), fixture.server);
    fixture.server = 0;
    ck_assert_msg(WIFEXITED(status), "the server died of a signal");
    return WEXITSTATUS(status);
}

static void set_up(void)
{
    memset(&fixture, 0, sizeof(fixture));
    fixture.stop = -1;
    strcpy(fixture.directory, "/tmp/socksify-test-serve-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture.directory));
    snprintf(fixture.hosts, sizeof(fixture.hosts), "%s/hosts", fixture.directory);
    snprintf(fixture.log, sizeof(fixture.log), "%s/log", fixture.directory);
    FILE *hosts = fopen(fixture.hosts, "w");
    ck_assert_ptr_nonnull(hosts);
    fputs("127.0.0.1 page.example\n"
          "127.0.0.2 two.example\n"
          "127.0.0.1 two.example\n"
          "::1 families.example\n"
          "127.0.0.2 families.example\n"
          "127.0.0.1 families.example\n",
          hosts);
    fclose(hosts);
}

static void tear_down(void)
{
    if (fixture.server > 0) {
        kill(fixture.server, SIGTERM);
        ck_assert_int_eq(await_end(), 0);
    }
    unlink(fixture.hosts);
    unlink(fixture.log);
    rmdir(fixture.directory);
}

static int dial(void)
{
    int fd = socket(fixture.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    be_patient(fd);
    ck_assert_int_eq(connect(fd, &fixture.address.any, fixture.address.len), 0);
    return fd;
}

static void say(int fd, const uint8_t *bytes, size_t len)
{
    ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void expect_octets(int fd, uint8_t *octets, size_t len)
{
    ck_assert_int_eq(recv(fd, octets, len, MSG_WAITALL), (ssize_t)len);
}

static void expect(int fd, const uint8_t *bytes, size_t len)
{
    uint8_t got[512];
    ck_assert_uint_le(len, sizeof(got));
    expect_octets(fd, got, len);
    ck_assert_mem_eq(got, bytes, len);
}

static void expect_end(int fd)
{
    uint8_t octet;
    ck_assert_int_eq(recv(fd, &octet, 1, 0), 0);
}

/* A SOCKS5 reply, whole; its REP. Our server says no names in it. */
static int reply_code(int fd)
{
    uint8_t frame[SOCKS5_REPLY_MAX];
    expect_octets(fd, frame, 4);
    ck_assert_int_eq(frame[0], SOCKS5_VERSION);
    ck_assert(frame[3] == 1 || frame[3] == 4);
    expect_octets(fd, frame + 4, frame[3] == 1 ? 4 + 2 : 16 + 2);
    return frame[1];
}

static void ask(int fd, uint8_t command, const char *host, uint16_t port)
{
    uint8_t frame[SOCKS5_REQUEST_MAX];
    struct target target;
    ck_assert_int_eq(target_set_host(&target, host, strlen(host), port), STATUS_OK);
    say(fd, frame, socks5_build_request(frame, command, &target));
}

static void greet(int fd)
{
    say(fd, FRAME("\5\1\0"));
    expect(fd, FRAME("\5\0"));
}

/* The server's answer to a CONNECT, on a new connection that is closed again. */
static int connect_code(const char *host, uint16_t port)
{
    int fd = dial();
    greet(fd);
    ask(fd, SOCKS_CONNECT, host, port);
    int code = reply_code(fd);
    close(fd);
    return code;
}

static int open_tunnel(const char *host, uint16_t port)
{
    int fd = dial();
    greet(fd);
    ask(fd, SOCKS_CONNECT, host, port);
    ck_assert_int_eq(reply_code(fd), SOCKS5_SUCCEEDED);
    return fd;
}

/* A listening socket for targets; 0 as the port lets the kernel choose. */
static int listen_on(const char *host, uint16_t *port, int backlog)
{
    struct address address = loopback(host, *port);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    be_patient(fd);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    ck_assert_int_eq(bind(fd, &address.any, address.len), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, &address.any, &address.len), 0);
    *port = ntohs(address.ipv4.sin_port);
    return fd;
}

static int take(int listener)
{
    int fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    be_patient(fd);
    return fd;
}

static uint16_t refused_port(const char *host)
{
    uint16_t port = 0;
    close(listen_on(host, &port, 1));
    return port;
}

/* Fill a listener's queue, so that the kernel drops what knocks: a host that does not answer. */
static void fill_queue(const char *host, uint16_t port)
{
    struct address address = loopback(host, port);
    for (int i = 0; i < 4; i++) {
        int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(fd, &address.any, address.len) < 0)
            ck_assert_int_eq(errno, EINPROGRESS);
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (poll(&wait, 1, 100) == 0)
            return;
    }
    ck_abort_msg("the queue takes one more and one more");
}

static bool have_ipv6(void)
{
    struct address address = loopback("::1", 0);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool have = fd >= 0 && bind(fd, &address.any, address.len) == 0;
    close(fd);
    return have;
}

/* Both ways through a tunnel. */
static void expect_talk(int client, int target)
{
    say(client, FRAME("ping"));
    expect(target, FRAME("ping"));
    say(target, FRAME("pong"));
    expect(client, FRAME("pong"));
}

static void expect_tunnel(int client, int listener)
{
    int target = take(listener);
    expect_talk(client, target);
    close(client);
    expect_end(target);
    close(target);
}

static void read_log(char *text, size_t size)
{
    int fd = open(fixture.log, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ssize_t len = read(fd, text, size - 1);
    ck_assert_int_ge(len, 0);
    text[len] = '\0';
    close(fd);
}

START_TEST(socks4_connects_to_an_address)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    int fd = dial();
    uint8_t frame[] = {4,   1, (uint8_t)(port >> 8), (uint8_t)port, 127, 0, 0, 1, 'f', 'r', 'e',
                       'd', 0};
    say(fd, frame, sizeof(frame));
    expect(fd, FRAME("\0\x5a"));
    uint8_t rest[6];
    expect_octets(fd, rest, sizeof(rest));
    expect_tunnel(fd, listener);
}
END_TEST

START_TEST(socks4a_connects_to_a_name)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    int fd = dial();
    uint8_t frame[SOCKS4_REQUEST_MAX];
    struct target target;
    target_set_host(&target, "page.example", strlen("page.example"), port);
    say(fd, frame, socks4_build_request(frame, SOCKS_CONNECT, &target, "", 0));
    expect(fd, FRAME("\0\x5a"));
    uint8_t rest[6];
    expect_octets(fd, rest, sizeof(rest));
    expect_tunnel(fd, listener);
}
END_TEST

START_TEST(socks5_connects_to_ipv4_and_to_names_of_the_hosts_file_and_the_resolver)
{
    static const char *const hosts[] = {"127.0.0.1", "page.example", "PAGE.Example.", "localhost"};
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        expect_tunnel(open_tunnel(hosts[i], port), listener);
}
END_TEST

START_TEST(socks5_connects_to_ipv6)
{
    if (!have_ipv6())
        return;
    uint16_t port = 0;
    int listener = listen_on("::1", &port, 8);
    start(anybody);
    expect_tunnel(open_tunnel("::1", port), listener);
}
END_TEST

/* What the server chooses from a list of methods, without and with a user set. */
static const struct {
    const char *methods;
    uint8_t count;
    uint8_t without, with;
} lists[] = {
    {"", 0, 0xff, 0xff},   {"\0", 1, 0, 0xff},          {"\1", 1, 0xff, 0xff},  {"\2", 1, 2, 2},
    {"\0\2", 2, 0, 2},     {"\2\0", 2, 0, 2},           {"\1\2", 2, 2, 2},      {"\0\1\2", 3, 0, 2},
    {"\2\2\2\2", 4, 2, 2}, {"\x80\xfe", 2, 0xff, 0xff}, {"\xff\0", 2, 0, 0xff},
};

static void expect_method(const uint8_t *list, uint8_t count, uint8_t method)
{
    int fd = dial();
    uint8_t frame[SOCKS5_GREETING_MAX];
    const uint8_t answer[] = {5, method};
    say(fd, frame, socks5_build_greeting(frame, list, count));
    expect(fd, answer, sizeof(answer));
    if (method == 0xff)
        expect_end(fd);
    close(fd);
}

START_TEST(every_list_of_methods_gets_an_answer)
{
    start(_i ? alice : anybody);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        expect_method((const uint8_t *)lists[i].methods, lists[i].count,
                      _i ? lists[i].with : lists[i].without);
    uint8_t all[255];
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    expect_method(all, 255, _i ? 2 : 0);
}
END_TEST

START_TEST(any_password_is_taken_when_no_user_is_set)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    int fd = dial();
    say(fd, FRAME("\5\1\2"));
    expect(fd, FRAME("\5\2"));
    say(fd, FRAME("\1\1a\1b"));
    expect(fd, FRAME("\1\0"));
    ask(fd, SOCKS_CONNECT, "127.0.0.1", port);
    ck_assert_int_eq(reply_code(fd), SOCKS5_SUCCEEDED);
    expect_tunnel(fd, listener);
}
END_TEST

START_TEST(only_the_right_user_and_password_are_let_in)
{
    static const struct {
        const char *user, *password;
        int status;
    } cases[] = {
        {"alice", "s3cret", 0}, {"alice", "s3cre", 1}, {"alice", "s3crett", 1},
        {"alice", "", 1},       {"", "", 1},           {"Alice", "s3cret", 1},
        {"alic", "s3cret", 1},  {"bob", "s3cret", 1},
    };
    start(alice);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t frame[SOCKS5_AUTH_MAX];
        const uint8_t answer[] = {1, (uint8_t)cases[i].status};
        int fd = dial();
        say(fd, FRAME("\5\2\0\2"));
        expect(fd, FRAME("\5\2"));
        say(fd, frame,
            socks5_build_auth(frame, cases[i].user, (uint8_t)strlen(cases[i].user),
                              cases[i].password, (uint8_t)strlen(cases[i].password)));
        expect(fd, answer, sizeof(answer));
        if (cases[i].status)
            expect_end(fd);
        close(fd);
    }
}
END_TEST

START_TEST(socks4_is_refused_when_a_user_is_set)
{
    start(alice);
    int fd = dial();
    say(fd, FRAME("\4\1\0\x50\x7f\0\0\1alice\0"));
    expect(fd, FRAME("\0\x5d\0\0\0\0\0\0"));
    expect_end(fd);
}
END_TEST

START_TEST(what_is_not_supported_gets_its_own_code)
{
    start(anybody);
    static const uint8_t commands[] = {0, SOCKS_BIND, SOCKS_UDP_ASSOCIATE, 4, 255};
    for (size_t i = 0; i < sizeof(commands); i++) {
        int fd = dial();
        greet(fd);
        ask(fd, commands[i], "127.0.0.1", 80);
        ck_assert_int_eq(reply_code(fd), SOCKS5_COMMAND_NOT_SUPPORTED);
        expect_end(fd);
        close(fd);
    }
    static const uint8_t types[] = {0, 2, 5, 255};
    for (size_t i = 0; i < sizeof(types); i++) {
        const uint8_t request[] = {5, 1, 0, types[i], 127, 0, 0, 1, 0, 80};
        int fd = dial();
        greet(fd);
        say(fd, request, sizeof(request));
        ck_assert_int_eq(reply_code(fd), SOCKS5_ADDRESS_NOT_SUPPORTED);
        expect_end(fd);
        close(fd);
    }
    int fd = dial();
    say(fd, FRAME("\4\2\0\x50\x7f\0\0\1\0"));
    expect(fd, FRAME("\0\x5b\0\0\0\0\0\0"));
    expect_end(fd);
}
END_TEST

START_TEST(what_is_no_socks_is_closed)
{
    start(anybody);
    int fd = dial();
    say(fd, FRAME("GET / HTTP/1.0\r\n\r\n"));
    uint8_t octet;
    ck_assert_int_le(recv(fd, &octet, 1, 0), 0);
    close(fd);
    fd = dial();
    greet(fd);
    say(fd, FRAME("\5\1\0\3\0\0\x50")); /* a name of length 0 */
    ck_assert_int_eq(reply_code(fd), SOCKS5_GENERAL_FAILURE);
}
END_TEST

START_TEST(the_reply_tells_why_a_connect_failed)
{
    const struct serve_options hasty = {.stop_fd = -1, .connect_ms = 300};
    uint16_t deaf = 0;
    start(hasty);
    ck_assert_int_eq(connect_code("127.0.0.1", refused_port("127.0.0.1")),
                     SOCKS5_CONNECTION_REFUSED);
    ck_assert_int_eq(connect_code("page.example", refused_port("127.0.0.1")),
                     SOCKS5_CONNECTION_REFUSED);
    ck_assert_int_eq(connect_code("no..such.name", 80), SOCKS5_HOST_UNREACHABLE);
    ck_assert_int_eq(connect_code("255.255.255.255", 80), SOCKS5_NETWORK_UNREACHABLE);
    listen_on("127.0.0.1", &deaf, 0);
    fill_queue("127.0.0.1", deaf);
    ck_assert_int_eq(connect_code("127.0.0.1", deaf), SOCKS5_TTL_EXPIRED);

    int fd = dial();
    uint16_t port = refused_port("127.0.0.1");
    const uint8_t socks4[] = {4, 1, (uint8_t)(port >> 8), (uint8_t)port, 127, 0, 0, 1, 0};
    say(fd, socks4, sizeof(socks4));
    expect(fd, FRAME("\0\x5b\0\0\0\0\0\0"));
    expect_end(fd);
}
END_TEST

START_TEST(the_next_address_is_tried_at_once_after_a_refusal)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    int64_t began = now_ms();
    expect_tunnel(open_tunnel("two.example", port), listener);
    ck_assert_int_lt(now_ms() - began, 240);
}
END_TEST

START_TEST(the_next_address_is_tried_while_the_first_keeps_silent)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    listen_on("127.0.0.2", &port, 0);
    fill_queue("127.0.0.2", port);
    start(anybody);
    int64_t began = now_ms();
    expect_tunnel(open_tunnel("two.example", port), listener);
    int64_t took = now_ms() - began;
    ck_assert_int_ge(took, 240);
    ck_assert_int_lt(took, 2000);
}
END_TEST

START_TEST(all_addresses_of_both_families_are_tried)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    expect_tunnel(open_tunnel("families.example", port), listener);
    ck_assert_int_eq(connect_code("families.example", refused_port("127.0.0.1")),
                     SOCKS5_CONNECTION_REFUSED);
}
END_TEST

START_TEST(families_take_turns)
{
    static const char *const before[] = {"::1", "::2", "::3", "127.0.0.1", "127.0.0.2"};
    static const char *const after[] = {"::1", "127.0.0.1", "::2", "127.0.0.2", "::3"};
    struct address list[5];
    for (size_t i = 0; i < 5; i++)
        list[i] = loopback(before[i], 80);
    address_interleave(list, 5);
    for (size_t i = 0; i < 5; i++) {
        struct address expected = loopback(after[i], 80);
        ck_assert(address_same_host(&list[i], &expected));
    }
}
END_TEST

/* A whole handshake with a password, and words for the target, as they would be pipelined. */
static size_t build_conversation(uint8_t *out, uint16_t port)
{
    struct target target;
    const uint8_t password_only = SOCKS5_METHOD_PASSWORD;
    size_t len = socks5_build_greeting(out, &password_only, 1);
    len += socks5_build_auth(out + len, "alice", 5, "s3cret", 6);
    target_set_host(&target, "page.example", strlen("page.example"), port);
    len += socks5_build_request(out + len, SOCKS_CONNECT, &target);
    static const char early[] = "early words";
    memcpy(out + len, early, sizeof(early) - 1);
    return len + sizeof(early) - 1;
}

START_TEST(a_handshake_is_read_however_it_is_cut)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    uint8_t frames[SOCKS5_GREETING_MAX + SOCKS5_AUTH_MAX + SOCKS5_REQUEST_MAX + 16];
    size_t len = build_conversation(frames, port);
    static const size_t pieces[] = {sizeof(frames), 1, 2, 3, 7, 20};

    start(alice);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        const int on = 1;
        int fd = dial();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        for (size_t at = 0; at < len; at += pieces[i])
            say(fd, frames + at, len - at < pieces[i] ? len - at : pieces[i]);
        expect(fd, FRAME("\5\2\1\0"));
        ck_assert_int_eq(reply_code(fd), SOCKS5_SUCCEEDED);
        int target = take(listener);
        expect(target, FRAME("early words"));
        expect_talk(fd, target);
        close(fd);
        close(target);
    }
}
END_TEST

START_TEST(a_half_close_is_carried_through_in_both_directions)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    for (int i = 0; i < 2; i++) {
        int client = open_tunnel("127.0.0.1", port);
        int target = take(listener);
        int first = i ? target : client;
        int second = i ? client : target;
        say(first, FRAME("question"));
        shutdown(first, SHUT_WR);
        expect(second, FRAME("question"));
        expect_end(second);
        say(second, FRAME("answer"));
        expect(first, FRAME("answer"));
        say(second, FRAME("more"));
        shutdown(second, SHUT_WR);
        expect(first, FRAME("more"));
        expect_end(first);
        close(client);
        close(target);
    }
}
END_TEST

START_TEST(a_half_close_before_the_reply_is_carried_through)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    int fd = dial();
    greet(fd);
    ask(fd, SOCKS_CONNECT, "page.example", port);
    say(fd, FRAME("question"));
    shutdown(fd, SHUT_WR);
    ck_assert_int_eq(reply_code(fd), SOCKS5_SUCCEEDED);
    int target = take(listener);
    expect(target, FRAME("question"));
    expect_end(target);
    say(target, FRAME("answer"));
    expect(fd, FRAME("answer"));
}
END_TEST

static void reset(int fd)
{
    const struct linger linger = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
}

START_TEST(a_reset_is_carried_through_in_both_directions)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    for (int i = 0; i < 2; i++) {
        uint8_t octet;
        int client = open_tunnel("127.0.0.1", port);
        int target = take(listener);
        expect_talk(client, target);
        reset(i ? client : target);
        ck_assert_int_eq(recv(i ? target : client, &octet, 1, 0), -1);
        ck_assert_int_eq(errno, ECONNRESET);
        close(i ? target : client);
    }
}
END_TEST

/* The octet at a place of a long stream, without a period that a lost buffer could hide in. */
static uint8_t octet_at(size_t at)
{
    return (uint8_t)((at * 2654435761u) >> 13);
}

static void send_stream(int fd, size_t len)
{
    static uint8_t piece[60000];
    for (size_t at = 0; at < len;) {
        size_t n = len - at < sizeof(piece) ? len - at : sizeof(piece);
        for (size_t i = 0; i < n; i++)
            piece[i] = octet_at(at + i);
        say(fd, piece, n);
        at += n;
    }
    shutdown(fd, SHUT_WR);
}

static void expect_stream(int fd, size_t len)
{
    static uint8_t piece[50000];
    size_t at = 0;
    for (;;) {
        ssize_t n = recv(fd, piece, sizeof(piece), 0);
        ck_assert_int_ge(n, 0);
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            if (piece[i] != octet_at(at + (size_t)i))
                ck_abort_msg("octet %zu differs", at + (size_t)i);
        at += (size_t)n;
    }
    ck_assert_uint_eq(at, len);
}

/* Let the server open that many descriptors from now on; 0 leaves it no pipe. */
static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    ck_assert_int_eq(prlimit(fixture.server, RLIMIT_NOFILE, NULL, &limit), 0);
    limit.rlim_cur = count < limit.rlim_max ? count : limit.rlim_max;
    ck_assert_int_eq(prlimit(fixture.server, RLIMIT_NOFILE, &limit, NULL), 0);
}

START_TEST(a_long_stream_arrives_whole_with_pipes_and_without)
{
    enum { LENGTH = 24 << 20 };
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    for (int i = 0; i < 2; i++) {
        limit_descriptors(RLIM_INFINITY);
        int client = open_tunnel("127.0.0.1", port);
        int target = take(listener);
        if (_i)
            limit_descriptors(0);
        pid_t sender = fork();
        if (sender == 0) {
            send_stream(i ? target : client, LENGTH);
            _exit(0);
        }
        close(i ? target : client);
        expect_stream(i ? client : target, LENGTH);
        ck_assert_int_eq(waitpid(sender, NULL, 0), sender);
        close(i ? client : target);
    }
    limit_descriptors(RLIM_INFINITY);
}
END_TEST

START_TEST(a_client_that_reads_nothing_stalls_nobody)
{
    static uint8_t flood[1 << 16];
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    int idle = open_tunnel("127.0.0.1", port);
    int target = take(listener);
    struct pollfd room = {.fd = target, .events = POLLOUT};
    fcntl(target, F_SETFL, O_NONBLOCK);
    do {
        while (send(target, flood, sizeof(flood), MSG_NOSIGNAL) > 0)
            continue;
    } while (poll(&room, 1, 100) > 0);
    expect_tunnel(open_tunnel("127.0.0.1", port), listener);
    fcntl(target, F_SETFL, 0);
    /* Its own words still get through, and nothing of what waits for it is lost. */
    say(idle, FRAME("hello"));
    expect(target, FRAME("hello"));
    close(target);
    uint8_t octet;
    ck_assert_int_eq(recv(idle, &octet, 1, 0), 1);
}
END_TEST

START_TEST(a_slow_look_up_stalls_nobody)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 64);
    ck_assert_int_eq(pipe(slow_lookup), 0);
    start(anybody);
    int slow[40];
    for (size_t i = 0; i < 40; i++) {
        slow[i] = dial();
        greet(slow[i]);
        ask(slow[i], SOCKS_CONNECT, "slow.example", port);
    }
    expect_tunnel(open_tunnel("127.0.0.1", port), listener);
    /* One that gives up while its name waits, or is being asked for, is forgotten. */
    reset(slow[0]);
    reset(slow[39]);
    close(slow_lookup[1]);
    for (size_t i = 1; i < 39; i++) {
        ck_assert_int_eq(reply_code(slow[i]), SOCKS5_SUCCEEDED);
        close(slow[i]);
        close(take(listener));
    }
}
END_TEST

START_TEST(a_slow_look_up_ends_at_the_deadline)
{
    const struct serve_options hasty = {.stop_fd = -1, .connect_ms = 200};
    ck_assert_int_eq(pipe(slow_lookup), 0);
    start(hasty);
    ck_assert_int_eq(connect_code("slow.example", 80), SOCKS5_TTL_EXPIRED);
}
END_TEST

START_TEST(a_client_that_makes_no_request_is_closed_in_time)
{
    const struct serve_options hasty = {.stop_fd = -1, .handshake_ms = 300};
    start(hasty);
    int silent = dial();
    int halfway = dial();
    say(halfway, FRAME("\5\1\0\5\1"));
    int64_t began = now_ms();
    expect_end(silent);
    expect(halfway, FRAME("\5\0"));
    expect_end(halfway);
    ck_assert_int_lt(now_ms() - began, 3000);
}
END_TEST

START_TEST(silent_clients_make_room_when_descriptors_run_out)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    int silent[64];
    start_limited(anybody, 64);
    int open = open_tunnel("127.0.0.1", port);
    int target = take(listener);
    for (size_t i = 0; i < 64; i++)
        silent[i] = dial();
    expect_tunnel(open_tunnel("127.0.0.1", port), listener);
    expect_end(silent[0]);
    expect_talk(open, target);
}
END_TEST

START_TEST(the_log_has_one_line_a_request_with_the_name)
{
    char text[2048];
    char line[256];
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    expect_tunnel(open_tunnel("page.example", port), listener);
    snprintf(line, sizeof(line), " socks5 CONNECT page.example:%u -> 127.0.0.1:%u: succeeded in ",
             port, port);
    read_log(text, sizeof(text));
    char *found = strstr(text, line);
    ck_assert_ptr_nonnull(found);
    ck_assert_ptr_null(strstr(found + strlen(line), "CONNECT"));
    ck_assert_ptr_null(strstr(text, "warning"));
}
END_TEST

START_TEST(an_open_proxy_draws_a_warning)
{
    char text[2048];
    struct serve_options options = _i ? alice : anybody;
    options.listen = "0.0.0.0:0";
    start(options);
    read_log(text, sizeof(text));
    ck_assert_int_eq(strstr(text, "open proxy") != NULL, !_i);
}
END_TEST

START_TEST(it_ends_with_its_program)
{
    start((struct serve_options){.stop_fd = 0});
    /* A terminal's ^C is for the program. */
    kill(fixture.server, SIGINT);
    close(dial());
    close(fixture.stop);
    ck_assert_int_eq(await_end(), 0);
}
END_TEST

START_TEST(it_outlives_its_program_until_the_last_connection_closes)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start((struct serve_options){.stop_fd = 0});
    int client = open_tunnel("127.0.0.1", port);
    int target = take(listener);
    close(fixture.stop);
    expect_talk(client, target);
    expect_tunnel(open_tunnel("127.0.0.1", port), listener);
    expect_talk(client, target);
    close(client);
    expect_end(target);
    close(target);
    ck_assert_int_eq(await_end(), 0);
}
END_TEST

START_TEST(it_ends_cleanly_on_a_signal_with_connections_open)
{
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", &port, 8);
    start(anybody);
    int client = open_tunnel("127.0.0.1", port);
    int target = take(listener);
    expect_talk(client, target);
    kill(fixture.server, _i ? SIGINT : SIGTERM);
    ck_assert_int_eq(await_end(), 0);
    expect_end(client);
    expect_end(target);
}
END_TEST

START_TEST(options_that_cannot_be_used_are_refused)
{
    static const struct serve_options unusable[] = {
        {.listen = "127.0.0.1:65536"},
        {.listen = "127.0.0.1:"},
        {.listen = ":1080"},
        {.listen = "[::1"},
        {.listen = "[::1]1080"},
        {.listen = "127.0.0.1:x"},
        {.listen = ""},
        {.user = "alice"},
        {.hosts = "/nonexistent"},
    };
    log_setup(LOG_QUIET, NULL, NULL);
    for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
        struct serve_options options = unusable[i];
        options.ready_fd = options.stop_fd = -1;
        ck_assert_int_eq(serve(&options), 78);
    }
}
END_TEST

START_TEST(a_port_that_is_taken_is_a_failure)
{
    char where[64];
    uint16_t port = 0;
    listen_on("127.0.0.1", &port, 1);
    snprintf(where, sizeof(where), "127.0.0.1:%u", port);
    log_setup(LOG_QUIET, NULL, NULL);
    ck_assert_int_eq(serve(&(struct serve_options){.listen = where, .ready_fd = -1, .stop_fd = -1}),
                     1);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("serve");
    TCase *tests = tcase_create("serve");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, socks4_connects_to_an_address);
    tcase_add_test(tests, socks4a_connects_to_a_name);
    tcase_add_test(tests, socks5_connects_to_ipv4_and_to_names_of_the_hosts_file_and_the_resolver);
    tcase_add_test(tests, socks5_connects_to_ipv6);
    tcase_add_loop_test(tests, every_list_of_methods_gets_an_answer, 0, 2);
    tcase_add_test(tests, any_password_is_taken_when_no_user_is_set);
    tcase_add_test(tests, only_the_right_user_and_password_are_let_in);
    tcase_add_test(tests, socks4_is_refused_when_a_user_is_set);
    tcase_add_test(tests, what_is_not_supported_gets_its_own_code);
    tcase_add_test(tests, what_is_no_socks_is_closed);
    tcase_add_test(tests, the_reply_tells_why_a_connect_failed);
    tcase_add_test(tests, the_next_address_is_tried_at_once_after_a_refusal);
    tcase_add_test(tests, the_next_address_is_tried_while_the_first_keeps_silent);
    tcase_add_test(tests, all_addresses_of_both_families_are_tried);
    tcase_add_test(tests, families_take_turns);
    tcase_add_test(tests, a_handshake_is_read_however_it_is_cut);
    tcase_add_test(tests, a_half_close_is_carried_through_in_both_directions);
    tcase_add_test(tests, a_half_close_before_the_reply_is_carried_through);
    tcase_add_test(tests, a_reset_is_carried_through_in_both_directions);
    tcase_add_loop_test(tests, a_long_stream_arrives_whole_with_pipes_and_without, 0, 2);
    tcase_add_test(tests, a_client_that_reads_nothing_stalls_nobody);
    tcase_add_test(tests, a_slow_look_up_stalls_nobody);
    tcase_add_test(tests, a_slow_look_up_ends_at_the_deadline);
    tcase_add_test(tests, a_client_that_makes_no_request_is_closed_in_time);
    tcase_add_test(tests, silent_clients_make_room_when_descriptors_run_out);
    tcase_add_test(tests, the_log_has_one_line_a_request_with_the_name);
    tcase_add_loop_test(tests, an_open_proxy_draws_a_warning, 0, 2);
    tcase_add_test(tests, it_ends_with_its_program);
    tcase_add_test(tests, it_outlives_its_program_until_the_last_connection_closes);
    tcase_add_loop_test(tests, it_ends_cleanly_on_a_signal_with_connections_open, 0, 2);
    tcase_add_test(tests, options_that_cannot_be_used_are_refused);
    tcase_add_test(tests, a_port_that_is_taken_is_a_failure);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
