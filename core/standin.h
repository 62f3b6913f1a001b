/* SPDX-License-Identifier: MIT
 * Stand-in addresses in targets, by a names map. */
#ifndef SOCKSIFY_CORE_STANDIN_H
#define SOCKSIFY_CORE_STANDIN_H

#include "core/target.h"

#include <stdbool.h>

struct names;

enum standin {
    STANDIN_NOT,     /* an ordinary address */
    STANDIN_NAMED,   /* a stand-in whose name is known */
    STANDIN_UNKNOWN, /* in the stand-in range, but nobody resolved it (or too long ago) */
};

/* True for an address in the stand-in range. */
bool standin_is(const struct target *target);

/* Turn an address that is a stand-in into the name it stands for; anything else stays as it is.
 * names NULL: there is no map, and no name is known. */
enum standin standin_to_name(struct names *names, struct target *target);

#endif
