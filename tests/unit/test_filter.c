/* SPDX-License-Identifier: MIT
 * The seccomp filter, run by an interpreter of the few instructions that it is made of. */
#include "cli/supervise/filter.h"

#include "cli/supervise/call.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define NATIVE (call_tables[0].arch)
#define COMPAT (call_tables[1].arch)
#define PASS SECCOMP_RET_ALLOW
#define ASK SECCOMP_RET_USER_NOTIF
#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))
#define SOMEWHERE 0x7fff12345678

static struct sock_filter program[FILTER_MAX];
static size_t length;

static void setup(void)
{
    length = filter_build(program);
}

/* What the kernel does: an accumulator, forward jumps, a bound on everything. */
static uint32_t judge(const struct seccomp_data *data)
{
    uint32_t accumulator = 0;
    for (size_t at = 0; at < length; at++) {
        const struct sock_filter *step = &program[at];
        switch (step->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            ck_assert_uint_le(step->k + sizeof(accumulator), sizeof(*data));
            ck_assert_uint_eq(step->k % sizeof(accumulator), 0);
            memcpy(&accumulator, (const char *)data + step->k, sizeof(accumulator));
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            accumulator &= step->k;
            break;
        case BPF_JMP | BPF_JA:
            at += step->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += accumulator == step->k ? step->jt : step->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            at += accumulator >= step->k ? step->jt : step->jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            at += accumulator > step->k ? step->jt : step->jf;
            break;
        case BPF_RET | BPF_K:
            return step->k;
        default:
            ck_abort_msg("instruction %zu: unknown code %x", at, step->code);
        }
    }
    ck_abort_msg("the filter has no end");
    return 0;
}

static uint32_t verdict(uint32_t arch, int number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e)
{
    const struct seccomp_data data = {.nr = number, .arch = arch, .args = {a, b, c, d, e}};
    return judge(&data);
}

START_TEST(calls_that_connect_or_send_are_asked_about)
{
    static const int numbers[] = {SYS_connect, SYS_getpeername, SYS_sendmsg,  SYS_sendmmsg,
                                  SYS_recvmsg, SYS_recvmmsg,    SYS_epoll_ctl};
    for (size_t i = 0; i < COUNT(numbers); i++)
        ck_assert_uint_eq(verdict(NATIVE, numbers[i], 3, SOMEWHERE, 16, 0, 0), ASK);
}
END_TEST

START_TEST(sendto_and_recvfrom_are_asked_about_with_an_address_only)
{
    static const int numbers[] = {SYS_sendto, SYS_recvfrom};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(verdict(NATIVE, numbers[i], 3, SOMEWHERE, 16, 0, 0), PASS);
        ck_assert_uint_eq(verdict(NATIVE, numbers[i], 3, SOMEWHERE, 16, 0, SOMEWHERE), ASK);
        /* An address of which either half is zero is one, too. */
        ck_assert_uint_eq(verdict(NATIVE, numbers[i], 3, SOMEWHERE, 16, 0, 0x5000), ASK);
        ck_assert_uint_eq(verdict(NATIVE, numbers[i], 3, SOMEWHERE, 16, 0, 0x500000000), ASK);
    }
}
END_TEST

START_TEST(poll_and_select_are_asked_about_with_descriptors_only)
{
    ck_assert_uint_eq(verdict(NATIVE, SYS_ppoll, SOMEWHERE, 1, 0, 0, 0), ASK);
    ck_assert_uint_eq(verdict(NATIVE, SYS_ppoll, 0, 0, SOMEWHERE, 0, 0), PASS);
    ck_assert_uint_eq(verdict(NATIVE, SYS_pselect6, 4, 0, SOMEWHERE, 0, 0), ASK);
    ck_assert_uint_eq(verdict(NATIVE, SYS_pselect6, 0, 0, 0, 0, SOMEWHERE), PASS);
#ifdef SYS_poll
    ck_assert_uint_eq(verdict(NATIVE, SYS_poll, SOMEWHERE, 1, 100, 0, 0), ASK);
    ck_assert_uint_eq(verdict(NATIVE, SYS_poll, 0, 0, 100, 0, 0), PASS);
    ck_assert_uint_eq(verdict(NATIVE, SYS_select, 4, 0, SOMEWHERE, 0, 0), ASK);
    ck_assert_uint_eq(verdict(NATIVE, SYS_select, 0, 0, 0, 0, SOMEWHERE), PASS);
#endif
}
END_TEST

