/* SPDX-License-Identifier: MIT
 * probe-raw ABI WAY ADDRESS PORT: reach out by bare system calls, that no library sees, and print
 * what comes of it, "WAY: " and 0 or the name of an errno.
 *
 *   ABI   native, int80, socketcall, x32: how a call gets into the kernel
 *   WAY   connect             a stream; it also prints the peer, and what an echo server answers
 *         fastopen            the same, begun by a sendto with MSG_FASTOPEN
 *         sendto sendmsg      a datagram to the address
 *         send                the same on a socket that is connected first
 *         raw icmp packet sctp vsock   a socket of that kind, and a datagram if there is one */
#include "raw.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static enum abi abi;

/* Everything that the kernel is pointed to. */
static struct {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } to, peer;
    uint32_t to_len, peer_len;
    char words[8], answer[8];
    struct iovec piece;
    struct msghdr message;
    uint32_t compat_piece[2], compat_message[7];
} * memory;

static long call(enum raw_call which, long a, const void *b, long c, long d, const void *e, long f)
{
    return raw_call(abi, which, a, (long)b, c, d, (long)e, f);
}

static int say(const char *way, long result)
{
    printf("%s: %s\n", way, result < 0 ? strerrorname_np((int)-result) : "0");
    return result < 0;
}

static int open_socket(int domain, int type, int protocol)
{
    return (int)raw_call(abi, RAW_SOCKET, domain, type, protocol, 0, 0, 0);
}

static int read_address(const char *text, const char *port)
{
    uint16_t port_be = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET, text, &memory->to.in.sin_addr) == 1) {
        memory->to.in.sin_family = AF_INET;
        memory->to.in.sin_port = port_be;
        memory->to_len = sizeof(memory->to.in);
    } else if (inet_pton(AF_INET6, text, &memory->to.in6.sin6_addr) == 1) {
        memory->to.in6.sin6_family = AF_INET6;
        memory->to.in6.sin6_port = port_be;
        memory->to_len = sizeof(memory->to.in6);
    } else {
        errx(2, "%s: no address", text);
    }
    return memory->to.any.sa_family;
}

/* --- Streams --- */

static void say_peer(int fd)
{
    memory->peer_len = sizeof(memory->peer);
    long result = call(RAW_GETPEERNAME, fd, &memory->peer, (long)&memory->peer_len, 0, NULL, 0);
    if (result < 0)
        say("peer", result);
    else
        printf("peer: %s\n", memory->peer_len == memory->to_len &&
                                     !memcmp(&memory->peer, &memory->to, memory->to_len)
                                 ? "the target"
                                 : "another");
}

static void say_answer(int fd, size_t sent)
{
    size_t have = 0;
    for (long got = 1; got > 0 && have<sent; have += got> 0 ? (size_t)got : 0)
        got = call(RAW_RECVFROM, fd, memory->answer + have, (long)(sent - have), 0, NULL, 0);
    printf("echo: %.*s\n", (int)have, memory->answer);
}

static int do_connect(const char *way, int domain)
{
    int fd = open_socket(domain, SOCK_STREAM, 0);
    long result = fd < 0 ? fd : call(RAW_CONNECT, fd, &memory->to, memory->to_len, 0, NULL, 0);
    if (say(way, result))
        return 1;
    say_peer(fd);
    result = call(RAW_SENDTO, fd, memory->words, 4, MSG_NOSIGNAL, NULL, 0);
    if (result < 0)
        return say("send", result);
    say_answer(fd, 4);
    return 0;
}

static int do_fastopen(const char *way, int domain)
{
    int fd = open_socket(domain, SOCK_STREAM, 0);
    long result = fd < 0 ? fd
                         : call(RAW_SENDTO, fd, memory->words, 4, MSG_NOSIGNAL | MSG_FASTOPEN,
                                &memory->to, memory->to_len);
    if (say(way, result))
        return 1;
    say_peer(fd);
    say_answer(fd, 4);
    return 0;
}

/* --- Datagrams --- */

