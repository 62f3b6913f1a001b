/* SPDX-License-Identifier: MIT
 * System calls without a C library: by every way into the kernel that this machine has, with one
 * list of names for all of them. */
#ifndef SOCKSIFY_TESTS_RAW_H
#define SOCKSIFY_TESTS_RAW_H

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* How a call gets into the kernel. */
enum abi {
    ABI_NATIVE,
    ABI_INT80,      /* i386's numbers; pointers must be short */
    ABI_SOCKETCALL, /* the same by its one call for sockets, with the arguments in memory */
    ABI_X32,        /* x86-64's third way: its numbers have a bit of their own */
};

enum raw_call { RAW_SOCKET, RAW_CONNECT, RAW_GETPEERNAME, RAW_SENDTO, RAW_RECVFROM, RAW_SENDMSG };

/* int $0x80 takes its sixth argument in the register that frames are found by: it is put there for
 * the one instruction. In a 64-bit program it destroys r8 to r11 on older kernels. */
static inline long raw_int80(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r12 __asm__("r12") = f;
    __asm__ volatile("push %%rbp\n\tmov %%r12, %%rbp\n\tint $0x80\n\tpop %%rbp"
                     : "+a"(number)
                     : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "r"(r12)
                     : "r8", "r9", "r10", "r11", "memory");
    return (int)number;
#elif defined(__i386__)
    const long arguments[] = {a, f};
    __asm__ volatile("push %%ebx\n\tpush %%ebp\n\tmov 4(%%ebx), %%ebp\n\tmov (%%ebx), %%ebx\n\t"
                     "int $0x80\n\tpop %%ebp\n\tpop %%ebx"
                     : "+a"(number)
                     : "b"(arguments), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory");
    return number;
#else
    (void)number, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
    return -ENOSYS;
#endif
}

static inline long raw_native(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return number;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
    return raw_int80(number, a, b, c, d, e, f);
#endif
}

/* Memory that a pointer of 32 bits reaches. */
static inline void *raw_low_memory(size_t size)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_32BIT
    flags |= MAP_32BIT;
#endif
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED)
        err(2, "mmap");
    return memory;
}

/* The call, with all its arguments; the result, or minus an errno. */
static inline long raw_call(enum abi abi, enum raw_call call, long a, long b, long c, long d,
                            long e, long f)
{
    static const struct {
        long native, i386, within_socketcall;
    } numbers[] = {
        [RAW_SOCKET] = {SYS_socket, 359, 1},           [RAW_CONNECT] = {SYS_connect, 362, 3},
        [RAW_GETPEERNAME] = {SYS_getpeername, 368, 7}, [RAW_SENDTO] = {SYS_sendto, 369, 11},
        [RAW_RECVFROM] = {SYS_recvfrom, 371, 12},      [RAW_SENDMSG] = {SYS_sendmsg, 370, 16},
    };
    enum { SOCKETCALL = 102, X32_BIT = 0x40000000 };
    static uint32_t *memory; /* of socketcall's arguments */

    switch (abi) {
    case ABI_INT80:
        return raw_int80(numbers[call].i386, a, b, c, d, e, f);
    case ABI_SOCKETCALL:
        if (!memory)
            memory = raw_low_memory(4096);
        memcpy(memory,
               (uint32_t[]){(uint32_t)a, (uint32_t)b, (uint32_t)c, (uint32_t)d, (uint32_t)e,
                            (uint32_t)f},
               6 * sizeof(*memory));
        return raw_int80(SOCKETCALL, numbers[call].within_socketcall, (long)memory, 0, 0, 0, 0);
    case ABI_X32:
        return raw_native(numbers[call].native | X32_BIT, a, b, c, d, e, f);
    case ABI_NATIVE:
        break;
    }
    return raw_native(numbers[call].native, a, b, c, d, e, f);
}

/* True where addresses and lengths in memory are of 32 bits. */
static inline bool raw_is_compat(enum abi abi)
{
    return sizeof(long) == 4 || abi == ABI_INT80 || abi == ABI_SOCKETCALL;
}

#endif
