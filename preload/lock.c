/* SPDX-License-Identifier: MIT
 * A futex lock: 0 free, 1 held, 2 held and waited for. Not a pthread mutex, because a fork handler
 * must be able to reset it. */
#include "preload/lock.h"

#include "preload/kernel.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

static uint32_t word;

void lock_acquire(struct held *held)
{
    int saved = errno;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &held->signals);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &held->cancel_state);

    uint32_t seen = 0;
    if (!__atomic_compare_exchange_n(&word, &seen, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        while (__atomic_exchange_n(&word, 2, __ATOMIC_ACQUIRE) != 0)
            kernel_call(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 2, NULL);
    errno = saved;
}

void lock_release(const struct held *held)
{
    int saved = errno;
    if (__atomic_exchange_n(&word, 0, __ATOMIC_RELEASE) == 2)
        kernel_call(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1);
    pthread_setcancelstate(held->cancel_state, NULL);
    pthread_sigmask(SIG_SETMASK, &held->signals, NULL);
    errno = saved;
}

void lock_reset(void)
{
    __atomic_store_n(&word, 0, __ATOMIC_RELEASE);
}
