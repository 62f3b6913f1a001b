/* SPDX-License-Identifier: MIT
 * The table of pending sockets. */
#include "preload/pending.h"

#include "core/sys.h"
#include "preload/fdtable.h"
#include "preload/kernel.h"
#include "preload/lock.h"
#include "preload/own.h"
#include "preload/watches.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    INDEX_BITS = 16, /* of an entry's number; the rest is its generation */
    PIECE = 64,      /* entries that are made at once */
    PIECES = (1 << INDEX_BITS) / PIECE,
    WAITERS = 256, /* threads that wait in poll or select for a pending socket at once */
};

uint32_t pending_count;

static struct {
    pid_t owner; /* the process whose entries and connector these are */
    struct pending *pieces[PIECES];
    uint32_t made; /* entries in pieces */
    struct pending
        *free; /* through later; first freed, first used, so that a child may still look */
    struct pending *free_end;
    struct pending *first, *last; /* scheduled, by deadline */
    pid_t parent;                 /* at the time of the fork */
    uint32_t foreign;             /* after a fork: entries of pending_count that are the parent's */
    uint32_t foreign_made;        /* they are among the first so many */
} table;

static struct {
    pid_t thread;
    int event_fd; /* -1 or 0: free */
} waiters[WAITERS];

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);
    int saved = errno;
    bool is_socket = sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0;
    errno = saved;
    return is_socket ? cookie : 0;
}

static struct pending *at(uint32_t number)
{
    uint32_t index = number & ((1u << INDEX_BITS) - 1);
    struct pending *piece = number != 0 ? table.pieces[index / PIECE] : NULL;
    struct pending *entry = piece ? &piece[index % PIECE] : NULL;
    return entry && entry->number == number ? entry : NULL;
}

static uint32_t state_of(const struct pending *entry)
{
    return __atomic_load_n(&entry->state, __ATOMIC_ACQUIRE);
}

/* A forked child may still want the error of one that its parent has given back. */
static bool is_in_use(const struct pending *entry)
{
    return state_of(entry) != PENDING_NONE && (entry->in_use || entry->owner != table.owner);
}

/* A number that dup(2) made: compare sockets. */
static struct pending *by_cookie(uint64_t cookie)
{
    for (uint32_t i = 0; i < table.made; i++) {
        struct pending *entry = &table.pieces[i / PIECE][i % PIECE];
        if (is_in_use(entry) && entry->cookie == cookie)
            return entry;
    }
    return NULL;
}

/* In the child of a vfork, or of a clone without our fork handlers, memory may be the parent's. */
bool pending_is_own_process(void)
{
    return table.owner == 0 || getpid() == table.owner;
}

/* A forked child is not told when its parent's entries end: it looks, until all have. */
static void recount_foreign(void)
{
    for (uint32_t i = 0; i < table.foreign_made; i++) {
        const struct pending *entry = &table.pieces[i / PIECE][i % PIECE];
        if (entry->owner != table.owner && state_of(entry) != PENDING_NONE)
            return;
    }
    __atomic_sub_fetch(&pending_count, table.foreign, __ATOMIC_RELAXED);
    table.foreign = 0;
}

/* Slots are also read without the lock, and `duplicated` is also written without it. */
static void set_number(struct slot *slot, uint32_t number)
{
    __atomic_store_n(&slot->pending, number, __ATOMIC_RELAXED);
}

static bool is_duplicated(const struct slot *slot)
{
    return __atomic_load_n(&slot->duplicated, __ATOMIC_RELAXED);
}

static void set_duplicated(struct slot *slot, bool duplicated)
{
    __atomic_store_n(&slot->duplicated, duplicated, __ATOMIC_RELAXED);
}

bool pending_may_concern(int fd)
{
    const struct slot *slot = pending_any() ? fdtable_slot(fd, false) : NULL;
    return slot && (__atomic_load_n(&slot->pending, __ATOMIC_RELAXED) != 0 || is_duplicated(slot));
}

/* The process whose connector worked on it is gone: nobody will end the handshake. A parent is gone
 * when we have another, though it may linger as a zombie. */
