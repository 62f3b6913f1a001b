/* SPDX-License-Identifier: MIT
 * Many connections, held together or made one after another, each with octets of its own that have
 * to come back, and a look at what they have cost this process.
 *
 *   probe-soak serve ADDRESS PORT             echo, for as many connections as come
 *   probe-soak hold COUNT ADDRESS PORT...     COUNT at once, to these ports in turn; each echoes
 *                                             twice
 *   probe-soak sequence COUNT ADDRESS PORT    one after another
 *   probe-soak names COUNT SUFFIX PORT        one after another, to n0SUFFIX, n1SUFFIX and so on
 *   probe-soak endure FILE ADDRESS PORT       one after another, whatever fails, until there is
 *                                             FILE
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { WORD = 16, EVENTS = 256, ERRORS = 200, TROUBLE_MAX_S = 80 };

static int silence_s = 40; /* how long an echo may take */

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void raise_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("setrlimit");
}

/* --- What it costs --- */

static long count_descriptors(void)
{
    long count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        count++;
    if (directory)
        closedir(directory);
    return count;
}

static long private_kb(void)
{
    char line[128];
    long kb = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof(line), status))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kb = strtol(line + 8, NULL, 10);
    if (status)
        fclose(status);
    return kb;
}

/* --- A connection --- */

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        die(host);
    return address;
}

/* -1 with errno. */
static int open_connection(const struct sockaddr_in *address)
{
    struct timeval patience = {.tv_sec = silence_s};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Octets that no other connection has come back, and nothing else. */
static bool echoes(int fd, uint64_t number)
{
    char sent[WORD + 1], received[WORD];
    snprintf(sent, sizeof(sent), "%016llx", (unsigned long long)number);
    return send(fd, sent, WORD, MSG_NOSIGNAL) == WORD &&
           recv(fd, received, WORD, MSG_WAITALL) == WORD && memcmp(sent, received, WORD) == 0;
}

/* The server closes first, which leaves the waiting for stray segments to its side. */
static void end_connection(int fd)
{
    char rest;
    shutdown(fd, SHUT_WR);
    if (recv(fd, &rest, 1, 0) != 0)
        printf("more octets than were sent\n");
    close(fd);
}

/* --- The modes --- */

static int hold(long count, const char *host, char *const *ports, long port_count)
{
    int *fds = calloc((size_t)count, sizeof(*fds));
    long good = 0;
    if (!fds)
        die("calloc");
    for (long i = 0; i < count; i++) {
        struct sockaddr_in address = address_of(host, ports[i % port_count]);
        fds[i] = open_connection(&address);
        if (fds[i] < 0) {
            printf("connection %ld: %s\n", i, strerror(errno));
            return 1;
        }
        good += echoes(fds[i], (uint64_t)i);
    }
    for (long i = 0; i < count; i++)
        good += echoes(fds[i], (uint64_t)(count + i));
    printf("held: %ld\nechoed: %ld\n", count, good);
    return good == 2 * count ? 0 : 1;
}

static bool connect_once(const struct sockaddr_in *address, uint64_t number)
{
    int fd = open_connection(address);
    if (fd < 0) {
        printf("connection %llu: %s\n", (unsigned long long)number, strerror(errno));
        return false;
    }
    bool good = echoes(fd, number);
    end_connection(fd);
    return good;
}

/* Of all connections but the first tenth, which warms up. */
static void tell_growth(long descriptors, long kb)
{
    printf("descriptors: +%ld\nmemory: +%ld kB\n", count_descriptors() - descriptors,
           private_kb() - kb);
}

static int sequence(long count, const struct sockaddr_in *address)
{
    long good = 0, descriptors = 0, kb = 0;
    for (long i = 0; i < count; i++) {
        if (i == count / 10) {
            descriptors = count_descriptors();
            kb = private_kb();
        }
        good += connect_once(address, (uint64_t)i);
    }
    printf("good: %ld\n", good);
    tell_growth(descriptors, kb);
    return good == count ? 0 : 1;
}

static int names(long count, const char *suffix, const char *port)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    long good = 0, descriptors = 0, kb = 0;
    for (long i = 0; i < count; i++) {
        char name[256];
        struct addrinfo *list;
        if (i == count / 10) {
            descriptors = count_descriptors();
            kb = private_kb();
        }
        snprintf(name, sizeof(name), "n%ld%s", i, suffix);
        int error = getaddrinfo(name, port, &hints, &list);
        if (error != 0) {
            printf("%s: %s\n", name, gai_strerror(error));
            continue;
        }
        good += connect_once((const struct sockaddr_in *)(const void *)list->ai_addr, (uint64_t)i);
        freeaddrinfo(list);
    }
    printf("good: %ld\n", good);
    tell_growth(descriptors, kb);
    return good == count ? 0 : 1;
}

/* Each kind of error is told once, when it comes up; the end, when the last connection was good. */
static int endure(const char *end, const struct sockaddr_in *address)
{
    static bool seen[ERRORS];
    bool good = false, told = false;
    time_t limit = time(NULL) + TROUBLE_MAX_S;
    silence_s = 1;
    for (uint64_t i = 0; (!good || access(end, F_OK) != 0) && time(NULL) < limit; i++) {
        int fd = open_connection(address);
        int error = fd < 0 && errno < ERRORS ? errno : 0;
        good = fd >= 0 && echoes(fd, i);
        if (good && !told)
            printf("begun\n");
        told = told || good;
        if (fd < 0 && !seen[error])
            printf("failed: %s\n", strerrorname_np(error));
        seen[error] = seen[error] || fd < 0;
        if (fd >= 0)
            close(fd);
    }
    printf("at last: %s\ndescriptors: %ld\n", good ? "good" : "bad", count_descriptors());
    return 0;
}

static void echo(int set, int fd)
{
    char buf[4096];
    ssize_t len = recv(fd, buf, sizeof(buf), 0);
    if (len > 0 && send(fd, buf, (size_t)len, MSG_NOSIGNAL) == len)
        return;
    epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
}

static _Noreturn void serve(const struct sockaddr_in *address)
{
    static const int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        listen(listener, 4096) != 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) != 0)
        die("serve");
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(set, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener) {
                echo(set, events[i].data.fd);
                continue;
            }
            event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (event.data.fd >= 0)
                epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 3 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    raise_limit();
    if (strcmp(mode, "serve") == 0) {
        struct sockaddr_in address = address_of(argv[2], argv[3]);
        serve(&address);
    }
    if (argc < 5)
        return 2;
    long count = strtol(argv[2], NULL, 10);
    if (strcmp(mode, "hold") == 0)
        return hold(count, argv[3], argv + 4, argc - 4);
    if (argc != 5)
        return 2;
    if (strcmp(mode, "names") == 0)
        return names(count, argv[3], argv[4]);
    struct sockaddr_in address = address_of(argv[3], argv[4]);
    if (strcmp(mode, "endure") == 0)
        return endure(argv[2], &address);
    if (strcmp(mode, "sequence") == 0)
        return sequence(count, &address);
    return 2;
}
