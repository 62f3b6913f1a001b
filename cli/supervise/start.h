/* SPDX-License-Identifier: MIT
 * Bringing a supervisor and the program that it is for together. */
#ifndef SOCKSIFY_CLI_SUPERVISE_START_H
#define SOCKSIFY_CLI_SUPERVISE_START_H

#include <stdbool.h>

/* True when a supervisor of ours is above this process already: there can be no second one. */
bool supervise_is_under(void);

/*
 * Start a supervisor for what this process execs next. 0 in the process that is to exec, which is
 * under the filter then; else the wrapper's exit status, after saying what is in the way. name: the
 * program's, for that message. The environment must be as the program will find it: the supervisor
 * goes by it, too.
 *
 * Where the kernel lets any process of this user look into another (ptrace_scope 0), or this one
 * has CAP_SYS_PTRACE, the supervisor stands beside the program, which keeps this process's id,
 * parent and terminal. Else it must be the program's ancestor: the program gets a process of its
 * own, and this one becomes its deputy (deputy.h) and never returns.
 */
int supervise_start(const char *name);

#endif
