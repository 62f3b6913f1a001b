/* SPDX-License-Identifier: MIT
 * What the wrapper prints for people to read: tables, steps, explanations. */
#ifndef SOCKSIFY_CLI_SHOW_H
#define SOCKSIFY_CLI_SHOW_H

#include <stdarg.h>
#include <stdio.h>

/*
 * printf, but that what comes from outside stays on its line and does nothing to a terminal (see
 * core/printable.h): of line ends only that at the end of the format is one. What would be longer
 * than twice PATH_MAX is cut.
 */
void show(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, as vfprintf is to fprintf. */
void show_list(FILE *to, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
