/* SPDX-License-Identifier: MIT
 * Finding the wrapper, and the command line that has it run a program in its own place. */
#include "preload/detour.h"

#include "core/knock.h"
#include "core/library.h"
#include "core/search.h"
#include "core/sys.h"
#include "core/text.h"
#include "core/tracing.h"
#include "preload/kernel.h"
#include "preload/state.h"
#include "preload/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_SIZE = 512, /* of paths that are tried; a longer one is given up */
    WORDS = 6,       /* socksify --argv0 NAME -- PATH, and the closing NULL */
    NUMBER_SIZE = 10 + 1,
};

#define FD_FOLDER "/proc/self/fd/"

bool detour_is_supervised(void)
{
    int saved = errno;
    bool answered =
        kernel_call(SYS_getpeername, KNOCK_FD, (long)KNOCK_ADDRESS, (long)KNOCK_LENGTH) == 0;
    errno = saved;
    return answered;
}

static bool may_run(const char *path)
{
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* The directory, with its slash, that LD_PRELOAD has us from: what stands before $LIB, if there is
 * that; empty when it cannot be told. */
static struct text library_directory(char *path, size_t size)
{
    const char *token = inherit_library(path, size) ? strstr(path, LIBRARY_TOKEN) : NULL;
    if (token)
        return (struct text){.buf = path, .size = size, .len = (size_t)(token - path)};
    const char *library = symbols_own_path();
    const char *slash = strrchr(library, '/');
    struct text text = text_start(path, size);
    text_add_bytes(&text, library, slash ? (size_t)(slash + 1 - library) : 0);
    return text;
}

/* Beside the library in the build tree, else where `make install` puts it. */
static bool find_wrapper(char *path, size_t size)
{
    struct text text = library_directory(path, size);
    text_add(&text, "socksify");
    if (*path == '/' && text.len + 1 < size && may_run(path))
        return true;
    text_join(path, size, BINDIR "/socksify", NULL);
    return may_run(path);
}

/* A kernel, or a container's filter, that has no notifications says so. */
static bool kernel_can_notify(void)
{
    uint32_t action = SECCOMP_RET_USER_NOTIF;
    return kernel_call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* "/proc/self/fd/NUMBER" */
static void name_descriptor(int fd, char *buf, size_t size)
{
    struct text text = text_start(buf, size);
    text_add(&text, FD_FOLDER);
    text_add_number(&text, (unsigned long)fd);
}

/* The path that /proc has for what dir_fd and path name, when it leads there: the wrapper will not
 * have the descriptor if it is closed on exec. */
static bool follow_descriptor(const struct detour_to *to, char *buf, size_t size)
{
    char link[sizeof(FD_FOLDER) + NUMBER_SIZE];
    struct stat wanted, found;
    name_descriptor(to->dir_fd, link, sizeof(link));
    ssize_t len = readlink(link, buf, size - 1);
    if (len <= 0 || (size_t)len + 2 + strlen(to->path) > size)
        return false;
    struct text text = {.buf = buf, .size = size, .len = (size_t)len};
    if (*to->path) {
        text_add(&text, "/");
        text_add(&text, to->path);
    }
    buf[text.len] = '\0';
    return fstatat(to->dir_fd, to->path, &wanted, AT_EMPTY_PATH) == 0 && stat(buf, &found) == 0 &&
           wanted.st_dev == found.st_dev && wanted.st_ino == found.st_ino;
}

/* What the wrapper is to be given, with a slash in it: without one, it would search. */
static int find_path(const struct detour_to *to, char *buf, size_t size)
{
    bool has_slash = strchr(to->path, '/') != NULL;
    if (to->is_named && !has_slash)
        return search_program(to->path, buf, size);
    if (*to->path == '/' || (to->dir_fd == AT_FDCWD && *to->path)) {
        if (strlen(to->path) + sizeof("./") > size)
            return ENAMETOOLONG;
        text_join(buf, size, has_slash ? "" : "./", to->path, NULL);
        return 0;
    }
    if (follow_descriptor(to, buf, size))
        return 0;
    int flags = *to->path ? FD_CLOEXEC : sys_fcntl(to->dir_fd, F_GETFD, 0);
    if (flags & FD_CLOEXEC)
        return ENOENT;
    name_descriptor(to->dir_fd, buf, size);
    return 0;
}

static __attribute__((noinline)) bool has_wrapper(void)
{
    char path[PATH_SIZE];
    return find_wrapper(path, sizeof(path));
}

static __attribute__((noinline)) bool has_path(const struct detour_to *to)
{
    char path[PATH_SIZE];
    /* The search has been done already. */
    return to->is_named || find_path(to, path, sizeof(path)) == 0;
}

bool detour_is_possible(const struct detour_to *to)
{
    int saved = errno;
    bool possible = !getauxval(AT_SECURE) && state_way() != WAY_PRELOAD && kernel_can_notify() &&
                    tracing_reach() != TRACING_OF_NONE && has_wrapper() && has_path(to);
    errno = saved;
    return possible;
}

bool detour_prepare(struct detour *detour, const struct detour_to *to, char *const *argv,
                    char *const *envp)
{
    static char name[] = "socksify", option[] = "--argv0", end[] = "--", empty[] = "";
    size_t count = 0;
    while (argv && argv[count])
        count++;
    void *memory;
    size_t words_size = (WORDS + count) * sizeof(char *);
    detour->envp = inherit_complete_for_wrapper(envp, &detour->room,
                                                words_size + PATH_SIZE + PATH_MAX, &memory);
    if (!detour->envp)
        return false;
    char **words = memory;
    char *wrapper = (char *)memory + words_size;
    char *path = wrapper + PATH_SIZE;
    int error = find_wrapper(wrapper, PATH_SIZE) ? find_path(to, path, PATH_MAX) : ENOENT;
    if (error != 0) {
        inherit_release(&detour->room);
        errno = error;
        return false;
    }
    const char *const head[] = {name, option, count > 0 ? argv[0] : empty, end, path};
    memcpy(words, head, sizeof(head));
    if (count > 0)
        memcpy(words + WORDS - 1, argv + 1, count * sizeof(*words)); /* with the closing NULL */
    else
        words[WORDS - 1] = NULL;
    detour->wrapper = wrapper;
    detour->argv = words;
    return true;
}
