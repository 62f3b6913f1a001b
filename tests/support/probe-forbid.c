/* SPDX-License-Identifier: MIT
 * probe-forbid CALL=ERRNO... -- COMMAND [ARG...]: run a command under a seccomp filter that answers
 * these system calls with that errno, as the profile of a container does. CALL is seccomp, prctl
 * (PR_SET_SECCOMP alone), pidfd_open, pidfd_getfd, process_vm_readv or listener: seccomp(2) with
 * the flag that asks for one; a listener of its own with "listener=hold". */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#define SECCOMP_FILTER_FLAG_NEW_LISTENER 8
#endif

enum { ANYTHING = -1 };

static const struct {
    const char *name;
    long number;
    int argument; /* which one is looked at; ANYTHING: none */
    unsigned value;
} calls[] = {
    {"seccomp", SYS_seccomp, ANYTHING, 0},
    {"listener", SYS_seccomp, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER},
    {"prctl", SYS_prctl, 0, PR_SET_SECCOMP},
    {"pidfd_open", SYS_pidfd_open, ANYTHING, 0},
    {"pidfd_getfd", SYS_pidfd_getfd, ANYTHING, 0},
    {"process_vm_readv", SYS_process_vm_readv, ANYTHING, 0},
    {"landlock", SYS_landlock_create_ruleset, ANYTHING, 0},
};

static unsigned number_of_error(const char *name)
{
    for (int error = 1; error < 200; error++) {
        const char *known = strerrorname_np(error);
        if (known && !strcmp(known, name))
            return (unsigned)error;
    }
    errx(2, "%s: no such errno", name);
}

static int install(struct sock_filter *filter, size_t len, unsigned flags)
{
    const struct sock_fprog program = {.len = (unsigned short)len, .filter = filter};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void forbid(size_t call, unsigned verdict)
{
    const unsigned argument = (unsigned)(offsetof(struct seccomp_data, args) +
                                         sizeof(__u64) * (unsigned)calls[call].argument);
    struct sock_filter with_argument[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[call].number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[call].value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, verdict),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_filter plain[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[call].number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, verdict),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    int result = calls[call].argument == ANYTHING
                     ? install(plain, sizeof(plain) / sizeof(*plain), 0)
                     : install(with_argument, sizeof(with_argument) / sizeof(*with_argument), 0);
    if (result)
        err(2, "seccomp");
}

/* A listener, which lives on in the command: there can be but one. */
static void hold_listener(void)
{
    struct sock_filter pass[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    int listener = install(pass, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (listener < 0 || dup(listener) < 0) /* the copy survives exec */
        err(2, "seccomp");
}

static void obey(const char *word)
{
    const char *equal = strchr(word, '=');
    if (!strcmp(word, "listener=hold")) {
        hold_listener();
        return;
    }
    for (size_t i = 0; equal && i < sizeof(calls) / sizeof(*calls); i++) {
        if (strlen(calls[i].name) == (size_t)(equal - word) &&
            !memcmp(word, calls[i].name, (size_t)(equal - word))) {
            forbid(i, SECCOMP_RET_ERRNO | number_of_error(equal + 1));
            return;
        }
    }
    errx(2, "%s: expected CALL=ERRNO", word);
}

int main(int argc, char **argv)
{
    (void)argc;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        err(2, "prctl");
    for (argv++; *argv && strcmp(*argv, "--") != 0; argv++)
        obey(*argv);
    if (!*argv || !argv[1])
        errx(2, "usage: probe-forbid CALL=ERRNO... -- COMMAND [ARG...]");
    execvp(argv[1], argv + 1);
    err(2, "%s", argv[1]);
}
