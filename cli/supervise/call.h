/* SPDX-License-Identifier: MIT
 * The system calls that go to the supervisor, by architecture: one table that both the filter and
 * whoever reads its notifications go by. */
#ifndef SOCKSIFY_CLI_SUPERVISE_CALL_H
#define SOCKSIFY_CLI_SUPERVISE_CALL_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum call_kind {
    CALL_CONNECT,
    CALL_GETPEERNAME,
    CALL_GETSOCKOPT, /* SO_ERROR alone */
    CALL_SETSOCKOPT, /* joining a multicast group, and source routes, alone */
    CALL_SENDTO,     /* with an address alone */
    CALL_SENDMSG,
    CALL_SENDMMSG,
    CALL_RECVFROM, /* with room for an address alone */
    CALL_RECVMSG,
    CALL_RECVMMSG,
    CALL_EPOLL_CTL,
    CALL_POLL, /* of some descriptor, as all of these */
    CALL_PPOLL,
    CALL_SELECT,
    CALL_PSELECT,
    CALL_PPOLL_TIME64, /* 32 bit, with times of 64 */
    CALL_PSELECT_TIME64,
    CALL_SOCKETCALL, /* several of these in one, with their arguments in memory (32 bit) */
    CALL_OTHER,      /* not for us: it passes */
    CALL_KINDS,
};

/* One architecture's numbers. */
struct call_table {
    uint32_t arch;  /* AUDIT_ARCH_* */
    bool is_compat; /* pointers and size_t of 4 octets */
    int socket;     /* which the filter decides by itself */
    struct call_number {
        int number;
        enum call_kind kind;
    } calls[24]; /* up to the first with number 0, which is no call of ours anywhere */
};

/* The architectures that the kernel runs beside each other here, the native one first. */
extern const struct call_table call_tables[];
extern const size_t call_table_count;

/* A call that waits for its answer. */
struct call {
    uint64_t id; /* the notification's */
    pid_t tid;   /* who waits: a thread */
    bool is_compat;
    enum call_kind kind;
    uint64_t args[6]; /* a socketcall's own ones, once they were read */
};

/* What a notification asks for. False when it is none of ours. */
bool call_decode(const struct seccomp_notif *notification, struct call *call);

/* A socketcall with its arguments as read from memory: turns it into the call that it stands for
 * (CALL_OTHER: one that passes). */
void call_decode_socketcall(struct call *call, const uint32_t args[6]);

/* How many arguments socketcall number `which` has in memory; 0 for an unknown one. */
size_t call_socketcall_length(uint64_t which);

/* SYS_SOCKET of socketcall. */
bool call_is_socketcall_socket(const struct call *call);

#endif
