/* SPDX-License-Identifier: MIT
 * Canonical names of our own in a list of libc's, and freeaddrinfo(3) where libc's cannot free
 * that: to musl what one call gave is one piece of memory, names and all. It takes back any part of
 * it, but our lists are parts of several. */
#include "preload/addrinfo.h"

#include "preload/real.h"
#include "preload/state.h"

#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__

bool addrinfo_set_canonical(struct addrinfo *first, const char *name)
{
    char *copy = strdup(name);
    if (!copy)
        return false;
    free(first->ai_canonname);
    first->ai_canonname = copy;
    return true;
}

#else

/* A name of ours is known by what stands before it, where libc's own have the end of a list. */
struct canonical {
    const struct canonical *itself;
    char name[];
};

bool addrinfo_set_canonical(struct addrinfo *first, const char *name)
{
    size_t size = strlen(name) + 1;
    struct canonical *made = malloc(sizeof(*made) + size);
    if (!made)
        return false;
    made->itself = made;
    memcpy(made->name, name, size);
    first->ai_canonname = made->name;
    for (struct addrinfo *other = first->ai_next; other; other = other->ai_next)
        other->ai_canonname = NULL;
    return true;
}

static void free_canonical(char *name)
{
    if (!name)
        return;
    struct canonical *named = (void *)(name - offsetof(struct canonical, name));
    if (named->itself == named)
        free(named);
}

EXPORT void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free_canonical(list->ai_canonname);
        list->ai_next = NULL;
        real(freeaddrinfo)(list);
        list = next;
    }
}

#endif
