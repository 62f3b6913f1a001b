/* SPDX-License-Identifier: MIT
 * Running a program, or the user's shell, in the place of this process, once it is known that the
 * library will reach it and that the configuration is right. */
#ifndef SOCKSIFY_CLI_LAUNCH_H
#define SOCKSIFY_CLI_LAUNCH_H

#include "cli/options.h"

/* In MODE_RUN and MODE_SHELL. Does not return when all is well; else the wrapper's exit status,
 * after saying what is wrong. */
int launch(const struct options *options);

#endif
