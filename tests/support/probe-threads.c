/* SPDX-License-Identifier: MIT
 * Connects of every kind from many threads at once, for tools that watch memory and threads.
 *
 * probe-threads NAME ADDRESS PORT REFUSED THREADS ROUNDS: NAME is that of the host at ADDRESS,
 * where PORT says everything again and REFUSED refuses. Prints how many connections were made, and
 * fails when one went otherwise than it should, or left a descriptor behind. */
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS_MAX = 64, TOGETHER = 4, WAIT_MS = 60000 };

static const char *name;
static struct sockaddr_in echo, refusing;
static int rounds;

static void must(bool holds, const char *what)
{
    if (!holds)
        err(1, "%s", what);
}

static int new_socket(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    must(fd >= 0, "socket");
    return fd;
}

/* Begin to connect, without waiting. */
static int begin(const struct sockaddr_in *to)
{
    int fd = new_socket(SOCK_NONBLOCK);
    must(connect(fd, (const struct sockaddr *)to, sizeof(*to)) == -1 && errno == EINPROGRESS,
         "a connect that does not wait");
    return fd;
}

static int socket_error(int fd)
{
    int error = -1;
    socklen_t len = sizeof(error);
    must(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0, "getsockopt");
    return error;
}

static void wait_for(int fd, short events)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    must(poll(&wanted, 1, WAIT_MS) == 1, "poll");
}

/* A few octets there and back, and the socket closed. */
static void converse(int fd)
{
    char said[8], heard[8];
    snprintf(said, sizeof(said), "%07d", fd);
    must(write(fd, said, sizeof(said)) == sizeof(said), "write");
    for (size_t len = 0; len < sizeof(heard);) {
        wait_for(fd, POLLIN);
        ssize_t got = read(fd, heard + len, sizeof(heard) - len);
        must(got > 0, "read");
        len += (size_t)got;
    }
    must(memcmp(said, heard, sizeof(said)) == 0, "an echo");
    must(close(fd) == 0, "close");
}

static void connect_and_wait(void)
{
    struct sockaddr_in peer = {0};
    socklen_t len = sizeof(peer);
    int fd = new_socket(0);
    must(connect(fd, (struct sockaddr *)&echo, sizeof(echo)) == 0, "connect");
    must(getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
             peer.sin_addr.s_addr == echo.sin_addr.s_addr,
         "getpeername");
    converse(fd);
}

static void be_refused(void)
{
    int fd = new_socket(0);
    must(connect(fd, (struct sockaddr *)&refusing, sizeof(refusing)) == -1 && errno == ECONNREFUSED,
         "a refused connect");
    close(fd);
    fd = begin(&refusing);
    wait_for(fd, POLLOUT);
    must(socket_error(fd) == ECONNREFUSED, "a refused connect that does not wait");
    close(fd);
}

static void connect_by_name(void)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[8], host[NI_MAXHOST];
    snprintf(port, sizeof(port), "%d", ntohs(echo.sin_port));
    must(getaddrinfo(name, port, &hints, &found) == 0, "getaddrinfo");
    must(getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof(host), NULL, 0, 0) == 0 &&
             strcmp(host, name) == 0,
         "getnameinfo");
    int fd = new_socket(0);
    must(connect(fd, found->ai_addr, found->ai_addrlen) == 0, "connect to a name");
    freeaddrinfo(found);
    converse(fd);
}

static void look_up(void)
{
    struct hostent host, *found = NULL;
    char memory[1024], other[64];
    int error;
    static int counter; /* atomic */
    snprintf(other, sizeof(other), "host-%d.example",
             __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED) % 100);
    must(gethostbyname_r(other, &host, memory, sizeof(memory), &found, &error) == 0 && found,
         "gethostbyname_r");
    struct in_addr address;
    memcpy(&address, found->h_addr_list[0], sizeof(address));
    must(gethostbyaddr_r(&address, sizeof(address), AF_INET, &host, memory, sizeof(memory), &found,
                         &error) == 0 &&
             found && strcmp(found->h_name, other) == 0,
         "gethostbyaddr_r");
}

