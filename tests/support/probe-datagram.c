/* SPDX-License-Identifier: MIT
 * probe-datagram [-x] WAY ADDRESS PORT: send one datagram, or what else the way's name says, and
 * print what the program gets to see: "WAY: " and 0 or the name of an errno.
 *
 *   sendto sendmsg sendmmsg          to the address
 *   send write writev                connect(2) first; then without an address (dup: on a duplicate
 *   sendmsg0 sendmmsg0 dup child     of the descriptor; child: in a forked child; with -x: in a
 *                                    program that the child is replaced by)
 *   open                             a socket of that protocol, nothing sent: raw icmp icmp6 packet
 *                                    sctp dccp dccp-by-type mptcp udplite, as the ADDRESS
 *   raw icmp udplite                 a socket of that kind; sendto
 *   broadcast                        SO_BROADCAST; sendto
 *   join                             membership of the group ADDRESS
 *   unspecified                      sendto an address that names no family (IPv4 to the kernel)
 *   route route-message              a source route by way of ADDRESS, to this host: as an option
 *                                    of the socket, with the message
 *   own                              connect(2); print our own address and the peer's
 *
 * An address in brackets "[203.0.113.1]" is said in IPv4-mapped form, by an IPv6 socket. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static char payload[] = "probe";
static struct sockaddr_storage address;
static socklen_t address_len;
static const char *self;
static bool by_exec;

static const char *name_of(int result)
{
    return result < 0 ? strerrorname_np(errno) : "0";
}

static void read_address(const char *text, const char *port)
{
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&address;
    char mapped[INET6_ADDRSTRLEN + sizeof("::ffff:")];
    uint16_t port_be = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = port_be;
        address_len = sizeof(*ipv4);
        return;
    }
    if (*text == '[') {
        snprintf(mapped, sizeof(mapped), "::ffff:%.*s", (int)strcspn(text + 1, "]"), text + 1);
        text = mapped;
    }
    if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) != 1)
        errx(2, "%s: no address", text);
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = port_be;
    if (IN6_IS_ADDR_LINKLOCAL(&ipv6->sin6_addr) || IN6_IS_ADDR_MULTICAST(&ipv6->sin6_addr))
        ipv6->sin6_scope_id = if_nametoindex("eth0");
    address_len = sizeof(*ipv6);
}

static int open_socket(int type, int protocol)
{
    int fd = socket(address.ss_family, type, protocol);
    if (fd < 0)
        err(2, "socket");
    return fd;
}

static void connect_socket(int fd)
{
    if (connect(fd, (struct sockaddr *)&address, address_len)) {
        printf("connect: %s\n", name_of(-1));
        exit(1);
    }
}

static struct iovec piece = {payload, sizeof(payload)};

static int send_message(int fd, bool with_address)
{
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (with_address) {
        message.msg_name = &address;
        message.msg_namelen = address_len;
    }
    return (int)sendmsg(fd, &message, 0);
}

static int send_messages(int fd, bool with_address)
{
    struct mmsghdr messages[2];
    memset(messages, 0, sizeof(messages));
    for (size_t i = 0; i < 2; i++) {
        messages[i].msg_hdr.msg_iov = &piece;
        messages[i].msg_hdr.msg_iovlen = 1;
        if (with_address) {
            messages[i].msg_hdr.msg_name = &address;
            messages[i].msg_hdr.msg_namelen = address_len;
        }
    }
    return sendmmsg(fd, messages, 2, 0);
}

static int send_to(int fd)
{
    return (int)sendto(fd, payload, sizeof(payload), 0, (struct sockaddr *)&address, address_len);
}

/* The child says nothing but its exit status: an errno. */
static int send_in_child(int fd)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0 && by_exec) {
        dup2(fd, STDOUT_FILENO);
        execlp("echo", "echo", payload, (char *)NULL);
        _exit(ENOEXEC);
    }
    if (child == 0)
        _exit(write(fd, payload, sizeof(payload)) < 0 ? errno : 0);
    if (child < 0 || waitpid(child, &status, 0) != child)
        err(2, "fork");
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
    return errno ? -1 : 0;
}

static int send_connected(const char *way)
{
    int fd = open_socket(SOCK_DGRAM, 0);
    connect_socket(fd);
    if (!strcmp(way, "send"))
        return (int)send(fd, payload, sizeof(payload), 0);
    if (!strcmp(way, "write"))
        return (int)write(fd, payload, sizeof(payload));
    if (!strcmp(way, "writev"))
        return (int)writev(fd, &piece, 1);
    if (!strcmp(way, "sendmsg0"))
        return send_message(fd, false);
    if (!strcmp(way, "sendmmsg0"))
        return send_messages(fd, false);
    if (!strcmp(way, "dup"))
        return (int)write(dup(fd), payload, sizeof(payload));
    if (!strcmp(way, "child"))
        return send_in_child(fd);
    errx(2, "%s: no such way; see the head of %s.c", way, self);
}

static int send_icmp(void)
{
    bool ipv6 = address.ss_family == AF_INET6;
    struct icmphdr echo = {.type = ipv6 ? 128 : ICMP_ECHO};
    memcpy(payload, &echo, sizeof(payload) < sizeof(echo) ? sizeof(payload) : sizeof(echo));
    int fd = open_socket(SOCK_RAW, ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    return (int)sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *)&address, address_len);
}

