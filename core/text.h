/* SPDX-License-Identifier: MIT
 * Text put together in a bounded buffer, and numbers read from text: what snprintf and strtoul do
 * elsewhere, without stdio, locale or allocation. */
#ifndef SOCKSIFY_CORE_TEXT_H
#define SOCKSIFY_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Always NUL-terminated; what does not fit is dropped. */
struct text {
    char *buf;
    size_t size; /* at least 1 */
    size_t len;  /* without the NUL */
};

/* Begin with an empty text in buf, which is borrowed. */
struct text text_start(char *buf, size_t size);

void text_add(struct text *text, const char *words);
void text_add_bytes(struct text *text, const char *bytes, size_t len);
void text_add_number(struct text *text, unsigned long number);

/* The whole of it in one call: the parts, closed by a NULL, one after the other in buf. */
void text_join(char *buf, size_t size, const char *part, ...) __attribute__((sentinel));

/* Read len decimal digits, all of them and at least one, as a number of at most max. False, with
 * *number untouched, when it is none. */
bool text_to_number(const char *digits, size_t len, unsigned long max, unsigned long *number);

/* ASCII only, whatever the program's locale says. */
static inline char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Same octets but for the case of ASCII letters; word is NUL-terminated, bytes is not. */
bool text_is_word(const char *bytes, size_t len, const char *word);

#endif
