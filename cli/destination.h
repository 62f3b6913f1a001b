/* SPDX-License-Identifier: MIT
 * What a user writes to name a destination, into a target. */
#ifndef SOCKSIFY_CLI_DESTINATION_H
#define SOCKSIFY_CLI_DESTINATION_H

#include "core/target.h"

#include <stdbool.h>

/*
 * Read HOST, HOST:PORT, an address with or without a port (IPv6 in brackets then), or a URL, whose
 * scheme may stand for the port. *has_port is false when none was said: *target has port 0 then.
 * Addresses in the old forms that inet_aton(3) takes are addresses here, too, as they are to
 * programs. Returns NULL, or what is wrong with it.
 */
const char *destination_read(const char *text, struct target *target, bool *has_port);

/* Enough for most; longer ones are cut. */
enum { DESTINATION_SHOWN_MAX = 320 };

/* The text for a message about what is wrong with it, without what could be a password: it may have
 * been meant to be a proxy. */
const char *destination_shown(const char *text, char buf[static DESTINATION_SHOWN_MAX]);

#endif
