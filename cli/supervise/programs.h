/* SPDX-License-Identifier: MIT
 * The configuration of each program under the supervisor: one text, compiled anew for every program
 * that has rules of its own. */
#ifndef SOCKSIFY_CLI_SUPERVISE_PROGRAMS_H
#define SOCKSIFY_CLI_SUPERVISE_PROGRAMS_H

#include "cli/supervise/caller.h"
#include "core/hosts.h"
#include "core/names.h"
#include "core/scope.h"
#include "core/target.h"

#include <stdbool.h>

struct programs;

/* Read the environment and the configuration file that it points to, and set up the log by them.
 * names and hosts are borrowed for ever. NULL without memory. */
struct programs *programs_new(struct names *names, struct hosts *hosts);

/* What the caller's program goes by; lives for ever. scope->config is NULL when the configuration
 * cannot be used, which is said once. */
const struct scope *programs_scope(struct programs *programs, const struct caller *caller);

/* True for the place where a proxy of that configuration is, which the preload library connects to
 * by itself: the first one of its routes, by address or by name. */
bool programs_is_proxy(const struct scope *scope, const struct target *to);

#endif
