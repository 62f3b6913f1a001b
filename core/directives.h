/* SPDX-License-Identifier: MIT
 * The directives of socksify.conf: one line, taken word by word, into what it says. */
#ifndef SOCKSIFY_CORE_DIRECTIVES_H
#define SOCKSIFY_CORE_DIRECTIVES_H

#include "core/config_error.h"
#include "core/proxy_list.h"
#include "core/routes.h"
#include "core/rules.h"
#include "core/target.h"

#include <stdbool.h>
#include <stdint.h>

/* What lines say beside proxies and rules; a line is 0 where nothing was said. */
struct choices {
    const struct route *otherwise;
    const struct target *dns_server;
    unsigned otherwise_line;
    unsigned timeout_line;
    unsigned dns_server_line;
    unsigned strict_line;
    uint32_t timeout_ms;
    bool strict;
};

/* The general lines, or those of one section, and where their words go. */
struct section {
    struct arena *arena;
    struct config_error *error; /* its line is the one being read */
    struct proxy_list *proxies;
    struct routes *routes;
    struct rules *rules; /* NULL in a section of another program: checked only... */
    struct rules *udp;   /* ...and likewise for datagrams */
    enum origin origin;
    struct choices choices;
};

/*
 * Read one line: its first word, and the rest of it, from which is taken what was read; borrowed
 * for the call.
 * STATUS_BAD_INPUT or STATUS_NO_MEMORY, with the message in section->error.
 */
enum status directives_read(struct section *section, struct word directive, struct word *rest);

#endif
