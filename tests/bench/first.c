/* SPDX-License-Identifier: MIT
 * first blocking|nonblocking HOST PORT: the first connection of a process, and the time from
 * connect() until it stands: until connect() returns, or until poll() says that it is done. */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { WAIT_MS = 10000 };

static double now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *to;
    if (argc != 4)
        errx(2, "usage: first blocking|nonblocking HOST PORT");
    if (getaddrinfo(argv[2], argv[3], &hints, &to))
        errx(1, "%s: not found", argv[2]);
    int flags = strcmp(argv[1], "blocking") ? SOCK_NONBLOCK : 0;
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0), error = 0;
    socklen_t len = sizeof(error);

    double before = now();
    if (connect(fd, to->ai_addr, to->ai_addrlen) && errno != EINPROGRESS)
        err(1, "connect");
    if (flags && poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, WAIT_MS) != 1)
        errx(1, "no connection");
    double after = now();

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) || error)
        errx(1, "connect: %s", strerror(error));
    printf("wall=%.9f\n", after - before);
    freeaddrinfo(to);
}
