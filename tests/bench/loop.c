/* SPDX-License-Identifier: MIT
 * loop HOST PORT COUNT: an event loop that opens COUNT non-blocking connections at once, sends a
 * byte on each as soon as epoll says it stands, and waits for it to come back. Prints how many did,
 * the time until the last stood and in all, the longest time the loop did not come round to
 * epoll_wait, CPU time, and the memory that was added while all were in flight. */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LOOP_SECONDS = 60, EVENTS = 256, STARTS_A_TURN = 100, SPARE_DESCRIPTORS = 64 };

static unsigned stood, good, failed;
static double longest, turn_began, began, stood_at;

static double now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Octets of memory that are this process's alone. */
static double memory(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof(line), file) && sscanf(line, "Private_Dirty: %lu", &kib) != 1)
        ;
    if (file)
        fclose(file);
    return (double)kib * 1024;
}

static void start(int epoll, const struct addrinfo *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        err(1, "socket");
    if (connect(fd, to->ai_addr, to->ai_addrlen) && errno != EINPROGRESS) {
        failed++;
        return;
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
        err(1, "epoll_ctl");
}

static void stands(int epoll, int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) || error ||
        send(fd, "x", 1, MSG_NOSIGNAL) != 1 || epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event)) {
        failed++;
        close(fd);
        return;
    }
    stood++;
    stood_at = now();
}

static void answered(int fd)
{
    char octet;
    if (recv(fd, &octet, 1, 0) == 1 && octet == 'x')
        good++;
    else
        failed++;
    close(fd);
}

static void turn(int epoll, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    double length = now() - turn_began;
    longest = length > longest ? length : longest;
    int count = epoll_wait(epoll, events, EVENTS, timeout_ms);
    turn_began = now();
    for (int i = 0; i < count; i++) {
        if (events[i].events & EPOLLIN)
            answered(events[i].data.fd);
        else
            stands(epoll, events[i].data.fd);
    }
}

/* So many descriptors, if there may be; where the usual limit is enough, it stays. */
static void make_room(rlim_t descriptors)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= descriptors)
        return;
    limit.rlim_cur = limit.rlim_max < descriptors ? limit.rlim_max : descriptors;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "usage: loop HOST PORT COUNT");
    unsigned count = (unsigned)atoi(argv[3]);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *to;
    make_room(2ul * count + SPARE_DESCRIPTORS);
    if (getaddrinfo(argv[1], argv[2], &hints, &to))
        errx(1, "%s: not found", argv[1]);
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    double memory_before = memory(), cpu_before = cpu();
    began = turn_began = now();
    for (unsigned started = 0; started < count;) {
        for (int i = 0; i < STARTS_A_TURN && started < count; i++, started++)
            start(epoll, to);
        turn(epoll, 0);
    }
    double started_at = now(), memory_added = memory() - memory_before;
    turn_began += now() - started_at; /* looking at the memory is no work of the loop */
    while (good + failed < count && now() - began < LOOP_SECONDS)
        turn(epoll, 1000);
    printf("good=%u stood=%.9f wall=%.9f standstill=%.9f cpu=%.9f memory=%.0f\n", good,
           stood_at - began, now() - began, longest, cpu() - cpu_before, memory_added);
    freeaddrinfo(to);
}
