/* SPDX-License-Identifier: MIT
 * A line into words, one after the other. */
#include "core/word.h"

#include "core/text.h"

#include <string.h>

bool word_is(struct word word, const char *text)
{
    size_t i = 0;
    while (i < word.len && word.at[i] == text[i]) /* a word has no NUL, so this ends with text */
        i++;
    return i == word.len && !text[i];
}

/* The end of the word that starts at at. Octets up to the blank are found eight at a time; those
 * that are no blanks are part of the word. */
static const char *end_of_word(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t low = text_eight_within(text_eight(at, 8, 0), 0, ' ');
        if (!low)
            continue;
        at += __builtin_ctzll(low) / 8;
        break;
    }
    while (at < end && !word_is_blank(*at))
        at++;
    return at;
}

bool word_next(struct word *rest, struct word *word)
{
    const char *at = rest->at;
    const char *end = at + rest->len;
    while (at < end && word_is_blank(*at) && *at != '\n')
        at++;
    const char *start = at;
    if (at < end && *at != '#')
        at = end_of_word(at, end);
    *word = (struct word){start, (size_t)(at - start)};
    *rest = (struct word){at, (size_t)(end - at)};
    return word->len > 0;
}

void word_skip_line(struct word *rest)
{
    const char *end = rest->at + rest->len;
    const char *newline = rest->at;
    if (newline < end && *newline != '\n') /* in a comment */
        newline = memchr(newline, '\n', rest->len);
    rest->at = newline && newline < end ? newline + 1 : end;
    rest->len = (size_t)(end - rest->at);
}

struct word word_take_item(struct word *rest)
{
    const char *comma = memchr(rest->at, ',', rest->len);
    struct word item = {rest->at, comma ? (size_t)(comma - rest->at) : rest->len};
    size_t taken = comma ? item.len + 1 : item.len;
    rest->at += taken;
    rest->len -= taken;
    return item;
}

bool word_is_url(struct word word)
{
    return memmem(word.at, word.len, "://", 3) != NULL;
}
