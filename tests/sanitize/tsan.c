/* SPDX-License-Identifier: MIT
 * ThreadSanitizer learns of descriptors from the libc functions that open and close them. Ours pass
 * by those: here it is told, and told that a number which is used again was first given back.
 * Linked with --wrap=symbols_libc. */
#include "preload/symbols.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sanitizer/tsan_interface.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

enum { DESCRIPTORS = 32768 }; /* twice as many as the library reaches for */

const struct libc_functions *__real_symbols_libc(void);
const struct libc_functions *__wrap_symbols_libc(void);

static char given_back[DESCRIPTORS];
static int (*known_close)(int);
static int (*known_dup)(int);
static int (*known_socket)(int, int, int);

static void give_back(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        __tsan_release(&given_back[fd]);
}

static int take(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        __tsan_acquire(&given_back[fd]);
    return fd;
}

static int told_close(int fd)
{
    give_back(fd);
    return known_close(fd);
}

static int told_dup(int fd)
{
    return take(known_dup(fd));
}

static int told_socket(int domain, int type, int protocol)
{
    return take(known_socket(domain, type, protocol));
}

/* The library asks sets that may be gone about descriptors that may be gone: the kernel knows. */
static int told_epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    return (int)__real_symbols_libc()->syscall(SYS_epoll_ctl, set, operation, fd, event);
}

static long told_syscall(long number, ...)
{
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_close)
        return told_close((int)arguments[0]);
    long result = __real_symbols_libc()->syscall(number, arguments[0], arguments[1], arguments[2],
                                                 arguments[3], arguments[4], arguments[5]);
    return number == SYS_fcntl && (int)arguments[1] == F_DUPFD_CLOEXEC ? take((int)result) : result;
}

static void *told_dlsym(void *handle, const char *name)
{
    void *found = __real_symbols_libc()->dlsym(handle, name);
    if (handle != RTLD_NEXT)
        return found;
    return strcmp(name, "close") == 0       ? (void *)told_close
           : strcmp(name, "dup") == 0       ? (void *)told_dup
           : strcmp(name, "socket") == 0    ? (void *)told_socket
           : strcmp(name, "epoll_ctl") == 0 ? (void *)told_epoll_ctl
                                            : found;
}

/* Called first by the library's constructor. */
const struct libc_functions *__wrap_symbols_libc(void)
{
    static const struct libc_functions told = {.dlsym = told_dlsym, .syscall = told_syscall};
    const struct libc_functions *libc = __real_symbols_libc();
    if (!known_close) {
        known_dup = (int (*)(int))libc->dlsym(RTLD_NEXT, "dup");
        known_socket = (int (*)(int, int, int))libc->dlsym(RTLD_NEXT, "socket");
        known_close = (int (*)(int))libc->dlsym(RTLD_NEXT, "close");
    }
    return &told;
}
