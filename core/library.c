/* SPDX-License-Identifier: MIT
 * What loaders put in place of $LIB was chosen when they were built. There is nobody to ask but the
 * file, in which it stands as a string of its own. */
#include "core/library.h"

#include "core/inspect.h"
#include "core/sys.h"
#include "core/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
    LOADER_MAX = 4 << 20, /* octets; real ones have some 200,000 */
    PLACE_MAX = 512,      /* octets of the library's path */
};

/* Debian's names and those of its kin, then those of all others. */
static const char *const directories[] = {
    "lib/x86_64-linux-gnu", "lib/i386-linux-gnu", "lib64", "lib32", "lib",
};

static bool is_of_kind(const char *path, const struct elf_kind *kind)
{
    struct elf_file file;
    struct elf_kind found;
    bool swapped;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    elf_file_start(&file, fd);
    sys_close(fd);
    return elf_file_kind(&file, &found, &swapped) && !swapped && elf_is_kind(&found, kind);
}

/* The words with a NUL on both sides. */
static bool has_string(const char *bytes, size_t len, const char *words)
{
    char wanted[32] = "";
    size_t wanted_len = strlen(words) + 2;
    memcpy(wanted + 1, words, wanted_len - 2);
    return memmem(bytes, len, wanted, wanted_len) != NULL;
}

static bool loader_has(const char *loader, const char *words)
{
    struct stat status;
    bool has = false;
    int fd = open(loader, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) == 0 && status.st_size > 0 && status.st_size <= LOADER_MAX) {
        size_t len = (size_t)status.st_size;
        void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            has = has_string(bytes, len, words);
            munmap(bytes, len);
        }
    }
    sys_close(fd);
    return has;
}

bool library_find(const char *item, const struct elf_kind *kind, const char *loader, char *path,
                  size_t size)
{
    const char *token = strchr(item, '$');
    if (!token || strncmp(token, LIBRARY_TOKEN, strlen(LIBRARY_TOKEN)) != 0 ||
        strchr(token + 1, '$'))
        return false;
    const char *rest = token + strlen(LIBRARY_TOKEN) - 1;
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        struct text text = text_start(path, size);
        text_add_bytes(&text, item, (size_t)(token - item));
        text_add(&text, directories[i]);
        text_add(&text, rest);
        if (text.len + 1 < size && is_of_kind(path, kind) && loader_has(loader, directories[i]))
            return true;
    }
    return false;
}

void library_judge(const char *item, struct inspection *program)
{
    char path[PLACE_MAX];
    bool is_reached = program->kind == INSPECTION_REACHED;
    if ((!is_reached && program->kind != INSPECTION_OTHER_CLASS) || !strstr(item, LIBRARY_TOKEN))
        return;
    if (is_reached && (!*program->loader || strcmp(program->loader, elf_our_loader()) == 0))
        return;
    if (library_find(item, &program->elf, program->loader, path, sizeof(path)))
        program->kind = INSPECTION_REACHED;
    else if (is_reached)
        program->kind = INSPECTION_OTHER_LIBC;
}
