/* SPDX-License-Identifier: MIT
 * One connection through a proxy, and how long each stage of it took. */
#ifndef SOCKSIFY_CLI_CHECK_PROBE_H
#define SOCKSIFY_CLI_CHECK_PROBE_H

#include "core/endpoint.h"
#include "core/handshake.h"
#include "core/route.h"
#include "core/target.h"

#include <stdbool.h>
#include <stdint.h>

/* Filled by the caller down to timeout_ms. */
struct probe {
    const struct route *route; /* of kind ROUTE_PROXY */
    const struct target *to;
    union endpoint endpoint; /* of the route's first proxy */
    int64_t timeout_ms;

    struct failure failure; /* result: status STATUS_OK when the target was reached */
    bool tcp_connected;     /* result: the first proxy was */
    bool asked_password;    /* result: the last proxy asked for it */
    /* Results, in microseconds: of each stage of the last proxy (of a pipeline, what is left of it
     * when the answer to the stage before has come), and of the whole. A stage that was not reached
     * has 0. */
    int64_t stage_us[STAGE_DONE];
    int64_t total_us;
};

/* Connect, and close. */
void probe_run(struct probe *probe);

/* True when the last proxy gave an answer to its request, be it a refusal. */
bool probe_was_answered(const struct probe *probe);

/*
 * Say something to a server, and get what it says first: at most size octets, within timeout_ms.
 * Returns their number, 0 for none.
 */
size_t probe_exchange(const union endpoint *endpoint, const char *words, char *answer, size_t size,
                      int timeout_ms);

#endif
