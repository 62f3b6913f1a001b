/* SPDX-License-Identifier: MIT
 * --check: whether the proxy works, step by step, and whether what programs send stays inside. */
#ifndef SOCKSIFY_CLI_CHECK_CHECK_H
#define SOCKSIFY_CLI_CHECK_CHECK_H

#include "cli/options.h"

/*
 * Check what the options and the environment say; options->target is the URL of a proxy, or a
 * target to connect to (NULL: a default one). argv is this process's own, for it may have to start
 * anew without the library. Returns the wrapper's exit status: 0, or EXIT_FAILURE when something is
 * wrong, or another after saying why nothing was checked.
 */
int check(const struct options *options, char **argv);

#endif
