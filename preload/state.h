/* SPDX-License-Identifier: MIT
 * What the library knows about the process it is in: configuration, names map, hosts file. Set up
 * by a constructor, or by the first call that comes before it. */
#ifndef SOCKSIFY_PRELOAD_STATE_H
#define SOCKSIFY_PRELOAD_STATE_H

#include "core/config.h"
#include "core/endpoint_cache.h"
#include "core/names.h"
#include "core/report.h"
#include "core/scope.h"
#include "core/settings.h"

#define EXPORT __attribute__((visibility("default")))

/* For small variables that are written in every process: into the page that the loader has written
 * to already, rather than each into one of its own of .bss. */
#define STARTUP_DATA __attribute__((section(".data")))

/* Idempotent; cheap when done. Every exported function that needs the state calls it (through the
 * functions below). Reads the environment and the configuration's octets and maps the names: what a
 * later chroot, setuid or closing of descriptors would put out of reach. */
void state_start(void);

/*
 * The compiled configuration; compiled at the first call, which most programs never make. NULL when
 * it cannot be used: that is said once on stderr, and the caller must refuse with EACCES whatever
 * is not local. Lock-free: threads that come together compile it twice and one copy is dropped.
 */
const struct config *state_config(void);

/* How programs are to be reached. */
enum way state_way(void);

/* The names map; NULL when there is no memory for it. */
struct names *state_names(void);

/* Where the configuration's proxies are, as far as it was looked up. */
struct endpoint_cache *state_endpoints(void);

/* All that this process goes by. */
struct scope state_scope(void);

/* The same as far as it is there already: without a configuration that was not compiled yet, and
 * without a map of which something is yet to be said. */
struct scope state_scope_so_far(void);

#endif
