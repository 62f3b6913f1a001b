/* SPDX-License-Identifier: MIT
 * execve(2), execveat(2) and the functions of libc in front of them, whose calls of one another do
 * not come by here. Each may be called in the child of a vfork, or by a signal handler. */
#include "preload/child.h"
#include "preload/inherit.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* What is to be run, but for the environment. */
struct call {
    enum { AS_PATH, AS_NAME, AS_FD, AS_AT } as; /* execve, execvpe, fexecve, execveat */
    int fd;
    const char *path;
    char *const *argv;
    int flags;
};

static struct detour_to target(const struct call *call)
{
    return (struct detour_to){
        .dir_fd = call->as == AS_FD || call->as == AS_AT ? call->fd : AT_FDCWD,
        .path = call->as == AS_FD ? "" : call->path,
        .is_named = call->as == AS_NAME,
    };
}

/* The wrapper knows no flags: it follows links, and cannot be without a path. */
static bool may_take_detour(const struct call *call)
{
    return call->as != AS_AT || call->flags == (call->path && *call->path ? 0 : AT_EMPTY_PATH);
}

static __attribute__((noinline)) int finish_by_detour(const struct call *call, char *const *envp)
{
    struct detour detour;
    const struct detour_to to = target(call);
    if (!detour_prepare(&detour, &to, call->argv, envp))
        return -1;
    pending_wait_for_exec();
    inherit_abandon(&detour.room);
    real(execve)(detour.wrapper, detour.argv, detour.envp);
    inherit_release(&detour.room);
    return -1;
}

/* Not part of begin, where the room would take the stack that the check needs. */
static __attribute__((noinline)) int finish(const struct call *call, char *const *envp)
{
    struct inherit_room room;
    envp = inherit_complete(envp, &room);
    if (!envp)
        return -1;
    pending_wait_for_exec();
    inherit_abandon(&room);
    switch (call->as) {
    case AS_NAME:
        real(execvpe)(call->path, call->argv, envp);
        break;
    case AS_FD:
        real(fexecve)(call->fd, call->argv, envp);
        break;
    case AS_AT:
        real(execveat)(call->fd, call->path, call->argv, envp, call->flags);
        break;
    default:
        real(execve)(call->path, call->argv, envp);
        break;
    }
    inherit_release(&room);
    return -1;
}

static int begin(const struct call *call, char *const *envp)
{
    const struct detour_to to = target(call);
    int result = child_check(&to, may_take_detour(call));
    if (result == 0)
        return finish(call, envp);
    if (result == CHILD_TAKES_DETOUR)
        return finish_by_detour(call, envp);
    errno = result;
    return -1;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    return begin(&(struct call){.as = AS_PATH, .path = path, .argv = argv}, envp);
}

EXPORT int execv(const char *path, char *const argv[])
{
    return begin(&(struct call){.as = AS_PATH, .path = path, .argv = argv}, environ);
}

EXPORT int execvp(const char *name, char *const argv[])
{
    return begin(&(struct call){.as = AS_NAME, .path = name, .argv = argv}, environ);
}

EXPORT int execvpe(const char *name, char *const argv[], char *const envp[])
{
    return begin(&(struct call){.as = AS_NAME, .path = name, .argv = argv}, envp);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    return begin(&(struct call){.as = AS_FD, .fd = fd, .argv = argv}, envp);
}

EXPORT int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
    return begin(&(struct call){.as = AS_AT, .fd = fd, .path = path, .argv = argv, .flags = flags},
                 envp);
}

/*
 * Arguments of which there is a list, closed by a NULL. Their array goes on the stack: they have
 * been there already, so that it doubles what the caller took, and malloc is out of the question.
 */
static size_t count_arguments(const char *first, va_list list)
{
    size_t count = 0;
    for (const char *argument = first; argument; argument = va_arg(list, const char *))
        count++;
    return count;
}

/* A va_list is passed by value in some ABIs: the caller goes on behind the NULL. */
static void collect_arguments(char **argv, const char *first, va_list *list)
{
    *argv = (char *)first;
    while (*argv)
        *++argv = va_arg(*list, char *);
}

EXPORT int execl(const char *path, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    char **argv = alloca((count_arguments(first, list) + 1) * sizeof(*argv));
    va_end(list);
    va_start(list, first);
    collect_arguments(argv, first, &list);
    va_end(list);
    return begin(&(struct call){.as = AS_PATH, .path = path, .argv = argv}, environ);
}

EXPORT int execlp(const char *name, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    char **argv = alloca((count_arguments(first, list) + 1) * sizeof(*argv));
    va_end(list);
    va_start(list, first);
    collect_arguments(argv, first, &list);
    va_end(list);
    return begin(&(struct call){.as = AS_NAME, .path = name, .argv = argv}, environ);
}

/* The environment stands behind the NULL. */
EXPORT int execle(const char *path, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    char **argv = alloca((count_arguments(first, list) + 1) * sizeof(*argv));
    va_end(list);
    va_start(list, first);
    collect_arguments(argv, first, &list);
    char *const *envp = va_arg(list, char *const *);
    va_end(list);
    return begin(&(struct call){.as = AS_PATH, .path = path, .argv = argv}, envp);
}
