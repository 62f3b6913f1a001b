/* SPDX-License-Identifier: MIT
 * The words of a line: octets with a length, borrowed from a text without a closing NUL. */
#ifndef SOCKSIFY_CORE_WORD_H
#define SOCKSIFY_CORE_WORD_H

#include <stdbool.h>
#include <stddef.h>

struct word {
    const char *at;
    size_t len;
};

/* What stands between words, or ends the line; \r, too, for lines may end in CR LF. */
static inline bool word_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The very same octets; neither has a NUL within. */
bool word_is(struct word word, const char *text);

/* Take the next word off a line, behind which rest may go on with others. False, with an empty
 * *word, when there is none: at the end, or at a # where a word would start, which makes all that
 * follows a comment. */
bool word_next(struct word *rest, struct word *word);

/* Go on to the line behind the one that rest is in; to the end when there is none. */
void word_skip_line(struct word *rest);

/* Take off what stands before the first comma, together with the comma; all of it when there is
 * none. */
struct word word_take_item(struct word *rest);

/* True for what looks like a URL, well formed or not. */
bool word_is_url(struct word word);

#endif
