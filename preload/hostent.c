/* SPDX-License-Identifier: MIT
 * Building a struct hostent. */
#include "preload/hostent.h"

#include "preload/libc.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

_Static_assert(HOSTENT_BUFFER_MAX >= (LOOKUP_ADDRESSES_MAX + 3) * (int)sizeof(char *) +
                                         LOOKUP_ADDRESSES_MAX * 16 + TARGET_NAME_MAX + 1,
               "a full struct lookup fits");

int hostent_fill(const struct lookup *found, int family, struct hostent *entry, char *buf,
                 size_t buf_len, struct hostent **result, int *h_error)
{
    const size_t address_len = lookup_address_len(family);
    const size_t name_len = strlen(found->canonical) + 1;
    size_t count = 0;
    for (size_t i = 0; i < found->count; i++)
        count += found->list[i].family == family;

    *result = NULL;
    if (count == 0) {
        *h_error = NO_DATA;
        return 0;
    }
    /* No aliases: one NULL; the addresses' pointers and their NULL; addresses; the name. */
    size_t padding = -(uintptr_t)buf % _Alignof(char *);
    size_t needed = padding + (count + 2) * sizeof(char *) + count * address_len + name_len;
    if (buf_len < needed) {
        *h_error = NETDB_INTERNAL;
        return ERANGE;
    }
    char **pointers = (char **)(void *)(buf + padding);
    char *bytes = (char *)(pointers + count + 2);
    entry->h_aliases = pointers;
    *pointers++ = NULL;
    entry->h_addr_list = pointers;
    for (size_t i = 0; i < found->count; i++) {
        if (found->list[i].family != family)
            continue;
        memcpy(bytes, found->list[i].bytes, address_len);
        *pointers++ = bytes;
        bytes += address_len;
    }
    *pointers = NULL;
    entry->h_name = memcpy(bytes, found->canonical, name_len);
    entry->h_addrtype = family;
    entry->h_length = (int)address_len;
    *result = entry;
    return 0;
}

int hostent_fail(enum lookup_kind kind, struct hostent **result, int *h_error)
{
    *result = NULL;
    *h_error = kind == LOOKUP_MALFORMED ? HOST_NOT_FOUND : NO_RECOVERY;
    return 0;
}
