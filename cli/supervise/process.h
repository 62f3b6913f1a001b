/* SPDX-License-Identifier: MIT
 * A process that has connects under way, watched for its end: one descriptor for all of them. */
#ifndef SOCKSIFY_CLI_SUPERVISE_PROCESS_H
#define SOCKSIFY_CLI_SUPERVISE_PROCESS_H

#include "cli/loop.h"

#include <sys/queue.h>
#include <sys/types.h>

struct process {
    LIST_ENTRY(process) link; /* private, as all down to ended */
    struct loop *loop;
    struct watch end; /* its fd, which may be borrowed, is a pidfd */
    unsigned shares;
    pid_t pid;
    void (*ended)(struct process *process);
};

/*
 * A share in the process: one that somebody has already, or a new one. ended is called once, from
 * the loop, for all who have shares then; from that moment on the number stands for another
 * process. NULL when there is no such process, or no descriptor or memory to watch it.
 */
struct process *process_join(struct loop *loop, pid_t pid, void (*ended)(struct process *process));

/* Give a share back; the last one ends the watch. */
void process_leave(struct process *process);

#endif
