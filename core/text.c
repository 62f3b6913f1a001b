/* SPDX-License-Identifier: MIT
 * Bounded text without stdio: see text.h. */
#include "core/text.h"

#include <stdarg.h>
#include <string.h>

struct text text_start(char *buf, size_t size)
{
    buf[0] = '\0';
    return (struct text){.buf = buf, .size = size};
}

void text_add_bytes(struct text *text, const char *bytes, size_t len)
{
    size_t room = text->size - 1 - text->len;
    if (len > room)
        len = room;
    memcpy(text->buf + text->len, bytes, len);
    text->len += len;
    text->buf[text->len] = '\0';
}

void text_add(struct text *text, const char *words)
{
    text_add_bytes(text, words, strlen(words));
}

void text_add_number(struct text *text, unsigned long number)
{
    char digits[3 * sizeof(number)];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    text_add_bytes(text, digits + at, sizeof(digits) - at);
}

void text_join(char *buf, size_t size, const char *part, ...)
{
    struct text text = text_start(buf, size);
    va_list parts;
    va_start(parts, part);
    for (; part; part = va_arg(parts, const char *))
        text_add(&text, part);
    va_end(parts);
}

bool text_to_number(const char *digits, size_t len, unsigned long max, unsigned long *number)
{
    unsigned long value = 0;
    if (!len)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned long digit = (unsigned char)digits[i] - (unsigned long)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value) || value > max)
            return false;
    }
    *number = value;
    return true;
}

bool text_is_word(const char *bytes, size_t len, const char *word)
{
    for (size_t i = 0; i < len; i++) {
        if (!word[i] || text_lower(bytes[i]) != text_lower(word[i]))
            return false;
    }
    return !word[len];
}
