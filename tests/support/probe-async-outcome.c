/* SPDX-License-Identifier: MIT
 * probe-async-outcome PROBE ADDRESS PORT [MIN_MS]: what each call says of a socket that is
 * connecting, connected, or has failed to. See async.h. */
#include "async.h"

#include <netinet/tcp.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static void say_call(const char *name, long result)
{
    printf("%s: %s\n", name, outcome(result));
}

static void connect_again(int fd)
{
    say_call("again", connect_target(fd));
}

/* --- While it is connecting --- */

static void second_connect(void)
{
    int fd = begin();
    connect_again(fd);
    connect_again(fd);
    await(fd, POLLOUT);
    connect_again(fd); /* Linux: 0 once */
    connect_again(fd);
    conclude(fd);
}

static void second_connect_elsewhere(void)
{
    int fd = begin();
    struct sockaddr_in elsewhere = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}};
    say_call("elsewhere", connect(fd, (struct sockaddr *)&elsewhere, sizeof(elsewhere)));
    await(fd, POLLOUT);
    conclude(fd);
}

static void peer(void)
{
    int fd = begin();
    for (int i = 0; i < 5; i++) {
        say_peer(fd);
        sleep_ms(10);
    }
    await(fd, POLLOUT);
    conclude(fd);
}

static void local_name(void)
{
    int fd = begin();
    struct sockaddr_in name = {0};
    socklen_t len = sizeof(name);
    say_call("getsockname", getsockname(fd, (struct sockaddr *)&name, &len));
    printf("bound: %d\n", name.sin_port != 0);
    await(fd, POLLOUT);
    conclude(fd);
}

/* Nothing may be taken from the handshake, or put into it, however long it goes on. */
static void transfers(void)
{
    char buf[8] = "hello";
    struct iovec piece = {.iov_base = buf, .iov_len = 5};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int fd = begin();
    for (int i = 0; i < 4; i++) {
        say_call("read", read(fd, buf, 5));
        say_call("readv", readv(fd, &piece, 1));
        say_call("recv", recv(fd, buf, 5, 0));
        say_call("recv peek", recv(fd, buf, 5, MSG_PEEK));
        say_call("recvfrom", recvfrom(fd, buf, 5, 0, NULL, NULL));
        say_call("recvmsg", recvmsg(fd, &message, 0));
        say_call("recvmmsg", recvmmsg(fd, &messages, 1, 0, NULL));
        say_call("write", write(fd, buf, 5));
        say_call("writev", writev(fd, &piece, 1));
        say_call("send", send(fd, buf, 5, 0));
        say_call("sendto", sendto(fd, buf, 5, MSG_NOSIGNAL, NULL, 0));
        say_call("sendmsg", sendmsg(fd, &message, 0));
        say_call("sendmmsg", sendmmsg(fd, &messages, 1, 0));
        say_call("sendfile", sendfile(fd, file, NULL, 5));
        set_nonblocking(fd, false);
        say_call("send, not waiting", send(fd, buf, 5, MSG_DONTWAIT));
        say_call("recv, not waiting", recv(fd, buf, 5, MSG_DONTWAIT));
        set_nonblocking(fd, true);
        sleep_ms(10);
    }
    await(fd, POLLOUT);
    conclude(fd);
}

static void write_until_taken(void)
{
    char buf[5] = "";
    int fd = begin();
    while (write(fd, "ping", 4) < 0 && errno == EAGAIN)
        sleep_ms(1);
    say_end("written");
    while (read(fd, buf, 4) < 0 && errno == EAGAIN)
        sleep_ms(1);
    printf("read: %s\n", buf);
    conclude(fd);
}

static void blocking_write(void)
{
    char buf[5] = "";
    int fd = begin();
    set_nonblocking(fd, false);
    say_call("write", write(fd, "ping", 4));
    say_end("written");
    say_call("read", read(fd, buf, 4));
    printf("read: %s\n", buf);
    conclude(fd);
}

