/* SPDX-License-Identifier: MIT
 * The steps of becoming a process that nobody sees. */
#include "cli/supervise/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FIRST_FD = STDERR_FILENO + 1,
    FIRST_FREE_FD = FIRST_FD + 8, /* above all numbers that one will be put at, so that none is
                                     overwritten before its turn */
};

/* The program may be meant to get by with few descriptors; this process has its own to care for,
 * and a supervisor the sockets of many programs. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool move_up(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (moved < 0) {
        if (errno == EINVAL)
            errno = EMFILE; /* the limit is lower than that */
        return false;
    }
    *fd = moved;
    return true;
}

bool detach_descriptors(int *fds[], size_t count)
{
    raise_limit();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || !move_up(&null))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!move_up(fds[i]))
            return false;
    for (int fd = 0; fd < FIRST_FD; fd++)
        if (dup2(null, fd) < 0)
            return false;
    for (size_t i = 0; i < count; i++) {
        *fds[i] = dup3(*fds[i], FIRST_FD + (int)i, O_CLOEXEC);
        if (*fds[i] < 0)
            return false;
    }
    return syscall(SYS_close_range, FIRST_FD + (unsigned)count, ~0U, 0) == 0 && chdir("/") == 0;
}

void detach_terminal(void)
{
    sigset_t none;
    setsid();
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        signal(signal_number, signal_number == SIGPIPE ? SIG_IGN : SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
