/* SPDX-License-Identifier: MIT
 * What the probes take from glibc, for building them with musl: -include tests/support/musl.h */
#ifndef SOCKSIFY_TESTS_SUPPORT_MUSL_H
#define SOCKSIFY_TESTS_SUPPORT_MUSL_H

#include <errno.h>
#include <netdb.h>
#include <stddef.h>

#ifndef AI_IDN
#define AI_IDN 0
#endif

/* Functions that musl lacks; nobody asks the probes for them. */
int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
    __attribute__((weak));
#pragma weak __poll_chk
#pragma weak __ppoll_chk

static inline const char *strerrorname_np(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
#define X(name) {name, #name}
        X(EACCES),     X(EAGAIN),     X(EALREADY), X(EBADF),        X(ECONNREFUSED),
        X(ECONNRESET), X(EEXIST),     X(EFAULT),   X(EHOSTUNREACH), X(EINPROGRESS),
        X(EINTR),      X(EINVAL),     X(EISCONN),  X(ENETUNREACH),  X(ENOENT),
        X(ENOEXEC),    X(ENOMEM),     X(ENOTCONN), X(ENOTSOCK),     X(EPERM),
        X(EPIPE),      X(EOPNOTSUPP), X(ERANGE),   X(ETIMEDOUT),
#undef X
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].number == number)
            return names[i].name;
    return "E?";
}

#endif
