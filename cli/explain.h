/* SPDX-License-Identifier: MIT
 * --explain: what would become of a connection, and by which line of the configuration, without
 * making one. */
#ifndef SOCKSIFY_CLI_EXPLAIN_H
#define SOCKSIFY_CLI_EXPLAIN_H

#include "cli/options.h"

/* Print it to stdout, for options->target and the program options->app (NULL: any). Nothing is sent
 * or looked up. Returns the wrapper's exit status, after saying what is wrong. */
int explain(const struct options *options);

#endif
