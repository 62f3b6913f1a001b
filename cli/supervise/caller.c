/* SPDX-License-Identifier: MIT
 * pidfd_getfd(2), process_vm_readv(2) and what /proc tells of a thread. */
#include "cli/supervise/caller.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Descriptors for what does not last: a call needs three or four, and the threads that look names
 * up have tables of their own. */
enum { SPARE_MAX = 64 };

#define PIDFD_OF_THREAD O_EXCL /* PIDFD_THREAD, Linux 6.9 */

/* --- /proc --- */

static int open_proc(pid_t tid, const char *file)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Up to size - 1 octets of a file of /proc, NUL-terminated. */
static size_t read_proc(pid_t tid, const char *file, char *buf, size_t size)
{
    int fd = open_proc(tid, file);
    ssize_t len = fd >= 0 ? read(fd, buf, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    buf[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

enum { STATUS_MAX = 4096 }; /* octets of a thread's status */

static void read_status(pid_t tid, char status[static STATUS_MAX])
{
    read_proc(tid, "status", status, STATUS_MAX);
}

/* A number of a status, by the word in front of it; 0 where there is none. */
static uint64_t status_number(const char *status, const char *word, int base)
{
    const char *line = strstr(status, word);
    return line ? strtoull(line + strlen(word), NULL, base) : 0;
}

static pid_t process_of(pid_t tid)
{
    char status[STATUS_MAX];
    read_status(tid, status);
    return (pid_t)status_number(status, "\nTgid:", 10);
}

/* --- The thread --- */

static bool share_descriptors(pid_t one, pid_t other)
{
    return one == other || syscall(SYS_kcmp, one, other, KCMP_FILES, 0, 0) == 0;
}

static int pidfd_open(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

/* An older kernel gives descriptors for processes only: right for a thread that shares its
 * descriptors with the others of its process, as nearly all do. */
static int open_process(pid_t tid)
{
    pid_t process = process_of(tid);
    if (process == 0) {
        errno = ESRCH;
        return -1;
    }
    if (!share_descriptors(process, tid)) {
        errno = EPERM;
        return -1;
    }
    return pidfd_open(process, 0);
}

int caller_open(struct caller *caller, pid_t tid)
{
    caller->tid = tid;
    caller->pidfd = pidfd_open(tid, PIDFD_OF_THREAD);
    if (caller->pidfd < 0 && errno == EINVAL)
        caller->pidfd = open_process(tid);
    return caller->pidfd >= 0 ? 0 : errno;
}

void caller_close(struct caller *caller)
{
    if (caller->pidfd >= 0)
        close(caller->pidfd);
    caller->pidfd = -1;
}

static int outcome(ssize_t copied, size_t len)
{
    if (copied == (ssize_t)len)
        return 0;
    return copied < 0 && errno != EINTR ? errno : EFAULT;
}

int caller_gather(const struct caller *caller, const struct iovec *pieces, size_t count, void *into,
                  size_t len)
{
    struct iovec ours = {into, len};
    if (len == 0)
        return 0;
    return outcome(process_vm_readv(caller->tid, &ours, 1, pieces, count, 0), len);
}

int caller_scatter(const struct caller *caller, const struct iovec *pieces, size_t count,
                   const void *from, size_t len)
{
    struct iovec ours = {(void *)(uintptr_t)from, len};
    if (len == 0)
        return 0;
    return outcome(process_vm_writev(caller->tid, &ours, 1, pieces, count, 0), len);
}

int caller_read(const struct caller *caller, uint64_t address, void *into, size_t len)
{
    const struct iovec theirs = {(void *)(uintptr_t)address, len};
    return caller_gather(caller, &theirs, 1, into, len);
}

int caller_write(const struct caller *caller, uint64_t address, const void *from, size_t len)
{
    const struct iovec theirs = {(void *)(uintptr_t)address, len};
    return caller_scatter(caller, &theirs, 1, from, len);
}

int caller_take(const struct caller *caller, int number)
{
    return (int)syscall(SYS_pidfd_getfd, caller->pidfd, number, 0);
}

/* A thread that has all our descriptors as well, until we have closed one. */
struct keeper {
    pthread_barrier_t barrier;
    bool has_them;
};

static void *keep(void *argument)
{
    struct keeper *keeper = argument;
    keeper->has_them = unshare(CLONE_FILES) == 0;
    pthread_barrier_wait(&keeper->barrier);
    pthread_barrier_wait(&keeper->barrier);
    return NULL;
}

static bool is_lingering(int fd)
{
    struct linger linger;
    socklen_t len = sizeof(linger);
    return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 && linger.l_onoff &&
           linger.l_linger > 0;
}

/* For a process or thread that ends the kernel does not let a socket linger: so the last descriptor
 * is such a one's, unless the program has another. Changing the option would change the program's
 * own close(2): only where there is no thread to be had. */
static void close_lingering(int fd)
{
    static const struct linger off;
    struct keeper keeper = {.has_them = false};
    pthread_t thread;
    pthread_barrier_init(&keeper.barrier, NULL, 2);
    bool started = pthread_create(&thread, NULL, keep, &keeper) == 0;
    if (started)
        pthread_barrier_wait(&keeper.barrier);
    if (!keeper.has_them)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
    close(fd);
    if (started) {
        pthread_barrier_wait(&keeper.barrier);
        pthread_join(thread, NULL);
    }
    pthread_barrier_destroy(&keeper.barrier);
}

void caller_give_back(int fd)
{
    if (is_lingering(fd))
        close_lingering(fd);
    else
        close(fd);
}

/* The kernel gives the lowest number that is free. */
bool caller_may_keep(int fd)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return true;
    rlim_t spare = limit.rlim_cur / 4 < SPARE_MAX ? limit.rlim_cur / 4 : SPARE_MAX;
    return (rlim_t)fd < limit.rlim_cur - spare;
}

bool caller_closes_on_exec(const struct caller *caller, int number)
{
    char file[32], info[256];
    snprintf(file, sizeof(file), "fdinfo/%d", number);
    read_proc(caller->tid, file, info, sizeof(info));
    const char *flags = strstr(info, "flags:");
    return flags && (strtoul(flags + sizeof("flags:") - 1, NULL, 8) & O_CLOEXEC) != 0;
}

uint64_t caller_pending_signals(const struct caller *caller)
{
    char status[STATUS_MAX];
    read_status(caller->tid, status);
    return status_number(status, "\nSigPnd:", 16) | status_number(status, "\nShdPnd:", 16);
}

pid_t caller_process(const struct caller *caller)
{
    return process_of(caller->tid);
}

bool caller_shares_descriptors(const struct caller *caller, pid_t pid)
{
    return share_descriptors(caller->tid, pid);
}

/* --- Names --- */

static void copy_base_name(char name[static CALLER_NAME_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t len = strnlen(base, CALLER_NAME_MAX);
    if (len == CALLER_NAME_MAX)
        len = 0;
    memcpy(name, base, len);
    name[len] = '\0';
}

/* Of the kernel's own width: a 32-bit program's vector is of 32-bit words. */
static uint64_t find_auxiliary(const char *vector, size_t len, bool is_compat)
{
    size_t word = is_compat ? sizeof(uint32_t) : sizeof(uint64_t);
    for (size_t at = 0; at + 2 * word <= len; at += 2 * word) {
        uint64_t type = 0, value = 0;
        memcpy(&type, vector + at, word);
        memcpy(&value, vector + at + word, word);
        if (type == AT_EXECFN)
            return value;
    }
    return 0;
}

/* AT_EXECFN: a path in the program's memory, near the end of its stack. */
static void read_called(const struct caller *caller, char name[static CALLER_NAME_MAX])
{
    char vector[1024], path[PATH_MAX];
    size_t len = read_proc(caller->tid, "auxv", vector, sizeof(vector));
    uint64_t at = find_auxiliary(vector, len, false);
    if (at == 0)
        at = find_auxiliary(vector, len, true);
    if (at == 0)
        return;
    /* The stack ends soon after it: read up to the next page's edge, and the next page. */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t first = page - at % page;
    if (first > sizeof(path) - 1)
        first = sizeof(path) - 1;
    if (caller_read(caller, at, path, first) != 0)
        return;
    path[first] = '\0';
    if (strlen(path) == first && first < sizeof(path) - 1) {
        size_t rest = sizeof(path) - 1 - first;
        rest = rest < page ? rest : page;
        if (caller_read(caller, at + first, path + first, rest) != 0)
            return;
        path[first + rest] = '\0';
    }
    copy_base_name(name, path);
}

void caller_names(const struct caller *caller, char called[static CALLER_NAME_MAX],
                  char executable[static CALLER_NAME_MAX])
{
    char link[64], path[PATH_MAX];
    called[0] = executable[0] = '\0';
    read_called(caller, called);
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)caller->tid);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    if (len > 0) {
        path[len] = '\0';
        copy_base_name(executable, path);
    }
}
