/* SPDX-License-Identifier: MIT
 * The listening socket of the embedded server, and what its address text means. */
#ifndef SOCKSIFY_CLI_LISTENER_H
#define SOCKSIFY_CLI_LISTENER_H

#include "cli/address.h"

#include <stdbool.h>

enum { LISTENER_PORT = 1080 };

enum listener_result { LISTENER_OPEN, LISTENER_BAD_TEXT, LISTENER_FAILED };

/*
 * Listen where text says: "ADDR:PORT", "[ADDR]:PORT", "ADDR" (port 1080), "PORT" or NULL (both on
 * 127.0.0.1). ADDR may be a name of this host; port 0 lets the kernel choose; "[::]" takes IPv4
 * too. On LISTENER_OPEN *fd is a non-blocking socket and *bound its address; otherwise why has been
 * logged.
 */
enum listener_result listener_open(const char *text, int *fd, struct address *bound);

#endif
