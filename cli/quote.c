/* SPDX-License-Identifier: MIT
 * Single quotes, and the two octets that they do not keep. */
#include "cli/quote.h"

#include "core/text.h"

/* In single quotes a quote ends them, and fish takes a backslash for more than itself. What is
 * written for sh, each of the two in double quotes, is the same to fish, should it come to that. */
void quote_add(struct text *text, const char *value, enum syntax syntax)
{
    text_add(text, "'");
    for (; *value; value++)
        if (*value == '\'')
            text_add(text, syntax == SYNTAX_FISH ? "\\'" : "'\"'\"'");
        else if (*value == '\\')
            text_add(text, syntax == SYNTAX_FISH ? "\\\\" : "'\"\\\\\"'");
        else
            text_add_bytes(text, value, 1);
    text_add(text, "'");
}
