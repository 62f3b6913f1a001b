/* SPDX-License-Identifier: MIT
 * The proxies of a configuration: defined one by one, found by name, in the end numbered. */
#ifndef SOCKSIFY_CORE_PROXY_LIST_H
#define SOCKSIFY_CORE_PROXY_LIST_H

#include "core/proxy.h"
#include "core/word.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Where something is said: in the file's general lines, in its sections of programs, or in the
 * environment. In this order proxies are numbered. */
enum origin { ORIGIN_GENERAL, ORIGIN_APPS, ORIGIN_ENVIRONMENT, ORIGIN_COUNT };

struct definition {
    struct proxy proxy;
    struct definition *next; /* of the same origin */
    size_t index;            /* see proxy_list_number */
    unsigned line;           /* 0: in the environment */
};

struct proxy_list {
    struct definition *first[ORIGIN_COUNT];
    struct definition **end[ORIGIN_COUNT];
    const struct proxy **by_number;
    size_t count;
};

/* Empty; not to be moved afterwards. */
void proxy_list_init(struct proxy_list *list);

/* Add a proxy, all zeros but for its place; the caller reads it, and gives it a name before
 * anything is looked for. NULL when there is no memory. */
struct definition *proxy_list_add(struct proxy_list *list, struct arena *arena, enum origin origin,
                                  unsigned line);

/* The proxy of the file that has this name, or NULL. */
struct definition *proxy_list_find(const struct proxy_list *list, struct word name);

/* Number all proxies, from 0. False when there is no memory. */
bool proxy_list_number(struct proxy_list *list, struct arena *arena);

/* The number of a proxy of the list. */
size_t proxy_list_index(const struct proxy *proxy);

/* True when a proxy of the file has a password. */
bool proxy_list_has_password(const struct proxy_list *list);

#endif
