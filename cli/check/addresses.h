/* SPDX-License-Identifier: MIT
 * By which addresses the target of --check is tried beside its name. */
#ifndef SOCKSIFY_CLI_CHECK_ADDRESSES_H
#define SOCKSIFY_CLI_CHECK_ADDRESSES_H

#include "core/route.h"
#include "core/scope.h"
#include "core/target.h"

#include <stdbool.h>

/* Where nobody names another target. */
#define ADDRESSES_DEFAULT_NAME "example.com"
#define ADDRESSES_DEFAULT_IPV4 "1.1.1.1"
#define ADDRESSES_DEFAULT_IPV6 "2606:4700:4700::1111"
enum { ADDRESSES_DEFAULT_PORT = 80 };

struct addresses {
    bool has_ipv4, has_ipv6;
    struct target ipv4, ipv6;
    const char *why_not; /* a family may be missing: static words */
};

/* Of the default target. */
void addresses_of_default(struct addresses *found);

/* Of another: itself, or from the hosts file, or from the configuration's dns-server, which is
 * asked by the way that the rules have for it. Nothing else is asked, unless the route to it, one
 * of proxies, has this machine look it up (resolve=local). */
void addresses_find(const struct scope *scope, const struct target *to, const struct route *route,
                    struct addresses *found);

#endif
