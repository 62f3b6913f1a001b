/* SPDX-License-Identifier: MIT
 * The items of LD_PRELOAD, one by one. */
#include "core/preloads.h"

#include "core/text.h"

#include <string.h>

static const char separators[] = " :";

/* The item at *list or behind it, its length, and *list moved on to its end; NULL: no more. */
static const char *next_item(const char **list, size_t *len)
{
    const char *item = *list + strspn(*list, separators);
    *len = strcspn(item, separators);
    *list = item + *len;
    return *len > 0 ? item : NULL;
}

/* A copy elsewhere is one, too, perhaps of another version. */
static bool is_our_library(const char *item, size_t len)
{
    const char *slash = memrchr(item, '/', len);
    const char *name = slash ? slash + 1 : item;
    size_t name_len = len - (size_t)(name - item);
    return name_len == strlen(PRELOADS_LIBRARY) && memcmp(name, PRELOADS_LIBRARY, name_len) == 0;
}

const char *preloads_find(const char *list, size_t *len)
{
    for (const char *item; (item = next_item(&list, len));)
        if (is_our_library(item, *len))
            return item;
    return NULL;
}

void preloads_add(struct text *text, const char *list)
{
    size_t len;
    for (const char *item; list && (item = next_item(&list, &len));) {
        if (is_our_library(item, len))
            continue;
        text_add(text, ":");
        text_add_bytes(text, item, len);
    }
}