static void poll_several(void)
{
    struct pollfd wanted[TOGETHER];
    for (int i = 0; i < TOGETHER; i++)
        wanted[i] = (struct pollfd){.fd = begin(&echo), .events = POLLOUT};
    for (int left = TOGETHER; left > 0;) {
        must(poll(wanted, TOGETHER, WAIT_MS) > 0, "poll of several");
        for (int i = 0; i < TOGETHER; i++) {
            if (wanted[i].fd < 0 || !wanted[i].revents)
                continue;
            must(socket_error(wanted[i].fd) == 0, "connect, with poll");
            converse(wanted[i].fd);
            wanted[i].fd = -1;
            left--;
        }
    }
}

static void wait_with_epoll(void)
{
    struct epoll_event event = {.events = EPOLLOUT}, got;
    int set = epoll_create1(EPOLL_CLOEXEC), fd = begin(&echo);
    must(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    must(epoll_wait(set, &got, 1, WAIT_MS) == 1 && !(got.events & EPOLLERR), "epoll_wait");
    must(socket_error(fd) == 0, "connect, with epoll");
    converse(fd);
    close(set);
}

static void select_copy(void)
{
    fd_set writable;
    int fd = begin(&echo), copy = dup(fd);
    must(copy >= 0 && close(fd) == 0, "dup");
    FD_ZERO(&writable);
    FD_SET(copy, &writable);
    struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    must(select(copy + 1, NULL, &writable, NULL, &limit) == 1, "select");
    must(socket_error(copy) == 0, "connect, with select");
    converse(copy);
}

static void give_up(void)
{
    must(close(begin(&echo)) == 0, "close of a connect under way");
}

/* Two threads wait for what a third one has begun. */
static void *wait_elsewhere(void *argument)
{
    int fd = *(int *)argument;
    wait_for(fd, POLLOUT);
    must(socket_error(fd) == 0, "connect, seen from another thread");
    return NULL;
}

static void wait_in_two_threads(void)
{
    pthread_t threads[2];
    int fd = begin(&echo);
    for (int i = 0; i < 2; i++)
        must(pthread_create(&threads[i], NULL, wait_elsewhere, &fd) == 0, "pthread_create");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    converse(fd);
}

static void (*const scenes[])(void) = {connect_and_wait, poll_several,    connect_by_name,
                                       select_copy,      be_refused,      give_up,
                                       look_up,          wait_with_epoll, wait_in_two_threads};
enum { SCENES = sizeof(scenes) / sizeof(scenes[0]), CONNECTIONS = 10 /* of one round of them */ };

static void *run(void *argument)
{
    size_t first = (size_t)(uintptr_t)argument;
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < SCENES; i++)
            scenes[(first + i) % SCENES]();
    return NULL;
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    must(directory, "/proc/self/fd");
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void run_all(int threads)
{
    pthread_t thread[THREADS_MAX];
    for (int i = 0; i < threads; i++)
        must(pthread_create(&thread[i], NULL, run, (void *)(uintptr_t)i) == 0, "pthread_create");
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
}

static struct sockaddr_in address_of(const char *text, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    must(inet_pton(AF_INET, text, &address.sin_addr) == 1, text);
    return address;
}

int main(int argc, char **argv)
{
    int threads = argc == 7 ? atoi(argv[5]) : 0;
    if (threads < 1 || threads > THREADS_MAX)
        errx(2, "usage: probe-threads NAME ADDRESS PORT REFUSED THREADS ROUNDS");
    name = argv[1];
    echo = address_of(argv[2], argv[3]);
    refusing = address_of(argv[2], argv[4]);

    /* What is opened once and kept is there after the first round. */
    rounds = 1;
    run_all(threads);
    int before = count_descriptors();
    rounds = atoi(argv[6]);
    run_all(threads);
    int after = count_descriptors();
    if (after != before)
        errx(1, "%d descriptors are open, and were %d", after, before);
    printf("%d connections\n", threads * (1 + rounds) * CONNECTIONS);
    return 0;
}
