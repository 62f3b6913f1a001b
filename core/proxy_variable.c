/* SPDX-License-Identifier: MIT
 * The chain of proxies that a variable writes. */
#include "core/proxy_variable.h"

#include "core/arena.h"
#include "core/text.h"

#include <string.h>

struct chain {
    const struct proxy *hops[ROUTE_HOPS_MAX];
    size_t count;
};

/* A URL, whose proxy is called by its address. */
static enum status add_url(struct chain *chain, const char *variable, struct word url,
                           struct arena *arena, struct proxy_list *proxies,
                           struct config_error *error)
{
    char why[CONFIG_REASON_MAX];
    char name[TARGET_TEXT_MAX];
    struct definition *definition = proxy_list_add(proxies, arena, ORIGIN_ENVIRONMENT, 0);
    if (!definition)
        return config_error_no_memory(error);
    if (proxy_parse_url(&definition->proxy, url.at, url.len, why, sizeof(why)) != STATUS_OK)
        return config_error_variable(error, variable, url, why);
    target_to_text(&definition->proxy.address, name);
    definition->proxy.name = arena_copy(arena, name, strlen(name));
    if (!definition->proxy.name)
        return config_error_no_memory(error);
    chain->hops[chain->count++] = &definition->proxy;
    return STATUS_OK;
}

static enum status add_item(struct chain *chain, const char *variable, struct word item,
                            struct arena *arena, struct proxy_list *proxies,
                            struct config_error *error)
{
    if (chain->count == ROUTE_HOPS_MAX)
        return config_error_variable(error, variable, item, ROUTES_TOO_LONG_WORDS);
    if (word_is_url(item))
        return add_url(chain, variable, item, arena, proxies, error);
    const struct definition *known = proxy_list_find(proxies, item);
    if (!known)
        return config_error_variable(error, variable, item,
                                     "expected a URL such as socks5://HOST:1080, or the name of a "
                                     "proxy in the configuration file");
    chain->hops[chain->count++] = &known->proxy;
    return STATUS_OK;
}

/* "NAME,NAME" */
static const char *name_chain(struct arena *arena, const struct chain *chain)
{
    size_t size = 1;
    for (size_t i = 0; i < chain->count; i++)
        size += strlen(chain->hops[i]->name) + 1;
    char *name = arena_alloc(arena, size);
    if (!name)
        return NULL;
    struct text text = text_start(name, size);
    for (size_t i = 0; i < chain->count; i++) {
        if (i > 0)
            text_add(&text, ",");
        text_add(&text, chain->hops[i]->name);
    }
    return name;
}

enum status proxy_variable_read(const char *variable, const char *value,
                                const struct routes *routes, struct proxy_list *proxies,
                                struct config_error *error, struct route *route)
{
    struct chain chain = {.count = 0};
    struct word rest = {value, strlen(value)};
    for (bool more = true; more;) {
        more = memchr(rest.at, ',', rest.len) != NULL;
        enum status status =
            add_item(&chain, variable, word_take_item(&rest), routes->arena, proxies, error);
        if (status != STATUS_OK)
            return status;
    }
    route->kind = ROUTE_PROXY;
    route->text = name_chain(routes->arena, &chain);
    return route->text && routes_set_hops(routes, route, chain.hops, chain.count)
               ? STATUS_OK
               : config_error_no_memory(error);
}

bool proxy_variable_is_socks(const char *value)
{
    return value && text_is_word(value, strnlen(value, 5), "socks") && strstr(value, "://");
}
