/* SPDX-License-Identifier: MIT
 * One client's life: handshake, look-up, connect, relay, end. And what all clients share. */
#ifndef SOCKSIFY_CLI_SESSION_H
#define SOCKSIFY_CLI_SESSION_H

#include "cli/address.h"
#include "cli/conduit.h"
#include "cli/lookup.h"
#include "cli/loop.h"
#include "cli/serve.h"
#include "core/hosts.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct session;

struct server {
    const struct serve_options *options;
    struct loop loop;
    struct conduit_pool pipes;
    struct lookup_pool *lookups;
    struct hosts hosts; /* path NULL: none */
    LIST_HEAD(, session) sessions;
    size_t session_count;
};

/* Serve a client that has just been accepted; fd, a non-blocking socket, is the session's. */
void session_begin(struct server *server, int fd, const struct address *client);

/* End the session that has been longest without a whole request. False when every one has made its
 * request. */
bool session_evict(struct server *server);

void session_end_all(struct server *server);

#endif
