/* SPDX-License-Identifier: MIT
 * Numbers of system calls. Those of 64-bit architectures are the kernel headers'; those of the
 * 32-bit one beside each, which a process may use as well, are part of the kernel's interface and
 * never change. A wrapper of 32 bits supervises programs of 32 bits alone: others' addresses do not
 * fit into its own. */
#include "cli/supervise/call.h"

#include <linux/audit.h>
#include <linux/net.h>
#include <string.h>
#include <sys/syscall.h>

/* clang-format off */
/* Which later architectures do without. */
#ifdef SYS_poll
#define NATIVE_OLDER_CALLS {SYS_poll, CALL_POLL}, {SYS_select, CALL_SELECT},
#else
#define NATIVE_OLDER_CALLS
#endif

#define NATIVE_CALLS                                                                               \
    {                                                                                              \
        {SYS_connect, CALL_CONNECT},       {SYS_getpeername, CALL_GETPEERNAME},                    \
        {SYS_getsockopt, CALL_GETSOCKOPT}, {SYS_setsockopt, CALL_SETSOCKOPT},                      \
        {SYS_sendto, CALL_SENDTO},         {SYS_sendmsg, CALL_SENDMSG},                            \
        {SYS_sendmmsg, CALL_SENDMMSG},     {SYS_recvfrom, CALL_RECVFROM},                          \
        {SYS_recvmsg, CALL_RECVMSG},       {SYS_recvmmsg, CALL_RECVMMSG},                          \
        {SYS_epoll_ctl, CALL_EPOLL_CTL},   {SYS_ppoll, CALL_PPOLL},                                \
        {SYS_pselect6, CALL_PSELECT},      NATIVE_OLDER_CALLS                                      \
    }

#define I386_TABLE                                                                                 \
    {.arch = AUDIT_ARCH_I386, .is_compat = true, .socket = 359, .calls = {                         \
        {362, CALL_CONNECT},    {368, CALL_GETPEERNAME}, {365, CALL_GETSOCKOPT},                   \
        {366, CALL_SETSOCKOPT}, {369, CALL_SENDTO},      {370, CALL_SENDMSG},                      \
        {345, CALL_SENDMMSG},   {371, CALL_RECVFROM},    {372, CALL_RECVMSG},                      \
        {337, CALL_RECVMMSG},   {417, CALL_RECVMMSG},    {255, CALL_EPOLL_CTL},                    \
        {102, CALL_SOCKETCALL}, {168, CALL_POLL},        {309, CALL_PPOLL},                        \
        {142, CALL_SELECT},     {308, CALL_PSELECT},     {414, CALL_PPOLL_TIME64},                 \
        {413, CALL_PSELECT_TIME64},                                                                \
    }}

#define ARM_TABLE                                                                                  \
    {.arch = AUDIT_ARCH_ARM, .is_compat = true, .socket = 281, .calls = {                          \
        {283, CALL_CONNECT},    {287, CALL_GETPEERNAME}, {295, CALL_GETSOCKOPT},                   \
        {294, CALL_SETSOCKOPT}, {290, CALL_SENDTO},      {296, CALL_SENDMSG},                      \
        {374, CALL_SENDMMSG},   {292, CALL_RECVFROM},    {297, CALL_RECVMSG},                      \
        {365, CALL_RECVMMSG},   {417, CALL_RECVMMSG},    {251, CALL_EPOLL_CTL},                    \
        {168, CALL_POLL},       {336, CALL_PPOLL},       {142, CALL_SELECT},                       \
        {335, CALL_PSELECT},    {414, CALL_PPOLL_TIME64},                                          \
        {413, CALL_PSELECT_TIME64},                                                                \
    }}

const struct call_table call_tables[] = {
#if defined(__x86_64__) && !defined(__ILP32__)
    {.arch = AUDIT_ARCH_X86_64, .socket = SYS_socket, .calls = NATIVE_CALLS},
    I386_TABLE,
#elif defined(__i386__)
    I386_TABLE,
#elif defined(__aarch64__)
    {.arch = AUDIT_ARCH_AARCH64, .socket = SYS_socket, .calls = NATIVE_CALLS},
    ARM_TABLE,
#elif defined(__arm__)
    ARM_TABLE,
#else
#error "the numbers of this architecture's system calls are missing here"
#endif
};
/* clang-format on */

const size_t call_table_count = sizeof(call_tables) / sizeof(*call_tables);

bool call_decode(const struct seccomp_notif *notification, struct call *call)
{
    const struct call_table *table = call_tables;
    while (table->arch != notification->data.arch)
        if (++table == call_tables + call_table_count)
            return false;
    const struct call_number *at = table->calls;
    while (at->number != notification->data.nr)
        if ((++at)->number == 0)
            return false;
    *call = (struct call){
        .id = notification->id,
        .tid = (pid_t)notification->pid,
        .is_compat = table->is_compat,
        .kind = at->kind,
    };
    for (size_t i = 0; i < 6; i++)
        call->args[i] =
            table->is_compat ? (uint32_t)notification->data.args[i] : notification->data.args[i];
    return true;
}

static const struct {
    uint64_t which;
    size_t length;
    enum call_kind kind;
} socketcalls[] = {
    {SYS_SOCKET, 3, CALL_OTHER},
    {SYS_CONNECT, 3, CALL_CONNECT},
    {SYS_GETPEERNAME, 3, CALL_GETPEERNAME},
    {SYS_GETSOCKOPT, 5, CALL_GETSOCKOPT},
    {SYS_SETSOCKOPT, 5, CALL_SETSOCKOPT},
    {SYS_SENDTO, 6, CALL_SENDTO},
    {SYS_SENDMSG, 3, CALL_SENDMSG},
    {SYS_SENDMMSG, 4, CALL_SENDMMSG},
    {SYS_RECVFROM, 6, CALL_RECVFROM},
    {SYS_RECVMSG, 3, CALL_RECVMSG},
    {SYS_RECVMMSG, 5, CALL_RECVMMSG},
};

size_t call_socketcall_length(uint64_t which)
{
    for (size_t i = 0; i < sizeof(socketcalls) / sizeof(*socketcalls); i++)
        if (socketcalls[i].which == which)
            return socketcalls[i].length;
    return 0;
}

bool call_is_socketcall_socket(const struct call *call)
{
    return call->kind == CALL_SOCKETCALL && call->args[0] == SYS_SOCKET;
}

void call_decode_socketcall(struct call *call, const uint32_t args[6])
{
    enum call_kind kind = CALL_OTHER;
    for (size_t i = 0; i < sizeof(socketcalls) / sizeof(*socketcalls); i++)
        if (socketcalls[i].which == call->args[0])
            kind = socketcalls[i].kind;
    call->kind = kind;
    for (size_t i = 0; i < 6; i++)
        call->args[i] = args[i];
}
