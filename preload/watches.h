/* SPDX-License-Identifier: MIT
 * The epoll registrations of the program's descriptors, as it made them: what has to be taken out
 * of the kernel's sets while a handshake is pending, and put back afterwards. */
#ifndef SOCKSIFY_PRELOAD_WATCHES_H
#define SOCKSIFY_PRELOAD_WATCHES_H

#include <stdbool.h>
#include <sys/epoll.h>

/* The kernel accepted this epoll_ctl(2): take note. Called without the lock for descriptors that
 * are not pending, so that it costs next to nothing; what two threads do to one descriptor at once
 * may then be noted wrongly, and watches_hide finds that out. */
void watches_note(int set, int operation, int fd, const struct epoll_event *event);

/* Take fd out of all sets it is noted in; notes that were no longer true are dropped. */
void watches_hide(int fd);

/* Put fd back into them. */
void watches_show(int fd);

/*
 * epoll_ctl(2) on a hidden descriptor: edits the notes alone and answers as the kernel would: 0, or
 * -1 with EEXIST, ENOENT, EINVAL, EBADF or EFAULT in errno. ENOSPC when fd is in more sets than are
 * noted (SLOT_WATCHES).
 */
int watches_edit(int set, int operation, int fd, const struct epoll_event *event);

/* The epoll descriptor set is being closed: a hidden descriptor must not come back into whatever
 * has that number next. */
void watches_drop_set(int fd, int set);

#endif
