/* SPDX-License-Identifier: MIT
 * Text put together in a bounded buffer, and numbers read from text: what snprintf and strtoul do
 * elsewhere, without stdio, locale or allocation. */
#ifndef SOCKSIFY_CORE_TEXT_H
#define SOCKSIFY_CORE_TEXT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* Octets of a text taken eight at a time, the first in the lowest place: those from `at` on, zeros
 * behind the last one; at < len. */
static inline uint64_t text_eight(const char *text, size_t len, size_t at)
{
    uint64_t eight = 0;
    size_t left = len - at;
    if (left >= 8) {
        memcpy(&eight, text + at, 8);
        return le64toh(eight);
    }
    if (len >= 8) {
        memcpy(&eight, text + len - 8, 8);
        return le64toh(eight) >> (8 * (8 - left));
    }
    for (size_t i = 0; i < left; i++)
        eight |= (uint64_t)(uint8_t)text[at + i] << 8 * i;
    return eight;
}

#define TEXT_EIGHT(octet) (0x0101010101010101 * (uint64_t)(octet))

/* The highest bit of each of eight octets that is from low to high, both ASCII. */
static inline uint64_t text_eight_within(uint64_t eight, unsigned char low, unsigned char high)
{
    uint64_t seven_bits = eight & TEXT_EIGHT(0x7f);
    uint64_t from_low = seven_bits + TEXT_EIGHT(0x80 - low);
    uint64_t above_high = seven_bits + TEXT_EIGHT(0x7f - high);
    return from_low & ~above_high & ~eight & TEXT_EIGHT(0x80);
}

/* Same octets but for the case of ASCII letters; word is NUL-terminated, bytes is not. */
bool text_is_word(const char *bytes, size_t len, const char *word);

#endif
