/* SPDX-License-Identifier: MIT
 * execve(2), execveat(2) and the functions of libc in front of them, whose calls of one another do
 * not come by here. All but the memory of arguments and environments is the callers': this may be
 * the child of a vfork, or a signal handler. */
#include "preload/child.h"
#include "preload/inherit.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"

#include <alloca.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* The last steps before a program takes this process's place. False with errno: it must not. */
static bool prepare(int refusal, char *const **envp, struct inherit_room *room)
{
    if (refusal != 0) {
        errno = refusal;
        return false;
    }
    *envp = inherit_complete(*envp, room);
    if (!*envp && room->mapping)
        return false;
    return true;
}
