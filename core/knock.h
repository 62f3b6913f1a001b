/* SPDX-License-Identifier: MIT
 * How a process learns whether it runs under a supervisor of ours: a getpeername(2), made as a bare
 * system call, on descriptor -1 with these for its pointers. The kernel answers EBADF, a supervisor
 * 0. The environment could claim it, but anybody can change that. */
#ifndef SOCKSIFY_CORE_KNOCK_H
#define SOCKSIFY_CORE_KNOCK_H

enum { KNOCK_FD = -1, KNOCK_ADDRESS = 0x50c5, KNOCK_LENGTH = 0x1f5 };

#endif
