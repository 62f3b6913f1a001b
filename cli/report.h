/* SPDX-License-Identifier: MIT
 * --report: a process that stays, waits in the program's place, and prints in the end what became
 * of the connections of the program and its children. */
#ifndef SOCKSIFY_CLI_REPORT_H
#define SOCKSIFY_CLI_REPORT_H

#include "core/tally.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Begin to count. Returns 0 in a new process, which is to become the program; its environment says
 * where to count (SOCKSIFY_REPORT). This one stays (follow.h), prints the table when the program
 * has ended, to the log file or else to stderr, ends as the program did, and never returns. Else
 * the wrapper's exit status, after saying what is in the way. name: the program's.
 *
 * What children that live longer than the program do later is in no table.
 */
int report_start(const char *name);

/* Print lines of a tally as a table, those with most connections first; it sorts them. lost: how
 * many connections are in none of them; lost_failed: how many of these failed. */
void report_print(FILE *to, const char *name, int64_t milliseconds, struct tally_line *lines,
                  size_t count, uint32_t lost, uint32_t lost_failed);

#endif
