/* SPDX-License-Identifier: MIT
 * One pass over the text, octets of the address as they come. */
#include "core/literal.h"

#include <string.h>

enum { IPV4_LEN = 4, IPV6_LEN = 16, GROUP_DIGITS = 4, NO_GAP = IPV6_LEN + 1 };

bool literal_ipv4(const char *text, size_t len, uint8_t address[static 4])
{
    const char *at = text, *end = text + len;
    for (unsigned i = 0; i < IPV4_LEN; i++) {
        if (i > 0 && (at == end || *at++ != '.'))
            return false;
        const char *start = at;
        unsigned number = 0;
        for (; at < end && *at >= '0' && *at <= '9' && number <= UINT8_MAX; at++)
            number = 10 * number + (unsigned)(*at - '0');
        if (at == start || number > UINT8_MAX || (*start == '0' && at - start > 1))
            return false;
        address[i] = (uint8_t)number;
    }
    return at == end;
}

/* The hexadecimal number at *at; moves *at behind it. */
static unsigned read_group(const char **at, const char *end)
{
    unsigned group = 0;
    for (const char *stop = end - *at > GROUP_DIGITS ? *at + GROUP_DIGITS : end; *at < stop;
         ++*at) {
        unsigned digit = (unsigned)(uint8_t) * *at - '0';
        if (digit > 9) {
            digit = ((unsigned)(uint8_t) * *at | 0x20) - 'a' + 10;
            if (digit < 10 || digit > 15)
                break;
        }
        group = group << 4 | digit;
    }
    return group;
}

/* Put the zeros that :: stands for where it stood. */
static bool fill_gap(uint8_t address[static IPV6_LEN], size_t gap, size_t count)
{
    if (gap == NO_GAP || count == IPV6_LEN)
        return gap == NO_GAP && count == IPV6_LEN;
    size_t zeros = IPV6_LEN - count;
    memmove(address + gap + zeros, address + gap, count - gap);
    memset(address + gap, 0, zeros);
    return true;
}

bool literal_ipv6(const char *text, size_t len, uint8_t address[static 16])
{
    const char *at = text, *end = text + len;
    size_t count = 0, gap = NO_GAP;
    if (len >= 2 && text[0] == ':' && text[1] == ':')
        at++;
    while (at < end) {
        if (*at == ':' && at > text && gap == NO_GAP) {
            gap = count;
            at++;
            continue;
        }
        const char *start = at;
        unsigned group = read_group(&at, end);
        if (at < end && *at == '.' && count <= IPV6_LEN - IPV4_LEN) {
            if (!literal_ipv4(start, (size_t)(end - start), address + count))
                return false;
            count += IPV4_LEN;
            break;
        }
        bool is_last = at == end;
        if (at == start || count == IPV6_LEN || (!is_last && (*at != ':' || at + 1 == end)))
            return false;
        address[count++] = (uint8_t)(group >> 8);
        address[count++] = (uint8_t)group;
        at++;
    }
    return fill_gap(address, gap, count);
}
