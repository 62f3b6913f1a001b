/* SPDX-License-Identifier: MIT
 * An execve(2) past the library, which would put itself back into the environment. */
#include "cli/shed.h"

#include "core/preloads.h"
#include "core/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The library has syscall(2) for its own where this is assembly. Returns minus an errno. */
static long kernel_execve(const char *path, char *const argv[], char *const envp[])
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"((long)SYS_execve), "D"(path), "S"(argv), "d"(envp)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__i386__)
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"((long)SYS_execve), "b"(path), "c"(argv), "d"(envp)
                     : "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_execve;
    register long x0 __asm__("x0") = (long)path;
    register long x1 __asm__("x1") = (long)argv;
    register long x2 __asm__("x2") = (long)envp;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
    return x0;
#else
    syscall(SYS_execve, path, argv, envp);
    return -errno;
#endif
}

bool shed_is_needed(void)
{
    const char *list = getenv(PRELOADS_VARIABLE);
    size_t len;
    return list && preloads_find(list, &len);
}

int shed(char *const argv[])
{
    const char *list = getenv(PRELOADS_VARIABLE);
    size_t size = list ? strlen(list) + 2 : 2;
    char *rest = malloc(size);
    if (!rest)
        return ENOMEM;
    struct text text = text_start(rest, size);
    preloads_add(&text, list);
    int failed = *rest ? setenv(PRELOADS_VARIABLE, rest + 1, 1) : unsetenv(PRELOADS_VARIABLE);
    free(rest);
    if (failed)
        return errno;
    /* By its name: "exe" would be what ps(1) shows. */
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (len < 0)
        return errno;
    path[len] = '\0';
    return (int)-kernel_execve(path, argv, environ);
}