/* --- Every function that moves octets, on a socket that was made blocking --- */

enum { WORD = 4 };

static char word[WORD + 1];
static struct iovec word_piece = {.iov_base = word, .iov_len = WORD};

static ssize_t by_read(int fd)
{
    return read(fd, word, WORD);
}

static ssize_t by_readv(int fd)
{
    return readv(fd, &word_piece, 1);
}

static ssize_t by_recv(int fd)
{
    return recv(fd, word, WORD, 0);
}

static ssize_t by_recvfrom(int fd)
{
    return recvfrom(fd, word, WORD, 0, NULL, NULL);
}

static ssize_t by_recvmsg(int fd)
{
    struct msghdr message = {.msg_iov = &word_piece, .msg_iovlen = 1};
    return recvmsg(fd, &message, 0);
}

static ssize_t by_recvmmsg(int fd)
{
    struct mmsghdr messages = {.msg_hdr = {.msg_iov = &word_piece, .msg_iovlen = 1}};
    return recvmmsg(fd, &messages, 1, 0, NULL) == 1 ? (ssize_t)messages.msg_len : -1;
}

static ssize_t by_write(int fd)
{
    return write(fd, word, WORD);
}

static ssize_t by_writev(int fd)
{
    return writev(fd, &word_piece, 1);
}

static ssize_t by_send(int fd)
{
    return send(fd, word, WORD, 0);
}

static ssize_t by_sendto(int fd)
{
    return sendto(fd, word, WORD, 0, NULL, 0);
}

static ssize_t by_sendmsg(int fd)
{
    struct msghdr message = {.msg_iov = &word_piece, .msg_iovlen = 1};
    return sendmsg(fd, &message, 0);
}

static ssize_t by_sendmmsg(int fd)
{
    struct mmsghdr messages = {.msg_hdr = {.msg_iov = &word_piece, .msg_iovlen = 1}};
    return sendmmsg(fd, &messages, 1, 0) == 1 ? (ssize_t)messages.msg_len : -1;
}

static ssize_t by_sendfile(int fd)
{
    FILE *file = tmpfile();
    off_t start = 0;
    if (!file || fputs(word, file) < 0 || fflush(file))
        err(2, "tmpfile");
    ssize_t sent = sendfile(fd, fileno(file), &start, WORD);
    fclose(file);
    return sent;
}

struct mover {
    const char *name;
    ssize_t (*move)(int fd);
};

/* A word goes or comes over a connection of its own, and more is received afterwards. */
static void move(const struct mover *mover, const char *sent, size_t more)
{
    char rest[WORD + 1] = "";
    int fd = begin();
    set_nonblocking(fd, false);
    memset(word, 0, sizeof(word));
    strcpy(word, sent);
    ssize_t moved = mover->move(fd);
    say_end(mover->name);
    printf("%zd: %s\n", moved, word);
    if (recv(fd, rest, more, MSG_WAITALL) == (ssize_t)more)
        printf("and: %s\n", rest);
    conclude(fd);
    close(fd);
}

static void blocking_writes(void)
{
    static const struct mover movers[] = {
        {"write", by_write},       {"writev", by_writev},   {"send", by_send},
        {"sendto", by_sendto},     {"sendmsg", by_sendmsg}, {"sendmmsg", by_sendmmsg},
        {"sendfile", by_sendfile},
    };
    for (size_t i = 0; i < sizeof(movers) / sizeof(movers[0]); i++)
        move(&movers[i], "word", WORD);
}

/* Of a target that speaks first, and says "hello". */
static void blocking_reads(void)
{
    static const struct mover movers[] = {
        {"read", by_read},         {"readv", by_readv},     {"recv", by_recv},
        {"recvfrom", by_recvfrom}, {"recvmsg", by_recvmsg}, {"recvmmsg", by_recvmmsg},
    };
    for (size_t i = 0; i < sizeof(movers) / sizeof(movers[0]); i++)
        move(&movers[i], "", 1);
}

