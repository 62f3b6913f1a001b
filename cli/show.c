/* SPDX-License-Identifier: MIT
 * Text is put together first, and then looked through as a whole, so that no value can be
 * forgotten. */
#include "cli/show.h"

#include "core/printable.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

void show_list(FILE *to, const char *format, va_list args)
{
    char text[2 * PATH_MAX];
    size_t format_len = strlen(format);
    bool ends_line = format_len > 0 && format[format_len - 1] == '\n';
    int len = vsnprintf(text, sizeof(text), format, args);
    if (len < 0)
        return;
    if ((size_t)len >= sizeof(text))
        len = sizeof(text) - 1;
    printable_make(text, (size_t)len);
    if (ends_line)
        text[len - 1] = '\n';
    fwrite(text, 1, (size_t)len, to);
}

void show(FILE *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    show_list(to, format, args);
    va_end(args);
}
