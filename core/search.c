/* SPDX-License-Identifier: MIT
 * The walk through PATH, with glibc's answers to every oddity in it. */
#include "core/search.h"

#include "core/text.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 when execve would not refuse the file at once. */
static int try_file(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return EACCES;
    return eaccess(path, X_OK) == 0 ? 0 : errno;
}

/* In one directory of PATH; an empty one means the current one. */
static int try_in(const char *directory, size_t len, const char *name, char *found, size_t size)
{
    size_t whole = len + (len ? 1 : 0) + strlen(name);
    if (whole >= PATH_MAX)
        return ENOENT; /* it cannot hold anything */
    if (whole >= size)
        return ENAMETOOLONG;
    struct text text = text_start(found, size);
    text_add_bytes(&text, directory, len);
    text_add(&text, len ? "/" : "");
    text_add(&text, name);
    return try_file(found);
}

int search_program(const char *name, char *found, size_t size)
{
    char fallback[64];
    int verdict = ENOENT;

    if (*name == '\0')
        return ENOENT;
    bool is_path = strchr(name, '/') != NULL;
    if (strlen(name) >= (is_path ? PATH_MAX : NAME_MAX + 1))
        return ENAMETOOLONG;
    if (is_path)
        return try_in("", 0, name, found, size);

    const char *directory = getenv("PATH");
    if (!directory) {
        confstr(_CS_PATH, fallback, sizeof(fallback));
        directory = fallback;
    }
    for (;; directory++) {
        size_t len = strcspn(directory, ":");
        int error = try_in(directory, len, name, found, size);
        if (error == EACCES)
            verdict = EACCES;
        else if (error != ENOENT && error != ENOTDIR && error != ESTALE && error != ENODEV &&
                 error != ETIMEDOUT)
            return error;
        directory += len;
        if (*directory == '\0')
            return verdict;
    }
}
