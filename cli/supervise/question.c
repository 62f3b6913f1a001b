/* SPDX-License-Identifier: MIT
 * Questions: so many at a time are in the network, the next wait for their turn. */
#include "cli/supervise/question.h"

#include "cli/supervise/supervisor.h"
#include "core/dns.h"
#include "core/forward.h"
#include "core/resolver.h"

#include <stdlib.h>
#include <string.h>

enum {
    DATAGRAM_ANSWER_MAX = 4096, /* as much as anybody asks for by datagram: longer ones over TCP */
    IN_NETWORK_MAX = 32,        /* errands have their threads for connects, too */
    WAITING_MAX = 1024,         /* 4 KiB each */
};

struct question {
    STAILQ_ENTRY(question) link; /* while it waits for its turn */
    struct errand errand;
    struct questions *questions;
    struct asker asker;
    enum resolver_verdict verdict;
    void (*done)(void *owner, const uint8_t *answer, size_t len);
    void *owner; /* NULL: forgotten */
    size_t len;
    uint8_t query[QUESTION_MAX];
    size_t answer_len;
    size_t size;
    uint8_t answer[]; /* size */
};

struct questions {
    struct errands *errands;
    STAILQ_HEAD(, question) waiting;
    size_t waiting_count;
    size_t in_network;
};

/* Messages from here on go to the asker's stderr. caller is to be closed in the end. */
static void begin_to_speak(struct caller *caller, const struct asker *asker)
{
    caller->pidfd = -1;
    bool is_there = asker->tid > 0 && caller_open(caller, asker->tid) == 0;
    supervisor_speak_for(is_there ? caller : NULL);
}

static void end_to_speak(struct caller *caller)
{
    supervisor_speak_for(NULL);
    caller_close(caller);
}

/* In the errand's thread. */
static void ask_network(struct errand *errand)
{
    struct question *question = HOLDER_OF(errand, struct question, errand);
    const struct forward_question forward = {
        .query = question->query,
        .len = question->len,
        .verdict = question->verdict,
        .nameserver = &question->asker.nameserver,
        .by_datagram = !question->asker.tcp,
    };
    struct caller caller;
    begin_to_speak(&caller, &question->asker);
    question->answer_len =
        forward_answer(question->asker.scope, &forward, question->answer, question->size);
    end_to_speak(&caller);
}

static void end(struct question *question)
{
    if (question->owner)
        question->done(question->owner, question->answer, question->answer_len);
    free(question);
}

static bool start(struct question *question)
{
    struct questions *questions = question->questions;
    bool started = questions->in_network < IN_NETWORK_MAX &&
                   errand_start(questions->errands, &question->errand);
    questions->in_network += started;
    return started;
}

static void network_answered(struct errand *errand)
{
    struct question *question = HOLDER_OF(errand, struct question, errand);
    struct questions *questions = question->questions;
    questions->in_network--;
    end(question);
    while (questions->in_network < IN_NETWORK_MAX &&
           (question = STAILQ_FIRST(&questions->waiting))) {
        STAILQ_REMOVE_HEAD(&questions->waiting, link);
        questions->waiting_count--;
        if (question->owner && start(question))
            continue;
        question->answer_len =
            resolver_fail(question->query, question->len, question->answer, question->size);
        end(question);
    }
}

/* Now, or in its turn. */
static bool start_or_wait(struct question *question)
{
    struct questions *questions = question->questions;
    if (start(question))
        return true;
    if (questions->in_network == 0 || questions->waiting_count == WAITING_MAX)
        return false; /* nobody's end would begin it */
    STAILQ_INSERT_TAIL(&questions->waiting, question, link);
    questions->waiting_count++;
    return true;
}

static struct question *question_new(struct questions *questions, const struct asker *asker,
                                     const uint8_t *query, size_t len)
{
    size_t size = asker->tcp ? DNS_MESSAGE_MAX : DATAGRAM_ANSWER_MAX;
    struct question *question = malloc(sizeof(*question) + size);
    if (!question)
        return NULL;
    memset(question, 0, offsetof(struct question, query));
    question->errand = (struct errand){.work = ask_network, .done = network_answered};
    question->questions = questions;
    question->asker = *asker;
    question->len = len;
    question->size = size;
    memcpy(question->query, query, len);
    return question;
}

bool question_answer(struct questions *questions, const struct asker *asker, const uint8_t *query,
                     size_t len, uint8_t *answer, size_t size, size_t *answer_len,
                     void (*done)(void *owner, const uint8_t *answer, size_t len), void *owner,
                     struct question **under_way)
{
    struct caller caller;
    *answer_len = 0;
    begin_to_speak(&caller, asker);
    enum resolver_verdict verdict =
        resolver_answer(asker->scope, query, len, !asker->tcp, answer, size, answer_len);
    end_to_speak(&caller);
    if (verdict == RESOLVER_SILENT || verdict == RESOLVER_ANSWERED)
        return true;
    struct question *question = question_new(questions, asker, query, len);
    if (question) {
        question->verdict = verdict;
        question->done = done;
        question->owner = owner;
    }
    if (question && start_or_wait(question)) {
        *under_way = question;
        return false;
    }
    free(question);
    *answer_len = resolver_fail(query, len, answer, size);
    return true;
}

void question_forget(struct question *question)
{
    question->owner = NULL;
}

struct questions *questions_new(struct errands *errands)
{
    struct questions *questions = calloc(1, sizeof(*questions));
    if (!questions)
        return NULL;
    questions->errands = errands;
    STAILQ_INIT(&questions->waiting);
    return questions;
}
