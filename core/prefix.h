/* SPDX-License-Identifier: MIT
 * An address as two numbers, so that a prefix is a mask. */
#ifndef SOCKSIFY_CORE_PREFIX_H
#define SOCKSIFY_CORE_PREFIX_H

#include <stddef.h>
#include <stdint.h>

/* The octets from the highest bit of high on, those that are missing zero: an IPv4 address has all
 * of its own in the upper half of high. */
struct bits {
    uint64_t high, low;
};

/* The first len octets, at most 16. */
static inline struct bits bits_of(const uint8_t *octets, size_t len)
{
    uint64_t halves[2] = {0, 0};
    for (size_t i = 0; i < len; i++)
        halves[i / 8] |= (uint64_t)octets[i] << (56 - 8 * (i % 8));
    return (struct bits){halves[0], halves[1]};
}

/* The first length bits, 0 to 128; the others zero. */
static inline struct bits bits_prefix(struct bits bits, unsigned length)
{
    if (length < 64)
        return (struct bits){length ? bits.high & ~(UINT64_MAX >> length) : 0, 0};
    if (length < 128)
        bits.low &= length > 64 ? ~(UINT64_MAX >> (length - 64)) : 0;
    return bits;
}

static inline void bits_to_octets(struct bits bits, uint8_t octets[static 16])
{
    for (size_t i = 0; i < 8; i++) {
        octets[i] = (uint8_t)(bits.high >> (56 - 8 * i));
        octets[8 + i] = (uint8_t)(bits.low >> (56 - 8 * i));
    }
}

#endif
