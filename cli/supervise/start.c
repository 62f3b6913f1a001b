/* SPDX-License-Identifier: MIT
 * Two arrangements of processes, one meeting: the program tells the supervisor the number of its
 * listener, the supervisor takes a copy, which shows also that it may look into the program, and
 * says so. */
#include "cli/supervise/start.h"

#include "cli/exits.h"
#include "cli/supervise/deputy.h"
#include "cli/supervise/detach.h"
#include "cli/supervise/filter.h"
#include "cli/supervise/supervisor.h"
#include "core/knock.h"
#include "core/log.h"
#include "core/tracing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum step {
    STEP_PROCESS,
    STEP_FILTER,
    STEP_LISTENER,
    STEP_MEMORY,
    STEP_SUPERVISOR,
    STEP_SCOPE,
};

/* What the two tell each other, over a channel that keeps messages whole. */
struct question {
    int listener;
    uintptr_t address; /* of something in the program's memory */
};

struct answer {
    enum step step;
    int error; /* 0: all is well */
};

bool supervise_is_under(void)
{
    return syscall(SYS_getpeername, KNOCK_FD, KNOCK_ADDRESS, KNOCK_LENGTH) == 0;
}

/* --- What went wrong --- */

static const char *reason_of(const struct answer *answer)
{
    bool is_forbidden = answer->error == EPERM || answer->error == EACCES;
    switch (answer->step) {
    case STEP_FILTER:
        if (answer->error == EBUSY)
            return " (it has one already, of another program, and cannot have two)";
        return is_forbidden ? " (as a container's seccomp profile may forbid it)"
                            : " (it takes Linux 5.9 or later, and a container that does not hide "
                              "it)";
    case STEP_LISTENER:
    case STEP_MEMORY:
        return is_forbidden ? " (as a container without CAP_SYS_PTRACE or a security module may "
                              "forbid it)"
                            : " (it takes Linux 5.9 or later, and a container that does not hide "
                              "it)";
    default:
        return "";
    }
}

static int complain(const char *name, const struct answer *answer)
{
    static const char *const steps[] = {
        [STEP_PROCESS] = "no process for a supervisor can be made",
        [STEP_FILTER] = "seccomp(2): the kernel gives it no filter with a listener",
        [STEP_LISTENER] = "pidfd_getfd(2): a supervisor could not take its descriptors",
        [STEP_MEMORY] = "process_vm_readv(2): a supervisor could not read its memory",
        [STEP_SUPERVISOR] = "the supervisor did not start",
        [STEP_SCOPE] = "ptrace_scope (Yama) lets no process look into another",
    };
    log_error("%s: cannot be supervised: %s: %s%s; nothing was run", name, steps[answer->step],
              strerror(answer->error), reason_of(answer));
    return EXIT_REFUSED;
}

/* --- The meeting --- */

