/* SPDX-License-Identifier: MIT
 * calls: what read, write, poll, select, epoll_ctl, getsockopt and close cost on descriptors that
 * have nothing to do with any proxy. Prints seconds of one call, for each the best of many parts,
 * which no other process disturbed. */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PARTS = 250, CALLS = 500 };

static int pipe_read, pipe_write, unix_socket, epoll, copies[CALLS];

static double now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void call_write(int i)
{
    char octet = (char)i;
    if (write(pipe_write, &octet, 1) != 1)
        err(1, "write");
}

static void call_read(int i)
{
    char octet = (char)i;
    if (read(pipe_read, &octet, 1) != 1)
        err(1, "read");
}

static void call_poll(int i)
{
    struct pollfd fds[2] = {{.fd = pipe_write, .events = POLLOUT}, {.fd = unix_socket}};
    if (poll(fds, 1 + i % 2, 0) != 1)
        err(1, "poll");
}

static void call_select(int i)
{
    fd_set set;
    struct timeval zero = {0, i % 2};
    FD_ZERO(&set);
    FD_SET(pipe_write, &set);
    if (select(pipe_write + 1, NULL, &set, NULL, &zero) != 1)
        err(1, "select");
}

static void call_epoll_ctl(int i)
{
    struct epoll_event event = {.events = i % 2 ? EPOLLIN : EPOLLPRI};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, unix_socket, &event))
        err(1, "epoll_ctl");
}

static void call_getsockopt(int i)
{
    int value = i;
    socklen_t len = sizeof(value);
    if (getsockopt(unix_socket, SOL_SOCKET, SO_ERROR, &value, &len))
        err(1, "getsockopt");
}

static void call_close(int i)
{
    if (close(copies[i]))
        err(1, "close");
}

static void copy(void)
{
    for (int i = 0; i < CALLS; i++)
        if ((copies[i] = dup(pipe_read)) < 0)
            err(1, "dup");
}

static const struct {
    const char *name;
    void (*call)(int i);
    void (*prepare)(void);
} measured[] = {
    {"write", call_write, NULL},
    {"read", call_read, NULL}, /* what the one before has written */
    {"poll", call_poll, NULL},
    {"select", call_select, NULL},
    {"epoll_ctl", call_epoll_ctl, NULL},
    {"getsockopt", call_getsockopt, NULL},
    {"close", call_close, copy},
};

enum { MEASURED = sizeof(measured) / sizeof(*measured) };

int main(void)
{
    int ends[2];
    if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, copies))
        err(1, "pipe");
    pipe_read = ends[0];
    pipe_write = ends[1];
    unix_socket = copies[0];
    epoll = epoll_create1(0);
    struct epoll_event none = {0};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, unix_socket, &none))
        err(1, "epoll_ctl");

    double best[MEASURED];
    for (int m = 0; m < MEASURED; m++)
        best[m] = 1;
    for (int part = 0; part < PARTS; part++) {
        for (int m = 0; m < MEASURED; m++) {
            if (measured[m].prepare)
                measured[m].prepare();
            double before = now();
            for (int i = 0; i < CALLS; i++)
                measured[m].call(i);
            double each = (now() - before) / CALLS;
            best[m] = each < best[m] ? each : best[m];
        }
    }
    for (int m = 0; m < MEASURED; m++)
        printf("%s=%.12f ", measured[m].name, best[m]);
    printf("\n");
}
