/* SPDX-License-Identifier: MIT
 * The seccomp filter that a supervised program and all its descendants run under: calls that may
 * reach the network go to the supervisor, sockets that it could not follow are refused at once, and
 * everything else passes at the price of a few instructions. A call of an architecture that is not
 * in the table is refused whole. */
#ifndef SOCKSIFY_CLI_SUPERVISE_FILTER_H
#define SOCKSIFY_CLI_SUPERVISE_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_MAX = 512 }; /* instructions */

/* Write the program; returns its length. */
size_t filter_build(struct sock_filter program[static FILTER_MAX]);

/* What the program decides about a socket(2), for one whose arguments it cannot see
 * (socketcall(2)). 0 or an errno. */
int filter_judge_socket(uint32_t domain, uint32_t type, uint32_t protocol);

/*
 * Put this thread and all that it becomes or starts under the filter, with no_new_privs unless it
 * has the privilege to do without. Returns the listener (close-on-exec), or -1 with errno: EBUSY
 * when there is a supervisor above already, ENOSYS or EINVAL from a kernel before 5.9, EPERM or
 * EACCES in a container that forbids it.
 */
int filter_install(void);

#endif
