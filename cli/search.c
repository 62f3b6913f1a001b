/* SPDX-License-Identifier: MIT
 * The walk through PATH, with glibc's answers to every oddity in it. */
#include "cli/search.h"

#include "core/text.h"

#include <errno.h>
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

int search_program(const char *name, char found[static PATH_MAX])
{
    char path[PATH_MAX];
    char fallback[64];
    int verdict = ENOENT;

    if (*name == '\0')
        return ENOENT;
    if (strchr(name, '/')) {
        if (strlen(name) >= PATH_MAX)
            return ENAMETOOLONG;
        int error = try_file(name);
        if (error == 0)
            text_join(found, PATH_MAX, name, NULL);
        return error;
    }
    if (strlen(name) > NAME_MAX)
        return ENAMETOOLONG;

    const char *directory = getenv("PATH");
    if (!directory) {
        confstr(_CS_PATH, fallback, sizeof(fallback));
        directory = fallback;
    }
    for (;; directory++) {
        size_t len = strcspn(directory, ":");
        /* One that is too long cannot hold anything; an empty one means the current directory. */
        if (len + 1 + strlen(name) < sizeof(path)) {
            struct text text = text_start(path, sizeof(path));
            text_add_bytes(&text, directory, len);
            text_add(&text, len ? "/" : "");
            text_add(&text, name);
            int error = try_file(path);
            if (error == 0)
                text_join(found, PATH_MAX, path, NULL);
            if (error == EACCES)
                verdict = EACCES;
            else if (error != ENOENT && error != ENOTDIR && error != ESTALE && error != ENODEV &&
                     error != ETIMEDOUT)
                return error;
        }
        directory += len;
        if (*directory == '\0')
            return verdict;
    }
}
