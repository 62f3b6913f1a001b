/* SPDX-License-Identifier: MIT
 * The wrapper's own exit statuses; everything else is the program's. EXIT_FAILURE (1) is left for
 * what has no better one: the library is missing, the server cannot start. */
#ifndef SOCKSIFY_CLI_EXITS_H
#define SOCKSIFY_CLI_EXITS_H

enum {
    EXIT_USAGE = 2,
    EXIT_CONFIG = 78,   /* EX_CONFIG of sysexits.h */
    EXIT_REFUSED = 126, /* found, but it cannot be run, or would not be proxied */
    EXIT_NOT_FOUND = 127,
};

#endif