static long send_to(int fd)
{
    return call(RAW_SENDTO, fd, memory->words, 4, 0, &memory->to, memory->to_len);
}

static long send_message(int fd)
{
    if (!raw_is_compat(abi)) {
        memory->piece = (struct iovec){memory->words, 4};
        memory->message = (struct msghdr){.msg_name = &memory->to,
                                          .msg_namelen = memory->to_len,
                                          .msg_iov = &memory->piece,
                                          .msg_iovlen = 1};
        return call(RAW_SENDMSG, fd, &memory->message, 0, 0, NULL, 0);
    }
    const uint32_t piece[] = {(uint32_t)(uintptr_t)memory->words, 4};
    const uint32_t message[7] = {(uint32_t)(uintptr_t)&memory->to, memory->to_len,
                                 (uint32_t)(uintptr_t)memory->compat_piece, 1};
    memcpy(memory->compat_piece, piece, sizeof(piece));
    memcpy(memory->compat_message, message, sizeof(message));
    return call(RAW_SENDMSG, fd, memory->compat_message, 0, 0, NULL, 0);
}

static int do_datagram(const char *way, int domain)
{
    int fd = open_socket(domain, SOCK_DGRAM, 0);
    if (fd < 0)
        return say("socket", fd);
    if (!strcmp(way, "sendto"))
        return say(way, send_to(fd));
    if (!strcmp(way, "sendmsg"))
        return say(way, send_message(fd));
    long result = call(RAW_CONNECT, fd, &memory->to, memory->to_len, 0, NULL, 0);
    if (result < 0)
        return say("connect", result);
    return say(way, call(RAW_SENDTO, fd, memory->words, 4, 0, NULL, 0));
}

/* --- What is neither --- */

static int do_packet(const char *way)
{
    int fd = open_socket(AF_PACKET, SOCK_RAW, htons(3));
    if (fd < 0)
        return say(way, fd);
    struct sockaddr_ll card = {.sll_family = AF_PACKET, .sll_ifindex = 2, .sll_halen = 6};
    memcpy(&memory->to, &card, sizeof(card));
    memory->to_len = sizeof(card);
    return say(way, send_to(fd));
}

static int do_other(const char *way, int domain)
{
    static const struct {
        const char *name;
        int domain; /* 0: the address's */
        int type, protocol;
    } kinds[] = {
        {"raw", 0, SOCK_RAW, 253},
        {"icmp", 0, SOCK_DGRAM, IPPROTO_ICMP},
        {"sctp", 0, SOCK_STREAM, IPPROTO_SCTP},
        {"vsock", 40, SOCK_STREAM, 0},
        {"xdp", 44, SOCK_RAW, 0},
        {"tipc", 30, SOCK_RDM, 0},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(way, kinds[i].name) != 0)
            continue;
        int fd = open_socket(kinds[i].domain ? kinds[i].domain : domain, kinds[i].type,
                             kinds[i].protocol);
        return say(way, fd < 0 || kinds[i].domain ? fd : send_to(fd));
    }
    errx(2, "%s: no such way; see the head of probe-raw.c", way);
}

static enum abi abi_of(const char *name)
{
    static const char *const names[] = {"native", "int80", "socketcall", "x32"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(name, names[i]))
            return (enum abi)i;
    errx(2, "%s: no such ABI", name);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        errx(2, "usage: probe-raw ABI WAY ADDRESS PORT; its head lists them");
    const char *way = argv[2];
    abi = abi_of(argv[1]);
    memory = raw_low_memory(sizeof(*memory));
    memcpy(memory->words, "ping", 4);
    int domain = read_address(argv[3], argv[4]);
    alarm(20);
    if (!strcmp(way, "connect"))
        return do_connect(way, domain);
    if (!strcmp(way, "fastopen"))
        return do_fastopen(way, domain);
    if (!strcmp(way, "sendto") || !strcmp(way, "sendmsg") || !strcmp(way, "send"))
        return do_datagram(way, domain);
    if (!strcmp(way, "packet"))
        return do_packet(way);
    return do_other(way, domain);
}
