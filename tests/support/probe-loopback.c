/* SPDX-License-Identifier: MIT
 * probe-loopback PROBE: datagrams between two sockets of ours on a loopback address, by every call
 * and with all that may come along, good and bad. Prints what arrives. */
#include "envelope.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/time.h>

enum {
    DATAGRAM_MAX = 65507,
    MESSAGES = 20,
    PIECES_MAX = 1024,
    TOO_MANY_PIECES = PIECES_MAX + 1,
    SHORTLY_MS = 400, /* a busy machine's, too */
};

static union address receiver_address;
static socklen_t receiver_len;
static int receiver, sender;

static void open_pair(int domain)
{
    union address *address = &receiver_address;
    receiver_len = domain == AF_INET ? sizeof(address->in) : sizeof(address->in6);
    memset(address, 0, sizeof(*address));
    address->any.sa_family = (sa_family_t)domain;
    if (domain == AF_INET)
        address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        address->in6.sin6_addr = in6addr_loopback;
    receiver = socket(domain, SOCK_DGRAM, 0);
    sender = socket(domain, SOCK_DGRAM, 0);
    must(!bind(receiver, &address->any, receiver_len), "bind");
    must(!bind(sender, &address->any, receiver_len), "bind");
    must(!getsockname(receiver, &address->any, &receiver_len), "getsockname");
}

static bool is_the_senders(const union address *from, socklen_t len)
{
    union address own;
    socklen_t own_len = sizeof(own);
    must(!getsockname(sender, &own.any, &own_len), "getsockname");
    return len == own_len && !memcmp(from, &own, len);
}

static void say_received(void)
{
    char data[256] = "";
    union address from;
    socklen_t len = sizeof(from);
    ssize_t got = recvfrom(receiver, data, sizeof(data) - 1, 0, &from.any, &len);
    if (got < 0)
        say("recvfrom", got);
    else
        printf("got: %s, from the sender: %d\n", data, is_the_senders(&from, len));
}

static void sent_to(void)
{
    for (int domain = AF_INET; domain; domain = domain == AF_INET ? AF_INET6 : 0) {
        open_pair(domain);
        printf("%zd\n", sendto(sender, "hello", 5, 0, &receiver_address.any, receiver_len));
        say_received();
        printf("%zd\n", sendto(sender, NULL, 0, 0, &receiver_address.any, receiver_len));
        say_received();
        say("connect", connect(sender, &receiver_address.any, receiver_len));
        printf("%zd\n", send(sender, "again", 5, 0));
        say_received();
        union address peer;
        socklen_t len = sizeof(peer);
        say("getpeername", getpeername(sender, &peer.any, &len));
        printf("the receiver: %d\n", !memcmp(&peer, &receiver_address, receiver_len));
        printf("%zd\n", sendto(sender, "third", 5, 0, &receiver_address.any, receiver_len));
        say_received();
    }
}

