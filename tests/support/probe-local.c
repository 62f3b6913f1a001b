/* SPDX-License-Identifier: MIT
 * probe-local PROBE: sockets that are nobody's business, local ones and netlink, and which kinds of
 * socket there are at all. Prints what arrives. */
#include "envelope.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

/* --- Local sockets --- */

static socklen_t local_address(union address *address, const char *name)
{
    memset(address, 0, sizeof(*address));
    address->un.sun_family = AF_UNIX;
    strcpy(address->un.sun_path + (*name == '@'), name + (*name == '@'));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@'));
}

static void by_name(const char *name, int type)
{
    union address address, peer;
    socklen_t len = local_address(&address, name), peer_len = sizeof(peer);
    int server = socket(AF_UNIX, type, 0), client = socket(AF_UNIX, type, 0);
    char data[8] = "";
    must(!bind(server, &address.any, len), "bind");
    if (type != SOCK_DGRAM)
        must(!listen(server, 1), "listen");
    say("connect", connect(client, &address.any, len));
    say("getpeername", getpeername(client, &peer.any, &peer_len));
    printf("the peer's name: %d\n", peer_len == len && !memcmp(&peer, &address, len));
    if (type != SOCK_DGRAM)
        server = accept(server, NULL, NULL);
    printf("%zd", send(client, "hello", 5, 0));
    printf(" %zd", recv(server, data, sizeof(data), 0));
    printf(" %s\n", data);
    if (type == SOCK_DGRAM) {
        printf("%zd", sendto(socket(AF_UNIX, type, 0), "again", 5, 0, &address.any, len));
        peer_len = sizeof(peer);
        printf(" %zd", recvfrom(server, data, sizeof(data), 0, &peer.any, &peer_len));
        printf(" %s, a name of %u octets\n", data, peer_len);
    }
    unlink(name);
    close(client);
    close(server);
}

static void local_names(void)
{
    char path[] = "/tmp/probe-local.XXXXXX";
    must(mkdtemp(path) && !chdir(path), "mkdtemp");
    for (int type = SOCK_STREAM; type; type = type == SOCK_STREAM  ? SOCK_DGRAM
                                              : type == SOCK_DGRAM ? SOCK_SEQPACKET
                                                                   : 0) {
        by_name("socket", type);
        by_name("@probe-local", type);
    }
    union address nobody;
    say("nobody",
        connect(socket(AF_UNIX, SOCK_STREAM, 0), &nobody.any, local_address(&nobody, "nobody")));
    rmdir(path);
}

/* As long as an address may be at all, and longer than a local one is. */
static void long_name(void)
{
    union {
        struct sockaddr_un un;
        struct sockaddr_storage longest;
    } address;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&address, 'x', sizeof(address));
    address.un.sun_family = AF_UNIX;
    for (socklen_t len = sizeof(address.un) - 1; len <= sizeof(address.un) + 1; len++)
        say("connect", connect(fd, (struct sockaddr *)&address, len));
    say("connect", connect(fd, (struct sockaddr *)&address, sizeof(address)));
    say("connect", connect(fd, (struct sockaddr *)&address, sizeof(address) + 1));
}

static void descriptors(void)
{
    struct envelope out, in;
    struct stat status;
    int pair[2], ends[2];
    must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !pipe(ends), "socketpair");
    prepare(&out, 1);
    attach(&out, SOL_SOCKET, SCM_RIGHTS, ends, sizeof(ends));
    printf("sendmsg: %zd\n", sendmsg(pair[0], &out.head, 0));
    prepare_to_receive(&in);
    printf("recvmsg: %zd\n", recvmsg(pair[1], &in.head, MSG_CMSG_CLOEXEC));
    const int *got = attached(&in, SOL_SOCKET, SCM_RIGHTS);
    must(got, "no descriptor");
    printf("a pipe: %d, closed by exec: %d\n", !fstat(got[1], &status) && S_ISFIFO(status.st_mode),
           fcntl(got[1], F_GETFD) == FD_CLOEXEC);
    printf("%zd", write(got[1], "through it", 10));
    printf(" %zd", read(ends[0], in.data, 10));
    printf(" %.10s\n", in.data);
}

