/* SPDX-License-Identifier: MIT
 * An environment variable that names proxies (SOCKSIFY_PROXY, ALL_PROXY) into a route. */
#ifndef SOCKSIFY_CORE_PROXY_VARIABLE_H
#define SOCKSIFY_CORE_PROXY_VARIABLE_H

#include "core/config_error.h"
#include "core/proxy_list.h"
#include "core/routes.h"

/*
 * Read value: URLs, or names of the file's proxies, separated by commas. The proxies of URLs are
 * added to the list. variable is its name, for messages. The route's text names the proxies and
 * holds no secret.
 */
enum status proxy_variable_read(const char *variable, const char *value,
                                const struct routes *routes, struct proxy_list *proxies,
                                struct config_error *error, struct route *route);

/* True when a value (may be NULL) is meant for SOCKS: ALL_PROXY may name proxies of other kinds. */
bool proxy_variable_is_socks(const char *value);

#endif
