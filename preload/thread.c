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

static struct held fork_held;

static void before_fork(void)
{
    struct held held;
    lock_acquire(&held);
    fork_held = held;
}

static void after_fork_in_parent(void)
{
    struct held held = fork_held;
    pending_fork_parent();
    lock_release(&held);
}

static void after_fork_in_child(void)
{
    struct held held = fork_held;
    for (int fd = own_next(0); fd >= 0; fd = own_next(fd + 1))
        own_close(fd);
    pending_fork_child();
    connector_fork_child();
    responder_fork_child();
    lock_reset();
    lock_release(&held);
}

bool thread_handle_forks(void)
{
    static bool done;
    if (!done)
        done = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    return done;
}
