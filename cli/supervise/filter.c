/* SPDX-License-Identifier: MIT
 * The filter's instructions (classic BPF, seccomp(2)), written out from the table of calls. */
#include "cli/supervise/filter.h"

#include "cli/supervise/call.h"
#include "core/sockopt.h"

#include <errno.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    X32_BIT = 0x40000000, /* numbers of x86-64's other ABI begin here */
    IO_URING_FIRST = 425, /* setup, enter, register: the same everywhere */
    IO_URING_LAST = 427,
    SOCKET_TYPE_MASK = 0xf, /* without SOCK_NONBLOCK and SOCK_CLOEXEC */
    OBSOLETE_SOCK_PACKET = 10,
    FLOWLABEL_MANAGER = 32, /* IPV6_FLOWLABEL_MGR, which some kernel headers hide beside libc's */
    CONNECT_TCP = 1 << 1,   /* LANDLOCK_ACCESS_NET_CONNECT_TCP, of later kernel headers */
};

#define PASS SECCOMP_RET_ALLOW
#define ASK SECCOMP_RET_USER_NOTIF
#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))

struct writer {
    struct sock_filter *at;
};

static void emit(struct writer *w, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
    *w->at++ = (struct sock_filter){.code = code, .jt = if_true, .jf = if_false, .k = k};
}

