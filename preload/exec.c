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
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

/* The last steps before a program takes this process's place: the environment for it, or NULL with
 * errno when it must not. */
static char *const *prepare(int refusal, char *const *envp, struct inherit_room *room)
{
    if (refusal != 0) {
        errno = refusal;
        return NULL;
    }
    char *const *complete = inherit_complete(envp, room);
    if (complete) {
        pending_wait_for_exec();
        inherit_abandon(room);
    }
    return complete;
}

static int run(const char *path, char *const *argv, char *const *envp)
{
    struct inherit_room room;
    char *const *complete = prepare(child_check(path), envp, &room);
    if (!complete)
        return -1;
    real(execve)(path, argv, complete);
    inherit_release(&room);
    return -1;
}

static int run_named(const char *name, char *const *argv, char *const *envp)
{
    struct inherit_room room;
    char *const *complete = prepare(child_check_named(name), envp, &room);
    if (!complete)
        return -1;
    real(execvpe)(name, argv, complete);
    inherit_release(&room);
    return -1;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    return run(path, argv, envp);
}

EXPORT int execv(const char *path, char *const argv[])
{
    return run(path, argv, environ);
}

EXPORT int execvp(const char *name, char *const argv[])
{
    return run_named(name, argv, environ);
}

EXPORT int execvpe(const char *name, char *const argv[], char *const envp[])
{
    return run_named(name, argv, envp);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    struct inherit_room room;
    char *const *complete = prepare(child_check_at(fd, ""), envp, &room);
    if (!complete)
        return -1;
    real(fexecve)(fd, argv, complete);
    inherit_release(&room);
    return -1;
}

EXPORT int execveat(int dir_fd, const char *path, char *const argv[], char *const envp[], int flags)
{
    struct inherit_room room;
    char *const *complete = prepare(child_check_at(dir_fd, path), envp, &room);
    if (!complete)
        return -1;
    real(execveat)(dir_fd, path, argv, complete, flags);
    inherit_release(&room);
    return -1;
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

static void collect_arguments(char **argv, const char *first, va_list list)
{
    *argv = (char *)first;
    while (*argv)
        *++argv = va_arg(list, char *);
}

EXPORT int execl(const char *path, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    char **argv = alloca((count_arguments(first, list) + 1) * sizeof(*argv));
    va_end(list);
    va_start(list, first);
    collect_arguments(argv, first, list);
    va_end(list);
    return run(path, argv, environ);
}

EXPORT int execlp(const char *name, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    char **argv = alloca((count_arguments(first, list) + 1) * sizeof(*argv));
    va_end(list);
    va_start(list, first);
    collect_arguments(argv, first, list);
    va_end(list);
    return run_named(name, argv, environ);
}

/* The environment stands behind the NULL. */
EXPORT int execle(const char *path, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    char **argv = alloca((count_arguments(first, list) + 1) * sizeof(*argv));
    va_end(list);
    va_start(list, first);
    collect_arguments(argv, first, list);
    char *const *envp = va_arg(list, char *const *);
    va_end(list);
    return run(path, argv, envp);
}
