/* SPDX-License-Identifier: MIT
 * The text of socksify.conf into a struct config: proxies, rules of one program, its datagrams and
 * name server, timeout.
 * Built once, read-only afterwards. No file is opened here (see settings.h). */
#ifndef SOCKSIFY_CORE_CONFIG_H
#define SOCKSIFY_CORE_CONFIG_H

#include "core/config_error.h"
#include "core/proxy.h"
#include "core/route.h"
#include "core/rules.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_TIMEOUT_MS = 30000 }; /* when nobody asks for another */

/* Where a configuration comes from; everything is borrowed for the call of config_compile only. */
struct config_source {
    const char *file; /* the file's name, for messages; NULL: no file */
    const char *text; /* its octets, not NUL-terminated */
    size_t len;
    const char *proxy;          /* SOCKSIFY_PROXY: URLs or names of the file's proxies, separated by
                                   commas: a chain that stands in for every `default`; NULL: none */
    const char *proxy_origin;   /* what to call that in messages; NULL: SOCKSIFY_PROXY */
    const char *fallback_proxy; /* ALL_PROXY: used when nothing else names a default and it is a
                                   SOCKS URL, else ignored; NULL: none */
    const char *fallback_origin; /* what to call that in messages; NULL: ALL_PROXY */
    const char *app[2];  /* base names of the program, by which [app ...] sections are picked
                            (as it was called, and its executable); NULL: none */
    uint32_t timeout_ms; /* -t / SOCKSIFY_TIMEOUT: overrides every timeout; 0: not given */
};

struct config;

/*
 * Compile. On failure STATUS_BAD_INPUT (or STATUS_NO_MEMORY), *config is untouched, and error says
 * "FILE:LINE: WORD: what was expected" (or what `proxy` is called in place of FILE:LINE). Sections
 * of other programs are checked like the rest. No default at all is an error too. Allocates by mmap
 * only (see arena.h), so that it may run anywhere in somebody else's process.
 */
enum status config_compile(const struct config_source *source, struct config **config,
                           char error[static CONFIG_ERROR_MAX]);

/* Free it. For tests and the wrapper; the library keeps its configuration for ever. */
void config_free(struct config *config);

/* The rules that hold for the program named in the source: its own, then the general ones. */
const struct rules *config_rules(const struct config *config);

/*
 * What becomes of datagrams, for that program: decisions are of kind ROUTE_DIRECT or ROUTE_BLOCK
 * (the last resort), for addresses only. This host is direct unless a line names it.
 */
const struct rules *config_udp(const struct config *config);

/* The name server, as seen from the proxy, for what the names map cannot answer; NULL: none. */
const struct target *config_dns_server(const struct config *config);

/* True when a child that cannot be proxied must not be started. */
bool config_strict(const struct config *config);

/* True when a proxy of the file (not of the environment) has a password: such a file should not be
 * readable by others. */
bool config_has_password(const struct config *config);

/*
 * Every proxy of every route, so that a caller can keep something beside each: struct proxy number
 * i of config_proxy_count, in order of definition. config_proxy_index is the inverse.
 */
size_t config_proxy_count(const struct config *config);
const struct proxy *config_proxy(const struct config *config, size_t i);
size_t config_proxy_index(const struct config *config, const struct proxy *proxy);

#endif
