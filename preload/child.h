/* SPDX-License-Identifier: MIT
 * A program that is about to be started: whether it will be proxied, and if not, a line that says
 * so (once for each program) and, where the configuration is strict, no start at all.
 *
 * Each returns 0, or the errno to refuse with. Async-signal-safe and vfork-safe; keeps errno. What
 * cannot be started at all is left to the kernel to refuse. */
#ifndef SOCKSIFY_PRELOAD_CHILD_H
#define SOCKSIFY_PRELOAD_CHILD_H

/* A path as execve(2) takes it. */
int child_check(const char *path);

/* A path as execveat(2) takes it; an empty one is the file behind dir_fd. */
int child_check_at(int dir_fd, const char *path);

/* A name as execvp(3) takes it. */
int child_check_named(const char *name);

#endif
