/* SPDX-License-Identifier: MIT
 * A futex lock in a page that the kernel clears in forked children. */
#include "preload/lock.h"

#include "preload/kernel.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct page {
    uint32_t word;  /* 0 free, 1 held, 2 held and waited for */
    uint32_t known; /* 0 in a process that is new */
};

static struct page *page; /* atomic; never changes once it is there */
static void (*call_in_child)(void);

bool lock_make(void (*in_child)(void))
{
    if (__atomic_load_n(&page, __ATOMIC_ACQUIRE))
        return true;
    struct page *made =
        mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED)
        return false;
    struct page *there = NULL;
    made->known = 1;
    call_in_child = in_child; /* the same from every thread */
    if (madvise(made, sizeof(*made), MADV_WIPEONFORK) == 0 &&
        __atomic_compare_exchange_n(&page, &there, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return true;
    munmap(made, sizeof(*made));
    return there != NULL;
}

void lock_acquire(struct held *held)
{
    int saved = errno;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &held->signals);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &held->cancel_state);

    uint32_t seen = 0;
    if (!__atomic_compare_exchange_n(&page->word, &seen, 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        while (__atomic_exchange_n(&page->word, 2, __ATOMIC_ACQUIRE) != 0)
            kernel_call(SYS_futex, &page->word, FUTEX_WAIT | FUTEX_PRIVATE, 2, NULL);
    if (page->known == 0) {
        page->known = 1;
        call_in_child();
    }
    errno = saved;
}

void lock_release(const struct held *held)
{
    int saved = errno;
    if (__atomic_exchange_n(&page->word, 0, __ATOMIC_RELEASE) == 2)
        kernel_call(SYS_futex, &page->word, FUTEX_WAKE | FUTEX_PRIVATE, 1);
    pthread_setcancelstate(held->cancel_state, NULL);
    pthread_sigmask(SIG_SETMASK, &held->signals, NULL);
    errno = saved;
}
