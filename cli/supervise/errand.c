/* SPDX-License-Identifier: MIT
 * Errands and those who run them. The lock guards the two queues and the numbers; a thread that
 * finds nothing more to do ends. */
#include "cli/supervise/errand.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    THREADS_MAX = 64,        /* they wait for the network most of the time */
    STACK_SIZE = 512 * 1024, /* resolver modules of the system are loaded into it */
};

STAILQ_HEAD(errand_queue, errand);

struct errands {
    struct loop *loop;
    struct watch finished; /* an eventfd: something has been done */
    pthread_mutex_t lock;
    struct errand_queue waiting, done;
    unsigned threads;
};

/* The next one to do; with none the thread is no longer counted, and must end. */
static struct errand *take(struct errands *errands)
{
    pthread_mutex_lock(&errands->lock);
    struct errand *errand = STAILQ_FIRST(&errands->waiting);
    if (errand)
        STAILQ_REMOVE_HEAD(&errands->waiting, link);
    else
        errands->threads--;
    pthread_mutex_unlock(&errands->lock);
    return errand;
}

static void hand_back(struct errands *errands, struct errand *errand)
{
    pthread_mutex_lock(&errands->lock);
    STAILQ_INSERT_TAIL(&errands->done, errand, link);
    pthread_mutex_unlock(&errands->lock);
    eventfd_write(errands->finished.fd, 1);
}

/* The loop's thread has descriptors of the programs', which must close when it closes them, and
 * puts them at numbers of the programs' choice: a thread like this one keeps out of its table. */
static void leave_descriptors(int kept)
{
    unshare(CLONE_FILES);
    if (kept > STDERR_FILENO + 1)
        syscall(SYS_close_range, STDERR_FILENO + 1, (unsigned)kept - 1, 0);
    syscall(SYS_close_range, (unsigned)kept + 1, ~0U, 0);
}

static void *run(void *argument)
{
    struct errands *errands = argument;
    struct errand *errand;
    leave_descriptors(errands->finished.fd);
    while ((errand = take(errands))) {
        errand->work(errand);
        hand_back(errands, errand);
    }
    return NULL;
}

static void deliver(struct watch *watch, uint32_t events)
{
    struct errands *errands = HOLDER_OF(watch, struct errands, finished);
    struct errand_queue done = STAILQ_HEAD_INITIALIZER(done);
    eventfd_t ignored;
    (void)events;
    eventfd_read(watch->fd, &ignored);
    pthread_mutex_lock(&errands->lock);
    STAILQ_CONCAT(&done, &errands->done);
    pthread_mutex_unlock(&errands->lock);
    struct errand *errand;
    while ((errand = STAILQ_FIRST(&done))) {
        STAILQ_REMOVE_HEAD(&done, link);
        errand->done(errand);
    }
}

struct errands *errands_new(struct loop *loop)
{
    struct errands *errands = calloc(1, sizeof(*errands));
    if (!errands)
        return NULL;
    errands->loop = loop;
    errands->finished =
        (struct watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = deliver};
    if (errands->finished.fd < 0 || !loop_watch(loop, &errands->finished, EPOLLIN)) {
        loop_close(loop, &errands->finished);
        free(errands);
        return NULL;
    }
    pthread_mutex_init(&errands->lock, NULL);
    STAILQ_INIT(&errands->waiting);
    STAILQ_INIT(&errands->done);
    return errands;
}

/* Signals are the loop's thread's business. */
static bool start_thread(struct errands *errands)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &attributes, run, errands) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errands->threads += started;
    return started;
}

bool errand_start(struct errands *errands, struct errand *errand)
{
    pthread_mutex_lock(&errands->lock);
    if (errands->threads < THREADS_MAX)
        start_thread(errands);
    bool somebody = errands->threads > 0;
    if (somebody)
        STAILQ_INSERT_TAIL(&errands->waiting, errand, link);
    pthread_mutex_unlock(&errands->lock);
    return somebody;
}