static bool is_orphan(const struct pending *entry)
{
    if (entry->owner == table.owner || state_of(entry) != PENDING_RUNNING)
        return false;
    if (entry->owner == table.parent)
        return getppid() != table.parent;
    int saved = errno;
    bool gone = kill(entry->owner, 0) != 0 && errno == ESRCH;
    errno = saved;
    return gone;
}

static void end_orphan(struct pending *entry)
{
    uint32_t running = PENDING_RUNNING;
    entry->error = ECONNABORTED;
    __atomic_compare_exchange_n(&entry->state, &running, PENDING_FAILED, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_RELAXED);
}

bool pending_has_fd(const struct pending *entry, int fd)
{
    for (uint8_t i = 0; i < entry->fd_count; i++)
        if (entry->fds[i] == fd)
            return true;
    return false;
}

/* Another number for the socket. */
static void add_fd(struct pending *entry, int fd)
{
    struct slot *slot = fdtable_slot(fd, true);
    bool own = entry->owner == table.owner;
    if (!slot || (own && entry->fd_count == PENDING_FDS)) {
        entry->shared = true;
        return;
    }
    set_number(slot, entry->number);
    if (own)
        entry->fds[entry->fd_count++] = fd;
}

/* The numbers that dup(2) made before the socket was connected. */
static void add_copies(struct pending *entry, struct slot *slot, int fd)
{
    if (!is_duplicated(slot))
        return;
    set_duplicated(slot, false);
    for (int other = 0; other < FDTABLE_MAX; other++) {
        const struct slot *candidate = fdtable_slot(other, false);
        if (!candidate) {
            other |= FDTABLE_PIECE - 1;
        } else if (is_duplicated(candidate) && other != fd && cookie_of(other) == entry->cookie) {
            set_duplicated(slot, true);
            add_fd(entry, other);
        }
    }
}

struct pending *pending_find(int fd)
{
    struct slot *slot = fdtable_slot(fd, false);
    if (!slot || (slot->pending == 0 && !is_duplicated(slot)) || !pending_is_own_process())
        return NULL;
    if (table.foreign > 0)
        recount_foreign();
    uint64_t cookie = cookie_of(fd);
    struct pending *entry = at(slot->pending);
    if (!entry || !is_in_use(entry) || entry->cookie != cookie) {
        set_number(slot, 0);
        entry = is_duplicated(slot) && cookie != 0 ? by_cookie(cookie) : NULL;
        if (entry)
            add_fd(entry, fd);
    }
    if (entry && is_orphan(entry))
        end_orphan(entry);
    return entry;
}

