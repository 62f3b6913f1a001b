/* SPDX-License-Identifier: MIT
 * poll(2) with pending sockets among its descriptors. */
#ifndef SOCKSIFY_PRELOAD_WAIT_H
#define SOCKSIFY_PRELOAD_WAIT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

/* True when one of them at least is pending: then wait_poll must do what libc cannot. */
bool wait_concerns(const struct pollfd *fds, nfds_t count);

/*
 * The contract of ppoll(2). A pending descriptor is waited for by the end of its handshake, after
 * which its readiness is the kernel's. timeout NULL waits for ever; it is not changed.
 */
int wait_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
              const sigset_t *mask);

/* The time from now on until a timeout from start on is over, not below zero. */
struct timespec wait_left(const struct timespec *start, const struct timespec *timeout);

/* Room for count pollfds: in small (of small_count) when they fit, else mapped. NULL with ENOMEM.
 */
struct pollfd *wait_room(nfds_t count, struct pollfd *small, nfds_t small_count);
void wait_room_free(struct pollfd *room, nfds_t count, const struct pollfd *small);

enum { WAIT_SMALL = 64 }; /* on the stack; threads may have no more than 16 KiB of it */

#endif