START_TEST(getsockopt_is_asked_about_for_so_error_only)
{
    ck_assert_uint_eq(verdict(NATIVE, SYS_getsockopt, 3, SOL_SOCKET, SO_ERROR, 0, 0), ASK);
    ck_assert_uint_eq(verdict(NATIVE, SYS_getsockopt, 3, SOL_SOCKET, SO_TYPE, 0, 0), PASS);
    ck_assert_uint_eq(verdict(NATIVE, SYS_getsockopt, 3, IPPROTO_TCP, SO_ERROR, 0, 0), PASS);
    /* The kernel reads the lower half of these. */
    ck_assert_uint_eq(verdict(NATIVE, SYS_getsockopt, 3, 0x100000000 | SOL_SOCKET,
                              0xffff00000000 | SO_ERROR, 0, 0),
                      ASK);
}
END_TEST

START_TEST(setsockopt_is_asked_about_for_joining_groups_and_source_routes_only)
{
    static const struct {
        int level, name;
    } asked[] = {
        {IPPROTO_IP, IP_ADD_MEMBERSHIP},
        {IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP},
        {IPPROTO_IP, MCAST_JOIN_GROUP},
        {IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP},
        {IPPROTO_IPV6, IPV6_JOIN_GROUP},
        {IPPROTO_IPV6, MCAST_JOIN_GROUP},
        {IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP},
        {IPPROTO_IP, IP_OPTIONS},
        {IPPROTO_IPV6, IPV6_RTHDR},
        {IPPROTO_IPV6, IPV6_2292PKTOPTIONS},
    };
    for (size_t i = 0; i < COUNT(asked); i++)
        ck_assert_uint_eq(verdict(NATIVE, SYS_setsockopt, 3, (uint64_t)asked[i].level,
                                  (uint64_t)asked[i].name, 0, 0),
                          ASK);
    ck_assert_uint_eq(verdict(NATIVE, SYS_setsockopt, 3, SOL_SOCKET, SO_REUSEADDR, 0, 0), PASS);
    ck_assert_uint_eq(verdict(NATIVE, SYS_setsockopt, 3, IPPROTO_TCP, MCAST_JOIN_GROUP, 0, 0),
                      PASS);
    ck_assert_uint_eq(verdict(NATIVE, SYS_setsockopt, 3, IPPROTO_IP, IP_TTL, 0, 0), PASS);
}
END_TEST

static uint32_t socket_verdict(uint32_t arch, int number, int domain, int type, int protocol)
{
    return verdict(arch, number, (uint64_t)domain, (uint64_t)type, (uint64_t)protocol, 0, 0);
}