static void blocking_connect(void)
{
    int fd = begin();
    set_nonblocking(fd, false);
    connect_again(fd);
    say_end("connected");
    connect_again(fd);
    conclude(fd);
}

static void blocking_poll(void)
{
    int fd = begin();
    set_nonblocking(fd, false);
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    if (poll(&pollfd, 1, -1) == 1)
        say_events("poll", (uint32_t)pollfd.revents);
    conclude(fd);
}

static void say_option(const char *name, int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);
    getsockopt(fd, level, option, &value, &len);
    printf("%s: %d\n", name, value);
}

static void options(void)
{
    static const int one = 1, idle = 77;
    int fd = begin();
    say_call("keepalive", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)));
    say_call("nodelay", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
    say_call("keepidle", setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)));
    await(fd, POLLOUT);
    say_option("keepalive", fd, SOL_SOCKET, SO_KEEPALIVE);
    say_option("nodelay", fd, IPPROTO_TCP, TCP_NODELAY);
    say_option("keepidle", fd, IPPROTO_TCP, TCP_KEEPIDLE);
    conclude(fd);
}

static void send_timeout(void)
{
    const struct timeval timeout = {.tv_sec = 3};
    int fd = open_socket(SOCK_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    begin_on(fd);
    await(fd, POLLOUT);
    struct timeval seen = {0};
    socklen_t len = sizeof(seen);
    getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &seen, &len);
    printf("timeout: %ld %ld\n", (long)seen.tv_sec, (long)seen.tv_usec);
    conclude(fd);
}

static void early_octets(void)
{
    char buf[16] = "";
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    if (poll(&pollfd, 1, -1) == 1)
        say_events("poll", (uint32_t)pollfd.revents);
    say_error(fd);
    ssize_t got = read(fd, buf, sizeof(buf));
    printf("read: %zd %s\n", got, buf);
    conclude(fd);
}

static void end_of_direction(void)
{
    char buf[8];
    int fd = begin();
    await(fd, POLLOUT);
    conclude(fd);
    say_call("shutdown", shutdown(fd, SHUT_WR));
    await(fd, POLLIN);
    printf("read: %zd\n", read(fd, buf, sizeof(buf)));
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLRDHUP};
    if (poll(&pollfd, 1, -1) == 1)
        say_events("poll", (uint32_t)pollfd.revents);
}

static void address_bound(void)
{
    struct sockaddr_in wanted = {.sin_family = AF_INET}, got = {0};
    socklen_t len = sizeof(got);
    const char *address = getenv("BIND_ADDRESS");
    inet_pton(AF_INET, address ? address : "", &wanted.sin_addr);
    int fd = open_socket(SOCK_NONBLOCK);
    say_call("bind", bind(fd, (struct sockaddr *)&wanted, sizeof(wanted)));
    getsockname(fd, (struct sockaddr *)&got, &len);
    in_port_t port = got.sin_port;
    begin_on(fd);
    await(fd, POLLOUT);
    say_error(fd);
    say_peer(fd);
    getsockname(fd, (struct sockaddr *)&got, &len);
    printf("address kept: %d\n", got.sin_addr.s_addr == wanted.sin_addr.s_addr);
    bool connected = !getpeername(fd, (struct sockaddr *)&got, &len);
    getsockname(fd, (struct sockaddr *)&got, &len);
    if (connected)
        printf("port kept: %d\n", got.sin_port == port);
}

/* --- Given up --- */

static void say_polled(int fd, int timeout_ms)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    char words[64];
    int count = poll(&pollfd, 1, timeout_ms);
    printf("poll: %d %s\n", count, events_text((uint32_t)pollfd.revents, words));
}

static void shut_down(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    say_call("shutdown", shutdown(fd, SHUT_RDWR));
    struct epoll_event event = {0};
    char words[64];
    printf("epoll: %d", epoll_wait(set, &event, 1, 1000));
    printf(" %s\n", events_text(event.events, words));
    say_polled(fd, 1000);
    say_error(fd);
    say_error(fd);
    say_peer(fd);
    begin_on(fd);
    await(fd, POLLOUT);
    conclude(fd);
}

