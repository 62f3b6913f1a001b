/* SPDX-License-Identifier: MIT
 * Signals on their way to the program, and its end on the way from it. */
#include "cli/follow.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GENERATIONS_MAX = 1000 };

static void send_signal(int pidfd, int signal_number, siginfo_t *info)
{
    syscall(SYS_pidfd_send_signal, pidfd, signal_number, info, 0);
}

void follow_send(int pidfd, int signal_number)
{
    send_signal(pidfd, signal_number, NULL);
}

/* What the kernel tells of a process. */
struct standing {
    pid_t parent;
    bool is_stopped;
    uint64_t caught; /* signals that it has handlers for: bit 0 is number 1 */
};

/* The words behind "\nKEY:\t"; empty when there are none. A process's name, the only text of
 * others', has its newlines escaped. */
static const char *field(const char *status, const char *key)
{
    const char *at = strstr(status, key);
    return at ? at + strlen(key) : "";
}

/* All zeros for a process that is gone. */
static struct standing standing_of(pid_t pid)
{
    char path[64], status[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, status, sizeof(status) - 1) : -1;
    if (fd >= 0)
        close(fd);
    status[len > 0 ? len : 0] = '\0';
    return (struct standing){
        .parent = (pid_t)strtol(field(status, "\nPPid:\t"), NULL, 10),
        .is_stopped = *field(status, "\nState:\t") == 'T',
        .caught = strtoull(field(status, "\nSigCgt:\t"), NULL, 16),
    };
}

static bool is_kin(const struct follower *follower, pid_t pid)
{
    for (int i = 0; i < GENERATIONS_MAX && pid > 1; i++) {
        if (pid == follower->program || pid == follower->beside)
            return true;
        pid = standing_of(pid).parent;
    }
    return false;
}

/* Nothing has happened to our child since we were told that it stopped. */
static bool is_as_it_was(pid_t child)
{
    siginfo_t news = {.si_pid = 0};
    waitid(P_PID, (id_t)child, &news, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT);
    return news.si_pid == 0;
}

/*
 * A shell continues its job as a group, with the program in it. Once that runs, a second SIGCONT
 * would do nothing; but ours comes late, and would undo a ^Z of the next moment.
 */
static bool misses_continuing(const struct follower *follower)
{
    struct standing standing = standing_of(follower->program);
    if (standing.is_stopped)
        return follower->is_child && is_as_it_was(follower->program);
    return standing.caught >> (SIGCONT - 1) & 1;
}

static bool is_to_be_handed_on(const struct follower *follower, const struct signalfd_siginfo *info)
{
    switch (info->ssi_signo) {
    case SIGCHLD:
        return false;
    case SIGHUP:
    case SIGCONT:
        if (info->ssi_code == SI_KERNEL)
            return getsid(0) == getpid() && getpgid(follower->program) != getpgrp();
        if (info->ssi_signo == SIGCONT && !misses_continuing(follower))
            return false;
        break;
    case SIGALRM:
    case SIGVTALRM:
    case SIGPROF:
        /* A timer that was set before the wrapper was run. */
        if (info->ssi_code == SI_KERNEL)
            return true;
        break;
    default:
        if (info->ssi_code == SI_KERNEL)
            return false;
        break;
    }
    return !is_kin(follower, (pid_t)info->ssi_pid);
}

static void hand_on(const struct follower *follower, const struct signalfd_siginfo *from)
{
    siginfo_t info = {.si_signo = (int)from->ssi_signo, .si_code = SI_QUEUE};
    info.si_pid = (pid_t)from->ssi_pid;
    info.si_uid = from->ssi_uid;
    info.si_ptr = (void *)(uintptr_t)from->ssi_ptr;
    send_signal(follower->pidfd, info.si_signo, from->ssi_code == SI_QUEUE ? &info : NULL);
}

int follow_signal(const struct follower *follower)
{
    struct signalfd_siginfo from;
    if (read(follower->signals, &from, sizeof(from)) != sizeof(from))
        return 0;
    if (is_to_be_handed_on(follower, &from))
        hand_on(follower, &from);
    return (int)from.ssi_signo;
}

void follow_early_signals(const struct follower *follower)
{
    struct pollfd readable = {.fd = follower->signals, .events = POLLIN};
    struct signalfd_siginfo from;
    while (poll(&readable, 1, 0) == 1 &&
           read(follower->signals, &from, sizeof(from)) == sizeof(from))
        if ((from.ssi_code == SI_KERNEL && from.ssi_signo != SIGCHLD) ||
            is_to_be_handed_on(follower, &from))
            hand_on(follower, &from);
}

/* Without a core of our own: it would overwrite the program's. */
static _Noreturn void die_by(int signal_number)
{
    const struct rlimit none = {0, 0};
    sigset_t set;
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    signal(signal_number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    kill(getpid(), signal_number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + signal_number);
}

int follow_stop_signal(pid_t program, int status, pid_t group)
{
    return getpgid(program) == group ? WSTOPSIG(status) : SIGSTOP;
}

void follow_prepare_stop(int signal_number)
{
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void follow_stop(int signal_number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

void follow(pid_t program, int status)
{
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        die_by(WTERMSIG(status));
    if (WIFSTOPPED(status)) {
        int signal_number = follow_stop_signal(program, status, getpgrp());
        follow_prepare_stop(signal_number);
        follow_stop(signal_number);
    }
}
