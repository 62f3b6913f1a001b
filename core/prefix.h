/* SPDX-License-Identifier: MIT
 * An address as two numbers, so that a prefix is a mask. */
#ifndef SOCKSIFY_CORE_PREFIX_H
#define SOCKSIFY_CORE_PREFIX_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The octets from the highest bit of high on, those that are missing zero: an IPv4 address has all
 * of its own in the upper half of high. */
struct bits {
    uint64_t high, low;
};

/* The first len octets, at most 16. */
static inline struct bits bits_of(const uint8_t *octets, size_t len)
{
    uint64_t halves[2] = {0, 0};
    memcpy(halves, octets, len);
    return (struct bits){be64toh(halves[0]), be64toh(halves[1])};
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
    const uint64_t halves[2] = {htobe64(bits.high), htobe64(bits.low)};
    memcpy(octets, halves, sizeof(halves));
}

#endif
