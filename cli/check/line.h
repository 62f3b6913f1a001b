/* SPDX-License-Identifier: MIT
 * The lines of --check on stdout: a step, its verdict, how long it took, and words. */
#ifndef SOCKSIFY_CLI_CHECK_LINE_H
#define SOCKSIFY_CLI_CHECK_LINE_H

#include <stdint.h>

enum verdict {
    VERDICT_OK,
    VERDICT_NO,       /* not to be had, and nothing is wrong with that */
    VERDICT_LEFT_OUT, /* not tried */
    VERDICT_WARNING,  /* works, but is not as it should be */
    VERDICT_FAILED,
    VERDICT_INSIDE, /* what a program sends stays */
    VERDICT_LEAVES, /* or leaves beside the proxy */
};

/* In place of a time: none, and what has passed since line_begin. */
enum { LINE_NO_TIME = -1, LINE_ELAPSED = -2 };

/* Print the step's name at once: it may take its time. */
void line_begin(const char *step);

/* Print the rest. The verdict has a colour on a terminal, unless NO_COLOR is set. */
void line_end(enum verdict verdict, int64_t microseconds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
