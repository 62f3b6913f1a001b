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
 * What the supervisor tells the deputy of the program.
 *
 * To stop by SIGSTOP is done from here, before it is told of: a deputy that comes to read that has
 * been continued since. Any other signal the deputy sends to itself and does not take yet: it says
 * that it is ready, and stops when it is told to go on with that. A SIGCONT in between undoes it,
 * so that it cannot miss that the program runs again, which it is told by one.
 *
 * When it has been continued it says so. Whether the program is to be continued for that can be
 * told by the supervisor alone: it may run already, or have stopped once more.
 */
enum topic {
    TOPIC_END,     /* value: the wait status */
    TOPIC_STOP,    /* value: the signal */
    TOPIC_GO_ON,   /* with the stop */
    TOPIC_CALL_OFF /* the program does not stand still as it did */
};

struct notice {
    enum topic topic;
    int value;
    int stop; /* which one, counted from 1 */
};

/* What the deputy says of a stop. */
struct reply {
    enum { REPLY_READY, REPLY_CONTINUED } what;
    int stop;
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
    int prepared;             /* the number of a stop; 0: none */
    int signal_number;        /* of that */
};

static void reply(const struct watcher *watcher, int what, int stop)
{
    struct reply words;
    memset(&words, 0, sizeof(words));
    words.what = what;
    words.stop = stop;
    send(watcher->channel, &words, sizeof(words), MSG_NOSIGNAL);
}

static void heed(struct watcher *watcher, const struct notice *notice)
{
    switch (notice->topic) {
    case TOPIC_END:
        follow(watcher->follower.program, notice->value);
        break;
    case TOPIC_STOP:
        if (notice->value == SIGSTOP) {
            reply(watcher, REPLY_CONTINUED, notice->stop);
            break;
        }
        follow_prepare_stop(notice->value);
        watcher->prepared = notice->stop;
        watcher->signal_number = notice->value;
        reply(watcher, REPLY_READY, notice->stop);
        break;
    case TOPIC_GO_ON:
        follow_stop(watcher->signal_number);
        watcher->prepared = 0;
        reply(watcher, REPLY_CONTINUED, notice->stop);
        break;
    case TOPIC_CALL_OFF:
        if (notice->stop == watcher->prepared)
            watcher->prepared = 0;
        break;
    }
}

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
        watcher->prepared = 0;
    } else {
        heed(watcher, &notice);
    }
}

/* A dead supervisor's children are ours, as the next above them that cares for orphans. */
static void look_at_children(struct watcher *watcher)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
        if (pid == watcher->follower.program)
            follow(pid, status);
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
    follow(supervisor, status);
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
    if (!error)
        follow_early_signals(&watcher.follower);
    send(watcher.channel, &error, sizeof(error), MSG_NOSIGNAL);
    if (error)
        end_with(supervisor);
    for (;;) {
        /* A signal that is to stop us must not be read. */
        struct pollfd fds[] = {
            {.fd = watcher.channel, .events = POLLIN},
            {.fd = watcher.prepared ? -1 : watcher.follower.signals, .events = POLLIN}};
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
    pid_t group; /* in which it is */
    int signals; /* SIGCHLD */
    pid_t program;
    int pidfd;       /* of the program */
    int stops;       /* so many there have been */
    bool is_stopped; /* the last of them lasts */
} informer;

static void inform(enum topic topic, int value, int stop)
{
    struct notice notice;
    memset(&notice, 0, sizeof(notice));
    notice.topic = topic;
    notice.value = value;
    notice.stop = stop;
    send(informer.channel, &notice, sizeof(notice), MSG_NOSIGNAL);
}

static void pass_on(int status)
{
    informer.is_stopped = WIFSTOPPED(status);
    if (WIFSTOPPED(status)) {
        int signal_number = follow_stop_signal(informer.program, status, informer.group);
        if (signal_number == SIGSTOP)
            follow_send(informer.deputy, SIGSTOP);
        inform(TOPIC_STOP, signal_number, ++informer.stops);
    } else if (WIFCONTINUED(status)) {
        follow_send(informer.deputy, SIGCONT);
    } else {
        inform(TOPIC_END, status, 0);
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
    struct reply words;
    if (recv(informer.channel, &words, sizeof(words), 0) != sizeof(words)) {
        /* It ends after the program, unless it is killed. */
        follow_send(informer.pidfd, SIGKILL);
        close(informer.channel);
        informer.channel = -1;
        return;
    }
    bool lasts = look_after_children() && informer.is_stopped && words.stop == informer.stops;
    if (words.what == REPLY_READY)
        inform(lasts ? TOPIC_GO_ON : TOPIC_CALL_OFF, 0, words.stop);
    else if (lasts)
        follow_send(informer.pidfd, SIGCONT);
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
    informer.group = getpgid(program);
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
