/* SPDX-License-Identifier: MIT
 * resolves again NAME COUNT: look one name up COUNT times; prints the time of each, the first left
 * out. resolves many COUNT: look COUNT names up, each once; prints how many different addresses
 * came, the time of each of the first and of the last thousand, and how much memory each took. */
#include <arpa/inet.h>
#include <err.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { PART = 1000 };

static double now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* 0 when there is none. */
static uint32_t resolve(const char *name)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    if (getaddrinfo(name, NULL, &hints, &list))
        return 0;
    uint32_t address = ((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr;
    freeaddrinfo(list);
    return address;
}

/* Octets of memory in use, shared maps included. */
static double memory(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof(line), file) && sscanf(line, "Rss: %lu", &kib) != 1)
        ;
    if (file)
        fclose(file);
    return (double)kib * 1024;
}

static void again(const char *name, int count)
{
    if (!resolve(name))
        errx(1, "%s: not found", name);
    double before = now();
    for (int i = 0; i < count; i++)
        if (!resolve(name))
            errx(1, "%s: not found", name);
    printf("each=%.12f\n", (now() - before) / count);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void many(size_t count)
{
    uint32_t *found = malloc(count * sizeof(*found));
    if (!found || count < 2 * PART)
        errx(1, "malloc");
    memset(found, 1, count * sizeof(*found));
    resolve("first.example");

    double memory_before = memory(), start = now(), first = 0, last = 0;
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "host-%zu.example", i);
        if (i == count - PART)
            last = now();
        found[i] = resolve(name);
        if (i == PART - 1)
            first = (now() - start) / PART;
    }
    last = (now() - last) / PART;
    double memory_each = (memory() - memory_before) / (double)count;

    qsort(found, count, sizeof(*found), compare);
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++)
        distinct += found[i] != 0 && (i == 0 || found[i] != found[i - 1]);
    printf("distinct=%zu first=%.9f last=%.9f memory=%.1f\n", distinct, first, last, memory_each);
    free(found);
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "again"))
        again(argv[2], atoi(argv[3]));
    else if (argc == 3 && !strcmp(argv[1], "many"))
        many((size_t)atol(argv[2]));
    else
        errx(2, "usage: resolves again NAME COUNT | resolves many COUNT");
}
