/* SPDX-License-Identifier: MIT
 * Program files: the input is the file. It may name an interpreter, but only a few are there to be
 * opened: a script may not reach the files of the machine that this runs on. */
#include <fcntl.h>

static int open_program(int dir_fd, const char *path, int flags);
#define openat open_program
#include "core/inspect.c"
#undef openat

#include "core/elf_file.h"
#include "fuzz.h"

static int program; /* the input's file; opened as "program" */

static int open_program(int dir_fd, const char *path, int flags)
{
    char own[32];
    const char *opened = NULL;
    MUST(dir_fd == AT_FDCWD && flags & O_CLOEXEC);
    snprintf(own, sizeof(own), "/proc/self/fd/%d", program);
    if (strcmp(path, "program") == 0 || strcmp(path, "/program") == 0)
        opened = own;
    else if (strcmp(path, "/bin/sh") == 0 || strcmp(path, "/usr/bin/env") == 0)
        opened = "/proc/self/exe";
    errno = ENOENT;
    return opened ? open(opened, flags) : -1;
}

/* The next descriptor that would be given out: the same again when none was left open. */
static int next_descriptor(void)
{
    int fd = dup(program);
    MUST(fd >= 0);
    close(fd);
    return fd;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What must be true of a file for it to be judged so; a script is judged by others. */
static void check_verdict(const struct inspection *result, const uint8_t *data, size_t len)
{
    bool is_elf = len >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
    bool is_script = len >= 2 && memcmp(data, "#!", 2) == 0;
    MUST(is_elf || is_script || result->kind == INSPECTION_PLAIN_TEXT ||
         result->kind == INSPECTION_UNKNOWN);
    MUST(result->is_interpreter == (*result->file != '\0') &&
         (is_script || !result->is_interpreter));
    if (result->kind == INSPECTION_PLAIN_TEXT || result->is_interpreter)
        MUST(!is_elf);
    if (result->kind == INSPECTION_FAILED)
        MUST(result->is_interpreter && result->sys_errno > 0);
    if (!is_elf)
        return;
    MUST(result->kind != INSPECTION_SETID && result->kind != INSPECTION_CAPABILITIES);
    const char *ours = last_part(elf_our_loader());
    bool is_our_class = len > EI_NIDENT && data[EI_CLASS] == elf_our_kind().class;
    MUST(is_our_class || result->kind != INSPECTION_REACHED);
    MUST(!is_our_class || result->kind != INSPECTION_OTHER_CLASS);
    if (result->kind == INSPECTION_OTHER_LIBC)
        MUST(*result->loader && (!is_our_class || strcmp(last_part(result->loader), ours) != 0));
    if (result->kind == INSPECTION_REACHED)
        MUST(strcmp(last_part(result->loader), ours) == 0);
    if (result->kind == INSPECTION_STATIC)
        MUST(*result->loader == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct inspection result, again;
    char text[INSPECTION_TEXT_MAX];
    program = memfd_create("program", MFD_CLOEXEC);
    MUST(program >= 0 && write(program, data, len) == (ssize_t)len && fchmod(program, 0755) == 0);
    int next = next_descriptor();
    memset(&result, 'x', sizeof(result));
    inspect_program("program", &result);
    MUST(result.kind <= INSPECTION_UNKNOWN);
    MUST(memchr(result.file, '\0', sizeof(result.file)));
    MUST(memchr(result.loader, '\0', sizeof(result.loader)));
    check_verdict(&result, data, len);
    memset(text, 'x', sizeof(text));
    inspect_text(&result, "program", text);
    MUST(memchr(text, '\0', sizeof(text)) && strncmp(text, "program: ", 9) == 0);
    memset(&again, 'y', sizeof(again));
    inspect_program("program", &again);
    MUST(again.kind == result.kind && strcmp(again.file, result.file) == 0);
    MUST(next_descriptor() == next);
    close(program);
    return 0;
}
