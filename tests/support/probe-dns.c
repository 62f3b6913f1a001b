/* SPDX-License-Identifier: MIT
 * probe-dns [OPTION...] NAMESERVER NAME...: a resolver of its own, without libresolv: ask for every
 * NAME at once on one socket, wait for the answers, and print a line for each, in order:
 *   NAME: RCODE ANSWER... (or "silence"); flags that matter are named: tc
 *
 *   -t TYPE    number of the type asked for (default 1, A)       -T        over TCP
 *   -c         connect(2) the socket first                       -e SIZE   with EDNS
 *   -s HOW     send by sendto sendmsg sendmmsg send write writev (the last three need -c)
 *   -r HOW     receive by recvfrom recvmsg recvmmsg recv read readv
 *   -w HOW     wait by poll, epoll, select or (default) a receive timeout
 *   -6         by an IPv6 socket, NAMESERVER as an IPv4-mapped address
 *   -x HEX     send these octets before the questions; what comes back is printed as "garbage: ..."
 *   -g PORT    connect to the first answer's address, ask for /page by HTTP, print its last line
 *   -n COUNT   ask all that many times over, and print the last round
 * A source that is not the NAMESERVER as it was asked is named: "from ADDRESS PORT". */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MESSAGE_MAX = 65535, DNS_HEADER = 12, NAMES_MAX = 64, WAIT_MS = 3000, PORT = 53 };

static struct {
    unsigned type;
    unsigned edns;
    unsigned rounds;
    bool tcp, connected, mapped;
    const char *send, *receive, *wait, *page_port, *garbage;
} options = {.type = 1, .rounds = 1, .send = "sendto", .receive = "recvfrom", .wait = "timeout"};

static union {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
} nameserver, source;
static socklen_t nameserver_len, source_len;

static uint8_t answer[MESSAGE_MAX];
static uint8_t question[NAMES_MAX][1024];
static size_t question_len[NAMES_MAX];
static char result[NAMES_MAX][1024];
static uint8_t garbage[1024];
static char garbage_result[1024] = "silence";
static char first_address[INET6_ADDRSTRLEN];

static void read_nameserver(const char *text)
{
    if (!options.mapped && inet_pton(AF_INET, text, &nameserver.ipv4.sin_addr) == 1) {
        nameserver.ipv4.sin_family = AF_INET;
        nameserver.ipv4.sin_port = htons(PORT);
        nameserver_len = sizeof(nameserver.ipv4);
        return;
    }
    char mapped[INET6_ADDRSTRLEN + sizeof("::ffff:")];
    snprintf(mapped, sizeof(mapped), "%s%s", options.mapped ? "::ffff:" : "", text);
    if (inet_pton(AF_INET6, mapped, &nameserver.ipv6.sin6_addr) != 1)
        errx(2, "%s: no address", text);
    nameserver.ipv6.sin6_family = AF_INET6;
    nameserver.ipv6.sin6_port = htons(PORT);
    nameserver_len = sizeof(nameserver.ipv6);
}

/* --- Questions --- */

static size_t put16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return 2;
}

static size_t make_question(uint8_t *out, unsigned id, const char *name)
{
    size_t len = put16(out, id);
    static const uint8_t one_question[] = {1, 0, 0, 1, 0, 0, 0, 0, 0};
    memcpy(out + len, one_question, sizeof(one_question));
    len += sizeof(one_question);
    out[len++] = options.edns ? 1 : 0;
    while (*name) {
        size_t label = strcspn(name, ".");
        out[len++] = (uint8_t)label;
        memcpy(out + len, name, label);
        len += label;
        name += label + (name[label] == '.');
    }
    out[len++] = 0;
    len += put16(out + len, options.type);
    len += put16(out + len, 1);
    if (options.edns) {
        static const uint8_t opt[] = {0, 0, 41};
        memcpy(out + len, opt, sizeof(opt));
        len += sizeof(opt);
        len += put16(out + len, options.edns);
        memset(out + len, 0, 6);
        len += 6;
    }
    return len;
}

static size_t read_hex(uint8_t *out, const char *hex)
{
    size_t len = 0;
    for (unsigned octet; sscanf(hex, "%2x", &octet) == 1; hex += 2)
        out[len++] = (uint8_t)octet;
    return len;
}

/* --- Sending and receiving --- */

static void must(ssize_t value, const char *what)
{
    if (value >= 0)
        return;
    printf("%s: %s\n", what, strerrorname_np(errno));
    exit(1);
}

static void send_one(int fd, uint8_t *octets, size_t len)
{
    struct iovec pieces[] = {{octets, len / 2}, {octets + len / 2, len - len / 2}};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = pieces, .msg_iovlen = 2}};
    if (!options.connected) {
        message.msg_hdr.msg_name = &nameserver;
        message.msg_hdr.msg_namelen = nameserver_len;
    }
    if (!strcmp(options.send, "sendto"))
        must(sendto(fd, octets, len, 0, message.msg_hdr.msg_name, message.msg_hdr.msg_namelen),
             "sendto");
    else if (!strcmp(options.send, "sendmsg"))
        must(sendmsg(fd, &message.msg_hdr, 0), "sendmsg");
    else if (!strcmp(options.send, "sendmmsg"))
        must(sendmmsg(fd, &message, 1, 0), "sendmmsg");
    else if (!strcmp(options.send, "send"))
        must(send(fd, octets, len, 0), "send");
    else if (!strcmp(options.send, "write"))
        must(write(fd, octets, len), "write");
    else
        must(writev(fd, pieces, 2), "writev");
}

