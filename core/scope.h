/* SPDX-License-Identifier: MIT
 * What a program goes by: its configuration, the names known to it, and where its proxies are. The
 * library has one for its process; the supervisor one for each program that it serves. */
#ifndef SOCKSIFY_CORE_SCOPE_H
#define SOCKSIFY_CORE_SCOPE_H

struct config;
struct endpoint_cache;
struct hosts;
struct names;
struct reported;

/* All borrowed. */
struct scope {
    const struct config *config; /* NULL: it cannot be used, and nothing may go out */
    struct names *names;         /* NULL: there is none, and no name can be given a stand-in */
    struct hosts *hosts;
    const char *resolv_conf; /* where programs with a resolver of their own have their search list;
                                NULL: they have none */
    struct endpoint_cache *endpoints; /* of this configuration's proxies */
    struct reported *reported;        /* what is said once a program (report.h) */
};

#endif
