/* SPDX-License-Identifier: MIT
 * The embedded server for the life of one program: the server is a process of its own, detached
 * from the terminal, and the program neither its parent nor the holder of any descriptor of it. */
#ifndef SOCKSIFY_CLI_EMBEDDED_H
#define SOCKSIFY_CLI_EMBEDDED_H

#include "cli/options.h"

enum { EMBEDDED_URL_MAX = 256 };

/*
 * Start it on a loopback port that the kernel chooses, for a user and a password made up here, and
 * wait until it accepts connections. It ends when this process (that is, the program it becomes by
 * exec) has ended and its last connection with it.
 * Returns 0 with the server's URL, or the wrapper's exit status after saying what went wrong.
 */
int embedded_start(const struct options *options, char url[static EMBEDDED_URL_MAX]);

#endif
