/* SPDX-License-Identifier: MIT
 * Lines in columns, with little colour. */
#include "cli/check/line.h"

#include "cli/show.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t begun_us;

static const struct {
    const char *word;
    const char *colour;
} verdicts[] = {
    [VERDICT_OK] = {"ok", "\033[32m"},         [VERDICT_NO] = {"no", ""},
    [VERDICT_LEFT_OUT] = {"left out", ""},     [VERDICT_WARNING] = {"warning", "\033[33m"},
    [VERDICT_FAILED] = {"FAILED", "\033[31m"}, [VERDICT_INSIDE] = {"inside", "\033[32m"},
    [VERDICT_LEAVES] = {"LEAVES", "\033[31m"},
};

/* See no-color.org, and terminals that know no colours. */
static bool is_coloured(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_color && *no_color) && terminal &&
           strcmp(terminal, "dumb") != 0;
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void line_begin(const char *step)
{
    begun_us = now_us();
    printf("  %-16s", step);
    fflush(stdout);
}

void line_end(enum verdict verdict, int64_t microseconds, const char *format, ...)
{
    char time[32] = "";
    bool coloured = is_coloured() && *verdicts[verdict].colour;
    va_list args;
    if (microseconds == LINE_ELAPSED)
        microseconds = now_us() - begun_us;
    if (microseconds >= 0)
        snprintf(time, sizeof(time), "%.1f ms", (double)microseconds / 1000);
    printf("%s%-9s%s%10s  ", coloured ? verdicts[verdict].colour : "", verdicts[verdict].word,
           coloured ? "\033[0m" : "", time);
    va_start(args, format);
    show_list(stdout, format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}
