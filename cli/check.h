/* SPDX-License-Identifier: MIT
 * --check: whether what a program sends stays inside, found out by a test program that is this
 * binary itself, run with the library preloaded as any other would be. */
#ifndef SOCKSIFY_CLI_CHECK_H
#define SOCKSIFY_CLI_CHECK_H

#include "cli/options.h"

#include <stdbool.h>

/*
 * Set the environment, check the configuration, and become the test program. Returns only when that
 * fails: the wrapper's exit status, after saying why.
 */
int check(const struct options *options);

/* True when argv[0] is the name under which check runs this binary as the test program. */
bool check_is_test_program(const char *name);

/*
 * Be the test program: look up a name, send a datagram, ask a name server, and print a line for
 * each to stdout. The name is below .invalid, the addresses are TEST-NET-1's, so that nobody gets
 * what does leave. Returns 0 when all of them stayed inside, else EXIT_FAILURE.
 */
int check_run_tests(void);

#endif
