/* SPDX-License-Identifier: MIT
 * Functions that go on to another one without being its caller. dlopen(3) and dlsym(3) look at the
 * address they will return to: it tells them whose RUNPATH holds, and what RTLD_NEXT comes after.
 * The child of a clone(2) by syscall(2) returns on a stack of its own. */
#ifndef SOCKSIFY_PRELOAD_JUMP_H
#define SOCKSIFY_PRELOAD_JUMP_H

#include <stdint.h>

/*
 * JUMP_THROUGH("name", "route") is assembly for the exported function `name`, of integers and
 * pointers. It calls
 *     const void *route(uintptr_t arguments[6]);
 * which may change the arguments, and jumps with them to the function that this returns. Stack and
 * return address are then as the caller left them. Declare route a JUMP_ROUTE.
 *
 * For other processors it is empty: programs are then bound to libc's own function.
 */
#define JUMP_ROUTE __attribute__((used, visibility("hidden"))) const void *

#define JUMP_FUNCTION(name, body)                                                                  \
    __asm__(".pushsection .text\n"                                                                 \
            ".globl " name "\n"                                                                    \
            ".type " name ", %function\n"                                                          \
            ".p2align 4\n" name ":\n"                                                              \
            ".cfi_startproc\n" body ".cfi_endproc\n"                                               \
            ".size " name ", . - " name "\n"                                                       \
            ".popsection\n")

#if defined(__x86_64__) && defined(__LP64__)
/* Eight octets more than the arguments keep the stack aligned. A function with "..." finds in %eax
 * how many vector registers it was given. */
#define JUMP_THROUGH(name, route)                                                                  \
    JUMP_FUNCTION(name, "sub $56, %rsp\n"                                                          \
                        ".cfi_adjust_cfa_offset 56\n"                                              \
                        "mov %rdi, (%rsp)\n"                                                       \
                        "mov %rsi, 8(%rsp)\n"                                                      \
                        "mov %rdx, 16(%rsp)\n"                                                     \
                        "mov %rcx, 24(%rsp)\n"                                                     \
                        "mov %r8, 32(%rsp)\n"                                                      \
                        "mov %r9, 40(%rsp)\n"                                                      \
                        "mov %rsp, %rdi\n"                                                         \
                        "call " route "\n"                                                         \
                        "mov %rax, %r11\n"                                                         \
                        "xor %eax, %eax\n"                                                         \
                        "mov (%rsp), %rdi\n"                                                       \
                        "mov 8(%rsp), %rsi\n"                                                      \
                        "mov 16(%rsp), %rdx\n"                                                     \
                        "mov 24(%rsp), %rcx\n"                                                     \
                        "mov 32(%rsp), %r8\n"                                                      \
                        "mov 40(%rsp), %r9\n"                                                      \
                        "add $56, %rsp\n"                                                          \
                        ".cfi_adjust_cfa_offset -56\n"                                             \
                        "jmp *%r11\n")
#elif defined(__i386__)
/* The arguments are on the stack already; the twelve octets keep it aligned. */
#define JUMP_THROUGH(name, route)                                                                  \
    JUMP_FUNCTION(name, "lea 4(%esp), %eax\n"                                                      \
                        "sub $8, %esp\n"                                                           \
                        ".cfi_adjust_cfa_offset 8\n"                                               \
                        "push %eax\n"                                                              \
                        ".cfi_adjust_cfa_offset 4\n"                                               \
                        "call " route "\n"                                                         \
                        "add $12, %esp\n"                                                          \
                        ".cfi_adjust_cfa_offset -12\n"                                             \
                        "jmp *%eax\n")
#elif defined(__aarch64__) && defined(__LP64__)
#define JUMP_THROUGH(name, route)                                                                  \
    JUMP_FUNCTION(name, "stp x29, x30, [sp, #-80]!\n"                                              \
                        ".cfi_adjust_cfa_offset 80\n"                                              \
                        ".cfi_rel_offset x29, 0\n"                                                 \
                        ".cfi_rel_offset x30, 8\n"                                                 \
                        "mov x29, sp\n"                                                            \
                        "stp x0, x1, [sp, #16]\n"                                                  \
                        "stp x2, x3, [sp, #32]\n"                                                  \
                        "stp x4, x5, [sp, #48]\n"                                                  \
                        "stp x6, x7, [sp, #64]\n"                                                  \
                        "add x0, sp, #16\n"                                                        \
                        "bl " route "\n"                                                           \
                        "mov x16, x0\n"                                                            \
                        "ldp x0, x1, [sp, #16]\n"                                                  \
                        "ldp x2, x3, [sp, #32]\n"                                                  \
                        "ldp x4, x5, [sp, #48]\n"                                                  \
                        "ldp x6, x7, [sp, #64]\n"                                                  \
                        "ldp x29, x30, [sp], #80\n"                                                \
                        ".cfi_restore x29\n"                                                       \
                        ".cfi_restore x30\n"                                                       \
                        ".cfi_adjust_cfa_offset -80\n"                                             \
                        "br x16\n")
#else
#define JUMP_THROUGH(name, route) _Static_assert(1, "not for this processor")
#endif

#endif
