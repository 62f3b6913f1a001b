/* SPDX-License-Identifier: MIT
 * Proxies in one list for each origin. */
#include "core/proxy_list.h"

#include "core/arena.h"

void proxy_list_init(struct proxy_list *list)
{
    *list = (struct proxy_list){.count = 0};
    for (enum origin origin = 0; origin < ORIGIN_COUNT; origin++)
        list->end[origin] = &list->first[origin];
}

struct definition *proxy_list_add(struct proxy_list *list, struct arena *arena, enum origin origin,
                                  unsigned line)
{
    struct definition *definition = arena_alloc(arena, sizeof(*definition));
    if (!definition)
        return NULL;
    definition->line = line;
    *list->end[origin] = definition;
    list->end[origin] = &definition->next;
    list->count++;
    return definition;
}

struct definition *proxy_list_find(const struct proxy_list *list, struct word name)
{
    for (enum origin origin = ORIGIN_GENERAL; origin <= ORIGIN_APPS; origin++) {
        for (struct definition *d = list->first[origin]; d; d = d->next) {
            if (word_is(name, d->proxy.name))
                return d;
        }
    }
    return NULL;
}

bool proxy_list_number(struct proxy_list *list, struct arena *arena)
{
    size_t index = 0;
    list->by_number = arena_alloc(arena, list->count * sizeof(*list->by_number));
    if (!list->by_number)
        return false;
    for (enum origin origin = 0; origin < ORIGIN_COUNT; origin++) {
        for (struct definition *d = list->first[origin]; d; d = d->next) {
            d->index = index;
            list->by_number[index++] = &d->proxy;
        }
    }
    return true;
}

_Static_assert(offsetof(struct definition, proxy) == 0, "one is found from the other");

size_t proxy_list_index(const struct proxy *proxy)
{
    return ((const struct definition *)proxy)->index;
}

bool proxy_list_has_password(const struct proxy_list *list)
{
    for (enum origin origin = ORIGIN_GENERAL; origin <= ORIGIN_APPS; origin++) {
        for (const struct definition *d = list->first[origin]; d; d = d->next) {
            if (d->proxy.password_len)
                return true;
        }
    }
    return false;
}
