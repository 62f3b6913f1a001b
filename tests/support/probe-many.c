/* SPDX-License-Identifier: MIT
 * probe-many ADDRESS PORT: for each line on stdin, a number, connect so many times one after the
 * other, by blocking and by non-blocking sockets in turn, and print how many were good. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in target = {.sin_family = AF_INET};

static bool ends_well(int fd)
{
    int error = -1, set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLOUT};
    socklen_t len = sizeof(error);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    epoll_wait(set, &event, 1, 20000);
    close(set);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

static bool connect_once(bool nonblocking)
{
    int fd = socket(AF_INET, SOCK_STREAM | (nonblocking ? SOCK_NONBLOCK : 0), 0);
    bool fine = connect(fd, (struct sockaddr *)&target, sizeof(target)) == 0 ||
                (errno == EINPROGRESS && ends_well(fd));
    close(fd);
    return fine;
}

int main(int argc, char **argv)
{
    char line[32];
    if (argc != 3 || inet_pton(AF_INET, argv[1], &target.sin_addr) != 1)
        errx(2, "usage: probe-many ADDRESS PORT");
    target.sin_port = htons((uint16_t)atoi(argv[2]));
    while (fgets(line, sizeof(line), stdin)) {
        int count = atoi(line), good = 0;
        for (int i = 0; i < count; i++)
            good += connect_once(i % 2);
        printf("%d of %d\n", good, count);
        fflush(stdout);
    }
    return 0;
}
