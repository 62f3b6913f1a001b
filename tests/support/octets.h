/* SPDX-License-Identifier: MIT
 * Octets as tests write them: hexadecimal, "05 00 78*63", where a star repeats the octet before. */
#ifndef SOCKSIFY_TESTS_OCTETS_H
#define SOCKSIFY_TESTS_OCTETS_H

#include <ctype.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The octets that text stands for, into out; their number, which is max at most. Ends the program
 * when there are more, or when it is no such text. */
static inline size_t octets_from_hex(const char *text, uint8_t *out, size_t max)
{
    size_t len = 0;
    while (*text) {
        if (isspace((unsigned char)*text)) {
            text++;
            continue;
        }
        unsigned octet;
        int used;
        if (sscanf(text, "%2x%n", &octet, &used) != 1 || used != 2)
            errx(2, "%s: expected hexadecimal octets", text);
        text += 2;
        unsigned long times = 1;
        if (*text == '*')
            times = strtoul(text + 1, (char **)&text, 10);
        if (times > max - len)
            errx(2, "too many octets");
        memset(out + len, (int)octet, times);
        len += times;
    }
    return len;
}

#endif
