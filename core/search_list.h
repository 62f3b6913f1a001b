/* SPDX-License-Identifier: MIT
 * The search list of resolv.conf(5): domains that a resolver appends to a name before it asks for
 * the name itself, which must have fewer dots than `ndots` for that. */
#ifndef SOCKSIFY_CORE_SEARCH_LIST_H
#define SOCKSIFY_CORE_SEARCH_LIST_H

#include <stddef.h>

enum {
    SEARCH_LIST_DOMAINS_MAX = 32, /* no resolver takes more */
    SEARCH_LIST_TEXT_MAX = 1024,  /* octets of a line; the rest of a longer one is not read */
};

struct search_list {
    unsigned ndots;
    size_t count;
    struct search_domain {
        unsigned short at, len; /* in text */
    } domains[SEARCH_LIST_DOMAINS_MAX];
    char text[SEARCH_LIST_TEXT_MAX];
};

/* Read the file as it is now. One that cannot be read is an empty one: no domains, one dot. */
void search_list_read(struct search_list *list, const char *path);

/* How many octets of name (without a trailing dot) stand before domain number i, when a resolver
 * may have appended that; 0 when it has not. */
size_t search_list_base(const struct search_list *list, size_t i, const char *name, size_t len);

#endif
