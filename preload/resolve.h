/* SPDX-License-Identifier: MIT
 * The look-ups of core by the scope of this process, of which no more is made than each of them
 * needs: a program that looks up this host and addresses in figures has no use for a compiled
 * configuration, and nothing to hear of its names map. */
#ifndef SOCKSIFY_PRELOAD_RESOLVE_H
#define SOCKSIFY_PRELOAD_RESOLVE_H

#include "core/lookup.h"
#include "core/standin.h"
#include "core/target.h"

/* As lookup_name. */
enum lookup_kind resolve_name(const char *name, int family, struct lookup *found);

/* As lookup_address. */
enum lookup_kind resolve_address(int family, const void *bytes, struct lookup *found);

/* As standin_to_name. */
enum standin resolve_standin(struct target *target);

#endif
