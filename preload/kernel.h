/* SPDX-License-Identifier: MIT
 * What the library asks of the kernel past all exported functions, its own and others': kernel_call
 * is libc's syscall(2). It takes no lock and is no cancellation point. And a function that libc has
 * only since a version of which nothing else is wanted costs the start of each program more than
 * one might think: the loader looks for that version. */
#ifndef SOCKSIFY_PRELOAD_KERNEL_H
#define SOCKSIFY_PRELOAD_KERNEL_H

#include "preload/symbols.h"

#include <sys/syscall.h>

/* Of futex(2) and seccomp(2), whose headers come with the kernel, and not with every C library. */
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_PRIVATE = 128, SECCOMP_GET_ACTION_AVAIL = 2 };
#define SECCOMP_RET_USER_NOTIF 0x7fc00000U

#define kernel_call(...) symbols_libc()->syscall(__VA_ARGS__)

#endif
