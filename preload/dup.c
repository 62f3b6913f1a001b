/* SPDX-License-Identifier: MIT
 * dup(2), dup2(2), dup3(2) and fcntl(2)'s F_DUPFD: another number for the same socket. */
#include "preload/connector.h"
#include "preload/descriptors.h"
#include "preload/own.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

/* The program wants that very number: whatever it was is closed, and if it is ours we move. */
static bool make_way(int fd, int copy)
{
    if (fd == copy)
        return true;
    if (own_is(copy) && !connector_vacate(copy)) {
        errno = EBUSY;
        return false;
    }
    descriptors_closing(copy);
    return true;
}

static int copied(int fd, int copy)
{
    if (copy >= 0 && copy != fd)
        descriptors_copied(fd, copy);
    return copy;
}

EXPORT int dup(int fd)
{
    return copied(fd, real(dup)(fd));
}

EXPORT int dup2(int fd, int copy)
{
    return make_way(fd, copy) ? copied(fd, real(dup2)(fd, copy)) : -1;
}

EXPORT int dup3(int fd, int copy, int flags)
{
    return make_way(fd, copy) ? copied(fd, real(dup3)(fd, copy, flags)) : -1;
}

static int duplicates(int command)
{
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC;
}

/* Every command takes at most one argument, an int or a pointer: passed on as the wider one. */
EXPORT int fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    int result = real(fcntl)(fd, command, argument);
    return duplicates(command) ? copied(fd, result) : result;
}

#ifdef __GLIBC__
EXPORT int fcntl64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    int result = real(fcntl64)(fd, command, argument);
    return duplicates(command) ? copied(fd, result) : result;
}
#endif
