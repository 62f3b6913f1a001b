/* SPDX-License-Identifier: MIT
 * Leaving what a process of ours shares with the program it was started for: descriptors, signals,
 * the terminal, the current directory. */
#ifndef SOCKSIFY_CLI_SUPERVISE_DETACH_H
#define SOCKSIFY_CLI_SUPERVISE_DETACH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Keep these descriptors alone, at most 8 of them, under new numbers from 3 on (close-on-exec):
 * whoever reads from a pipe that the program writes to must see its end when the program ends. The
 * standard ones become /dev/null. And leave the current directory, so that it can be unmounted.
 * The limit of descriptors is raised as far as it goes. False with errno.
 */
bool detach_descriptors(int *fds[], size_t count);

/* A terminal's ^C and hang-up are for the program, and whoever starts programs with signals blocked
 * or ignored did not mean us. */
void detach_terminal(void);

#endif
