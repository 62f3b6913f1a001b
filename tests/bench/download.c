/* SPDX-License-Identifier: MIT
 * download [-s PORT] ADDRESS PORT: read all that a server sends; prints how much came, and the wall
 * and CPU time it took. With -s through a SOCKS5 proxy at 127.0.0.1, spoken by hand: the same way
 * as under a socksifier, so that what differs is the socksifier's doing. */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[256 * 1024];

static double wall(void)
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

static void connect_to(int fd, const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    inet_pton(AF_INET, address, &to.sin_addr);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
        err(1, "connect to %s:%s", address, port);
}

static void speak(int fd, const void *frame, size_t len, size_t answer_len)
{
    uint8_t answer[16];
    if (send(fd, frame, len, 0) != (ssize_t)len ||
        recv(fd, answer, answer_len, MSG_WAITALL) != (ssize_t)answer_len || answer[1] != 0)
        errx(1, "the proxy refuses");
}

static void connect_by_hand(int fd, const char *proxy_port, const char *address, const char *port)
{
    uint8_t request[10] = {5, 1, 0, 1};
    uint16_t port_be = htons((uint16_t)atoi(port));
    inet_pton(AF_INET, address, request + 4);
    memcpy(request + 8, &port_be, 2);
    connect_to(fd, "127.0.0.1", proxy_port);
    speak(fd, "\5\1\0", 3, 2);
    speak(fd, request, sizeof(request), 10);
}

int main(int argc, char **argv)
{
    const char *proxy_port = NULL;
    for (int option; (option = getopt(argc, argv, "s:")) != -1;) {
        if (option != 's')
            return 2;
        proxy_port = optarg;
    }
    if (argc - optind != 2)
        errx(2, "usage: download [-s PORT] ADDRESS PORT");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    double wall_before = wall(), cpu_before = cpu();
    if (proxy_port)
        connect_by_hand(fd, proxy_port, argv[optind], argv[optind + 1]);
    else
        connect_to(fd, argv[optind], argv[optind + 1]);
    double total = 0;
    ssize_t got;
    while ((got = read(fd, buffer, sizeof(buffer))) > 0)
        total += (double)got;
    printf("octets=%.0f wall=%.9f cpu=%.9f\n", total, wall() - wall_before, cpu() - cpu_before);
}
