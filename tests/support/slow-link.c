/* SPDX-License-Identifier: MIT
 * slow-link MS NAME NAMESPACE NAME NAMESPACE: a network interface in each of two namespaces of
 * ip-netns(8), and a wire between them that takes MS milliseconds each way. Prints "up" when they
 * are there; gone when it ends. For kernels without a queueing discipline that delays. */
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    PACKET_MAX = 1600,
    PACKETS = 4096, /* on the way in one direction; a power of two */
};

struct packet {
    int64_t due_ms;
    ssize_t len;
    uint8_t bytes[PACKET_MAX];
};

struct wire {
    unsigned first, last;
    struct packet packets[PACKETS];
};

static struct wire wires[2];

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_end(const char *name, const char *namespace)
{
    char path[128];
    snprintf(path, sizeof(path), "/run/netns/%s", namespace);
    int place = open(path, O_RDONLY | O_CLOEXEC);
    if (place < 0 || setns(place, CLONE_NEWNET))
        err(2, "%s", path);
    close(place);
    int end = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
    if (end < 0 || ioctl(end, TUNSETIFF, &request))
        err(2, "tun device %s", name);
    return end;
}

static void take(struct wire *wire, int from, int64_t delay_ms)
{
    while (wire->last - wire->first < PACKETS) {
        struct packet *packet = &wire->packets[wire->last % PACKETS];
        packet->len = read(from, packet->bytes, PACKET_MAX);
        if (packet->len <= 0)
            return;
        packet->due_ms = now_ms() + delay_ms;
        wire->last++;
    }
}

/* Milliseconds until there is more to do; -1: nothing is on the way. */
static int64_t give(struct wire *wire, int to)
{
    for (; wire->first != wire->last; wire->first++) {
        const struct packet *packet = &wire->packets[wire->first % PACKETS];
        int64_t left = packet->due_ms - now_ms();
        if (left > 0)
            return left;
        if (write(to, packet->bytes, (size_t)packet->len) < 0)
            warn("write");
    }
    return -1;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        errx(2, "usage: slow-link MS NAME NAMESPACE NAME NAMESPACE");
    int64_t delay_ms = atoi(argv[1]);
    int ends[2] = {open_end(argv[2], argv[3]), open_end(argv[4], argv[5])};
    puts("up");
    fflush(stdout);
    for (;;) {
        int64_t timeout_ms = -1;
        for (int i = 0; i < 2; i++) {
            int64_t left = give(&wires[i], ends[!i]);
            if (left >= 0 && (timeout_ms < 0 || left < timeout_ms))
                timeout_ms = left;
        }
        struct pollfd fds[2] = {{.fd = ends[0], .events = POLLIN},
                                {.fd = ends[1], .events = POLLIN}};
        if (poll(fds, 2, (int)timeout_ms) < 0)
            err(2, "poll");
        for (int i = 0; i < 2; i++)
            if (fds[i].revents & POLLIN)
                take(&wires[i], ends[i], delay_ms);
    }
}
