/* SPDX-License-Identifier: MIT
 * What the harnesses share: claims that must hold for any input, the input taken piece by piece,
 * and copies that end where their memory ends, so that one octet of over-read is seen. */
#ifndef SOCKSIFY_TESTS_FUZZ_FUZZ_H
#define SOCKSIFY_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* End the process, which keeps the input, when a claim does not hold. */
#define MUST(claim)                                                                                \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* One input. The same octets must give the same run: nothing of an earlier one is left. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is left of the input. */
struct input {
    const uint8_t *at;
    size_t left;
};

/* The next octet; 0 when there is none. */
static inline uint8_t take_octet(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

static inline uint16_t take_16(struct input *input)
{
    uint16_t high = take_octet(input);
    return (uint16_t)(high << 8 | take_octet(input));
}

/* The next len octets, or as many as there are. */
static inline struct input take_part(struct input *input, size_t len)
{
    struct input part = {input->at, len < input->left ? len : input->left};
    input->at += part.left;
    input->left -= part.left;
    return part;
}

/* Likewise, as a string of the heap: with a closing NUL, and without one before it. */
static inline char *take_string(struct input *input, size_t len)
{
    struct input part = take_part(input, len);
    char *string = calloc(1, part.left + 1);
    MUST(string);
    for (size_t i = 0; i < part.left; i++)
        string[i] = part.at[i] ? (char)part.at[i] : ' ';
    return string;
}

/* A copy in the heap of exactly len octets; for len 0 a pointer that must not be read through,
 * which some other libc might not give. */
static inline void *copy_exactly(const void *octets, size_t len)
{
    void *copy = calloc(1, len); /* NOLINT(clang-analyzer-optin.portability.UnixAPI) */
    MUST(copy);
    if (len > 0)
        memcpy(copy, octets, len);
    return copy;
}

/* Padding included: of what was cleared before it was filled. */
static inline bool same_octets(const void *a, const void *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

#endif
