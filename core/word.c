/* SPDX-License-Identifier: MIT
 * A line into words, one after the other. */
#include "core/word.h"

#include <string.h>

bool word_is(struct word word, const char *text)
{
    size_t i = 0;
    while (i < word.len && word.at[i] == text[i]) /* a word has no NUL, so this ends with text */
        i++;
    return i == word.len && !text[i];
}

bool word_next(struct word *rest, struct word *word)
{
    const char *at = rest->at;
    const char *end = at + rest->len;
    while (at < end && word_is_blank(*at))
        at++;
    const char *start = at;
    if (at < end && *at == '#')
        at = start = end;
    while (at < end && ((unsigned char)*at > ' ' || !word_is_blank(*at)))
        at++;
    *word = (struct word){start, (size_t)(at - start)};
    *rest = (struct word){at, (size_t)(end - at)};
    return word->len > 0;
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
