/* SPDX-License-Identifier: MIT
 * probe-fetch [-n] HOST PORT [HOST PORT...]: what an ordinary program does: look HOST up, connect
 * to the first of its addresses that can be, ask for /page by HTTP, and print the page or why there
 * is none. With -n by a non-blocking socket and poll. Plain POSIX, for any C library. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char request[] = "GET /page HTTP/1.0\r\n\r\n";
static bool nonblocking;

/* errno of the connect, 0 when it stands. */
static int wait_connected(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t len = sizeof(error);
    if (poll(&wait, 1, 20000) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    return error;
}

/* A connected socket, blocking again; -1 with errno. */
static int connect_to(const struct addrinfo *found)
{
    int fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (fd < 0)
        return -1;
    if (nonblocking)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    int error = connect(fd, found->ai_addr, found->ai_addrlen) ? errno : 0;
    if (error == EINPROGRESS)
        error = wait_connected(fd);
    fcntl(fd, F_SETFL, 0);
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static void print_page(int fd)
{
    char answer[65536];
    size_t have = 0;
    ssize_t got = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
    while (got > 0 && have < sizeof(answer) - 1) {
        got = recv(fd, answer + have, sizeof(answer) - 1 - have, 0);
        have += got > 0 ? (size_t)got : 0;
    }
    answer[have] = '\0';
    const char *body = strstr(answer, "\r\n\r\n");
    printf("%s", body ? body + 4 : "no page\n");
}

static int fetch(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error) {
        printf("lookup: %s\n", gai_strerror(error));
        return 1;
    }
    int fd = -1;
    for (const struct addrinfo *found = list; found && fd < 0; found = found->ai_next)
        fd = connect_to(found);
    if (fd < 0)
        printf("connect: %s\n", strerror(errno));
    else
        print_page(fd);
    freeaddrinfo(list);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    nonblocking = argc > 1 && !strcmp(argv[1], "-n");
    for (int i = 1 + nonblocking; i + 1 < argc; i += 2)
        status |= fetch(argv[i], argv[i + 1]);
    return status;
}
