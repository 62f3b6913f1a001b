/* SPDX-License-Identifier: MIT
 * Notes of epoll registrations, a few a descriptor. */
#include "preload/watches.h"

#include "preload/fdtable.h"
#include "preload/real.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static struct watch *find(struct slot *slot, uint32_t key)
{
    for (size_t i = 0; i < SLOT_WATCHES; i++)
        if (__atomic_load_n(&slot->watches[i].set, __ATOMIC_RELAXED) == key)
            return &slot->watches[i];
    return NULL;
}

static void store(struct watch *watch, uint32_t key, const struct epoll_event *event)
{
    struct slot *set = fdtable_slot((int)key - 1, true);
    if (set)
        __atomic_store_n(&set->is_set, true, __ATOMIC_RELAXED);
    watch->events = event->events;
    watch->data = event->data.u64;
    __atomic_store_n(&watch->set, key, __ATOMIC_RELEASE);
}

static void erase(struct watch *watch)
{
    __atomic_store_n(&watch->set, 0, __ATOMIC_RELEASE);
}

void watches_note(int set, int operation, int fd, const struct epoll_event *event)
{
    struct slot *slot = fdtable_slot(fd, operation == EPOLL_CTL_ADD);
    if (!slot)
        return;
    uint32_t key = (uint32_t)set + 1;
    struct watch *watch = find(slot, key);
    if (operation == EPOLL_CTL_DEL) {
        if (watch)
            erase(watch);
        return;
    }
    if (!watch)
        watch = find(slot, 0);
    /* Full: of old notes, whose descriptor was closed long ago, or of more sets than we note. The
     * oldest goes. */
    if (!watch) {
        watch = &slot->watches[SLOT_WATCHES - 1];
        memmove(&slot->watches[0], &slot->watches[1], sizeof(*watch) * (SLOT_WATCHES - 1));
    }
    store(watch, key, event);
}

void watches_hide(int fd)
{
    struct slot *slot = fdtable_slot(fd, false);
    for (size_t i = 0; slot && i < SLOT_WATCHES; i++) {
        struct watch *watch = &slot->watches[i];
        if (watch->set != 0 && real(epoll_ctl)((int)watch->set - 1, EPOLL_CTL_DEL, fd, NULL) != 0)
            erase(watch);
    }
}

void watches_show(int fd)
{
    struct slot *slot = fdtable_slot(fd, false);
    for (size_t i = 0; slot && i < SLOT_WATCHES; i++) {
        struct watch *watch = &slot->watches[i];
        struct epoll_event event = {.events = watch->events, .data.u64 = watch->data};
        if (watch->set != 0 && real(epoll_ctl)((int)watch->set - 1, EPOLL_CTL_ADD, fd, &event) != 0)
            erase(watch);
    }
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

/* What the kernel thinks of the arguments themselves: an operation on what is not there changes
 * nothing, and fails with ENOENT when all else is well. */
static bool is_valid(int set, int fd)
{
    struct epoll_event event = {0};
    return real(epoll_ctl)(set, EPOLL_CTL_MOD, fd, &event) == 0 || errno == ENOENT;
}

/* What the kernel lets EPOLLEXCLUSIVE be together with. */
static bool has_valid_events(const struct epoll_event *event)
{
    const uint32_t with_exclusive =
        EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
    return !(event->events & EPOLLEXCLUSIVE) || !(event->events & ~with_exclusive);
}

int watches_edit(int set, int operation, int fd, const struct epoll_event *event)
{
    if (!is_valid(set, fd))
        return -1;
    if (operation != EPOLL_CTL_DEL && !event)
        return fail_with(EFAULT);
    struct slot *slot = fdtable_slot(fd, true);
    if (!slot)
        return fail_with(ENOMEM);
    uint32_t key = (uint32_t)set + 1;
    struct watch *watch = find(slot, key);
    switch (operation) {
    case EPOLL_CTL_ADD:
        if (watch)
            return fail_with(EEXIST);
        if (!has_valid_events(event))
            return fail_with(EINVAL);
        watch = find(slot, 0);
        if (!watch)
            return fail_with(ENOSPC);
        store(watch, key, event);
        return 0;
    case EPOLL_CTL_MOD:
        if (!watch)
            return fail_with(ENOENT);
        if ((event->events | watch->events) & EPOLLEXCLUSIVE)
            return fail_with(EINVAL);
        store(watch, key, event);
        return 0;
    case EPOLL_CTL_DEL:
        if (!watch)
            return fail_with(ENOENT);
        erase(watch);
        return 0;
    default:
        return fail_with(EINVAL);
    }
}

void watches_drop_set(int fd, int set)
{
    struct slot *slot = fdtable_slot(fd, false);
    struct watch *watch = slot ? find(slot, (uint32_t)set + 1) : NULL;
    if (watch)
        erase(watch);
}
