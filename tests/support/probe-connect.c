/* SPDX-License-Identifier: MIT
 * probe-connect [-n] [-s TEXT] [-4 | -6] HOST PORT: look HOST up, connect a socket to its first
 * address, blocking or (-n) non-blocking with poll, and print what the program gets to see:
 *   lookup: 0 or EAI_...      connect: 0 or E...      peer: ADDRESS PORT      name: HOST
 *   got: all that comes after TEXT was sent and the direction ended (an empty TEXT: only read)
 *   ms: duration of the connect */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 60000 }; /* longer than any deadline under test */

static const char *lookup_text(int error)
{
    switch (error) {
    case 0:
        return "0";
    case EAI_NONAME:
        return "EAI_NONAME";
    case EAI_AGAIN:
        return "EAI_AGAIN";
    default:
        return gai_strerror(error);
    }
}

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* errno of the connect, 0 when it stands. */
static int wait_connected(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, WAIT_MS) != 1)
        return ETIME;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
        return errno;
    return error;
}

static void print_peer(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    if (getpeername(fd, (struct sockaddr *)&addr, &len)) {
        printf("peer: %s\n", strerrorname_np(errno));
        return;
    }
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (!getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
                     NI_NUMERICHOST | NI_NUMERICSERV))
        printf("peer: %s %s\n", host, port);
    if (!getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), NULL, 0, NI_NAMEREQD))
        printf("name: %s\n", host);
}

static void converse(int fd, const char *text)
{
    char reply[4096];
    size_t have = 0;
    ssize_t got = 0;
    if (*text) {
        if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
            err(1, "send");
        shutdown(fd, SHUT_WR);
    }
    do {
        if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, WAIT_MS) != 1)
            errx(1, "nothing came");
        got = recv(fd, reply + have, sizeof(reply) - have, 0);
        have += got > 0 ? (size_t)got : 0;
    } while (got > 0 && have < sizeof(reply));
    printf("got: %.*s\n", (int)have, reply);
}

int main(int argc, char **argv)
{
    bool nonblocking = false;
    const char *text = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    for (int option; (option = getopt(argc, argv, "ns:46")) != -1;) {
        if (option == 'n')
            nonblocking = true;
        else if (option == 's')
            text = optarg;
        else if (option == '4' || option == '6')
            hints.ai_family = option == '4' ? AF_INET : AF_INET6;
        else
            return 2;
    }
    if (argc - optind != 2)
        errx(2, "usage: probe-connect [-n] [-s TEXT] [-4 | -6] HOST PORT");

    int error = getaddrinfo(argv[optind], argv[optind + 1], &hints, &found);
    printf("lookup: %s\n", lookup_text(error));
    if (error)
        return 1;
    int fd = socket(found->ai_family, SOCK_STREAM | (nonblocking ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0)
        err(2, "socket");
    long start = now_ms();
    error = connect(fd, found->ai_addr, found->ai_addrlen) ? errno : 0;
    if (nonblocking && error == EINPROGRESS)
        error = wait_connected(fd);
    long took = now_ms() - start;
    printf("connect: %s\n", error ? strerrorname_np(error) : "0");
    print_peer(fd);
    if (!error && text)
        converse(fd, text);
    printf("ms: %ld\n", took);
    freeaddrinfo(found);
    return error != 0;
}
