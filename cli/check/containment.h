/* SPDX-License-Identifier: MIT
 * Whether what a program sends stays inside, found out by a test program that is this binary
 * itself, run with the library preloaded as any other would be. */
#ifndef SOCKSIFY_CLI_CHECK_CONTAINMENT_H
#define SOCKSIFY_CLI_CHECK_CONTAINMENT_H

#include <stdbool.h>

/* True when argv[0] is the name under which containment_check runs this binary as the test program.
 */
bool containment_is_test_program(const char *name);

/*
 * Be the test program: look up a name, send a datagram, ask a name server, and print a line for
 * each to stdout. The name is below .invalid, the addresses are TEST-NET-1's, so that nobody gets
 * what does leave. Returns 0 when all of them stayed inside, else EXIT_FAILURE.
 */
int containment_run_tests(void);

/* Run the test program at path (this binary's), with the environment as it has been set for any
 * program. True when it says that all stayed inside. */
bool containment_check(const char *path);

#endif
