/* SPDX-License-Identifier: MIT
 * Look-ups by the scope of this process. */
#include "preload/resolve.h"

#include "preload/state.h"

#include <stdbool.h>

/* Make the next part of it. False when nothing is lacking, or cannot be had. */
static bool complete(struct scope *scope)
{
    if (!scope->config) {
        scope->config = state_config();
        return scope->config != NULL;
    }
    if (!scope->names) {
        scope->names = state_names();
        return scope->names != NULL;
    }
    return false;
}

enum lookup_kind resolve_name(const char *name, int family, struct lookup *found)
{
    struct scope scope = state_scope_so_far();
    enum lookup_kind kind;
    do
        kind = lookup_name(&scope, name, family, found);
    while (kind == LOOKUP_REFUSED && complete(&scope));
    return kind;
}

enum lookup_kind resolve_address(int family, const void *bytes, struct lookup *found)
{
    struct scope scope = state_scope_so_far();
    enum lookup_kind kind;
    do
        kind = lookup_address(&scope, family, bytes, found);
    while (kind == LOOKUP_REFUSED && complete(&scope));
    return kind;
}

enum standin resolve_standin(struct target *target)
{
    return standin_is(target) ? standin_to_name(state_names(), target) : STANDIN_NOT;
}
