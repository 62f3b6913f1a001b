/* SPDX-License-Identifier: MIT
 * Whether what a program sends stays inside, found out by a test program that is this binary
 * itself, run with the library preloaded as any other would be. */
#ifndef SOCKSIFY_CLI_CHECK_CONTAINMENT_H
#define SOCKSIFY_CLI_CHECK_CONTAINMENT_H

#include <stdbool.h>

/* The name that is looked up (RFC 6761: none of the internet's), and a port that it might be
 * connected to. */
#define CONTAINMENT_NAME "socksify-check.invalid"
enum { CONTAINMENT_PORT = 443 };

/* True when argv[0] is the name under which containment_check runs this binary as the test program.
 */
bool containment_is_test_program(const char *name);

/*
 * Be the test program: look up a name, send a datagram, ask a name server, and print a line for
 * each to stdout. The name is below .invalid, the addresses are TEST-NET-1's, so that nobody gets
 * what does leave. Returns 0 when all of them stayed inside, else EXIT_FAILURE.
 */
int containment_run_tests(char **argv);

/* Run the test program at path (this binary's), with the environment as it has been set for any
 * program. is_looked_up_here: when a program connects by name, the name is looked up on this
 * machine; that the test program itself cannot see. True when it says that all stayed inside. */
bool containment_check(const char *path, bool is_looked_up_here);

#endif
