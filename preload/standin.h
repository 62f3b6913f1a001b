/* SPDX-License-Identifier: MIT
 * Stand-in addresses in sockaddrs and targets, by the names map of this process. */
#ifndef SOCKSIFY_PRELOAD_STANDIN_H
#define SOCKSIFY_PRELOAD_STANDIN_H

#include "core/target.h"

enum standin {
    STANDIN_NOT,     /* an ordinary address */
    STANDIN_NAMED,   /* a stand-in whose name is known */
    STANDIN_UNKNOWN, /* in the stand-in range, but nobody resolved it (or too long ago) */
};

/* Turn an address that is a stand-in into the name it stands for; anything else stays as it is. */
enum standin standin_to_name(struct target *target);

#endif
