/* SPDX-License-Identifier: MIT
 * Routes in a list, each text once. */
#include "core/routes.h"

#include "core/arena.h"

#include <limits.h>
#include <string.h>

struct written_route {
    struct route route;
    struct written_route *next;
    size_t text_len;
    unsigned line; /* the first one */
};

static struct written_route *new_route(struct arena *arena, struct word text)
{
    struct written_route *written = arena_alloc(arena, sizeof(*written));
    char *copy = arena_copy(arena, text.at, text.len);
    if (!written || !copy)
        return NULL;
    written->route.text = copy;
    written->route.kind = word_is(text, "direct")  ? ROUTE_DIRECT
                          : word_is(text, "block") ? ROUTE_BLOCK
                                                   : ROUTE_PROXY;
    written->text_len = text.len;
    return written;
}

struct route *routes_write(struct routes *routes, struct word text, unsigned line)
{
    /* The latest one stands in front: files have their lines in runs of one route. */
    struct written_route **link = &routes->latest;
    while (*link &&
           ((*link)->text_len != text.len || memcmp((*link)->route.text, text.at, text.len) != 0))
        link = &(*link)->next;

    struct written_route *written = *link;
    if (written)
        *link = written->next;
    else
        written = new_route(routes->arena, text);
    if (!written)
        return NULL;
    written->next = routes->latest;
    routes->latest = written;
    if (!written->line || line < written->line)
        written->line = line;
    return &written->route;
}

/* The deadline of a route: the command line's, else the longest that its proxies ask for, else the
 * general one. */
static void set_timeout(const struct routes *routes, struct route *route)
{
    uint32_t timeout_ms = routes->forced_timeout_ms;
    for (size_t i = 0; i < route->hop_count && !routes->forced_timeout_ms; i++) {
        if (route->hop[i]->timeout_ms > timeout_ms)
            timeout_ms = route->hop[i]->timeout_ms;
    }
    route->timeout_ms = timeout_ms ? timeout_ms : routes->timeout_ms;
}

bool routes_set_hops(const struct routes *routes, struct route *route,
                     const struct proxy *const *hops, size_t count)
{
    const struct proxy **copy = arena_alloc(routes->arena, count * sizeof(*copy));
    if (!copy)
        return false;
    memcpy(copy, hops, count * sizeof(*copy));
    route->hop = copy;
    route->hop_count = (uint8_t)count;
    set_timeout(routes, route);
    return true;
}

/* One name of a chain; NULL when it is none, which error then says. */
static const struct proxy *find_hop(const struct proxy_list *proxies, struct word chain,
                                    struct word name, struct config_error *error)
{
    const struct definition *definition = NULL;
    if (!name.len)
        config_error_word(error, chain, "expected names of proxies with a single comma between");
    else if (word_is(name, "direct") || word_is(name, "block"))
        config_error_word(error, chain, "expected proxies only in a chain");
    else if (!(definition = proxy_list_find(proxies, name)))
        config_error_word(
            error, name,
            word_is_url(name)
                ? "expected a name, defined by a line \"proxy NAME URL\""
                : "expected direct, block or a proxy that a line \"proxy NAME URL\" defines");
    return definition ? &definition->proxy : NULL;
}

static enum status complete_chain(const struct routes *routes, struct written_route *written,
                                  const struct proxy_list *proxies, struct config_error *error)
{
    const struct proxy *hops[ROUTE_HOPS_MAX];
    size_t count = 0;
    struct word chain = {written->route.text, written->text_len};
    struct word rest = chain;
    error->line = written->line;
    for (bool more = true; more;) {
        more = memchr(rest.at, ',', rest.len) != NULL;
        const struct proxy *hop = find_hop(proxies, chain, word_take_item(&rest), error);
        if (!hop)
            return STATUS_BAD_INPUT;
        if (count == ROUTE_HOPS_MAX)
            return config_error_word(error, chain, ROUTES_TOO_LONG_WORDS);
        hops[count++] = hop;
    }
    return routes_set_hops(routes, &written->route, hops, count) ? STATUS_OK
                                                                 : config_error_no_memory(error);
}

enum status routes_complete(struct routes *routes, const struct proxy_list *proxies,
                            struct config_error *error)
{
    enum status result = STATUS_OK;
    unsigned first = UINT_MAX;
    for (struct written_route *written = routes->latest; written; written = written->next) {
        if (written->line >= first)
            continue;
        enum status status = STATUS_OK;
        if (written->route.kind == ROUTE_PROXY)
            status = complete_chain(routes, written, proxies, error);
        else
            set_timeout(routes, &written->route);
        if (status != STATUS_OK) {
            result = status;
            first = written->line;
        }
    }
    return result;
}
