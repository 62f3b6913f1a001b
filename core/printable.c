/* SPDX-License-Identifier: MIT
 * UTF-8, read strictly: a terminal may be less strict, and see in a malformed sequence what we do
 * not. */
#include "core/printable.h"

#include <stdbool.h>
#include <stdint.h>

/* U+009B is to many terminals what ESC [ is; the others make the rest of a line, or lines that
 * follow, look like something else. */
static bool is_control(uint32_t character)
{
    return character < ' ' || (character >= 0x7f && character <= 0x9f) || character == 0x2028 ||
           character == 0x2029 || (character >= 0x202a && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

/* Octets of the sequence that begins with this one; 0: none does. */
static size_t sequence_len(uint8_t first)
{
    return first < 0x80   ? 1
           : first < 0xc2 ? 0
           : first < 0xe0 ? 2
           : first < 0xf0 ? 3
           : first < 0xf5 ? 4
                          : 0;
}

/* Octets of the character to be seen that the text, which is not empty, begins with; 0: none. */
static size_t character_len(const char *text, size_t len)
{
    /* Below these there is a shorter way to write it. */
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = (uint8_t)text[0];
    size_t count = sequence_len(first);
    if (count == 0 || count > len)
        return 0;
    uint32_t character = count == 1 ? first : first & (0x7fU >> count);
    for (size_t i = 1; i < count; i++) {
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | ((uint8_t)text[i] & 0x3f);
    }
    bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < least[count] || is_surrogate || character > 0x10ffff || is_control(character))
        return 0;
    return count;
}

void printable_make(char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t count = character_len(text + at, len - at);
        if (count == 0)
            text[at++] = '?';
        at += count;
    }
}
