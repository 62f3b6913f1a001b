/* SPDX-License-Identifier: MIT
 * What getaddrinfo(3) and getaddrinfo_a(3) have in common. */
#ifndef SOCKSIFY_PRELOAD_ADDRINFO_H
#define SOCKSIFY_PRELOAD_ADDRINFO_H

#include <netdb.h>
#include <stdbool.h>

/*
 * Answer a look-up, as getaddrinfo(3) would and without waiting: *result is what it returns. False
 * when it is libc's own business: no name, a literal address, a name that goes direct, or a call of
 * our own.
 */
bool addrinfo_answer(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **list, int *result);

/* Give the list that libc has just made a canonical name, which freeaddrinfo(3) frees with it.
 * False when there is no memory. */
bool addrinfo_set_canonical(struct addrinfo *list, const char *name);

#endif