static int join_group(void)
{
    struct group_req request = {.gr_interface = if_nametoindex("eth0")};
    memcpy(&request.gr_group, &address, address_len);
    int level = address.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    return setsockopt(open_socket(SOCK_DGRAM, 0), level, MCAST_JOIN_GROUP, &request,
                      sizeof(request));
}

static int send_unspecified(void)
{
    address.ss_family = AF_UNSPEC;
    return (int)sendto(socket(AF_INET, SOCK_DGRAM, 0), payload, sizeof(payload), 0,
                       (struct sockaddr *)&address, address_len);
}

/* A loose source route (RFC 791), to this host in the end. */
static int send_routed(bool with_message)
{
    const struct sockaddr_in *by = (const struct sockaddr_in *)&address;
    uint8_t route[8] = {IPOPT_LSRR, 7, 4};
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(9)};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(route))] = {0};
    struct msghdr message = {.msg_name = &here,
                             .msg_namelen = sizeof(here),
                             .msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(route + 3, &by->sin_addr, sizeof(by->sin_addr));
    if (!with_message)
        return setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)) == 0
                   ? (int)sendto(fd, payload, sizeof(payload), 0, (struct sockaddr *)&here,
                                 sizeof(here))
                   : -1;
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    *part = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(route)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_RETOPTS};
    memcpy(CMSG_DATA(part), route, sizeof(route));
    return (int)sendmsg(fd, &message, 0);
}

static int open_only(const char *what)
{
    static const struct {
        const char *name;
        int domain, type, protocol;
    } kinds[] = {
        {"raw", AF_INET, SOCK_RAW, IPPROTO_RAW},
        {"icmp", AF_INET, SOCK_RAW, IPPROTO_ICMP},
        {"icmp6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
        {"packet", AF_PACKET, SOCK_RAW, 0},
        {"sctp", AF_INET, SOCK_STREAM, IPPROTO_SCTP},
        {"sctp-seqpacket", AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP},
        {"dccp", AF_INET, SOCK_DCCP, IPPROTO_DCCP},
        {"dccp-by-type", AF_INET, SOCK_DCCP, 0},
        {"mptcp", AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
        {"udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
        {"unix", AF_UNIX, SOCK_DGRAM, 0},
        {"netlink", AF_NETLINK, SOCK_RAW, 0},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(what, kinds[i].name))
            return socket(kinds[i].domain, kinds[i].type | SOCK_CLOEXEC, kinds[i].protocol);
    errx(2, "%s: no such kind of socket", what);
}

static void print_endpoint(const char *what, int (*ask)(int, struct sockaddr *, socklen_t *),
                           int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } found = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(found);
    char text[INET6_ADDRSTRLEN];
    if (ask(fd, &found.any, &len)) {
        printf("%s: %s\n", what, name_of(-1));
        return;
    }
    const void *octets = found.any.sa_family == AF_INET ? (const void *)&found.ipv4.sin_addr
                                                        : (const void *)&found.ipv6.sin6_addr;
    printf("%s: %s\n", what, inet_ntop(found.any.sa_family, octets, text, sizeof(text)));
}

static int ask_own_socket(int fd, struct sockaddr *addr, socklen_t *len)
{
    return getsockname(fd, addr, len);
}

static int ask_own_peer(int fd, struct sockaddr *addr, socklen_t *len)
{
    return getpeername(fd, addr, len);
}

static int learn_own_address(void)
{
    int fd = open_socket(SOCK_DGRAM, 0);
    connect_socket(fd);
    print_endpoint("address", ask_own_socket, fd);
    print_endpoint("peer", ask_own_peer, fd);
    return 0;
}

static int send_by(const char *way)
{
    if (!strcmp(way, "sendto"))
        return send_to(open_socket(SOCK_DGRAM, 0));
    if (!strcmp(way, "sendmsg"))
        return send_message(open_socket(SOCK_DGRAM, 0), true);
    if (!strcmp(way, "sendmmsg"))
        return send_messages(open_socket(SOCK_DGRAM, 0), true);
    if (!strcmp(way, "raw"))
        return send_to(open_socket(SOCK_RAW, 253));
    if (!strcmp(way, "udplite"))
        return send_to(open_socket(SOCK_DGRAM, IPPROTO_UDPLITE));
    if (!strcmp(way, "icmp"))
        return send_icmp();
    if (!strcmp(way, "join"))
        return join_group();
    if (!strcmp(way, "unspecified"))
        return send_unspecified();
    if (!strcmp(way, "route") || !strcmp(way, "route-message"))
        return send_routed(!strcmp(way, "route-message"));
    if (!strcmp(way, "own"))
        return learn_own_address();
    if (!strcmp(way, "broadcast")) {
        int fd = open_socket(SOCK_DGRAM, 0), on = 1;
        if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)))
            err(2, "SO_BROADCAST");
        return send_to(fd);
    }
    return send_connected(way);
}

int main(int argc, char **argv)
{
    self = argv[0];
    by_exec = argc > 1 && !strcmp(argv[1], "-x");
    argv += by_exec;
    if (argc - by_exec != 4)
        errx(2, "usage: probe-datagram [-x] WAY ADDRESS PORT; its head lists the ways");
    if (!strcmp(argv[1], "open")) {
        printf("%s: %s\n", argv[2], name_of(open_only(argv[2])));
        return 0;
    }
    read_address(argv[2], argv[3]);
    int result = send_by(argv[1]);
    printf("%s: %s\n", argv[1], name_of(result));
    return 0;
}
