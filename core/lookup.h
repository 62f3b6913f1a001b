/* SPDX-License-Identifier: MIT
 * What a look-up of a host name gives to a program, whichever way it asks: addresses of the hosts
 * file, a stand-in, or the word that its own resolver should look it up for real. */
#ifndef SOCKSIFY_CORE_LOOKUP_H
#define SOCKSIFY_CORE_LOOKUP_H

#include "core/hosts.h"
#include "core/scope.h"
#include "core/target.h"

#include <stddef.h>
#include <stdint.h>

enum lookup_kind {
    LOOKUP_REAL,      /* a literal address, or a name that goes direct: the real resolver's */
    LOOKUP_FOUND,     /* answered here: struct lookup is filled, count may be 0 (no such family) */
    LOOKUP_MALFORMED, /* no name that a resolver or a proxy could take */
    LOOKUP_REFUSED,   /* the configuration cannot be used, or there is no names map */
};

enum {
    LOOKUP_ADDRESSES_MAX = 16
}; /* a name that stands in more lines of the hosts file: the first */

struct lookup {
    size_t count;
    struct hosts_address list[LOOKUP_ADDRESSES_MAX];
    char canonical[TARGET_NAME_MAX + 1];
};

/*
 * Look up name for AF_INET, AF_INET6 or AF_UNSPEC. A stand-in is IPv4 unless IPv6 alone is asked
 * for, so that nobody races two families to one place.
 */
enum lookup_kind lookup_name(const struct scope *scope, const char *name, int family,
                             struct lookup *found);

/* The name of an address, for reverse look-ups: of a stand-in the name behind it. */
enum lookup_kind lookup_address(const struct scope *scope, int family, const void *bytes,
                                struct lookup *found);

static inline size_t lookup_address_len(int family)
{
    return family == AF_INET ? 4 : 16;
}

#endif
