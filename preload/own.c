/* SPDX-License-Identifier: MIT
 * Making, marking and closing our own descriptors. */
#include "preload/own.h"

#include "core/sys.h"
#include "preload/fdtable.h"
#include "preload/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    LOW = 3,     /* above the standard ones */
    HIGH = 8192, /* above what select(2) and most programs use */
};

extern char __libc_single_threaded __attribute__((weak)); /* glibc 2.32 and later */

uint32_t own_count;
static int lowest = LOW; /* of our numbers, where they can be had */

/* close(2) without being a cancellation point or one of our own exported functions. */
static void plain_close(int fd)
{
    int saved = errno;
    kernel_call(SYS_close, fd);
    errno = saved;
}

/*
 * The kernel's table of descriptors grows when a number beyond it is used, and that takes a process
 * with threads some milliseconds, each time it doubles. So a process that has none is made to grow
 * it once, to twice of what we begin with, and one that has them is left with the lowest numbers.
 */
static void prepare(int fd)
{
    struct rlimit limit;
    bool single = &__libc_single_threaded && __libc_single_threaded;
    if (!single || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    /* Half of the program's limit at most: numbers above leave it the lower ones. */
    lowest = limit.rlim_cur / 2 >= HIGH ? HIGH : (int)(limit.rlim_cur / 2);
    int top = limit.rlim_cur / 2 >= HIGH ? 2 * HIGH - 1 : (int)limit.rlim_cur - 1;
    int made = (int)kernel_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, top);
    if (made >= 0)
        plain_close(made);
}

/* Other threads may look at any number at any time. */
static bool is_own(const struct slot *slot)
{
    return __atomic_load_n(&slot->own, __ATOMIC_RELAXED);
}

static void set_own(struct slot *slot, bool own)
{
    __atomic_store_n(&slot->own, own, __ATOMIC_RELAXED);
}

/* Whatever the number meant before, it is ours now. */
static void take_slot(struct slot *slot)
{
    __atomic_store_n(&slot->peer_sequence, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->pending, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->duplicated, false, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->is_set, false, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->datagram, DATAGRAM_FREE, __ATOMIC_RELAXED);
    for (size_t i = 0; i < SLOT_WATCHES; i++)
        __atomic_store_n(&slot->watches[i].set, 0, __ATOMIC_RELAXED);
    set_own(slot, true);
}

int own_duplicate(int fd)
{
    if (!own_any())
        prepare(fd);
    int made = (int)kernel_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
    if (made < 0 && errno != EBADF)
        made = (int)kernel_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, LOW);
    struct slot *slot = made >= 0 ? fdtable_slot(made, true) : NULL;
    if (made >= 0 && !slot) {
        plain_close(made);
        errno = ENOMEM;
        return -1;
    }
    if (slot) {
        take_slot(slot);
        __atomic_add_fetch(&own_count, 1, __ATOMIC_RELAXED);
    }
    return made;
}

int own_adopt(int fd)
{
    int made = fd >= 0 ? own_duplicate(fd) : -1;
    if (fd >= 0)
        plain_close(fd);
    return made;
}

void own_close(int fd)
{
    struct slot *slot = fdtable_slot(fd, false);
    if (!slot || !is_own(slot))
        return;
    set_own(slot, false);
    __atomic_sub_fetch(&own_count, 1, __ATOMIC_RELAXED);
    plain_close(fd);
}

void own_close_all(void)
{
    for (int fd = 0; fd < FDTABLE_MAX; fd++) {
        struct slot *slot = fdtable_slot(fd, false);
        if (!slot) {
            fd |= FDTABLE_PIECE - 1; /* nothing near it */
        } else if (is_own(slot)) {
            set_own(slot, false);
            plain_close(fd);
        }
    }
    __atomic_store_n(&own_count, 0, __ATOMIC_RELAXED);
}

bool own_is(int fd)
{
    const struct slot *slot = own_any() ? fdtable_slot(fd, false) : NULL;
    return slot && is_own(slot);
}

int own_next(int fd)
{
    uint32_t left = __atomic_load_n(&own_count, __ATOMIC_RELAXED);
    for (; left > 0 && fd < FDTABLE_MAX; fd++) {
        const struct slot *slot = fdtable_slot(fd, false);
        if (!slot)
            fd |= FDTABLE_PIECE - 1; /* nothing near it */
        else if (is_own(slot))
            return fd;
    }
    return -1;
}
