/* SPDX-License-Identifier: MIT
 * proxy DELAY_MS [password]: a SOCKS server and its only target in one, so that nothing but the
 * client is measured: it grants every request and then echoes. What it answers leaves DELAY_MS
 * after what it answers to, as over a long line; frames that arrive together are answered
 * together. With "password" it chooses method 02 whenever that is offered.
 *
 * Prints "PORT ECHO" (where it speaks SOCKS, and where it echoes at once), then for every line on
 * stdin how many connections it has had, and how many of these to where it echoes; ends with
 * stdin. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS_MAX = 40000, FRAME_MAX = 600, ANSWERS_MAX = 1 << 16, ANSWER_MAX = 64 };

enum awaits { GREETING, PASSWORD, REQUEST, DATA };

static struct connection {
    unsigned number; /* tells a descriptor's owner from an earlier one */
    enum awaits awaits;
    size_t len;
    uint8_t in[FRAME_MAX];
} connections[SOCKETS_MAX];

/* Due in the order in which they were put in: the delay is one for all. */
static struct answer {
    int64_t due_us;
    int fd;
    unsigned number;
    size_t len;
    uint8_t bytes[ANSWER_MAX];
} answers[ANSWERS_MAX];
static size_t first_answer, next_answer;

static int64_t delay_us;
static bool wants_password;
static unsigned accepted, accepted_directly;

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void answer(int fd, const void *bytes, size_t len)
{
    if (delay_us == 0) {
        send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        return;
    }
    if (next_answer - first_answer == ANSWERS_MAX)
        errx(1, "more answers are waiting than there is room for");
    struct answer *made = &answers[next_answer++ % ANSWERS_MAX];
    *made = (struct answer){now_us() + delay_us, fd, connections[fd].number, len, {0}};
    memcpy(made->bytes, bytes, len);
}

/* Send what is due; milliseconds until the next, -1 when there is none. */
static int send_due_answers(void)
{
    while (first_answer != next_answer) {
        const struct answer *next = &answers[first_answer % ANSWERS_MAX];
        int64_t left_us = next->due_us - now_us();
        if (left_us > 0)
            return (int)((left_us + 999) / 1000);
        if (connections[next->fd].number == next->number)
            send(next->fd, next->bytes, next->len, MSG_DONTWAIT | MSG_NOSIGNAL);
        first_answer++;
    }
    return -1;
}

static size_t answer_greeting(struct connection *c, int fd)
{
    size_t len = c->len < 2 ? 2 : 2u + c->in[1];
    if (c->len < len)
        return 0;
    bool password = wants_password && memchr(c->in + 2, 2, len - 2);
    answer(fd, password ? "\5\2" : "\5\0", 2);
    c->awaits = password ? PASSWORD : REQUEST;
    return len;
}

static size_t answer_password(struct connection *c, int fd)
{
    size_t user_end = c->len < 2 ? 2 : 2u + c->in[1];
    size_t len = c->len <= user_end ? user_end + 1 : user_end + 1 + c->in[user_end];
    if (c->len < len)
        return 0;
    answer(fd, "\1\0", 2);
    c->awaits = REQUEST;
    return len;
}

static size_t answer_request(struct connection *c, int fd)
{
    if (c->len < 5)
        return 0;
    size_t len = c->in[3] == 1 ? 10 : c->in[3] == 4 ? 22 : 7u + c->in[4];
    if (c->len < len)
        return 0;
    answer(fd, "\5\0\0\1\313\0\161\12\0\0", 10);
    /* Tor's RESOLVE (F0) ends with its reply: the address 203.0.113.10. */
    c->awaits = c->in[1] == 1 ? DATA : GREETING;
    return len;
}

/* SOCKS4 and 4a: fixed head, user id, and for 0.0.0.x a host name; each text ends with a NUL. */
static size_t answer_socks4(struct connection *c, int fd)
{
    if (c->len < 9)
        return 0;
    const uint8_t *end = memchr(c->in + 8, 0, c->len - 8);
    bool by_name = memcmp(c->in + 4, "\0\0\0", 3) == 0;
    if (end && by_name)
        end = memchr(end + 1, 0, c->len - (size_t)(end + 1 - c->in));
    if (!end)
        return 0;
    answer(fd, "\0\132\0\0\0\0\0\0", 8);
    c->awaits = DATA;
    return (size_t)(end + 1 - c->in);
}

/* Answer one frame, or what data there is; how many octets that was, 0 when it is not yet whole. */
static size_t answer_next(struct connection *c, int fd)
{
    switch (c->awaits) {
    case GREETING:
        return c->len > 0 && c->in[0] == 4 ? answer_socks4(c, fd) : answer_greeting(c, fd);
    case PASSWORD:
        return answer_password(c, fd);
    case REQUEST:
        return answer_request(c, fd);
    case DATA:
        break;
    }
    size_t len = c->len < ANSWER_MAX ? c->len : ANSWER_MAX;
    if (len > 0)
        answer(fd, c->in, len);
    return len;
}

static void receive(int fd)
{
    struct connection *c = &connections[fd];
    ssize_t got = recv(fd, c->in + c->len, sizeof(c->in) - c->len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        c->number = 0;
        close(fd);
        return;
    }
    c->len += (size_t)got;
    size_t used;
    while ((used = answer_next(c, fd)) > 0) {
        c->len -= used;
        memmove(c->in, c->in + used, c->len);
    }
}

static int listen_somewhere(int *port)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t len = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, SOMAXCONN * 4) ||
        getsockname(fd, (struct sockaddr *)&any, &len))
        err(1, "listen");
    *port = ntohs(any.sin_port);
    return fd;
}

static void watch(int epoll, int fd)
{
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.fd = fd}))
        err(1, "epoll_ctl");
}

static void accept_all(int epoll, int listener, enum awaits awaits)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= SOCKETS_MAX)
            errx(1, "more connections than there is room for");
        connections[fd].number = ++accepted;
        accepted_directly += awaits == DATA;
        connections[fd].awaits = awaits;
        connections[fd].len = 0;
        watch(epoll, fd);
    }
}

static void tell_count(void)
{
    char line[64];
    if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
        exit(0);
    printf("%u %u\n", accepted, accepted_directly);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        errx(2, "usage: proxy DELAY_MS [password]");
    delay_us = atoi(argv[1]) * 1000;
    wants_password = argc > 2;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < SOCKETS_MAX ? limit.rlim_max : SOCKETS_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);

    int port, echo_port;
    int listener = listen_somewhere(&port), echo = listen_somewhere(&echo_port);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, STDIN_FILENO);
    watch(epoll, listener);
    watch(epoll, echo);
    printf("%d %d\n", port, echo_port);
    fflush(stdout);

    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll, events, 256, send_due_answers());
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO)
                tell_count();
            else if (fd == listener)
                accept_all(epoll, fd, GREETING);
            else if (fd == echo)
                accept_all(epoll, fd, DATA);
            else
                receive(fd);
        }
    }
}
