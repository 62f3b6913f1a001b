/* SPDX-License-Identifier: MIT
 * What a program's environment must say for the library to be loaded and to know its settings. */
#ifndef SOCKSIFY_CLI_ENVIRONMENT_H
#define SOCKSIFY_CLI_ENVIRONMENT_H

#include "cli/options.h"

/*
 * Put the library first in LD_PRELOAD (keeping what else is there, never twice) and the options
 * into the SOCKSIFY_* variables, files as absolute paths. embedded is the URL of the embedded
 * server, in place of --proxy; NULL: none.
 * Returns 0, or the wrapper's exit status after saying what is wrong: without the library, nothing
 * may be run.
 */
int environment_set(const struct options *options, const char *embedded);

/*
 * Check what has been set, and the configuration with it, as the library will read it in a program
 * of these two base names (either may be NULL); warn of a password that others can read.
 * Returns 0, or EXIT_CONFIG after saying what is wrong.
 */
int environment_check(const char *called, const char *executable);

/* Print it as export lines for a POSIX shell, to stdout. Returns the wrapper's exit status. */
int environment_print(void);

#endif
