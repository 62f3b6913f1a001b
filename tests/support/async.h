/* SPDX-License-Identifier: MIT
 * What the probes of non-blocking connects have in common: a socket that is connecting, words for
 * what the program gets to see of it, and main. A probe prints nothing that depends on time but
 * "too early" and "too late", so that its output can be compared with that of a control. */
#ifndef SOCKSIFY_TESTS_ASYNC_H
#define SOCKSIFY_TESTS_ASYNC_H

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LIFE_SECONDS = 20,    /* a probe that hangs ends by SIGALRM */
    LATE_CONNECT_MS = 90, /* a connect(2) that waits for the proxy takes longer, on any machine */
    LATE_END_MS = 2000,
};

static struct sockaddr_storage target;
static socklen_t target_len;
static long min_ms; /* sooner than so many milliseconds after connect(2) nothing may be ready */
static long started_ms;

static inline long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void sleep_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&time, &time) && errno == EINTR)
        ;
}

/* "0" or "E...", of a call's result. */
static inline const char *outcome(long result)
{
    return result >= 0 ? "0" : strerrorname_np(errno);
}

static inline int open_socket(int flags)
{
    int fd = socket(target.ss_family, SOCK_STREAM | flags, 0);
    if (fd < 0)
        err(2, "socket");
    return fd;
}

static inline void set_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    if (fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK))
        err(2, "fcntl");
}

static inline int connect_target(int fd)
{
    return connect(fd, (const struct sockaddr *)&target, target_len);
}

/* Begin to connect, and say so. */
static inline int begin_on(int fd)
{
    started_ms = now_ms();
    int result = connect_target(fd);
    const char *said = outcome(result);
    printf("connect: %s%s\n", said, now_ms() - started_ms > LATE_CONNECT_MS ? " too late" : "");
    return fd;
}

static inline int begin(void)
{
    return begin_on(open_socket(SOCK_NONBLOCK | SOCK_CLOEXEC));
}

/* What happened, and whether it did when it may. */
static inline void say_end(const char *what)
{
    long took = now_ms() - started_ms;
    printf("%s%s\n", what,
           took < min_ms                 ? " too early"
           : took > min_ms + LATE_END_MS ? " too late"
                                         : "");
}

/* EPOLLIN and its kin are the same bits as POLLIN and its kin. */
static inline const char *events_text(uint32_t events, char buf[static 64])
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{EPOLLIN, "IN"},   {EPOLLPRI, "PRI"}, {EPOLLOUT, "OUT"},
                 {EPOLLERR, "ERR"}, {EPOLLHUP, "HUP"}, {EPOLLRDHUP, "RDHUP"}};
    buf[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!(events & names[i].bit))
            continue;
        if (buf[0])
            strcat(buf, "|");
        strcat(buf, names[i].name);
    }
    return buf[0] ? buf : "none";
}

static inline void say_events(const char *who, uint32_t events)
{
    char words[64], line[128];
    snprintf(line, sizeof(line), "%s: %s", who, events_text(events, words));
    say_end(line);
}

static inline void say_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
        printf("SO_ERROR: %s\n", strerrorname_np(errno));
    else
        printf("SO_ERROR: %s\n", error ? strerrorname_np(error) : "0");
}

/* Also to a caller who has no room for all of it, and learns how much there is. */
static inline void say_peer(int fd)
{
    enum { ROOM = 5 };
    struct sockaddr_storage peer, cut;
    socklen_t len = sizeof(peer), cut_len = ROOM;
    if (getpeername(fd, (struct sockaddr *)&peer, &len)) {
        printf("peer: %s\n", strerrorname_np(errno));
        return;
    }
    printf("peer: %s\n",
           len == target_len && !memcmp(&peer, &target, len) ? "the target" : "another");
    memset(&cut, 0x5a, sizeof(cut));
    struct sockaddr_storage wanted = cut;
    memcpy(&wanted, &peer, ROOM);
    if (getpeername(fd, (struct sockaddr *)&cut, &cut_len))
        printf("peer, cut: %s\n", strerrorname_np(errno));
    else if (cut_len != len || memcmp(&cut, &wanted, sizeof(cut)) != 0)
        printf("peer, cut: wrong, or longer than its room\n");
}

/* Wait until it is connected, by poll. */
static inline void await(int fd, short events)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    if (poll(&pollfd, 1, LIFE_SECONDS * 1000) != 1)
        printf("poll: in vain\n");
}

/* Say something to a server that says it again. */
static inline void converse(int fd)
{
    char reply[5] = "";
    await(fd, POLLOUT);
    if (send(fd, "ping", 4, MSG_NOSIGNAL) != 4)
        printf("send: %s\n", strerrorname_np(errno));
    for (ssize_t have = 0, got; have < 4; have += got) {
        await(fd, POLLIN);
        got = recv(fd, reply + have, (size_t)(4 - have), 0);
        if (got <= 0) {
            printf("recv: %s\n", got ? strerrorname_np(errno) : "end");
            return;
        }
    }
    printf("echo: %s\n", reply);
}

/* How a connect ended, and that it is of use. */
static inline void conclude(int fd)
{
    say_error(fd);
    say_peer(fd);
    converse(fd);
}

static inline int new_set(void)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        err(2, "epoll_create1");
    return set;
}

/* 0, or -1 with errno; the descriptor is its own data. */
static inline int control(int set, int operation, int fd, uint32_t events)
{
    return epoll_ctl(set, operation, fd, &(struct epoll_event){.events = events, .data.fd = fd});
}

static inline void add(int set, int fd, uint32_t events)
{
    if (control(set, EPOLL_CTL_ADD, fd, events))
        printf("EPOLL_CTL_ADD: %s\n", strerrorname_np(errno));
}

/* One epoll_wait; says which events there are of fd. */
static inline void wait_set(int set, int fd, int timeout_ms)
{
    struct epoll_event event = {0};
    int count = epoll_wait(set, &event, 1, timeout_ms);
    if (count != 1)
        printf("epoll: %s\n", count ? strerrorname_np(errno) : "nothing");
    else if (event.data.fd != fd)
        printf("epoll: another descriptor\n");
    else
        say_events("epoll", event.events);
}

struct probe {
    const char *name;
    void (*run)(void);
};

/* main: PROBE ADDRESS PORT [MIN_MS]; without arguments the names of the probes. */
static inline int probe_main(int argc, char **argv, const struct probe *probes, size_t count)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 1) {
        for (size_t i = 0; i < count; i++)
            puts(probes[i].name);
        return 0;
    }
    if (argc < 4)
        errx(2, "usage: %s PROBE ADDRESS PORT [MIN_MS]", argv[0]);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in.sin_port};
    if (inet_pton(AF_INET, argv[2], &in.sin_addr) == 1)
        memcpy(&target, &in, target_len = sizeof(in));
    else if (inet_pton(AF_INET6, argv[2], &in6.sin6_addr) == 1)
        memcpy(&target, &in6, target_len = sizeof(in6));
    else
        errx(2, "%s: no address", argv[2]);
    min_ms = argc > 4 ? atoi(argv[4]) : 0;
    alarm(LIFE_SECONDS);
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(probes[i].name, argv[1])) {
            probes[i].run();
            return 0;
        }
    }
    errx(2, "%s: no such probe", argv[1]);
}

#endif