static bool wait_readable(int fd)
{
    if (!strcmp(options.wait, "poll"))
        return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, WAIT_MS) == 1;
    if (!strcmp(options.wait, "select")) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        return select(fd + 1, &set, NULL, NULL, &(struct timeval){.tv_sec = WAIT_MS / 1000}) == 1;
    }
    if (!strcmp(options.wait, "epoll")) {
        struct epoll_event event = {.events = EPOLLIN};
        int set = epoll_create1(0);
        bool is_readable = epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0 &&
                           epoll_wait(set, &event, 1, WAIT_MS) == 1;
        close(set);
        return is_readable;
    }
    return true;
}

static ssize_t receive_one(int fd)
{
    struct iovec pieces[] = {{answer, 20}, {answer + 20, sizeof(answer) - 20}};
    struct mmsghdr message = {.msg_hdr = {.msg_name = &source,
                                          .msg_namelen = sizeof(source),
                                          .msg_iov = pieces,
                                          .msg_iovlen = 2}};
    source_len = 0;
    if (!wait_readable(fd))
        return -1;
    ssize_t len;
    if (!strcmp(options.receive, "recvfrom")) {
        source_len = sizeof(source);
        len = recvfrom(fd, answer, sizeof(answer), 0, &source.any, &source_len);
    } else if (!strcmp(options.receive, "recvmsg")) {
        len = recvmsg(fd, &message.msg_hdr, 0);
        source_len = message.msg_hdr.msg_namelen;
    } else if (!strcmp(options.receive, "recvmmsg")) {
        len = recvmmsg(fd, &message, 1, 0, NULL) == 1 ? (ssize_t)message.msg_len : -1;
        source_len = message.msg_hdr.msg_namelen;
    } else if (!strcmp(options.receive, "read")) {
        len = read(fd, answer, sizeof(answer));
    } else if (!strcmp(options.receive, "readv")) {
        len = readv(fd, pieces, 2);
    } else {
        len = recv(fd, answer, sizeof(answer), 0);
    }
    return len;
}

