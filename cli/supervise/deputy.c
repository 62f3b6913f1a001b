/* SPDX-License-Identifier: MIT
 * Both ends of the channel between deputy and supervisor. Over it goes the program's id, the
 * deputy's reply, and notices of what happens to the program; its end means that the other one is
 * dead. */
#include "cli/supervise/deputy.h"

#include "cli/follow.h"
#include "cli/supervise/detach.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Sent to the deputy when the program has ended, and when it has stopped: then behind a SIGSTOP, so
 * that a deputy that comes to read it has been continued since, and says so by sending the number
 * back. Whether the program is to be continued for that can be told by the supervisor alone: it may
 * run already, or have stopped once more.
 */
struct notice {
    bool has_ended;
    int value; /* the wait status; or how many stops there have been */
};

static int pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int deputy_prepare(struct deputy *deputy)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t all;
    deputy->pidfd = pidfd_open(getpid());
    if (deputy->pidfd < 0)
        return errno;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, deputy->ends) != 0) {
        int error = errno;
        close(deputy->pidfd);
        return error;
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &deputy->blocked);
    /* Ignored, children would be gone before their status could be asked for. */
    sigaction(SIGCHLD, &by_default, &deputy->on_child);
    return 0;
}

void deputy_leave(struct deputy *deputy)
{
    close(deputy->pidfd);
    close(deputy->ends[0]);
    close(deputy->ends[1]);
    sigaction(SIGCHLD, &deputy->on_child, NULL);
    sigprocmask(SIG_SETMASK, &deputy->blocked, NULL);
}

/* --- The deputy --- */

/* What the deputy knows. */
struct watcher {
    struct follower follower; /* beside the program is the supervisor; 0: dead */
    int channel;              /* -1: the supervisor is dead, and the program our child */
};

static void hear(struct watcher *watcher)
{
    struct notice notice;
    ssize_t len = recv(watcher->channel, &notice, sizeof(notice), 0);
    if (len < 0 && errno == ECONNRESET)
        return; /* it ended before it read our last word; what it said itself is still there */
    if (len != sizeof(notice)) {
        close(watcher->channel);
        watcher->channel = -1;
        watcher->follower.is_child = true;
    } else if (notice.has_ended) {
        follow(notice.value);
    } else {
        send(watcher->channel, &notice.value, sizeof(notice.value), MSG_NOSIGNAL);
    }
}

/* A dead supervisor's children are ours, as the next above them that cares for orphans. */
static void look_at_children(struct watcher *watcher)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
        if (pid == watcher->follower.program)
            follow(status);
        if (pid == watcher->follower.beside && !WIFSTOPPED(status))
            watcher->follower.beside = 0;
    }
    /* It ended together with who could have told us how. */
    if (watcher->follower.beside == 0 &&
        waitpid(watcher->follower.program, &status, WNOHANG | WUNTRACED) < 0)
        _exit(EXIT_FAILURE);
}

/* 0 or an errno. */
static int watcher_init(struct watcher *watcher)
{
    sigset_t all;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigfillset(&all);
    watcher->follower.signals = signalfd(-1, &all, SFD_CLOEXEC);
    watcher->follower.pidfd = pidfd_open(watcher->follower.program);
    if (watcher->follower.signals < 0 || watcher->follower.pidfd < 0)
        return errno;
    return detach_descriptors(
               (int *[]){&watcher->channel, &watcher->follower.signals, &watcher->follower.pidfd},
               3)
               ? 0
               : errno;
}

/* As the supervisor ends when it could not be one: behind the program, which has said why. */
static _Noreturn void end_with(pid_t supervisor)
{
    int status = 0;
    while (waitpid(supervisor, &status, 0) < 0 && errno == EINTR)
        ;
    follow(status);
    _exit(EXIT_FAILURE);
}

_Noreturn void deputy_run(struct deputy *deputy, pid_t supervisor)
{
    struct watcher watcher = {.follower = {.beside = supervisor}, .channel = deputy->ends[0]};
    close(deputy->ends[1]);
    if (recv(watcher.channel, &watcher.follower.program, sizeof(watcher.follower.program), 0) !=
        sizeof(watcher.follower.program))
        end_with(supervisor);
    int error = watcher_init(&watcher);
    send(watcher.channel, &error, sizeof(error), MSG_NOSIGNAL);
    if (error)
        end_with(supervisor);
    for (;;) {
        struct pollfd fds[] = {{.fd = watcher.channel, .events = POLLIN},
                               {.fd = watcher.follower.signals, .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[0].revents)
            hear(&watcher);
        else if (fds[1].revents)
            follow_signal(&watcher.follower);
        if (watcher.channel < 0)
            look_at_children(&watcher);
    }
}

/* --- The supervisor's end --- */

static struct {
    pthread_t thread;
    int channel;
    int deputy;  /* its pidfd */
    int signals; /* SIGCHLD */
    pid_t program;
    int pidfd;       /* of the program */
    int stops;       /* so many there have been */
    bool is_stopped; /* the last of them lasts */
} informer;

static void inform(bool has_ended, int value)
{
    struct notice notice;
    memset(&notice, 0, sizeof(notice));
    notice.has_ended = has_ended;
    notice.value = value;
    send(informer.channel, &notice, sizeof(notice), MSG_NOSIGNAL);
}

/* Stopping is done from here: the deputy would miss that the program goes on while it is about to
 * stop itself. */
static void pass_on(int status)
{
    informer.is_stopped = WIFSTOPPED(status);
    if (WIFSTOPPED(status)) {
        follow_send(informer.deputy, SIGSTOP);
        inform(false, ++informer.stops);
    } else if (WIFCONTINUED(status)) {
        follow_send(informer.deputy, SIGCONT);
    } else {
        inform(true, status);
    }
}

/* False when there are no children any more. */
static bool look_after_children(void)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0)
        if (pid == informer.program)
            pass_on(status);
    return pid == 0;
}

static void hear_deputy(void)
{
    int stop;
    if (recv(informer.channel, &stop, sizeof(stop), 0) != sizeof(stop)) {
        /* It ends after the program, unless it is killed. */
        follow_send(informer.pidfd, SIGKILL);
        close(informer.channel);
        informer.channel = -1;
    } else if (look_after_children() && informer.is_stopped && stop == informer.stops) {
        follow_send(informer.pidfd, SIGCONT);
    }
}

static void *run_informer(void *unused)
{
    while (look_after_children()) {
        struct signalfd_siginfo info;
        struct pollfd fds[] = {{.fd = informer.channel, .events = POLLIN},
                               {.fd = informer.signals, .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[1].revents && read(informer.signals, &info, sizeof(info)) < 0)
            break;
        if (fds[0].revents)
            hear_deputy();
    }
    return unused;
}

int deputy_inform(struct deputy *deputy, pid_t program)
{
    int error;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    informer.channel = deputy->ends[1];
    informer.deputy = deputy->pidfd;
    informer.program = program;
    informer.pidfd = pidfd_open(program);
    informer.signals = signalfd(-1, &child, SFD_CLOEXEC);
    if (informer.pidfd < 0 || informer.signals < 0)
        return errno;
    /* Until the deputy is there, nothing is done that it could miss. */
    send(informer.channel, &program, sizeof(program), MSG_NOSIGNAL);
    if (recv(informer.channel, &error, sizeof(error), 0) != sizeof(error))
        return EPIPE;
    return error ? error : pthread_create(&informer.thread, NULL, run_informer, NULL);
}

void deputy_finish(void)
{
    pthread_join(informer.thread, NULL);
}
