/* SPDX-License-Identifier: MIT
 * Any text at all as one word of a shell's language. */
#ifndef SOCKSIFY_CLI_QUOTE_H
#define SOCKSIFY_CLI_QUOTE_H

#include "cli/options.h"

struct text;

enum { QUOTE_LENGTH = 6 }; /* how many times longer a value gets, at most; and two octets more */

/* Add the value in quotes: nothing in it means anything but itself. */
void quote_add(struct text *text, const char *value, enum syntax syntax);

#endif
