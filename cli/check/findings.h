/* SPDX-License-Identifier: MIT
 * What is wrong, and what to do about it, as it is found step by step, for the end of --check. */
#ifndef SOCKSIFY_CLI_CHECK_FINDINGS_H
#define SOCKSIFY_CLI_CHECK_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum { FINDINGS_MAX = 40, FINDING_LEN = 320 };

/* Start value all zeros. */
struct findings {
    size_t problem_count, advice_count, hint_count;
    char problems[FINDINGS_MAX][FINDING_LEN];
    char advice[FINDINGS_MAX][FINDING_LEN];
    char hints[FINDINGS_MAX][FINDING_LEN];
};

/* Something is wrong: --check will fail. */
void findings_add_problem(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Something can be done, whether or not it must. */
void findings_add_advice(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Something could be better, though nothing is wrong: advice, but printed after all other. */
void findings_add_hint(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Print the verdict; fine: its words where nothing is wrong. True when nothing is. */
bool findings_print(const struct findings *findings, const char *fine);

#endif
