/* SPDX-License-Identifier: MIT
 * Starting threads, and the fork handlers. */
#include "preload/thread.h"

#include "preload/connector.h"
#include "preload/lock.h"
#include "preload/own.h"
#include "preload/pending.h"
#include "preload/responder.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>

bool thread_start(void *(*run)(void *), void *argument, size_t stack_size)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    /* The thread is born with its maker's mask. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ready = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0;
    bool started = false;
    /* A program with much thread-local data needs more: the size is doubled until libc agrees. */
    for (int i = 0; ready && !started && i < 6; i++, stack_size *= 2)
        started = pthread_attr_setstacksize(&attributes, stack_size) == 0 &&
                  pthread_create(&thread, &attributes, run, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

/* A thread that is not in the child may have been at work under the lock: nothing of what it left
 * half done is used. */
static void settle_child(void)
{
    own_close_all();
    pending_fork_child();
    connector_fork_child();
    responder_fork_child();
}

static void before_fork(void)
{
    struct held held;
    lock_acquire(&held);
    pending_before_fork();
    lock_release(&held);
}

/* Settles, if nobody did so before: our copies of the parent's sockets would keep them open. */
static void after_fork_in_child(void)
{
    struct held held;
    lock_acquire(&held);
    lock_release(&held);
}

bool thread_handle_forks(void)
{
    static bool done;
    if (__atomic_load_n(&done, __ATOMIC_ACQUIRE))
        return true;
    if (!lock_make(settle_child))
        return false;
    struct held held;
    lock_acquire(&held);
    if (!done && pthread_atfork(before_fork, NULL, after_fork_in_child) == 0)
        __atomic_store_n(&done, true, __ATOMIC_RELEASE);
    lock_release(&held);
    return done;
}
