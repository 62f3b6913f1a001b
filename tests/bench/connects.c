/* SPDX-License-Identifier: MIT
 * connects [-b] [-w] [-t THREADS] HOST PORT COUNT: each thread COUNT times resolves HOST,
 * connects, with -b sends a byte and waits for it to come back, and closes. Prints how many of the
 * connections were good, and what all of them together took: wall and CPU time; with -w after one
 * that does not count, for what happens once. */
#include <err.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 1024 };

static const char *host, *port;
static unsigned count;
static bool with_byte;
static unsigned good;

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

static bool echoes(int fd)
{
    char byte = 'x', back = 0;
    return send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &back, 1, 0) == 1 && back == byte;
}

static bool connect_once(void)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    if (getaddrinfo(host, port, &hints, &list))
        return false;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool fine = connect(fd, list->ai_addr, list->ai_addrlen) == 0 && (!with_byte || echoes(fd));
    close(fd);
    freeaddrinfo(list);
    return fine;
}

static void *connect_many(void *unused)
{
    for (unsigned i = 0; i < count; i++)
        if (connect_once())
            __atomic_fetch_add(&good, 1, __ATOMIC_RELAXED);
    return unused;
}

int main(int argc, char **argv)
{
    unsigned threads = 1;
    bool warms_up = false;
    for (int option; (option = getopt(argc, argv, "bwt:")) != -1;) {
        if (option == 'b')
            with_byte = true;
        else if (option == 'w')
            warms_up = true;
        else if (option == 't')
            threads = (unsigned)atoi(optarg);
        else
            return 2;
    }
    if (argc - optind != 3 || threads > THREADS_MAX)
        errx(2, "usage: connects [-b] [-w] [-t THREADS] HOST PORT COUNT");
    host = argv[optind];
    port = argv[optind + 1];
    count = (unsigned)atoi(argv[optind + 2]);

    if (warms_up)
        connect_once();
    pthread_t thread[THREADS_MAX];
    double wall_before = wall(), cpu_before = cpu();
    if (threads == 1)
        connect_many(NULL);
    for (unsigned i = 0; threads > 1 && i < threads; i++)
        if (pthread_create(&thread[i], NULL, connect_many, NULL))
            errx(1, "pthread_create");
    for (unsigned i = 0; threads > 1 && i < threads; i++)
        pthread_join(thread[i], NULL);
    printf("good=%u wall=%.9f cpu=%.9f\n", good, wall() - wall_before, cpu() - cpu_before);
}
