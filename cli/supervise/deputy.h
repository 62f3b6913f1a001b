/* SPDX-License-Identifier: MIT
 * The process that whoever called the wrapper waits for, where the program itself must be the
 * supervisor's child: it stops, goes on and ends as the program does, and hands on the signals that
 * are sent to it. */
#ifndef SOCKSIFY_CLI_SUPERVISE_DEPUTY_H
#define SOCKSIFY_CLI_SUPERVISE_DEPUTY_H

#include <signal.h>
#include <sys/types.h>

/* A deputy in the making. */
struct deputy {
    int ends[2];      /* of a channel: the deputy's, the supervisor's */
    int pidfd;        /* of the deputy */
    sigset_t blocked; /* as the wrapper found them */
    struct sigaction on_child;
};

/* In the process that is to be the deputy, before any fork: from here on signals wait. 0 or an
 * errno. */
int deputy_prepare(struct deputy *deputy);

/* In the program's process: signals as the wrapper found them, and nothing of the deputy's open. */
void deputy_leave(struct deputy *deputy);

/* Be the deputy. supervisor: its process, which is to call deputy_inform. */
_Noreturn void deputy_run(struct deputy *deputy, pid_t supervisor);

/*
 * In the supervisor, when it has forked the program and detached (deputy->ends[1] and pidfd kept):
 * tell the deputy all that happens to the program, from a thread; kill the program when the deputy
 * is killed; and bury all orphans. 0 or an errno.
 */
int deputy_inform(struct deputy *deputy, pid_t program);

/* Wait until the program, and all other children, have ended and the deputy knows. */
void deputy_finish(void);

#endif
