/* SPDX-License-Identifier: MIT
 * What C libraries other than glibc declare in another way or not at all. The functions that they
 * lack are left out where they stand, but for those that the kernel can stand in for (real.c). */
#ifndef SOCKSIFY_PRELOAD_LIBC_H
#define SOCKSIFY_PRELOAD_LIBC_H

#include <netdb.h>
#include <resolv.h>
#include <unistd.h>

/* Of recvmmsg(2) and sendmmsg(2). */
#ifdef __GLIBC__
#define MMSG_FLAGS int
#else
#define MMSG_FLAGS unsigned
#endif

#ifndef __GLIBC__
int close_range(unsigned first, unsigned last, int flags);
void closefrom(int first);
int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);
#endif

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* Flags of getaddrinfo(3) and of a resolver's state that nobody sets there. */
#ifndef AI_IDN
#define AI_IDN 0
#define AI_CANONIDN 0
#endif
#ifndef RES_TRUSTAD
#define RES_TRUSTAD 0
#endif

#ifndef NETDB_INTERNAL
#define NETDB_INTERNAL (-1)
#endif

#endif
