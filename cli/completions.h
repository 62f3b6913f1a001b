/* SPDX-License-Identifier: MIT
 * What the scripts in shell/ that complete a command line ask of the program itself, so that they
 * never know another table of options than it does, nor other proxies. */
#ifndef SOCKSIFY_CLI_COMPLETIONS_H
#define SOCKSIFY_CLI_COMPLETIONS_H

#include <stdbool.h>

/* True for "socksify --completions [proxies [FILE]]". */
bool completions_are_asked(char **argv);

/*
 * Print the table of options_list; or the names of the proxies of the configuration that holds, or
 * of FILE, a line for each. What is wrong with the configuration is not said here.
 * Returns the wrapper's exit status.
 */
int completions_print(char **argv);

#endif
