/* SPDX-License-Identifier: MIT
 * The sockets whose non-blocking connect is under way, or has failed and not yet said so. An entry
 * stands for a socket (SO_COOKIE), whatever descriptor numbers it has; it lies in memory shared
 * with forked children, so that they see the end, too. */
#ifndef SOCKSIFY_PRELOAD_PENDING_H
#define SOCKSIFY_PRELOAD_PENDING_H

#include "core/attempt.h"
#include "core/config.h"
#include "core/endpoint.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum pending_state {
    PENDING_NONE,    /* free, or ended well */
    PENDING_RUNNING, /* readiness is hidden; the connector works on it */
    PENDING_FAILED,  /* ended; error waits to be fetched */
};

/* Numbers by which the program knows one socket. Those beyond cannot be put back into epoll sets,
 * and closing the others does not cancel the connect. */
enum { PENDING_FDS = 8 };

struct pending {
    uint32_t state;  /* atomic; a futex that is woken when it leaves PENDING_RUNNING */
    uint32_t number; /* index and generation: never the same for two connects */
    int error;       /* atomic; valid when state is PENDING_FAILED; 0 once fetched */
    pid_t owner;     /* the process whose connector works on it */
    uint64_t cookie;

    /* The rest is the owner's, under the lock. */
    struct pending *earlier, *later; /* by the attempt's step_deadline_ms */
    bool in_use;
    bool shared; /* with a forked child, or a number beyond fds: in use when they are gone */
    uint8_t fd_count;
    int fds[PENDING_FDS];
    union endpoint address; /* what the program connected to */
    const struct config *config;
    struct attempt attempt; /* its fd is the connector's duplicate of the socket */
};

/* How many entries are not PENDING_NONE, as far as this process knows; the one word that every
 * interposed call looks at. */
extern uint32_t pending_count;

static inline bool pending_any(void)
{
    return __builtin_expect(__atomic_load_n(&pending_count, __ATOMIC_RELAXED) != 0, 0);
}

/* --- Under the lock (lock.h) --- */

/* The entry of the socket behind fd, running or failed; NULL when there is none, and in the child
 * of a vfork, which must not touch what is its parent's. */
struct pending *pending_find(int fd);

/* A new running entry for the socket behind fd, with fds, cookie and attempt.fd filled; NULL when
 * something is lacking: memory, a free descriptor. */
struct pending *pending_add(int fd);

/* The entry of that number when it is running and this process works on it. */
struct pending *pending_by_number(uint32_t number);

/* The descriptor set, if it is an epoll set, is being closed: hidden descriptors must not come back
 * into what has its number next. */
void pending_forget_set(int set);

/* The running entry whose duplicate has that number; NULL. */
struct pending *pending_by_own_fd(int own_fd);

/* Put it into the order of deadlines (or into its new place there). */
void pending_schedule(struct pending *entry);

/* The running entry with the nearest deadline, NULL when none is scheduled. */
struct pending *pending_first(void);

/* True when fd is among fds: its epoll registrations can be noted, to be made at the end. */
bool pending_has_fd(const struct pending *entry, int fd);

/* fd is no longer one; returns how many are left. */
size_t pending_remove_fd(struct pending *entry, int fd);

/* False in the child of a vfork, whose memory is its parent's. Needs no lock, but without it says
 * false in the child of a fork that ran no handlers, too. */
bool pending_is_own_process(void);

/*
 * End a running entry: closes attempt.fd, wakes all who wait. error 0: it succeeded (or was
 * canceled), and the entry is free; else it stays until the error is fetched.
 */
void pending_end(struct pending *entry, int error);

/* Fetch the error of a failed entry, once; the entry is free afterwards. */
int pending_fetch_error(struct pending *entry);

/* --- Without the lock --- */

/* False, without looking further, for a descriptor that cannot be pending or have failed. */
bool pending_may_concern(int fd);

/* True while the socket behind fd is pending. */
bool pending_is_running(int fd);

/* The error of the failed connect of the socket behind fd, once; 0: none. The kernel's own, by
 * which it was shown, is taken away with it. */
int pending_take_error(int fd);

/* Wait until it is not. */
void pending_wait(int fd);

/* Wait for all pending sockets of this process that an exec would leave open: it ends the
 * connector, and the new program must not find a handshake half done. Of its parent's, on which
 * the parent goes on to work, only for those that are standard input, output or error: others are
 * mostly left open by mistake. */
void pending_wait_for_exec(void);

/*
 * Have event_fd (an eventfd) written to whenever an entry ends. A thread has one at most: adding
 * replaces it. False when there is no room.
 */
bool pending_add_waiter(int event_fd);
void pending_remove_waiter(int event_fd);

/* fork(2), under the lock: the child may go on with a socket whose last number the parent closes;
 * and what is pending in the child is the parent's to end. */
void pending_before_fork(void);
void pending_fork_child(void);

#endif
