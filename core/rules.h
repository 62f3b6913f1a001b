/* SPDX-License-Identifier: MIT
 * Which route a destination takes. Rules are tried in the order they were added, the first that
 * matches wins; compiled so that a decision costs the same with ten rules and with fifty thousand.
 */
#ifndef SOCKSIFY_CORE_RULES_H
#define SOCKSIFY_CORE_RULES_H

#include "core/route.h"
#include "core/status.h"
#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct rules;

/* What was decided, and by which line of the configuration: 0 for what needs no line (this host,
 * a default from the environment). */
struct decision {
    const struct route *route;
    unsigned line;
};

/* Empty rules, in arena, whose last resort is the route `otherwise` (line as above).
 * NULL when there is no memory. */
struct rules *rules_new(struct arena *arena, const struct route *otherwise, unsigned line);

/* Change the last resort. */
void rules_set_otherwise(struct rules *rules, const struct route *otherwise, unsigned line);

/* Make room for about so many rules at once: a guess, to save time. */
void rules_reserve(struct rules *rules, size_t count);

/*
 * Add a rule at the end: pattern (not NUL-terminated) is a host name, "*.suffix" (names below the
 * suffix, not the suffix itself), an IPv4 or IPv6 address, a CIDR, "localnet" (loopback,
 * link-local, RFC 1918, unique local addresses, and the name localhost with all below it), or "*",
 * each with an optional ":port" or ":low-high" (an IPv6 pattern with a port needs brackets:
 * "[2001:db8::/32]:443"). Letters match in either case; one trailing dot is dropped.
 * rules may be NULL, to check the pattern only. rules_finish makes it hold.
 * STATUS_BAD_INPUT: why says what is wrong with it; STATUS_NO_MEMORY.
 */
enum status rules_add(struct rules *rules, const char *pattern, size_t len,
                      const struct route *route, unsigned line, char *why, size_t why_len);

/* The same for rules that are asked about addresses only: a pattern for names is STATUS_BAD_INPUT.
 */
enum status rules_add_address(struct rules *rules, const char *pattern, size_t len,
                              const struct route *route, unsigned line, char *why, size_t why_len);

/* Compile what was added: decisions know no other rules. STATUS_OK or STATUS_NO_MEMORY. */
enum status rules_finish(struct rules *rules);

/*
 * Decide. A name is matched by name patterns and "*" only, an address by address patterns and "*"
 * only; nothing is looked up.
 * This host (target_is_this_host, the name localhost and all below it) goes direct unless a rule
 * other than "*" says otherwise.
 */
struct decision rules_decide(const struct rules *rules, const struct target *target);

/*
 * Decide what a look-up of a name (not NUL-terminated, in any case) needs, before the port is
 * known: true when every port would go direct (look it up for real). When only some ports go direct
 * it is false: a stand-in is given out, and a direct connect to it looks the name up then.
 */
bool rules_name_is_direct(const struct rules *rules, const char *name, size_t len);

#endif