START_TEST(sockets_are_decided_by_domain_type_and_protocol)
{
    static const struct {
        int domain, type, protocol;
        uint32_t expected;
    } cases[] = {
        {AF_UNIX, SOCK_STREAM, 0, PASS},
        {AF_UNIX, SOCK_SEQPACKET, 0, PASS},
        {AF_NETLINK, SOCK_RAW, 0, PASS},
        {AF_ALG, SOCK_SEQPACKET, 0, PASS},
        {AF_INET, SOCK_STREAM, 0, PASS},
        {AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP, PASS},
        {AF_INET6, SOCK_DGRAM, IPPROTO_UDP, PASS},
        {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, PASS},
        {AF_INET, SOCK_RAW, IPPROTO_ICMP, REFUSE(EPERM)},
        {AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6, REFUSE(EPERM)},
        {AF_INET, 10, 0, REFUSE(EPERM)}, /* SOCK_PACKET */
        {AF_PACKET, SOCK_RAW, 0, REFUSE(EPERM)},
        {AF_INET6, SOCK_STREAM, 262, REFUSE(EPROTONOSUPPORT)}, /* MPTCP */
        {AF_INET, SOCK_STREAM, IPPROTO_SCTP, REFUSE(EPROTONOSUPPORT)},
        {AF_INET, SOCK_DGRAM, IPPROTO_SCTP, REFUSE(EPROTONOSUPPORT)},
        {AF_INET, SOCK_SEQPACKET, 0, REFUSE(EPROTONOSUPPORT)},
        {AF_INET, SOCK_DCCP, IPPROTO_DCCP, REFUSE(EPROTONOSUPPORT)},
        {AF_INET, SOCK_STREAM, 256, REFUSE(EPROTONOSUPPORT)}, /* SMC */
        {AF_BLUETOOTH, SOCK_STREAM, 0, REFUSE(EAFNOSUPPORT)},
        {AF_VSOCK, SOCK_STREAM, 0, REFUSE(EAFNOSUPPORT)},
        {AF_XDP, SOCK_RAW, 0, REFUSE(EAFNOSUPPORT)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ck_assert_msg(socket_verdict(NATIVE, SYS_socket, cases[i].domain, cases[i].type,
                                     cases[i].protocol) == cases[i].expected,
                      "case %zu", i);
        ck_assert_msg(socket_verdict(COMPAT, call_tables[1].socket, cases[i].domain, cases[i].type,
                                     cases[i].protocol) == cases[i].expected,
                      "case %zu of the other architecture", i);
        int error = filter_judge_socket((uint32_t)cases[i].domain, (uint32_t)cases[i].type,
                                        (uint32_t)cases[i].protocol);
        ck_assert_msg((error == 0 ? PASS : REFUSE((uint32_t)error)) == cases[i].expected,
                      "case %zu in memory", i);
    }
}
END_TEST

START_TEST(io_uring_is_not_there)
{
    for (int number = 425; number <= 427; number++) {
        ck_assert_uint_eq(verdict(NATIVE, number, 8, SOMEWHERE, 0, 0, 0), REFUSE(ENOSYS));
        ck_assert_uint_eq(verdict(COMPAT, number, 8, SOMEWHERE, 0, 0, 0), REFUSE(ENOSYS));
    }
    ck_assert_uint_eq(verdict(NATIVE, 424, 0, 0, 0, 0, 0), PASS);
    ck_assert_uint_eq(verdict(NATIVE, 428, 0, 0, 0, 0, 0), PASS);
}
END_TEST

START_TEST(other_calls_pass)
{
    static const int numbers[] = {SYS_read, SYS_write,  SYS_close,   SYS_execve,  SYS_clone,
                                  SYS_bind, SYS_listen, SYS_accept4, SYS_shutdown};
    for (size_t i = 0; i < COUNT(numbers); i++)
        ck_assert_uint_eq(verdict(NATIVE, numbers[i], 3, SOMEWHERE, 16, 0, SOMEWHERE), PASS);
}
END_TEST

START_TEST(every_call_of_the_other_architecture_is_asked_about)
{
    for (const struct call_number *call = call_tables[1].calls; call->number != 0; call++) {
        uint64_t a = 3, b = 0x5000, c = 16;
        if (call->kind == CALL_GETSOCKOPT) {
            b = SOL_SOCKET;
            c = SO_ERROR;
        } else if (call->kind == CALL_SETSOCKOPT) {
            b = IPPROTO_IP;
            c = IP_ADD_MEMBERSHIP;
        } else if (call->kind == CALL_SOCKETCALL) {
            a = SYS_CONNECT;
        }
        ck_assert_msg(verdict(COMPAT, call->number, a, b, c, 0, 0x5000) == ASK, "number %d",
                      call->number);
    }
}
END_TEST

START_TEST(what_no_table_knows_is_refused)
{
    ck_assert_uint_eq(verdict(AUDIT_ARCH_PPC64, SYS_connect, 3, SOMEWHERE, 16, 0, 0),
                      REFUSE(ENOSYS));
    ck_assert_uint_eq(verdict(AUDIT_ARCH_PPC64, SYS_read, 3, SOMEWHERE, 16, 0, 0), REFUSE(ENOSYS));
    /* x32: the native numbers with a bit more. */
    ck_assert_uint_eq(verdict(NATIVE, 0x40000000 | SYS_connect, 3, 0x5000, 16, 0, 0),
                      REFUSE(ENOSYS));
    ck_assert_uint_eq(verdict(NATIVE, 0x40000000 | 518, 3, 0x5000, 0, 0, 0), REFUSE(ENOSYS));
}
END_TEST

#ifdef __x86_64__
START_TEST(socketcall_is_asked_about_where_it_may_reach_the_network)
{
    static const int asked[] = {SYS_SOCKET,   SYS_CONNECT,  SYS_GETPEERNAME, SYS_SENDTO,
                                SYS_RECVFROM, SYS_SENDMSG,  SYS_RECVMSG,     SYS_GETSOCKOPT,
                                SYS_SENDMMSG, SYS_RECVMMSG, SYS_SETSOCKOPT};
    static const int passed[] = {SYS_BIND, SYS_LISTEN, SYS_ACCEPT,
                                 SYS_SEND, SYS_RECV,   SYS_SHUTDOWN};
    for (size_t i = 0; i < COUNT(asked); i++)
        ck_assert_uint_eq(verdict(COMPAT, 102, (uint64_t)asked[i], 0x5000, 0, 0, 0), ASK);
    for (size_t i = 0; i < COUNT(passed); i++)
        ck_assert_uint_eq(verdict(COMPAT, 102, (uint64_t)passed[i], 0x5000, 0, 0, 0), PASS);
}
END_TEST
#endif

START_TEST(notifications_are_decoded_by_the_same_table)
{
    struct call call;
    struct seccomp_notif notification = {
        .id = 7,
        .pid = 42,
        .data = {.nr = SYS_connect, .arch = NATIVE, .args = {3, SOMEWHERE, 16}}};
    ck_assert(call_decode(&notification, &call));
    ck_assert_int_eq(call.kind, CALL_CONNECT);
    ck_assert_uint_eq(call.id, 7);
    ck_assert_int_eq(call.tid, 42);
    ck_assert_uint_eq(call.args[1], SOMEWHERE);
    ck_assert(!call.is_compat);

    notification.data.arch = COMPAT;
    notification.data.nr = call_tables[1].calls[0].number;
    notification.data.args[1] = 0xdead00005000; /* the upper half is nobody's */
    ck_assert(call_decode(&notification, &call));
    ck_assert(call.is_compat);
    ck_assert_uint_eq(call.args[1], 0x5000);

    notification.data.nr = SYS_read;
    notification.data.arch = NATIVE;
    ck_assert(!call_decode(&notification, &call));
}
END_TEST

START_TEST(a_socketcall_becomes_the_call_that_it_stands_for)
{
    const uint32_t args[6] = {3, 0x5000, 16, 4, 5, 6};
    struct call call = {.kind = CALL_SOCKETCALL, .args = {SYS_CONNECT, 0x1000}};
    ck_assert_uint_eq(call_socketcall_length(SYS_CONNECT), 3);
    ck_assert_uint_eq(call_socketcall_length(99), 0);
    call_decode_socketcall(&call, args);
    ck_assert_int_eq(call.kind, CALL_CONNECT);
    ck_assert_uint_eq(call.args[1], 0x5000);

    call = (struct call){.kind = CALL_SOCKETCALL, .args = {SYS_SOCKET, 0x1000}};
    ck_assert(call_is_socketcall_socket(&call));
    call_decode_socketcall(&call, args);
    ck_assert_int_eq(call.kind, CALL_OTHER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filter");
    TCase *tests = tcase_create("filter");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, calls_that_connect_or_send_are_asked_about);
    tcase_add_test(tests, sendto_and_recvfrom_are_asked_about_with_an_address_only);
    tcase_add_test(tests, poll_and_select_are_asked_about_with_descriptors_only);
    tcase_add_test(tests, getsockopt_is_asked_about_for_so_error_only);
    tcase_add_test(tests, setsockopt_is_asked_about_for_joining_groups_and_source_routes_only);
    tcase_add_test(tests, sockets_are_decided_by_domain_type_and_protocol);
    tcase_add_test(tests, io_uring_is_not_there);
    tcase_add_test(tests, other_calls_pass);
    tcase_add_test(tests, every_call_of_the_other_architecture_is_asked_about);
    tcase_add_test(tests, what_no_table_knows_is_refused);
#ifdef __x86_64__
    tcase_add_test(tests, socketcall_is_asked_about_where_it_may_reach_the_network);
#endif
    tcase_add_test(tests, notifications_are_decoded_by_the_same_table);
    tcase_add_test(tests, a_socketcall_becomes_the_call_that_it_stands_for);
    suite_add_tcase(suite, tests);
    return run(suite);
}
