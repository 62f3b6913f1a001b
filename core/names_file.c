/* SPDX-License-Identifier: MIT
 * The map's file: looked at before it is trusted, and made whole before it can be seen. */
#include "core/names_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/sys.h"
#include "core/text.h"

enum {
    PATH_LEN_MAX = 1024,    /* the program's stack may be small */
    INTERRUPTIONS_MAX = 64, /* so that no storm of signals keeps us for ever */
    TEMPORARY_COUNT = 16,   /* names a temporary file may have, so that leftovers are bounded */
    TEMPORARY_STALE_S = 60, /* a temporary file that old was left by a process that died */
};

static struct names *map_anonymous(void)
{
    struct names *names =
        mmap(NULL, NAMES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (names == MAP_FAILED)
        return NULL;
    names_init(names);
    return names;
}

static struct names *map_file(int fd)
{
    struct names *names = mmap(NULL, NAMES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return names == MAP_FAILED ? NULL : names;
}

/* Map the file that is there. NULL and *why NULL when there is none. */
static struct names *open_existing(const char *path, const char **why)
{
    struct names *names = NULL;
    struct stat st;

    /* O_NONBLOCK: opening a FIFO or a device must not wait for anybody. */
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == ENOENT)
            *why = NULL;
        else if (errno == ELOOP)
            *why = "it is a symbolic link";
        else
            *why = "it cannot be opened";
        return NULL;
    }

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        *why = "it is not a regular file";
    else if (st.st_uid != geteuid())
        *why = "it belongs to another user";
    else if ((st.st_mode & 07777) != 0600)
        *why = "its mode is not 0600";
    else if (st.st_nlink == 0)
        *why = NULL; /* it was removed just now */
    else if (st.st_nlink != 1)
        *why = "it has more than one name";
    else if (st.st_size != (off_t)NAMES_SIZE)
        *why = "it has the wrong size: damaged, or of another version";
    else if (!(names = map_file(fd)))
        *why = "it cannot be mapped";
    else if (!names_is_map(names)) {
        *why = "it has the wrong head: damaged, or of another version";
        names_close(names);
        names = NULL;
    }
    sys_close(fd);
    return names;
}

/* Give a new file its full size, so that no later access can fail for lack of space, and fill it.
 */
static struct names *fill_file(int fd, const char **why)
{
    struct rlimit limit;
    struct names *names = NULL;
    int error = EINTR;

    /* Growing a file beyond the limit would draw SIGXFSZ on the program. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < NAMES_SIZE) {
        *why = "the limit on file sizes is too low";
        return NULL;
    }
    for (unsigned i = 0; error == EINTR && i < INTERRUPTIONS_MAX; i++)
        error = posix_fallocate(fd, 0, NAMES_SIZE);
    if (error != 0 || fchmod(fd, 0600) != 0 || !(names = map_file(fd))) {
        *why = error != 0 ? "there is no space for it" : "it cannot be mapped";
        return NULL;
    }
    names_init(names);
    return names;
}

/* A file without a name, which vanishes with its process. */
static int open_unnamed(const char *path)
{
    char directory[PATH_LEN_MAX];
    const char *slash = strrchr(path, '/');
    struct text text = text_start(directory, sizeof(directory));

    if (!slash)
        text_add(&text, ".");
    else
        text_add_bytes(&text, path, slash == path ? 1 : (size_t)(slash - path));
    return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* 0, or an errno. */
static int link_unnamed(int fd, const char *path)
{
    char link[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
    struct text text = text_start(link, sizeof(link));

    text_add(&text, "/proc/self/fd/");
    text_add_number(&text, (unsigned long)fd);
    if (linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != EEXIST && linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0)
        return 0;
    return errno;
}

/* The way for a file system without O_TMPFILE, or a place without /proc. */
static int open_temporary(const char *path, char temporary[static PATH_LEN_MAX])
{
    for (unsigned i = 0; i < TEMPORARY_COUNT; i++) {
        struct stat st;
        struct text text = text_start(temporary, PATH_LEN_MAX);
        text_add(&text, path);
        text_add(&text, ".");
        text_add_number(&text, i);
        for (unsigned twice = 0; twice < 2; twice++) {
            int fd = open(temporary, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
            if (fd >= 0)
                return fd;
            if (errno != EEXIST)
                return -1;
            if (lstat(temporary, &st) != 0 || time(NULL) - st.st_mtime < TEMPORARY_STALE_S)
                break;
            unlink(temporary);
        }
    }
    return -1;
}

/* Make the file and map it. NULL and *why NULL when somebody else was faster. */
static struct names *create(const char *path, const char **why)
{
    struct names *names = NULL;
    char temporary[PATH_LEN_MAX];
    int error;

    *why = "it cannot be made";
    int fd = open_unnamed(path);
    if (fd >= 0) {
        names = fill_file(fd, why);
        error = !names ? 0 : link_unnamed(fd, path);
        sys_close(fd);
        if (!names)
            return NULL;
        if (error == 0)
            return names;
        names_close(names);
        if (error == EEXIST) {
            *why = NULL;
            return NULL;
        }
    }

    fd = open_temporary(path, temporary);
    if (fd < 0)
        return NULL;
    names = fill_file(fd, why);
    sys_close(fd);
    /* Not link and unlink: the file would have two names for a moment, which open_existing
     * refuses. */
    if (names && sys_rename_new(temporary, path) == 0)
        return names;
    *why = !names || errno != EEXIST ? *why : NULL;
    unlink(temporary);
    if (names)
        names_close(names);
    return NULL;
}

struct names *names_open(const char *path, const char **why)
{
    struct names *names = NULL;
    const char *reason = NULL;
    int saved_errno = errno;

    if (!path)
        reason = "none was asked for";
    else if (strlen(path) > PATH_LEN_MAX - sizeof(".99"))
        reason = "its path is too long";
    /* Made, removed, made again by others: a few rounds are plenty. */
    for (unsigned i = 0; !names && !reason && i < 4; i++) {
        names = open_existing(path, &reason);
        if (!names && !reason)
            names = create(path, &reason);
    }
    if (!names) {
        *why = reason ? reason : "it comes and goes";
        names = map_anonymous();
    } else {
        *why = NULL;
    }
    errno = saved_errno;
    return names;
}

void names_close(struct names *names)
{
    munmap(names, NAMES_SIZE);
}

const char *names_path(const char *runtime_dir, char *buf, size_t buf_len)
{
    char uid[3 * sizeof(unsigned long) + 1];
    struct stat st;

    struct text number = text_start(uid, sizeof(uid));
    text_add_number(&number, geteuid());
    bool is_ours = runtime_dir && runtime_dir[0] == '/' && stat(runtime_dir, &st) == 0 &&
                   S_ISDIR(st.st_mode) && st.st_uid == geteuid();
    const char *parts[3] = {"/dev/shm/socksify-", uid, ".names"};
    if (is_ours) {
        parts[0] = runtime_dir;
        parts[1] = "/socksify";
    }
    if (strlen(parts[0]) + strlen(parts[1]) + strlen(parts[2]) >= buf_len)
        return NULL;
    text_join(buf, buf_len, parts[0], parts[1], parts[2], NULL);
    return buf;
}