static void shut_down_reading(void)
{
    int fd = begin();
    say_call("shutdown", shutdown(fd, SHUT_RD));
    say_polled(fd, 1000);
    say_error(fd);
}

static void dissolved(void)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    say_call("dissolve", connect(fd, &nowhere, sizeof(nowhere)));
    struct epoll_event event = {0};
    char words[64];
    printf("epoll: %d", epoll_wait(set, &event, 1, 1000));
    printf(" %s\n", events_text(event.events, words));
    say_polled(fd, 1000);
    say_error(fd);
    say_error(fd);
    begin_on(fd);
    await(fd, POLLOUT);
    conclude(fd);
}

/* --- Failed --- */

static void failed_level(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP);
    wait_set(set, fd, -1);
    wait_set(set, fd, -1);
    say_polled(fd, 0);
    say_error(fd);
    say_error(fd);
    wait_set(set, fd, 0);
    say_polled(fd, 0);
    say_peer(fd);
}

static void failed_edge(void)
{
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    begin_on(fd);
    wait_set(set, fd, -1);
    wait_set(set, fd, 0);
    say_error(fd);
    say_error(fd);
}

/* ERR and HUP come unasked. */
static void failed_oneshot(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLONESHOT);
    wait_set(set, fd, -1);
    wait_set(set, fd, 0);
    say_error(fd);
    say_error(fd);
}

static void failed_poll(void)
{
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP};
    if (poll(&pollfd, 1, -1) == 1)
        say_events("poll", (uint32_t)pollfd.revents);
    say_error(fd);
    say_polled(fd, 0);
    say_error(fd);
}

static void failed_select(void)
{
    int fd = begin();
    fd_set sets[3];
    for (int i = 0; i < 3; i++) {
        FD_ZERO(&sets[i]);
        FD_SET(fd, &sets[i]);
    }
    printf("select: %d", select(fd + 1, &sets[0], &sets[1], &sets[2], NULL));
    printf(" %d %d %d\n", !!FD_ISSET(fd, &sets[0]), !!FD_ISSET(fd, &sets[1]),
           !!FD_ISSET(fd, &sets[2]));
    say_error(fd);
    say_error(fd);
}

static void failed_connect(void)
{
    int fd = begin();
    await(fd, POLLOUT);
    connect_again(fd);
    say_error(fd);
    begin_on(fd);
    await(fd, POLLOUT);
    say_end("end");
    say_error(fd);
    say_error(fd);
}

static void failed_blocking_connect(void)
{
    int fd = begin();
    set_nonblocking(fd, false);
    connect_again(fd);
    say_end("end");
    say_error(fd);
    say_polled(fd, 0);
}

static void failed_blocking_poll(void)
{
    int fd = begin();
    set_nonblocking(fd, false);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};
    if (poll(&pollfd, 1, -1) == 1)
        say_events("poll", (uint32_t)pollfd.revents);
    say_error(fd);
    say_error(fd);
}

static void failed_blocking_read(void)
{
    char buf[8];
    int fd = begin();
    set_nonblocking(fd, false);
    say_call("read", read(fd, buf, sizeof(buf)));
    say_end("end");
    say_error(fd);
    say_call("read", read(fd, buf, sizeof(buf)));
}

static void failed_read(void)
{
    char buf[8];
    int fd = begin();
    await(fd, POLLIN);
    say_call("read", read(fd, buf, sizeof(buf)));
    say_call("read", read(fd, buf, sizeof(buf)));
    say_error(fd);
}

static void failed_recv(void)
{
    char buf[8];
    int fd = begin();
    await(fd, POLLIN);
    say_call("recv", recv(fd, buf, sizeof(buf), 0));
    say_call("recv", recv(fd, buf, sizeof(buf), 0));
    say_error(fd);
}

