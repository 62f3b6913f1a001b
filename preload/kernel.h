/* SPDX-License-Identifier: MIT
 * What the library asks of the kernel past all exported functions, its own and others': kernel_call
 * is libc's syscall(2). It takes no lock and is no cancellation point. */
#ifndef SOCKSIFY_PRELOAD_KERNEL_H
#define SOCKSIFY_PRELOAD_KERNEL_H

#include "preload/symbols.h"

#include <sys/syscall.h>

#define kernel_call(...) symbols_libc()->syscall(__VA_ARGS__)

#endif