static bool make_piece(void)
{
    if (table.made >= PIECES * PIECE)
        return false;
    /* Shared, so that a forked child sees how a handshake ended. */
    struct pending *piece = mmap(NULL, PIECE * sizeof(*piece), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (piece == MAP_FAILED)
        return false;
    table.pieces[table.made / PIECE] = piece;
    for (uint32_t i = 0; i < PIECE; i++, table.made++) {
        piece[i].number = table.made;
        piece[i].later = table.free;
        table.free = &piece[i];
        if (!table.free_end)
            table.free_end = &piece[i];
    }
    return true;
}

static struct pending *take_free(void)
{
    if (!table.free && !make_piece())
        return NULL;
    struct pending *entry = table.free;
    table.free = entry->later;
    if (!table.free)
        table.free_end = NULL;
    entry->number += 1u << INDEX_BITS;
    if (entry->number < 1u << INDEX_BITS) /* generation 0 is what never was */
        entry->number += 1u << INDEX_BITS;
    return entry;
}

static void give_back(struct pending *entry)
{
    entry->later = NULL;
    if (table.free_end)
        table.free_end->later = entry;
    else
        table.free = entry;
    table.free_end = entry;
}

struct pending *pending_add(int fd)
{
    if (table.owner == 0)
        table.owner = getpid();
    else if (!pending_is_own_process())
        return NULL;
    uint64_t cookie = cookie_of(fd);
    struct slot *slot = cookie != 0 ? fdtable_slot(fd, true) : NULL;
    int own_fd = slot ? own_duplicate(fd) : -1;
    struct pending *entry = own_fd >= 0 ? take_free() : NULL;
    if (!entry) {
        own_close(own_fd);
        return NULL;
    }
    entry->error = 0;
    entry->owner = table.owner;
    entry->cookie = cookie;
    entry->earlier = entry->later = NULL;
    entry->attempt.fd = own_fd;
    entry->in_use = true;
    entry->shared = false;
    entry->fd_count = 0;
    add_fd(entry, fd);
    add_copies(entry, slot, fd);
    __atomic_store_n(&entry->state, PENDING_RUNNING, __ATOMIC_RELEASE);
    __atomic_add_fetch(&pending_count, 1, __ATOMIC_RELAXED);
    return entry;
}

struct pending *pending_by_number(uint32_t number)
{
    struct pending *entry = at(number);
    return entry && state_of(entry) == PENDING_RUNNING && entry->owner == table.owner ? entry
                                                                                      : NULL;
}

void pending_forget_set(int set)
{
    if (!pending_is_own_process())
        return;
    for (const struct pending *entry = table.first; entry; entry = entry->later)
        for (uint8_t i = 0; i < entry->fd_count; i++)
            watches_drop_set(entry->fds[i], set);
}

struct pending *pending_by_own_fd(int own_fd)
{
    struct pending *entry = table.first;
    while (entry && entry->attempt.fd != own_fd)
        entry = entry->later;
    return entry;
}

static bool is_scheduled(const struct pending *entry)
{
    return entry->earlier || entry->later || table.first == entry;
}

static void unschedule(struct pending *entry)
{
    if (!is_scheduled(entry))
        return;
    *(entry->earlier ? &entry->earlier->later : &table.first) = entry->later;
    *(entry->later ? &entry->later->earlier : &table.last) = entry->earlier;
    entry->earlier = entry->later = NULL;
}

void pending_schedule(struct pending *entry)
{
    unschedule(entry);
    /* Deadlines mostly come in order: the search from the end is short. */
    struct pending *before = table.last;
    while (before && before->attempt.step_deadline_ms > entry->attempt.step_deadline_ms)
        before = before->earlier;
    entry->earlier = before;
    entry->later = before ? before->later : table.first;
    *(before ? &before->later : &table.first) = entry;
    *(entry->later ? &entry->later->earlier : &table.last) = entry;
}

struct pending *pending_first(void)
{
    return table.first;
}

size_t pending_remove_fd(struct pending *entry, int fd)
{
    struct slot *slot = fdtable_slot(fd, false);
    if (slot)
        set_number(slot, 0);
    if (entry->owner != table.owner)
        return 1;
    for (size_t i = 0; i < entry->fd_count; i++)
        if (entry->fds[i] == fd)
            entry->fds[i--] = entry->fds[--entry->fd_count];
    return entry->fd_count;
}

static void wake_waiters(void)
{
    static const uint64_t one = 1;
    for (size_t i = 0; i < WAITERS; i++)
        if (waiters[i].event_fd > 0)
            kernel_call(SYS_write, waiters[i].event_fd, &one, sizeof(one));
}

static void set_state(struct pending *entry, enum pending_state state)
{
    __atomic_store_n(&entry->state, state, __ATOMIC_RELEASE);
    kernel_call(SYS_futex, &entry->state, FUTEX_WAKE, INT_MAX);
}

static void forget(struct pending *entry)
{
    for (size_t i = 0; i < entry->fd_count; i++) {
        struct slot *slot = fdtable_slot(entry->fds[i], false);
        if (slot && slot->pending == entry->number)
            set_number(slot, 0);
    }
    __atomic_sub_fetch(&pending_count, 1, __ATOMIC_RELAXED);
    entry->in_use = false;
    give_back(entry);
}

void pending_end(struct pending *entry, int error)
{
    unschedule(entry);
    own_close(entry->attempt.fd);
    entry->attempt.fd = -1;
    entry->error = error;
    set_state(entry, error != 0 ? PENDING_FAILED : PENDING_NONE);
    if (error == 0 || entry->fd_count == 0)
        forget(entry); /* children may still see the error, until the entry is used again */
    wake_waiters();
}

int pending_fetch_error(struct pending *entry)
{
    int error = __atomic_exchange_n(&entry->error, 0, __ATOMIC_ACQ_REL);
    if (entry->owner == table.owner) {
        set_state(entry, PENDING_NONE);
        forget(entry);
    }
    return error;
}

bool pending_is_running(int fd)
{
    if (!pending_may_concern(fd))
        return false;
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_find(fd);
    bool running = entry && state_of(entry) == PENDING_RUNNING;
    lock_release(&held);
    return running;
}

int pending_take_error(int fd)
{
    if (!pending_may_concern(fd))
        return 0;
    int error = 0, shown;
    socklen_t len = sizeof(shown);
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_find(fd);
    if (entry && state_of(entry) == PENDING_FAILED) {
        error = pending_fetch_error(entry);
        sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &shown, &len);
    }
    lock_release(&held);
    return error;
}

