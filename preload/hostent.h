/* SPDX-License-Identifier: MIT
 * Laying a look-up out as a struct hostent in the caller's buffer, as the gethostby*_r functions
 * promise. */
#ifndef SOCKSIFY_PRELOAD_HOSTENT_H
#define SOCKSIFY_PRELOAD_HOSTENT_H

#include "core/lookup.h"

#include <netdb.h>
#include <stddef.h>

/* Enough for any struct lookup, its pointers and their alignment. */
enum { HOSTENT_BUFFER_MAX = 1024 };

/*
 * Fill *entry with the addresses of one family, its strings and lists in buf. Returns 0 with
 * *result = entry; 0 with *result NULL and *h_error set when there is no address; ERANGE with
 * *h_error NETDB_INTERNAL when buf is too small (nothing else is touched).
 */
int hostent_fill(const struct lookup *found, int family, struct hostent *entry, char *buf,
                 size_t buf_len, struct hostent **result, int *h_error);

/* The same for a look-up that found nothing to fill: of kind LOOKUP_MALFORMED or LOOKUP_REFUSED. */
int hostent_fail(enum lookup_kind kind, struct hostent **result, int *h_error);

#endif
