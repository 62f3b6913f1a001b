/* SPDX-License-Identifier: MIT
 * A list, for few processes have connects under way at a time. */
#include "cli/supervise/process.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static LIST_HEAD(, process) processes; /* those whose end has not been seen */

/* The end may have come and not have been seen: the number may be another's already. */
static bool is_alive(const struct process *process)
{
    return poll(&(struct pollfd){.fd = process->end.fd, .events = POLLIN}, 1, 0) == 0;
}

static void forget(struct process *process)
{
    LIST_REMOVE(process, link);
    loop_unwatch(process->loop, &process->end);
}

static void on_end(struct watch *watch, uint32_t events)
{
    (void)events;
    struct process *process = HOLDER_OF(watch, struct process, end);
    forget(process);
    process->shares++; /* it lives until all have been told */
    process->ended(process);
    process_leave(process);
}

static struct process *find(pid_t pid)
{
    struct process *process;
    LIST_FOREACH(process, &processes, link)
    if (process->pid == pid && is_alive(process))
        return process;
    return NULL;
}

static struct process *watch_new(struct loop *loop, pid_t pid,
                                 void (*ended)(struct process *process))
{
    struct process *process = calloc(1, sizeof(*process));
    if (!process)
        return NULL;
    *process = (struct process){
        .loop = loop,
        .end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .ready = on_end},
        .pid = pid,
        .ended = ended,
    };
    if (process->end.fd < 0 || !loop_watch(loop, &process->end, EPOLLIN)) {
        loop_close(loop, &process->end);
        free(process);
        return NULL;
    }
    LIST_INSERT_HEAD(&processes, process, link);
    return process;
}

struct process *process_join(struct loop *loop, pid_t pid, void (*ended)(struct process *process))
{
    struct process *process = find(pid);
    if (!process)
        process = watch_new(loop, pid, ended);
    if (process)
        process->shares++;
    return process;
}

void process_leave(struct process *process)
{
    if (--process->shares > 0)
        return;
    if (process->end.registered)
        forget(process);
    loop_close(process->loop, &process->end);
    free(process);
}