static void credentials(void)
{
    struct envelope out, in;
    int pair[2], on = 1;
    must(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), "socketpair");
    setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    prepare(&out, 1);
    printf("sendmsg: %zd\n", sendmsg(pair[0], &out.head, 0));
    prepare_to_receive(&in);
    printf("recvmsg: %zd\n", recvmsg(pair[1], &in.head, 0));
    const struct ucred *got = attached(&in, SOL_SOCKET, SCM_CREDENTIALS);
    printf("our own process: %d\n", got && got->pid == getpid() && got->uid == getuid());
    prepare(&out, 1);
    const struct ucred own = {getpid(), getuid(), getgid()};
    attach(&out, SOL_SOCKET, SCM_CREDENTIALS, &own, sizeof(own));
    printf("sendmsg: %zd\n", sendmsg(pair[0], &out.head, 0));
    const struct ucred other = {getpid(), getuid() + 1, getgid() + 1};
    attach(&out, SOL_SOCKET, SCM_CREDENTIALS, &other, sizeof(other));
    say("as somebody else", sendmsg(pair[0], &out.head, 0));
}

/* --- Netlink --- */

static void interfaces(void)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg body;
    } question = {.head = {.nlmsg_len = sizeof(question),
                           .nlmsg_type = RTM_GETLINK,
                           .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    union {
        struct nlmsghdr head;
        char room[65536];
    } answer;
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK}, from = {0};
    socklen_t len = sizeof(from);
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), count = 0;
    printf("sendto: %zd\n",
           sendto(fd, &question, sizeof(question), 0, (struct sockaddr *)&kernel, sizeof(kernel)));
    for (bool done = false; !done;) {
        ssize_t got = recvfrom(fd, &answer, sizeof(answer), 0, (struct sockaddr *)&from, &len);
        must(got > 0, "recvfrom");
        uint32_t left = (uint32_t)got;
        for (struct nlmsghdr *at = &answer.head; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
            count += at->nlmsg_type == RTM_NEWLINK;
            done |= at->nlmsg_type == NLMSG_DONE;
        }
    }
    printf("interfaces: %s, from the kernel: %d\n", count > 0 ? "some" : "none", from.nl_pid == 0);
    say("connect", connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)));
}

/* --- Sockets of every kind --- */

static void kinds(void)
{
    static const struct {
        const char *name;
        int domain, type, protocol;
    } list[] = {
        {"stream", AF_INET, SOCK_STREAM, 0},
        {"stream6", AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP},
        {"mptcp", AF_INET, SOCK_STREAM, 262},
        {"datagram", AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0},
        {"udp-lite", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE},
        {"ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
        {"unix", AF_UNIX, SOCK_STREAM, 0},
        {"netlink", AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE},
        {"algorithm", AF_ALG, SOCK_SEQPACKET, 0},
        {"raw", AF_INET, SOCK_RAW, IPPROTO_RAW},
        {"raw6", AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 253},
        {"icmp", AF_INET, SOCK_RAW, IPPROTO_ICMP},
        {"packet", AF_PACKET, SOCK_RAW, 0},
        {"cooked-packet", AF_PACKET, SOCK_DGRAM, 0},
        {"old-packet", AF_INET, SOCK_PACKET, 0},
        {"sctp", AF_INET, SOCK_STREAM, IPPROTO_SCTP},
        {"sctp-seqpacket", AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP},
        {"dccp", AF_INET, SOCK_DCCP, IPPROTO_DCCP},
        {"smc", AF_SMC, SOCK_STREAM, 0},
        {"vsock", AF_VSOCK, SOCK_STREAM, 0},
        {"tipc", AF_TIPC, SOCK_RDM, 0},
        {"bluetooth", AF_BLUETOOTH, SOCK_STREAM, 0},
        {"can", AF_CAN, SOCK_RAW, 1},
        {"xdp", AF_XDP, SOCK_RAW, 0},
        {"nonsense", 99, SOCK_STREAM, 0},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        int fd = socket(list[i].domain, list[i].type, list[i].protocol);
        say(list[i].name, fd);
        if (fd >= 0)
            close(fd);
    }
}

static const struct probe probes[] = {
    {"local-names", local_names}, {"long-name", long_name},   {"descriptors", descriptors},
    {"credentials", credentials}, {"interfaces", interfaces}, {"kinds", kinds},
};

int main(int argc, char **argv)
{
    return probe_main(argc, argv, probes, sizeof(probes) / sizeof(*probes));
}
