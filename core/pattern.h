/* SPDX-License-Identifier: MIT
 * The pattern of a rule: which hosts and which ports it is about, from its text. */
#ifndef SOCKSIFY_CORE_PATTERN_H
#define SOCKSIFY_CORE_PATTERN_H

#include "core/prefix.h"
#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pattern_kind {
    PATTERN_ANY,      /* * */
    PATTERN_NAME,     /* a host name */
    PATTERN_SUFFIX,   /* *.SUFFIX: the names below it */
    PATTERN_IPV4,     /* an address or a CIDR */
    PATTERN_IPV6,     /* likewise; never of IPv4-mapped addresses, which become PATTERN_IPV4 */
    PATTERN_LOCALNET, /* localnet: several of the above */
    PATTERN_KIND_COUNT,
};

enum { PATTERN_PORT_MAX = 65535, PATTERN_WORDS_MAX = 128 };

struct pattern {
    enum pattern_kind kind;
    uint16_t low, high;  /* ports; 0 to PATTERN_PORT_MAX for any */
    uint8_t level;       /* prefix length; for names the number of labels */
    uint8_t len;         /* of the name */
    struct bits address; /* no bit set beyond the prefix; zeros for what is not an address */
    char name[TARGET_NAME_MAX + 1]; /* name or suffix: lower case, no trailing dot; behind it zeros
                                       up to a multiple of eight */
};

/*
 * Read text (not NUL-terminated; its forms stand in rules.h). Returns NULL, or what is wrong with
 * it: static words, or such as were put together in `words`; *pattern is then undefined.
 */
const char *pattern_read(struct pattern *pattern, const char *text, size_t len,
                         char words[static PATTERN_WORDS_MAX]);

#endif
