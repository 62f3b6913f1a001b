/* SPDX-License-Identifier: MIT
 * Text that comes from outside (names, words of a file, what programs are called), made fit to be
 * shown: it does nothing to a terminal but stand there. */
#ifndef SOCKSIFY_CORE_PRINTABLE_H
#define SOCKSIFY_CORE_PRINTABLE_H

#include <stddef.h>

/*
 * Put a '?' in place of each octet that is no part of a character to be seen: control characters,
 * those of UTF-8 (U+0080 to U+009F) among them, line and paragraph separators, what turns the
 * direction of writing, and what is no UTF-8 at all. The length stays.
 */
void printable_make(char *text, size_t len);

#endif
