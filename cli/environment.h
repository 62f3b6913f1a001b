/* SPDX-License-Identifier: MIT
 * What a program's environment must say for the library to be loaded and to know its settings. */
#ifndef SOCKSIFY_CLI_ENVIRONMENT_H
#define SOCKSIFY_CLI_ENVIRONMENT_H

#include "cli/options.h"

#include <stdbool.h>

struct inspection;

/* Correct the verdict on a program by the library that there is: a program of 32 bits is reached
 * when there is one for it, too. */
void environment_judge(struct inspection *program);

/* How programs are to be reached: by the options, or the environment; the default for a word that
 * environment_check will complain of. */
enum way environment_way(const struct options *options);

/*
 * Put the library first in LD_PRELOAD (keeping what else is there, never twice) and the options
 * into the SOCKSIFY_* variables, files as absolute paths. embedded is the URL of the embedded
 * server, in place of --proxy; NULL: none. Without preload the library is taken out of it.
 * Returns 0, or the wrapper's exit status after saying what is wrong: without the library, nothing
 * may be run.
 */
int environment_set(const struct options *options, const char *embedded, bool preload);

/*
 * Check what has been set, and the configuration with it, as the library will read it in a program
 * of these two base names (either may be NULL); warn of a password that others can read.
 * Returns 0, or EXIT_CONFIG after saying what is wrong.
 */
int environment_check(const char *called, const char *executable);

/*
 * Read what has been set, and the configuration with it, for a program of these two base names as
 * above; *settings and *config are the caller's to free. Returns 0, or EXIT_CONFIG after saying
 * what is wrong, with nothing to be freed.
 */
int environment_read(const char *called, const char *executable, struct settings *settings,
                     struct config **config);

/* Print it in the words of a shell, to stdout. Returns the wrapper's exit status. */
int environment_print(enum syntax syntax);

#endif