static bool receive_stream(int fd, uint8_t *out, size_t len)
{
    for (size_t have = 0; have < len;) {
        ssize_t got = recv(fd, out + have, len - have, 0);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static ssize_t receive_answer(int fd)
{
    uint8_t head[2];
    if (!options.tcp)
        return receive_one(fd);
    if (!receive_stream(fd, head, sizeof(head)))
        return -1;
    size_t len = (size_t)(head[0] << 8 | head[1]);
    return receive_stream(fd, answer, len) ? (ssize_t)len : -1;
}

/* --- Answers --- */

static unsigned get16(const uint8_t *octets)
{
    return (unsigned)(octets[0] << 8 | octets[1]);
}

static size_t skip_name(size_t at, size_t len)
{
    while (at < len && answer[at] != 0 && answer[at] < 0xc0)
        at += answer[at] + 1U;
    return at + (at < len && answer[at] >= 0xc0 ? 2 : 1);
}

static void add(char *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char *line, const char *format, ...)
{
    size_t have = strlen(line);
    va_list args;
    va_start(args, format);
    vsnprintf(line + have, sizeof(result[0]) - have, format, args);
    va_end(args);
}

static void read_record(char *line, unsigned type, const uint8_t *data, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    if ((type == 1 && len == 4) || (type == 28 && len == 16)) {
        inet_ntop(type == 1 ? AF_INET : AF_INET6, data, text, sizeof(text));
        add(line, " %s", text);
        if (!*first_address)
            strcpy(first_address, text);
    } else if (type != 41) {
        add(line, " type%u", type);
    }
}

static void read_answer(char *line, size_t len)
{
    static const char *const rcodes[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                         "NXDOMAIN", "NOTIMP",  "REFUSED"};
    unsigned rcode = answer[3] & 15;
    *line = '\0';
    if (rcode < 6)
        add(line, "%s", rcodes[rcode]);
    else
        add(line, "rcode%u", rcode);
    if (answer[2] & 2)
        add(line, " tc");
    size_t at = DNS_HEADER;
    for (unsigned i = get16(answer + 4); i > 0; i--)
        at = skip_name(at, len) + 4;
    for (unsigned i = get16(answer + 6); i > 0 && at < len; i--) {
        at = skip_name(at, len);
        if (at + 10 > len)
            break;
        size_t data_len = get16(answer + at + 8);
        if (at + 10 + data_len > len)
            break;
        read_record(line, get16(answer + at), answer + at + 10, data_len);
        at += 10 + data_len;
    }
}

/* The source must be the name server in the very form it was asked in. */
static void check_source(char *line)
{
    char text[INET6_ADDRSTRLEN];
    bool ipv6 = source.any.sa_family == AF_INET6;
    if (source_len == 0)
        return;
    if (source_len == nameserver_len && source.any.sa_family == nameserver.any.sa_family &&
        (ipv6 ? !memcmp(&source.ipv6.sin6_addr, &nameserver.ipv6.sin6_addr, 16) &&
                    source.ipv6.sin6_port == nameserver.ipv6.sin6_port
              : source.ipv4.sin_addr.s_addr == nameserver.ipv4.sin_addr.s_addr &&
                    source.ipv4.sin_port == nameserver.ipv4.sin_port))
        return;
    inet_ntop(source.any.sa_family,
              ipv6 ? (void *)&source.ipv6.sin6_addr : (void *)&source.ipv4.sin_addr, text,
              sizeof(text));
    add(line, " from %s %u", text, ntohs(source.ipv4.sin_port));
}

static void ask(int fd, size_t count)
{
    size_t garbage_len = options.garbage ? read_hex(garbage, options.garbage) : 0;
    if (garbage_len > 0)
        send_one(fd, garbage, garbage_len);
    for (size_t i = 0; i < count; i++) {
        strcpy(result[i], "silence");
        if (options.tcp) {
            uint8_t framed[sizeof(question[0]) + 2];
            memcpy(framed + put16(framed, (unsigned)question_len[i]), question[i], question_len[i]);
            must(send(fd, framed, question_len[i] + 2, MSG_NOSIGNAL), "send");
        } else {
            send_one(fd, question[i], question_len[i]);
        }
    }
    for (size_t missing = count; missing > 0; missing--) {
        ssize_t len = receive_answer(fd);
        if (len < DNS_HEADER)
            return;
        size_t id = get16(answer) - 1;
        if (id >= count && garbage_len > 0) {
            read_answer(garbage_result, (size_t)len);
            garbage_len = 0;
            missing++;
            continue;
        }
        if (id >= count)
            errx(1, "an answer to question %zu, which nobody asked", id + 1);
        read_answer(result[id], (size_t)len);
        check_source(result[id]);
    }
}

static int open_socket(void)
{
    int fd = socket(nameserver.any.sa_family, options.tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
        err(2, "socket");
    if (options.tcp || options.connected)
        must(connect(fd, &nameserver.any, nameserver_len), "connect");
    return fd;
}

static void print_page(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
    if (getaddrinfo(first_address, options.page_port, &hints, &found))
        errx(1, "\"%s\": no address", first_address);
    int fd = socket(found->ai_family, SOCK_STREAM, 0);
    must(connect(fd, found->ai_addr, found->ai_addrlen), "page: connect");
    static const char request[] = "GET /page HTTP/1.0\r\n\r\n";
    must(send(fd, request, strlen(request), MSG_NOSIGNAL), "page: send");
    size_t have = 0;
    for (ssize_t got; have < sizeof(answer) - 1; have += (size_t)got) {
        got = recv(fd, answer + have, sizeof(answer) - 1 - have, 0);
        if (got <= 0)
            break;
    }
    answer[have] = '\0';
    char *body = strstr((char *)answer, "\r\n\r\n");
    printf("page: %s", body ? body + 4 : "none\n");
    freeaddrinfo(found);
}

static void read_options(int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "t:e:n:s:r:w:x:g:Tc6")) != -1;) {
        switch (option) {
        case 't':
            options.type = (unsigned)atoi(optarg);
            break;
        case 'e':
            options.edns = (unsigned)atoi(optarg);
            break;
        case 'n':
            options.rounds = (unsigned)atoi(optarg);
            break;
        case 's':
            options.send = optarg;
            break;
        case 'r':
            options.receive = optarg;
            break;
        case 'w':
            options.wait = optarg;
            break;
        case 'x':
            options.garbage = optarg;
            break;
        case 'g':
            options.page_port = optarg;
            break;
        case 'T':
            options.tcp = true;
            break;
        case 'c':
            options.connected = true;
            break;
        case '6':
            options.mapped = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    size_t count = (size_t)(argc - optind) - 1;
    if (argc - optind < 2 || count > NAMES_MAX)
        errx(2, "usage: probe-dns [OPTION...] NAMESERVER NAME...; its head lists the options");
    read_nameserver(argv[optind]);
    char **names = argv + optind + 1;
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > 300 || (options.garbage && strlen(options.garbage) > 2000))
            errx(2, "%s: too long", names[i]);
        question_len[i] = make_question(question[i], (unsigned)i + 1, names[i]);
    }
    int fd = open_socket();
    for (unsigned round = 0; round < options.rounds; round++)
        ask(fd, count);
    if (options.garbage)
        printf("garbage: %s\n", garbage_result);
    for (size_t i = 0; i < count; i++)
        printf("%s: %s\n", names[i], result[i]);
    if (options.page_port)
        print_page();
    return 0;
}