void pending_wait(int fd)
{
    if (!pending_may_concern(fd))
        return;
    int saved = errno;
    for (;;) {
        struct held held;
        lock_acquire(&held);
        struct pending *entry = pending_find(fd);
        bool running = entry && state_of(entry) == PENDING_RUNNING;
        lock_release(&held);
        if (!running)
            break;
        /* Bounded, so that an owner that dies is noticed. Entries are never unmapped. */
        const struct timespec slice = {.tv_nsec = 100 * 1000 * 1000};
        kernel_call(SYS_futex, &entry->state, FUTEX_WAIT, PENDING_RUNNING, &slice);
    }
    errno = saved;
}

static bool is_inherited(int fd)
{
    long flags = kernel_call(SYS_fcntl, fd, F_GETFD);
    return flags >= 0 && !(flags & FD_CLOEXEC);
}

static bool survives_exec(const struct pending *entry)
{
    for (uint8_t i = 0; i < entry->fd_count; i++)
        if (is_inherited(entry->fds[i]) && cookie_of(entry->fds[i]) == entry->cookie)
            return true;
    return false;
}

void pending_wait_for_exec(void)
{
    if (!pending_any() || !pending_is_own_process())
        return;
    int saved = errno;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (is_inherited(fd))
            pending_wait(fd);
    for (;;) {
        struct held held;
        lock_acquire(&held);
        struct pending *entry = table.first;
        while (entry && !survives_exec(entry))
            entry = entry->later;
        lock_release(&held);
        if (!entry)
            break;
        /* Not for ever: the program may close it, or set the flag, meanwhile. */
        const struct timespec slice = {.tv_nsec = 100 * 1000 * 1000};
        kernel_call(SYS_futex, &entry->state, FUTEX_WAIT, PENDING_RUNNING, &slice);
    }
    errno = saved;
}

bool pending_add_waiter(int event_fd)
{
    pid_t thread = (pid_t)kernel_call(SYS_gettid);
    struct held held;
    lock_acquire(&held);
    /* One of this thread's that is still there was left behind by a longjmp. */
    size_t place = WAITERS;
    for (size_t i = 0; i < WAITERS; i++) {
        if (waiters[i].event_fd > 0 && waiters[i].thread == thread) {
            own_close(waiters[i].event_fd);
            waiters[i].event_fd = 0;
        }
        if (waiters[i].event_fd <= 0)
            place = i;
    }
    if (place < WAITERS) {
        waiters[place].thread = thread;
        waiters[place].event_fd = event_fd;
    }
    lock_release(&held);
    return place < WAITERS;
}

void pending_remove_waiter(int event_fd)
{
    struct held held;
    lock_acquire(&held);
    for (size_t i = 0; i < WAITERS; i++)
        if (waiters[i].event_fd == event_fd)
            waiters[i].event_fd = 0;
    lock_release(&held);
}

void pending_before_fork(void)
{
    for (struct pending *entry = table.first; entry; entry = entry->later)
        entry->shared = true;
}

void pending_fork_child(void)
{
    /* Entries that were running are foreign now, and so are their pieces: ours come after them. */
    for (size_t i = 0; i < WAITERS; i++)
        waiters[i].event_fd = 0;
    table.owner = getpid();
    table.parent = getppid();
    table.made = (table.made + PIECE - 1) / PIECE * PIECE; /* one may be half made */
    table.free = table.free_end = NULL;
    table.first = table.last = NULL;
    table.foreign = pending_count;
    table.foreign_made = table.made;
}