static void load(struct writer *w, size_t offset)
{
    emit(w, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(struct writer *w, uint32_t verdict)
{
    emit(w, BPF_RET | BPF_K, verdict, 0, 0);
}

/* Go on when the value in hand is k; skip that many instructions when it is not. */
static void unless_equal_skip(struct writer *w, uint32_t k, uint8_t skip)
{
    emit(w, BPF_JMP | BPF_JEQ | BPF_K, k, 0, skip);
}

static void give_if_equal(struct writer *w, uint32_t k, uint32_t verdict)
{
    unless_equal_skip(w, k, 1);
    give(w, verdict);
}

/* The lower half is all that the kernel reads of an int. */
static size_t argument(int i)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return offsetof(struct seccomp_data, args) + (size_t)i * sizeof(uint64_t);
#else
    return offsetof(struct seccomp_data, args) + (size_t)i * sizeof(uint64_t) + sizeof(uint32_t);
#endif
}

static size_t upper_half(int i)
{
    return argument(i) ^ sizeof(uint32_t);
}

/* Begin a block that only calls with this number enter; end_block says how long it has become. */
static struct sock_filter *begin_block(struct writer *w, uint32_t number)
{
    struct sock_filter *head = w->at;
    unless_equal_skip(w, number, 0);
    return head;
}

static void end_block(struct writer *w, struct sock_filter *head)
{
    head->jf = (uint8_t)(w->at - head - 1);
}

/* Asked about when it gives an address. */
static void emit_addressed(struct writer *w, int i)
{
    load(w, argument(i));
    unless_equal_skip(w, 0, 2);
    load(w, upper_half(i));
    emit(w, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    give(w, ASK);
    give(w, PASS);
}

/* Asked about unless it is but a way to sleep: without descriptors, whose count is argument i. */
static void emit_counted(struct writer *w, int i)
{
    load(w, argument(i));
    give_if_equal(w, 0, PASS);
    give(w, ASK);
}

static void emit_getsockopt(struct writer *w)
{
    load(w, argument(1));
    unless_equal_skip(w, SOL_SOCKET, 3);
    load(w, argument(2));
    give_if_equal(w, SO_ERROR, ASK);
    give(w, PASS);
}

static void emit_setsockopt(struct writer *w)
{
    load(w, argument(1));
    emit(w, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_IP, 2, 0);
    emit(w, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_IPV6, 1, 0);
    give(w, PASS);
    load(w, argument(2));
    give_if_equal(w, IP_ADD_MEMBERSHIP, ASK);
    give_if_equal(w, IP_ADD_SOURCE_MEMBERSHIP, ASK);
    give_if_equal(w, IPV6_JOIN_GROUP, ASK);
    give_if_equal(w, MCAST_JOIN_GROUP, ASK);
    give_if_equal(w, MCAST_JOIN_SOURCE_GROUP, ASK);
    /* Source routes. */
    give_if_equal(w, IP_OPTIONS, ASK);
    give_if_equal(w, IPV6_RTHDR, ASK);
    give_if_equal(w, IPV6_2292PKTOPTIONS, ASK);
    give_if_equal(w, FLOWLABEL_MANAGER, ASK);
    give(w, PASS);
}

static void emit_socketcall(struct writer *w)
{
    load(w, argument(0));
    for (uint32_t which = 1; which <= SYS_SENDMMSG; which++)
        if (call_socketcall_length(which) > 0)
            give_if_equal(w, which, ASK);
    give(w, PASS);
}

/*
 * Domain, type and protocol stand in registers, where nobody can change them afterwards. MPTCP is
 * none of what Landlock refuses to connect (forbid_own_connects); programs that want it make do
 * with TCP where there is none. See also filter_judge_socket.
 */
static void emit_socket(struct writer *w)
{
    load(w, argument(0));
    give_if_equal(w, AF_UNIX, PASS);
    give_if_equal(w, AF_NETLINK, PASS);
    give_if_equal(w, AF_ALG, PASS);
    give_if_equal(w, AF_PACKET, REFUSE(EPERM));
    emit(w, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
    emit(w, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
    give(w, REFUSE(EAFNOSUPPORT));

    load(w, argument(2));
    give_if_equal(w, IPPROTO_SCTP, REFUSE(EPROTONOSUPPORT));
    load(w, argument(1));
    emit(w, BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE_MASK, 0, 0);
    give_if_equal(w, SOCK_DGRAM, PASS);
    give_if_equal(w, SOCK_RAW, REFUSE(EPERM));
    give_if_equal(w, OBSOLETE_SOCK_PACKET, REFUSE(EPERM));
    emit(w, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
    give(w, REFUSE(EPROTONOSUPPORT));
    load(w, argument(2));
    give_if_equal(w, 0, PASS);
    give_if_equal(w, IPPROTO_TCP, PASS);
    give(w, REFUSE(EPROTONOSUPPORT));
}

static void emit_call(struct writer *w, const struct call_number *call)
{
    struct sock_filter *head = begin_block(w, (uint32_t)call->number);
    switch (call->kind) {
    case CALL_SENDTO:
    case CALL_RECVFROM:
        emit_addressed(w, 4);
        break;
    case CALL_POLL:
    case CALL_PPOLL:
    case CALL_PPOLL_TIME64:
        emit_counted(w, 1);
        break;
    case CALL_SELECT:
    case CALL_PSELECT:
    case CALL_PSELECT_TIME64:
        emit_counted(w, 0);
        break;
    case CALL_GETSOCKOPT:
        emit_getsockopt(w);
        break;
    case CALL_SETSOCKOPT:
        emit_setsockopt(w);
        break;
    case CALL_SOCKETCALL:
        emit_socketcall(w);
        break;
    default:
        give(w, ASK);
        break;
    }
    end_block(w, head);
}

static void emit_table(struct writer *w, const struct call_table *table)
{
    load(w, offsetof(struct seccomp_data, nr));
    /* Above the last one: later calls, and on x86-64 those of x32. */
    emit(w, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    give(w, REFUSE(ENOSYS));
    emit(w, BPF_JMP | BPF_JGE | BPF_K, IO_URING_FIRST, 0, 2);
    emit(w, BPF_JMP | BPF_JGT | BPF_K, IO_URING_LAST, 1, 0);
    give(w, REFUSE(ENOSYS));
    for (const struct call_number *call = table->calls; call->number != 0; call++)
        emit_call(w, call);
    struct sock_filter *head = begin_block(w, (uint32_t)table->socket);
    emit_socket(w);
    end_block(w, head);
    give(w, PASS);
}

size_t filter_build(struct sock_filter program[static FILTER_MAX])
{
    struct writer w = {program};
    for (size_t i = 0; i < call_table_count; i++) {
        load(&w, offsetof(struct seccomp_data, arch));
        emit(&w, BPF_JMP | BPF_JEQ | BPF_K, call_tables[i].arch, 1, 0);
        struct sock_filter *over = w.at;
        emit(&w, BPF_JMP | BPF_JA, 0, 0, 0); /* a conditional jump does not reach so far */
        emit_table(&w, &call_tables[i]);
        over->k = (uint32_t)(w.at - over - 1);
    }
    give(&w, REFUSE(ENOSYS));
    return (size_t)(w.at - program);
}

int filter_judge_socket(uint32_t domain, uint32_t type, uint32_t protocol)
{
    if (domain == AF_UNIX || domain == AF_NETLINK || domain == AF_ALG)
        return 0;
    if (domain == AF_PACKET)
        return EPERM;
    if (domain != AF_INET && domain != AF_INET6)
        return EAFNOSUPPORT;
    if (protocol == IPPROTO_SCTP)
        return EPROTONOSUPPORT;
    switch (type & SOCKET_TYPE_MASK) {
    case SOCK_DGRAM:
        return 0;
    case SOCK_STREAM:
        return protocol == 0 || protocol == IPPROTO_TCP ? 0 : EPROTONOSUPPORT;
    case SOCK_RAW:
    case OBSOLETE_SOCK_PACKET:
        return EPERM;
    default:
        return EPROTONOSUPPORT;
    }
}

static int install(const struct sock_fprog *program)
{
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        program);
}

/*
 * TCP connections that this process makes itself are none that were judged: the supervisor makes
 * those. Where the kernel can (Landlock, Linux 6.7) it refuses them, so that a call that was passed
 * for the sake of one socket leads nowhere with another under the same number.
 */
static void forbid_own_connects(void)
{
    const struct {
        uint64_t handled_access_fs;
        uint64_t handled_access_net;
    } rules = {.handled_access_net = CONNECT_TCP};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
    if (ruleset < 0)
        return;
    syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
}

int filter_install(void)
{
    struct sock_filter filter[FILTER_MAX];
    const struct sock_fprog program = {.len = (unsigned short)filter_build(filter),
                                       .filter = filter};
    int listener = install(&program);
    if (listener < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        listener = install(&program);
    if (listener >= 0)
        forbid_own_connects();
    return listener;
}
