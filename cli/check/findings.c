/* SPDX-License-Identifier: MIT
 * Three lists of sentences. */
#include "cli/check/findings.h"

#include "cli/show.h"

#include <stdarg.h>
#include <stdio.h>

static __attribute__((format(printf, 3, 0))) void add(char list[][FINDING_LEN], size_t *count,
                                                      const char *format, va_list args)
{
    if (*count < FINDINGS_MAX)
        vsnprintf(list[(*count)++], FINDING_LEN, format, args);
}

void findings_add_problem(struct findings *findings, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(findings->problems, &findings->problem_count, format, args);
    va_end(args);
}

void findings_add_advice(struct findings *findings, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(findings->advice, &findings->advice_count, format, args);
    va_end(args);
}

void findings_add_hint(struct findings *findings, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(findings->hints, &findings->hint_count, format, args);
    va_end(args);
}

bool findings_print(const struct findings *findings, const char *fine)
{
    show(stdout, "verdict: %s", findings->problem_count > 0 ? "NOT fine: " : "fine: ");
    for (size_t i = 0; i < findings->problem_count; i++)
        show(stdout, "%s%s", i > 0 ? "; " : "", findings->problems[i]);
    show(stdout, "%s\n", findings->problem_count > 0 ? "" : fine);
    for (size_t i = 0; i < findings->advice_count; i++)
        show(stdout, "advice: %s\n", findings->advice[i]);
    for (size_t i = 0; i < findings->hint_count; i++)
        show(stdout, "advice: %s\n", findings->hints[i]);
    return findings->problem_count == 0;
}
