/* SPDX-License-Identifier: MIT
 * The kernel's side of the supervisor: notifications of calls, and answers to them (seccomp(2),
 * seccomp_unotify(2)). */
#ifndef SOCKSIFY_CLI_SUPERVISE_NOTIFY_H
#define SOCKSIFY_CLI_SUPERVISE_NOTIFY_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/* Take the next notification. False when there is none after all (its caller was killed or
 * interrupted meanwhile). Waits when none is due: call it when the listener is readable. */
bool notify_receive(int listener, struct seccomp_notif *notification);

/* The caller still waits: what was read from its memory and descriptors was really its own. */
bool notify_is_waiting(int listener, uint64_t id);

/* End the call: with a value of 0 or more, or with minus an errno. False when nobody waited any
 * more. */
bool notify_answer(int listener, uint64_t id, int64_t value);

/* Let the kernel carry the call out as if there were no filter. Only for what no change of the
 * arguments in memory can turn into a way out. */
void notify_pass(int listener, uint64_t id);

/* Put a copy of our descriptor fd into the caller's table as `number`, in place of what was there.
 * False with errno. */
bool notify_put(int listener, uint64_t id, int fd, int number, bool close_on_exec);

/* Wake the caller on this processor where the kernel can (Linux 6.6): a call costs less then. */
void notify_setup(int listener);

#endif