/* Away from the standard numbers, which may be closed: a message must not go into the channel. */
static bool open_channel(int ends[2])
{
    int made[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, made) != 0)
        return false;
    ends[0] = fcntl(made[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    ends[1] = fcntl(made[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(made[0]);
    close(made[1]);
    return ends[0] >= 0 && ends[1] >= 0;
}

/* The program's part. */
static int be_supervised(const char *name, int channel)
{
    struct answer answer = {.step = STEP_FILTER};
    struct question question = {.listener = filter_install(), .address = (uintptr_t)&question};
    if (question.listener < 0) {
        answer.error = errno;
    } else if (send(channel, &question, sizeof(question), MSG_NOSIGNAL) != sizeof(question) ||
               recv(channel, &answer, sizeof(answer), 0) != sizeof(answer)) {
        answer = (struct answer){STEP_SUPERVISOR, EPIPE};
    }
    /* Without a listener in this process, its calls fail when the supervisor is no more. */
    if (question.listener >= 0)
        close(question.listener);
    close(channel);
    return answer.error ? complain(name, &answer) : 0;
}

static int take_listener(pid_t program, const struct question *question, enum step *step)
{
    char octet;
    const struct iovec ours = {&octet, 1}, theirs = {(void *)question->address, 1};
    *step = STEP_LISTENER;
    int pidfd = (int)syscall(SYS_pidfd_open, program, 0);
    if (pidfd < 0)
        return -1;
    int listener = (int)syscall(SYS_pidfd_getfd, pidfd, question->listener, 0);
    int error = errno;
    close(pidfd);
    errno = error;
    if (listener < 0)
        return -1;
    *step = STEP_MEMORY;
    return process_vm_readv(program, &ours, 1, &theirs, 1, 0) == 1 ? listener : -1;
}

/* The supervisor's part: the listener, or -1. */
static int meet_program(int channel, pid_t program)
{
    struct question question;
    struct answer answer = {.error = 0};
    if (recv(channel, &question, sizeof(question), 0) != sizeof(question))
        return -1;
    int listener = take_listener(program, &question, &answer.step);
    if (listener < 0)
        answer.error = errno;
    send(channel, &answer, sizeof(answer), MSG_NOSIGNAL);
    close(channel);
    return listener;
}

/* In place of the meeting's end: have the program say why it is not run. */
static void give_up(int channel, int error)
{
    struct question question;
    const struct answer answer = {STEP_SUPERVISOR, error};
    if (recv(channel, &question, sizeof(question), 0) == sizeof(question))
        send(channel, &answer, sizeof(answer), MSG_NOSIGNAL);
    close(channel);
}

/* What is supervised runs as the same user, who may look into his processes and change them, or
 * take their descriptors. Landlock forbids it to those under it, from Linux 6.7 on. */
static void close_to_others(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* --- Beside the program --- */

static _Noreturn void run_beside(int channel, pid_t program)
{
    close_to_others();
    detach_terminal();
    if (!detach_descriptors((int *[]){&channel}, 1)) {
        give_up(channel, errno);
        _exit(EXIT_FAILURE);
    }
    int listener = meet_program(channel, program);
    _exit(listener >= 0 ? supervisor_run(listener) : EXIT_FAILURE);
}

/* The process in the middle is waited for at once, so that the program finds no child that it did
 * not make; a vfork(2), for one copy of our memory is enough. 0 or an errno. */
static int fork_beside(int channel)
{
    pid_t program = getpid();
    pid_t middle = vfork();
    if (middle < 0)
        return errno;
    if (middle == 0) {
        pid_t supervisor = fork();
        if (supervisor == 0)
            run_beside(channel, program);
        _exit(supervisor < 0 ? errno : 0);
    }
    int status = 0;
    while (waitpid(middle, &status, 0) < 0)
        if (errno != EINTR)
            return errno == ECHILD ? 0 : errno; /* SIGCHLD is ignored: reaped by the kernel */
    return WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

static int start_beside(const char *name, int ends[2])
{
    int error = fork_beside(ends[1]);
    close(ends[1]);
    return error ? complain(name, &(struct answer){STEP_PROCESS, error})
                 : be_supervised(name, ends[0]);
}

/* --- Above the program --- */

static _Noreturn void run_above(int channel, pid_t program, struct deputy *deputy)
{
    close_to_others();
    detach_terminal();
    int error = detach_descriptors((int *[]){&channel, &deputy->ends[1], &deputy->pidfd}, 3)
                    ? deputy_inform(deputy, program)
                    : errno;
    if (error) {
        give_up(channel, error);
        waitpid(program, NULL, 0);
        _exit(EXIT_REFUSED); /* which the deputy passes on */
    }
    int listener = meet_program(channel, program);
    int status = listener >= 0 ? supervisor_run(listener) : EXIT_FAILURE;
    deputy_finish();
    _exit(status);
}

static int start_above(const char *name, int ends[2])
{
    struct deputy deputy;
    int error = deputy_prepare(&deputy);
    if (error)
        return complain(name, &(struct answer){STEP_PROCESS, error});
    pid_t supervisor = fork();
    if (supervisor > 0) {
        close(ends[0]);
        close(ends[1]);
        deputy_run(&deputy, supervisor);
    }
    error = errno;
    if (supervisor == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        pid_t program = fork();
        if (program > 0) {
            close(ends[0]);
            run_above(ends[1], program, &deputy);
        }
        error = program < 0 ? errno : 0;
    }
    deputy_leave(&deputy);
    close(ends[1]);
    return error ? complain(name, &(struct answer){STEP_PROCESS, error})
                 : be_supervised(name, ends[0]);
}

/* --- Which of them --- */

int supervise_start(const char *name)
{
    int ends[2];
    enum tracing reach = tracing_reach();
    if (reach == TRACING_OF_NONE)
        return complain(name, &(struct answer){STEP_SCOPE, EPERM});
    if (!open_channel(ends))
        return complain(name, &(struct answer){STEP_PROCESS, errno});
    return reach == TRACING_OF_USER ? start_beside(name, ends) : start_above(name, ends);
}
