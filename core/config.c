/* SPDX-License-Identifier: MIT
 * A configuration: the file is read, its routes are completed, the default is chosen. */
#include "core/config.h"

#include "core/arena.h"
#include "core/config_error.h"
#include "core/config_file.h"
#include "core/directives.h"
#include "core/proxy_list.h"
#include "core/proxy_variable.h"
#include "core/routes.h"

enum { LINE_LEN = 32 }; /* octets of a rule's line, more or less */

struct config {
    struct arena *arena;
    struct rules *rules;
    struct rules *udp;
    struct proxy_list proxies;
    const struct target *dns_server;
    bool strict;
};

static struct config *new_config(void)
{
    static const struct route block = {.kind = ROUTE_BLOCK, .timeout_ms = 1, .text = "block"};
    struct arena *arena = arena_new();
    struct config *config = arena ? arena_alloc(arena, sizeof(*config)) : NULL;
    if (config) {
        config->arena = arena;
        config->rules = rules_new(arena, NULL, 0);
        config->udp = rules_new(arena, &block, 0);
        proxy_list_init(&config->proxies);
        if (config->rules && config->udp)
            return config;
    }
    arena_free(arena);
    return NULL;
}

static enum status refuse_no_default(const struct config *config, struct config_error *error)
{
    const struct definition *first = config->proxies.first[ORIGIN_GENERAL];
    if (!first)
        first = config->proxies.first[ORIGIN_APPS];
    return config_error_no_default(error, first ? first->proxy.name : NULL);
}

/* What becomes of a destination that no rule names: SOCKSIFY_PROXY over the file over ALL_PROXY. */
static enum status choose_default(struct config *config, const struct config_source *source,
                                  const struct choices *file, const struct routes *routes,
                                  struct config_error *error)
{
    bool has_proxy = source->proxy && *source->proxy;
    if (!has_proxy && file->otherwise) {
        rules_set_otherwise(config->rules, file->otherwise, file->otherwise_line);
        return STATUS_OK;
    }
    if (!has_proxy && !proxy_variable_is_socks(source->fallback_proxy))
        return refuse_no_default(config, error);

    struct route *route = arena_alloc(config->arena, sizeof(*route));
    if (!route)
        return config_error_no_memory(error);
    rules_set_otherwise(config->rules, route, 0);
    const char *origin = source->proxy_origin ? source->proxy_origin : "SOCKSIFY_PROXY";
    const char *fallback_origin = source->fallback_origin ? source->fallback_origin : "ALL_PROXY";
    return proxy_variable_read(has_proxy ? origin : fallback_origin,
                               has_proxy ? source->proxy : source->fallback_proxy, routes,
                               &config->proxies, error, route);
}

static enum status compile(struct config *config, const struct config_source *source,
                           struct config_error *error)
{
    struct routes routes = {.arena = config->arena, .forced_timeout_ms = source->timeout_ms};
    struct section section = {
        .arena = config->arena,
        .error = error,
        .proxies = &config->proxies,
        .routes = &routes,
        .rules = config->rules,
        .udp = config->udp,
    };
    struct config_file file = {
        .text = source->text,
        .len = source->len,
        .apps = source->app,
        .app_count = sizeof(source->app) / sizeof(*source->app),
    };
    enum status status = STATUS_OK;
    if (source->text) {
        rules_reserve(config->rules, source->len / LINE_LEN);
        status = config_file_read(&file, &section);
    }
    uint32_t timeout_ms = section.choices.timeout_ms;
    routes.timeout_ms = timeout_ms ? timeout_ms : CONFIG_TIMEOUT_MS;
    if (status == STATUS_OK)
        status = routes_complete(&routes, &config->proxies, error);
    if (status == STATUS_OK)
        status = choose_default(config, source, &section.choices, &routes, error);
    if (status == STATUS_OK && !proxy_list_number(&config->proxies, config->arena))
        status = config_error_no_memory(error);
    if (status == STATUS_OK &&
        (rules_finish(config->rules) != STATUS_OK || rules_finish(config->udp) != STATUS_OK))
        status = config_error_no_memory(error);
    config->dns_server = section.choices.dns_server;
    config->strict = section.choices.strict;
    return status;
}

enum status config_compile(const struct config_source *source, struct config **config,
                           char error[static CONFIG_ERROR_MAX])
{
    struct config_error where = {.file = source->file, .text = error};
    error[0] = '\0';
    struct config *built = new_config();
    if (!built)
        return config_error_no_memory(&where);
    enum status status = compile(built, source, &where);
    if (status == STATUS_OK)
        *config = built;
    else
        config_free(built);
    return status;
}

void config_free(struct config *config)
{
    if (config)
        arena_free(config->arena);
}

const struct rules *config_rules(const struct config *config)
{
    return config->rules;
}

const struct rules *config_udp(const struct config *config)
{
    return config->udp;
}

const struct target *config_dns_server(const struct config *config)
{
    return config->dns_server;
}

bool config_strict(const struct config *config)
{
    return config->strict;
}

bool config_has_password(const struct config *config)
{
    return proxy_list_has_password(&config->proxies);
}

size_t config_proxy_count(const struct config *config)
{
    return config->proxies.count;
}

const struct proxy *config_proxy(const struct config *config, size_t i)
{
    return config->proxies.by_number[i];
}

size_t config_proxy_index(const struct config *config, const struct proxy *proxy)
{
    (void)config;
    return proxy_list_index(proxy);
}
