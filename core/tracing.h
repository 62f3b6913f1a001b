/* SPDX-License-Identifier: MIT
 * Whether a process may look into others, as a supervisor must (ptrace(2), and Yama's part of it).
 */
#ifndef SOCKSIFY_CORE_TRACING_H
#define SOCKSIFY_CORE_TRACING_H

#include <stdbool.h>

#define TRACING_FILE "/proc/sys/kernel/yama/ptrace_scope"

enum tracing {
    TRACING_OF_USER,        /* all processes of this user that let themselves be looked into */
    TRACING_OF_DESCENDANTS, /* of them, those that it has started */
    TRACING_OF_NONE,
};

/* True when this process has CAP_SYS_PTRACE: unreadable and undumpable programs are open to it,
 * too. */
bool tracing_is_privileged(void);

/* What this process may look into, as far as the kernel says it beforehand. */
enum tracing tracing_reach(void);

#endif
