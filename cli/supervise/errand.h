/* SPDX-License-Identifier: MIT
 * What may take its time (look-ups with the system's resolver, questions to a name server through
 * the proxy), done in a thread of its own, so that the supervisor never waits. */
#ifndef SOCKSIFY_CLI_SUPERVISE_ERRAND_H
#define SOCKSIFY_CLI_SUPERVISE_ERRAND_H

#include "cli/loop.h"

#include <stdbool.h>
#include <sys/queue.h>

struct errands;

/* Lives in its owner until done is called; all zeroes but for the functions before. */
struct errand {
    void (*work)(struct errand *errand); /* in a thread: touches nothing but its own */
    void (*done)(struct errand *errand); /* in the loop's thread, afterwards */
    STAILQ_ENTRY(errand) link;           /* private */
};

/* For the rest of the process's life. NULL with errno. */
struct errands *errands_new(struct loop *loop);

/* Run it; when 64 are under way already, in its turn. False when there is no thread to be had:
 * neither function is called then. */
bool errand_start(struct errands *errands, struct errand *errand);

#endif