static void failed_write(void)
{
    signal(SIGPIPE, SIG_IGN);
    int fd = begin();
    await(fd, POLLOUT);
    say_call("write", write(fd, "ping", 4));
    say_call("write", write(fd, "ping", 4));
    say_error(fd);
}

static void failed_sendmsg(void)
{
    char ping[] = "ping";
    struct iovec piece = {.iov_base = ping, .iov_len = 4};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    int fd = begin();
    await(fd, POLLOUT);
    say_call("sendmsg", sendmsg(fd, &message, MSG_NOSIGNAL));
    say_call("sendmsg", sendmsg(fd, &message, MSG_NOSIGNAL));
    say_error(fd);
}

static void failed_shut_down(void)
{
    int fd = begin();
    await(fd, POLLOUT);
    say_call("shutdown", shutdown(fd, SHUT_RDWR));
    say_error(fd);
    say_error(fd);
}

/* A socket that is used for another connect without the first one's error fetched. */
static void failed_dissolved(void)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int fd = begin();
    await(fd, POLLOUT);
    say_call("dissolve", connect(fd, &nowhere, sizeof(nowhere)));
    say_error(fd);
    begin_on(fd);
    await(fd, POLLOUT);
    say_end("end");
    say_error(fd);
}

/* --- Without a control: what the kernel answers at once, we may wait for --- */

static void error_asked_early(void)
{
    int fd = begin();
    say_error(fd);
    say_end("asked");
    conclude(fd);
}

static void fast_open(void)
{
    static const int one = 1;
    int fd = open_socket(SOCK_NONBLOCK);
    say_call("fast open", setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)));
    begin_on(fd);
    await(fd, POLLOUT);
    say_end("ready");
    conclude(fd);
}

/* An event loop, and a proxy that never answers. */
static void silence(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    wait_set(set, fd, -1);
    say_error(fd);
    say_error(fd);
}

/* Registered while it was still unconnected; in place of it comes a socket of another family. */
static void family_replaced(void)
{
    static const int one = 1;
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    if (target.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    begin_on(fd);
    wait_set(set, fd, 0);
    wait_set(set, fd, -1);
    say_option("nodelay", fd, IPPROTO_TCP, TCP_NODELAY);
    conclude(fd);
}

static const struct probe probes[] = {
    {"second-connect", second_connect},
    {"second-connect-elsewhere", second_connect_elsewhere},
    {"peer", peer},
    {"local-name", local_name},
    {"transfers", transfers},
    {"write-until-taken", write_until_taken},
    {"blocking-write", blocking_write},
    {"blocking-writes", blocking_writes},
    {"blocking-reads", blocking_reads},
    {"blocking-connect", blocking_connect},
    {"blocking-poll", blocking_poll},
    {"options", options},
    {"send-timeout", send_timeout},
    {"early-octets", early_octets},
    {"end-of-direction", end_of_direction},
    {"address-bound", address_bound},
    {"shut-down", shut_down},
    {"shut-down-reading", shut_down_reading},
    {"dissolved", dissolved},
    {"failed-level", failed_level},
    {"failed-edge", failed_edge},
    {"failed-oneshot", failed_oneshot},
    {"failed-poll", failed_poll},
    {"failed-select", failed_select},
    {"failed-connect", failed_connect},
    {"failed-blocking-connect", failed_blocking_connect},
    {"failed-blocking-poll", failed_blocking_poll},
    {"failed-blocking-read", failed_blocking_read},
    {"failed-read", failed_read},
    {"failed-recv", failed_recv},
    {"failed-write", failed_write},
    {"failed-sendmsg", failed_sendmsg},
    {"failed-shut-down", failed_shut_down},
    {"failed-dissolved", failed_dissolved},
    {"error-asked-early", error_asked_early},
    {"fast-open", fast_open},
    {"silence", silence},
    {"family-replaced", family_replaced},
};

int main(int argc, char **argv)
{
    return probe_main(argc, argv, probes, sizeof(probes) / sizeof(probes[0]));
}