static void in_pieces(void)
{
    struct envelope out, in;
    char words[] = "some words in pieces";
    struct iovec pieces[] = {{words, 5}, {NULL, 0}, {words + 5, 9}, {words + 14, 6}};
    const int ttl = 7, on = 1;
    open_pair(AF_INET);
    setsockopt(receiver, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
    prepare(&out, 0);
    out.head.msg_name = &receiver_address;
    out.head.msg_namelen = receiver_len;
    out.head.msg_iov = pieces;
    out.head.msg_iovlen = 4;
    attach(&out, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    printf("sendmsg: %zd\n", sendmsg(sender, &out.head, 0));
    prepare_to_receive(&in);
    printf("recvmsg: %zd\n", recvmsg(receiver, &in.head, 0));
    const int *received_ttl = attached(&in, IPPROTO_IP, IP_TTL);
    printf("%s, time to live %d, flags %x, from the sender: %d\n", in.data,
           received_ttl ? *received_ttl : -1, (unsigned)in.head.msg_flags,
           is_the_senders(&in.name, in.head.msg_namelen));
}

static void many(void)
{
    static struct envelope out[MESSAGES], in[MESSAGES];
    struct mmsghdr messages[MESSAGES];
    open_pair(AF_INET);
    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < MESSAGES; i++) {
        prepare(&out[i], (size_t)snprintf(out[i].data, sizeof(out[i].data), "number %d", i));
        out[i].head.msg_name = &receiver_address;
        out[i].head.msg_namelen = receiver_len;
        messages[i].msg_hdr = out[i].head;
    }
    messages[MESSAGES - 1].msg_hdr.msg_iov = (void *)8;
    printf("sendmmsg: %d, ", sendmmsg(sender, messages, MESSAGES, 0));
    printf("%u octets in the first\n", messages[0].msg_len);
    for (int i = 0; i < MESSAGES; i++) {
        prepare_to_receive(&in[i]);
        messages[i].msg_hdr = in[i].head;
    }
    int count = recvmmsg(receiver, messages, MESSAGES, MSG_WAITFORONE, NULL);
    printf("recvmmsg: %d\n", count);
    for (int i = 0; i < count; i++)
        printf("%s (%u), from the sender: %d\n", in[i].data, messages[i].msg_len,
               is_the_senders(&in[i].name, messages[i].msg_hdr.msg_namelen));
    struct timespec shortly = {.tv_nsec = 20000000};
    say("recvmmsg in time", recvmmsg(receiver, messages, 1, MSG_DONTWAIT, &shortly));
}

static long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As many pieces as a call can take: nobody must have to wait for it. */
static void in_crumbs(void)
{
    static char crumb;
    static struct iovec crumbs[PIECES_MAX];
    static struct mmsghdr messages[PIECES_MAX];
    int sent = 0;
    long longest = 0;
    open_pair(AF_INET);
    for (int i = 0; i < PIECES_MAX; i++) {
        crumbs[i] = (struct iovec){&crumb, 1};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &receiver_address,
                                              .msg_namelen = receiver_len,
                                              .msg_iov = crumbs,
                                              .msg_iovlen = PIECES_MAX};
    }
    while (sent < PIECES_MAX) {
        long start = milliseconds();
        int count = sendmmsg(sender, messages + sent, (unsigned)(PIECES_MAX - sent), 0);
        must(count > 0, "sendmmsg");
        longest = milliseconds() - start > longest ? milliseconds() - start : longest;
        sent += count;
    }
    printf("sendmmsg: %d, of %u octets\n", sent, messages[PIECES_MAX - 1].msg_len);
    printf("each in a short time: %d\n", longest < SHORTLY_MS);
    say_received();
}

static void large(void)
{
    static char out[DATAGRAM_MAX + 1], in[DATAGRAM_MAX + 1];
    open_pair(AF_INET);
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7 + i / 251);
    say("too large", sendto(sender, out, sizeof(out), 0, &receiver_address.any, receiver_len));
    printf("%zd\n", sendto(sender, out, DATAGRAM_MAX, 0, &receiver_address.any, receiver_len));
    printf("%zd", recvfrom(receiver, in, sizeof(in), 0, NULL, NULL));
    printf(", the same: %d\n", !memcmp(in, out, DATAGRAM_MAX));
}

