/* SPDX-License-Identifier: MIT
 * DNS questions of supervised programs: answered at once where that is possible, else by the
 * network, as errands. */
#ifndef SOCKSIFY_CLI_SUPERVISE_QUESTION_H
#define SOCKSIFY_CLI_SUPERVISE_QUESTION_H

#include "cli/supervise/errand.h"
#include "core/endpoint.h"
#include "core/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { QUESTION_MAX = 4096 }; /* octets; longer ones are nonsense */

/* Who asks, and whom. */
struct asker {
    const struct scope *scope; /* lives for ever */
    pid_t tid;                 /* messages go to this thread's stderr; 0: nobody's */
    union endpoint nameserver;
    bool tcp;
};

struct questions;

/* A question that the network is asked. */
struct question;

struct questions *questions_new(struct errands *errands);

/*
 * Answer a question of at most QUESTION_MAX octets, on answer, which takes size octets. True when
 * that was possible: *answer_len octets, or 0 for what deserves no answer. Else it is the network's
 * to answer: done(owner, ...) is called later with the answer, which is no longer than one of this
 * kind may be, and *under_way is the question until then.
 */
bool question_answer(struct questions *questions, const struct asker *asker, const uint8_t *query,
                     size_t len, uint8_t *answer, size_t size, size_t *answer_len,
                     void (*done)(void *owner, const uint8_t *answer, size_t len), void *owner,
                     struct question **under_way);

/* Whatever the answer, the owner is not told. */
void question_forget(struct question *question);

#endif
