/* SPDX-License-Identifier: MIT
 * Inspection of programs, and what is said of the verdict. */
#include "preload/child.h"

#include "core/config.h"
#include "core/inspect.h"
#include "core/library.h"
#include "core/log.h"
#include "core/text.h"
#include "preload/inherit.h"
#include "preload/state.h"
#include "preload/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define SHELL "/bin/sh" /* what execvp(3) hands a file without a known format to */

enum {
    SAID_MAX = 64,
    LIBRARY_MAX = 512, /* octets of its path; with a longer one, it is not looked at */
    REACHED = -2,      /* no errno: all depends on the library */
};

/* Hashes of the programs that have been spoken of; 0: free. Atomic; when it is full, nothing new is
 * remembered, and said again. */
static uint32_t said[SAID_MAX];

static bool is_new(const char *path)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * 16777619u;
    hash |= 1;
    for (size_t i = 0; i < SAID_MAX; i++) {
        uint32_t free = 0;
        if (__atomic_compare_exchange_n(&said[i], &free, hash, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return true;
        if (free == hash)
            return false;
    }
    return true;
}

/* A configuration that cannot be used means that nothing may go out unproxied. */
static bool is_strict(void)
{
    const struct config *config = state_config();
    return !config || config_strict(config);
}

static void tell(bool strict, const char *words)
{
    if (strict)
        log_error("%s; not started: the configuration is strict", words);
    else
        log_warn("%s", words);
}

static bool is_reachable(const struct inspection *inspection)
{
    switch (inspection->kind) {
    case INSPECTION_REACHED:
    case INSPECTION_PLAIN_TEXT:
    case INSPECTION_FAILED:
    case INSPECTION_TOO_DEEP:
    case INSPECTION_MALFORMED:
        return true; /* or the kernel refuses it */
    default:
        return false;
    }
}

static __attribute__((noinline)) void tell_program(const struct inspection *inspection,
                                                   const char *path, bool strict)
{
    char words[INSPECTION_TEXT_MAX];
    tell(strict, inspect_text(inspection, path, words));
}

static __attribute__((noinline)) void tell_library(const char *library, bool strict)
{
    char words[INSPECTION_TEXT_MAX];
    text_join(words, sizeof(words), library,
              ": cannot be read from here, so that programs started from now on would connect "
              "without the proxy",
              NULL);
    tell(strict, words);
}

/* After chroot(2), or for a user who may not look into its directory, the loader would go on
 * without it. */
static int check_library(void)
{
    char buf[LIBRARY_MAX];
    const char *library = inherit_library(buf, sizeof(buf));
    if (library && strchr(library, '$'))
        library = symbols_own_path();
    if (!library || *library != '/' || faccessat(AT_FDCWD, library, R_OK, AT_EACCESS) == 0 ||
        detour_is_supervised())
        return 0;
    bool strict = is_strict();
    if (is_new(library))
        tell_library(library, strict);
    return strict ? EACCES : 0;
}

/* In a frame of its own: the library's path is not needed for what is said. */
static __attribute__((noinline)) void judge(struct inspection *inspection)
{
    char buf[LIBRARY_MAX];
    const char *library = inherit_library(buf, sizeof(buf));
    if (library)
        library_judge(library, inspection);
}

/* Not those that would lose privileges by it: who starts sudo(8) means it. */
static bool can_take_detour(enum inspection_kind kind)
{
    switch (kind) {
    case INSPECTION_STATIC:
    case INSPECTION_GO:
    case INSPECTION_OTHER_CLASS:
    case INSPECTION_OTHER_MACHINE:
    case INSPECTION_OTHER_LIBC:
    case INSPECTION_UNKNOWN:
        return state_config() != NULL;
    default:
        return false;
    }
}

/* In a frame of its own: the file's path is not needed for the library. path: what is looked at and
 * spoken of. */
static __attribute__((noinline)) int check(const struct detour_to *to, const char *path,
                                           bool may_take_detour)
{
    struct inspection inspection;
    if (to->is_named)
        inspect_named(path, &inspection);
    else
        inspect_program_at(to->dir_fd, path, &inspection);
    if (to->is_named && inspection.kind == INSPECTION_PLAIN_TEXT)
        inspect_program(SHELL, &inspection);
    judge(&inspection);
    if (is_reachable(&inspection))
        return inspection.kind == INSPECTION_REACHED ? REACHED : 0;
    /* The wrapper takes the library out of the environment, which another C library's loader
     * cannot use: so there it is needed even under a supervisor. */
    if (inspection.kind != INSPECTION_OTHER_LIBC && detour_is_supervised())
        return 0;
    if (may_take_detour && can_take_detour(inspection.kind) && detour_is_possible(to))
        return CHILD_TAKES_DETOUR;
    bool strict = is_strict();
    if (is_new(path))
        tell_program(&inspection, path, strict);
    return strict ? EACCES : 0;
}

static int check_both(const struct detour_to *to, const char *path, bool may_take_detour)
{
    int saved = errno;
    state_start();
    int result = check(to, path, may_take_detour);
    if (result == REACHED)
        result = check_library();
    errno = saved;
    return result;
}

int child_check(const struct detour_to *to, bool may_take_detour)
{
    char itself[sizeof("/proc/self/fd/") + 10];
    const char *path = to->path;
    if (!path)
        return 0;
    if (*path == '\0' && to->dir_fd >= 0) {
        struct text text = text_start(itself, sizeof(itself));
        text_add(&text, "/proc/self/fd/");
        text_add_number(&text, (unsigned long)to->dir_fd);
        path = itself;
    }
    return check_both(to, path, may_take_detour);
}
