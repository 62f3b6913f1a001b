/* SPDX-License-Identifier: MIT
 * posix_spawn(3), and popen(3) and system(3), which libc runs by a posix_spawn of its own with the
 * process's environment. */
#include "preload/child.h"
#include "preload/inherit.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define SHELL "/bin/sh"

/* Not part of posix_spawn, where the room would take the stack that the check needs. */
static __attribute__((noinline)) int spawn(__typeof__(&posix_spawn) function, pid_t *pid,
                                           const char *path,
                                           const posix_spawn_file_actions_t *actions,
                                           const posix_spawnattr_t *attributes, char *const *argv,
                                           char *const *envp)
{
    struct inherit_room room;
    envp = inherit_complete(envp, &room);
    if (!envp)
        return ENOMEM;
    int error = function(pid, path, actions, attributes, argv, envp);
    inherit_release(&room);
    return error;
}

static __attribute__((noinline)) int spawn_by_detour(const struct detour_to *to, pid_t *pid,
                                                     const posix_spawn_file_actions_t *actions,
                                                     const posix_spawnattr_t *attributes,
                                                     char *const *argv, char *const *envp)
{
    struct detour detour;
    if (!detour_prepare(&detour, to, argv, envp))
        return errno;
    int error =
        real(posix_spawn)(pid, detour.wrapper, actions, attributes, detour.argv, detour.envp);
    inherit_release(&detour.room);
    return error;
}

static int begin(const struct detour_to *to, pid_t *pid, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const *argv, char *const *envp)
{
    int result = child_check(to, true);
    if (result == CHILD_TAKES_DETOUR)
        return spawn_by_detour(to, pid, actions, attributes, argv, envp);
    return result ? result
                  : spawn(to->is_named ? real(posix_spawnp) : real(posix_spawn), pid, to->path,
                          actions, attributes, argv, envp);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    return begin(&(struct detour_to){.dir_fd = AT_FDCWD, .path = path}, pid, actions, attributes,
                 argv, envp);
}

EXPORT int posix_spawnp(pid_t *pid, const char *name, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    return begin(&(struct detour_to){.dir_fd = AT_FDCWD, .path = name, .is_named = true}, pid,
                 actions, attributes, argv, envp);
}

/*
 * Before libc starts a shell. What the process's environment lacks is put into it and stays there:
 * taking it out again would race with another thread that is just doing the same, and change, for
 * system(3), a thing that the program may have changed itself in the hours between.
 */
static bool prepare_shell(void)
{
    int error = child_check(&(struct detour_to){.dir_fd = AT_FDCWD, .path = SHELL}, false);
    if (error != 0)
        errno = error;
    return error == 0 && inherit_mend_environ();
}

EXPORT FILE *popen(const char *command, const char *type)
{
    return prepare_shell() ? real(popen)(command, type) : NULL;
}

EXPORT int system(const char *command)
{
    /* NULL asks whether there is a shell; glibc starts one for the answer. */
    return prepare_shell() ? real(system)(command) : command ? -1 : 0;
}