static void with_flags(void)
{
    char data[4] = "";
    union address from;
    socklen_t len = sizeof(from);
    struct envelope in;
    open_pair(AF_INET);
    say("nothing", recvfrom(receiver, data, 3, MSG_DONTWAIT, &from.any, &len));
    sendto(sender, "first ", 6, MSG_MORE, &receiver_address.any, receiver_len);
    sendto(sender, "second", 6, 0, &receiver_address.any, receiver_len);
    printf("peek: %zd", recvfrom(receiver, data, 3, MSG_PEEK, &from.any, &len));
    printf(" %s, from the sender: %d\n", data, is_the_senders(&from, len));
    printf("truncated: %zd\n", recvfrom(receiver, data, 3, MSG_TRUNC | MSG_PEEK, &from.any, &len));
    prepare_to_receive(&in);
    in.piece.iov_len = 3;
    printf("recvmsg: %zd", recvmsg(receiver, &in.head, 0));
    printf(" %s, flags %x\n", in.data, (unsigned)in.head.msg_flags);
    len = 6;
    sendto(sender, "x", 1, 0, &receiver_address.any, receiver_len);
    memset(&from, 0xee, sizeof(from));
    printf("a short address: %zd", recvfrom(receiver, data, 3, 0, &from.any, &len));
    printf(" of %u, the seventh octet untouched: %d\n", len, ((uint8_t *)&from)[6] == 0xee);
}

static void mistaken(void)
{
    static struct iovec pieces[TOO_MANY_PIECES];
    struct envelope out;
    char octet = 'x';
    open_pair(AF_INET);
    const struct sockaddr *to = &receiver_address.any;
    say("data nowhere", sendto(sender, (void *)8, 5, 0, to, receiver_len));
    say("address nowhere", sendto(sender, &octet, 1, 0, (void *)8, receiver_len));
    say("a short address", sendto(sender, &octet, 1, 0, to, 5));
    say("a long address", sendto(sender, &octet, 1, 0, to, 200));
    say("unconnected", send(sender, &octet, 1, 0));
    prepare(&out, 1);
    out.head.msg_name = &receiver_address;
    out.head.msg_namelen = receiver_len;
    out.head.msg_iov = pieces;
    out.head.msg_iovlen = TOO_MANY_PIECES;
    say("too many pieces", sendmsg(sender, &out.head, 0));
    out.head.msg_iovlen = 1;
    pieces[0] = (struct iovec){(void *)8, 5};
    say("a piece nowhere", sendmsg(sender, &out.head, 0));
    out.head.msg_iov = (void *)8;
    say("pieces nowhere", sendmsg(sender, &out.head, 0));
    out.head.msg_iov = &out.piece;
    out.head.msg_namelen = (socklen_t)-1;
    say("a negative length", sendmsg(sender, &out.head, 0));
    out.head.msg_namelen = receiver_len;
    out.head.msg_control = (void *)8;
    out.head.msg_controllen = 64;
    say("control nowhere", sendmsg(sender, &out.head, 0));
    out.head.msg_controllen = 0;
    say("after all that", sendmsg(sender, &out.head, 0));
    socklen_t len = sizeof(octet);
    say("a source nowhere", recvfrom(receiver, &octet, 1, 0, (void *)8, &len));
}

static void *send_later(void *unused)
{
    usleep(30000);
    sendto(sender, "late", 4, 0, &receiver_address.any, receiver_len);
    return unused;
}

static void waited_for(void)
{
    pthread_t thread;
    const struct timeval shortly = {.tv_usec = 20000};
    open_pair(AF_INET);
    must(!pthread_create(&thread, NULL, send_later, NULL), "pthread_create");
    say_received();
    pthread_join(thread, NULL);
    setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &shortly, sizeof(shortly));
    say_received();
}

/* The error of one datagram is told by the next call. */
static void refused(void)
{
    open_pair(AF_INET);
    close(receiver);
    say("connect", connect(sender, &receiver_address.any, receiver_len));
    say("send", send(sender, "x", 1, 0));
    poll(&(struct pollfd){.fd = sender, .events = POLLIN}, 1, 5000);
    say("send", send(sender, "x", 1, 0));
}

static const struct probe probes[] = {
    {"sent-to", sent_to},     {"in-pieces", in_pieces},   {"many", many},
    {"in-crumbs", in_crumbs}, {"large", large},           {"with-flags", with_flags},
    {"mistaken", mistaken},   {"waited-for", waited_for}, {"refused", refused},
};

int main(int argc, char **argv)
{
    return probe_main(argc, argv, probes, sizeof(probes) / sizeof(*probes));
}
