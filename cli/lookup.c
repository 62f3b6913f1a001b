/* SPDX-License-Identifier: MIT
 * Name look-ups. A look-up waits, runs, is answered; the pool's lock guards the three queues. Only
 * the loop's thread reads or writes `owner`: the answer to a cancelled look-up finds nobody. */
#include "cli/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

enum stage { WAITING, RUNNING, ANSWERED };

struct lookup {
    TAILQ_ENTRY(lookup) link;
    struct lookup_pool *pool;
    enum stage stage;
    struct address client;
    void (*done)(void *owner, struct address *list, size_t count);
    void *owner; /* NULL: cancelled */
    uint16_t port;
    char name[TARGET_NAME_MAX + 1];
    size_t count;
    struct address list[]; /* LOOKUP_ADDRESSES */
};

TAILQ_HEAD(queue, lookup);

struct lookup_pool {
    struct loop *loop;
    struct watch answers; /* an eventfd: something has been answered */
    pthread_mutex_t lock;
    pthread_cond_t work; /* something waits, or the pool ends */
    struct queue queue[ANSWERED + 1];
    size_t waiting;
    unsigned threads, idle;
    bool ending;
};

enum { STACK_SIZE = 512 * 1024 }; /* resolver modules of the system are loaded into it */

/* With the lock held. */
static void enter(struct lookup *lookup, enum stage stage)
{
    lookup->stage = stage;
    lookup->pool->waiting += stage == WAITING;
    TAILQ_INSERT_TAIL(&lookup->pool->queue[stage], lookup, link);
}

static void leave(struct lookup *lookup)
{
    lookup->pool->waiting -= lookup->stage == WAITING;
    TAILQ_REMOVE(&lookup->pool->queue[lookup->stage], lookup, link);
}

static bool has_its_share(struct lookup_pool *pool, const struct address *client)
{
    size_t busy = 0;
    struct lookup *lookup;
    TAILQ_FOREACH(lookup, &pool->queue[RUNNING], link)
    busy += address_same_host(&lookup->client, client);
    return busy >= LOOKUP_SHARE;
}

/* The look-up that has waited longest among those whose client has a thread left; NULL: none. */
static struct lookup *next_waiting(struct lookup_pool *pool)
{
    const struct address *full = NULL; /* the last client found to have its share */
    struct lookup *lookup;
    TAILQ_FOREACH(lookup, &pool->queue[WAITING], link)
    {
        if (full && address_same_host(full, &lookup->client))
            continue;
        if (!has_its_share(pool, &lookup->client))
            return lookup;
        full = &lookup->client;
    }
    return NULL;
}

static void ask_resolver(struct lookup *lookup)
{
    /* No AI_ADDRCONFIG: it takes a host with loopback only for one without any address. */
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(lookup->name, NULL, &hints, &found) != 0)
        return;
    for (const struct addrinfo *a = found; a && lookup->count < LOOKUP_ADDRESSES; a = a->ai_next) {
        struct address *address = &lookup->list[lookup->count];
        if (!address_from_sockaddr(address, a->ai_addr, a->ai_addrlen))
            continue;
        /* sin_port and sin6_port lie at the same place. */
        address->ipv4.sin_port = htons(lookup->port);
        lookup->count++;
    }
    freeaddrinfo(found);
}

static void pool_release(struct lookup_pool *pool)
{
    for (int stage = WAITING; stage <= ANSWERED; stage++) {
        struct lookup *next = TAILQ_FIRST(&pool->queue[stage]);
        while (next) {
            struct lookup *lookup = next;
            next = TAILQ_NEXT(lookup, link);
            free(lookup);
        }
    }
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* With the lock held, which is let go while the resolver works. */
static void run(struct lookup_pool *pool, struct lookup *lookup)
{
    leave(lookup);
    enter(lookup, RUNNING);
    pthread_mutex_unlock(&pool->lock);
    ask_resolver(lookup);
    pthread_mutex_lock(&pool->lock);
    leave(lookup);
    enter(lookup, ANSWERED);
    if (!pool->ending) /* else nobody listens any more */
        eventfd_write(pool->answers.fd, 1);
}

static void *work(void *argument)
{
    struct lookup_pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    while (!pool->ending) {
        struct lookup *lookup = next_waiting(pool);
        if (lookup) {
            run(pool, lookup);
        } else {
            pool->idle++;
            pthread_cond_wait(&pool->work, &pool->lock);
            pool->idle--;
        }
    }
    bool last = --pool->threads == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        pool_release(pool);
    return NULL;
}

static bool start_thread(struct lookup_pool *pool)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &attributes, work, pool) == 0;
    pthread_attr_destroy(&attributes);
    pool->threads += started;
    return started;
}

static void deliver(struct watch *watch, uint32_t events)
{
    (void)events;
    struct lookup_pool *pool = HOLDER_OF(watch, struct lookup_pool, answers);
    eventfd_t ignored;
    eventfd_read(watch->fd, &ignored);

    pthread_mutex_lock(&pool->lock);
    struct queue answered = TAILQ_HEAD_INITIALIZER(answered);
    TAILQ_CONCAT(&answered, &pool->queue[ANSWERED], link);
    pthread_mutex_unlock(&pool->lock);

    struct lookup *lookup;
    while ((lookup = TAILQ_FIRST(&answered))) {
        TAILQ_REMOVE(&answered, lookup, link);
        if (lookup->owner)
            lookup->done(lookup->owner, lookup->list, lookup->count);
        free(lookup);
    }
}

struct lookup_pool *lookup_pool_new(struct loop *loop)
{
    struct lookup_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return NULL;
    pool->loop = loop;
    pool->answers.ready = deliver;
    pool->answers.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->answers.fd < 0 || !loop_watch(loop, &pool->answers, EPOLLIN)) {
        loop_close(loop, &pool->answers);
        free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    for (int stage = WAITING; stage <= ANSWERED; stage++)
        TAILQ_INIT(&pool->queue[stage]);
    return pool;
}

void lookup_pool_free(struct lookup_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    loop_close(pool->loop, &pool->answers);
    pthread_cond_broadcast(&pool->work);
    bool last = pool->threads == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        pool_release(pool);
}

struct lookup *lookup_start(struct lookup_pool *pool, const char *name, uint16_t port,
                            const struct address *client,
                            void (*done)(void *owner, struct address *list, size_t count),
                            void *owner)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup) + LOOKUP_ADDRESSES * sizeof(struct address));
    if (!lookup)
        return NULL;
    lookup->pool = pool;
    lookup->client = *client;
    lookup->done = done;
    lookup->owner = owner;
    lookup->port = port;
    strncpy(lookup->name, name, sizeof(lookup->name) - 1);

    pthread_mutex_lock(&pool->lock);
    enter(lookup, WAITING);
    if (pool->waiting <= pool->idle) /* one that was woken may not have run yet, and counts twice */
        pthread_cond_signal(&pool->work);
    else if (pool->threads < LOOKUP_THREADS)
        start_thread(pool);
    bool somebody = pool->threads > 0;
    if (!somebody)
        leave(lookup);
    pthread_mutex_unlock(&pool->lock);
    if (somebody)
        return lookup;
    free(lookup);
    return NULL;
}

void lookup_cancel(struct lookup *lookup)
{
    struct lookup_pool *pool = lookup->pool;
    lookup->owner = NULL;
    pthread_mutex_lock(&pool->lock);
    bool waiting = lookup->stage == WAITING;
    if (waiting)
        leave(lookup);
    pthread_mutex_unlock(&pool->lock);
    if (waiting)
        free(lookup);
}
