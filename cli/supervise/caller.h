/* SPDX-License-Identifier: MIT
 * The thread behind a call: its memory and its descriptors. Needs the right to trace it
 * (ptrace(2)), which the supervisor has as the same user, unless the program made itself
 * undumpable. */
#ifndef SOCKSIFY_CLI_SUPERVISE_CALLER_H
#define SOCKSIFY_CLI_SUPERVISE_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct iovec;

enum { CALLER_NAME_MAX = 256 };

struct caller {
    pid_t tid;
    int pidfd; /* of the thread, or before Linux 6.9 of its process */
};

/* 0 or an errno. */
int caller_open(struct caller *caller, pid_t tid);
void caller_close(struct caller *caller);

/* Copy len octets out of, or into, its memory. 0; EFAULT when not all of them could be; EPERM. */
int caller_read(const struct caller *caller, uint64_t address, void *into, size_t len);
int caller_write(const struct caller *caller, uint64_t address, const void *from, size_t len);

/* The same for pieces of its memory, of which there are no more than IOV_MAX, and which hold len
 * octets together. */
int caller_gather(const struct caller *caller, const struct iovec *pieces, size_t count, void *into,
                  size_t len);
int caller_scatter(const struct caller *caller, const struct iovec *pieces, size_t count,
                   const void *from, size_t len);

/* A descriptor of ours (close-on-exec) for what the caller has as number, to be given back in the
 * end; -1 with errno: EBADF, EPERM. */
int caller_take(const struct caller *caller, int number);

/* Close it. It does not wait, as close(2) may for a socket that lingers (SO_LINGER), and whose
 * program has closed it meanwhile. */
void caller_give_back(int fd);

/* Whether so many descriptors are free that fd, the latest, can be kept for longer than a call
 * takes. Every call of every program needs some for a moment. */
bool caller_may_keep(int fd);

/* True when the caller's descriptor `number` has close-on-exec set. */
bool caller_closes_on_exec(const struct caller *caller, int number);

/* Signals that wait for the thread or its process, because they are blocked: bit 0 is number 1. */
uint64_t caller_pending_signals(const struct caller *caller);

/* The process that the thread belongs to; 0 when it has gone. */
pid_t caller_process(const struct caller *caller);

/* Whether the descriptors of its process, which is pid, are the thread's, too. */
bool caller_shares_descriptors(const struct caller *caller, pid_t pid);

/*
 * The base names that [app] sections are picked by: as the program was called (AT_EXECFN), and its
 * executable. Empty where they cannot be read.
 */
void caller_names(const struct caller *caller, char called[static CALLER_NAME_MAX],
                  char executable[static CALLER_NAME_MAX]);

#endif
