/* SPDX-License-Identifier: MIT
 * What its ELF header, program headers, notes and section names say of a program; credentials by
 * the rules of execve(2). */
#include "core/inspect.h"

#include "core/capability.h"
#include "core/search.h"
#include "core/status.h"
#include "core/sys.h"
#include "core/text.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    PIECE_MAX = 256,           /* octets of section names that are looked at together */
    SCRIPT_HEAD = 256,         /* BINPRM_BUF_SIZE: the kernel looks at no more of a script */
    HEADERS_MAX = 65536,       /* octets of program headers: more makes the kernel refuse */
    NOTES_MAX = 4096,          /* octets of one note segment; real ones are below 200 */
    SECTION_NAMES_MAX = 65536, /* octets; real ones are below 1000 */
    SHOWN_MAX = 192,           /* octets of a path in a message */
};

#if __SIZEOF_POINTER__ == 8
#define OUR_BITS "64"
#define OTHER_BITS "32"
#else
#define OUR_BITS "32"
#define OTHER_BITS "64"
#endif

/* A file being looked at. */
struct file {
    struct elf_file elf;
    struct stat status;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Notes are name length, content length, type, name, content, each padded to 4 octets. The Go
 * linker leaves its build id in one that is called "Go". */
static bool has_go_note(const struct file *file, const Elf64_Phdr *segment)
{
    size_t len = segment->p_filesz < NOTES_MAX ? segment->p_filesz : NOTES_MAX;
    for (size_t at = 0; len - at >= sizeof(Elf64_Nhdr);) {
        Elf64_Nhdr note; /* the same in both classes */
        char name[4];
        if (!elf_file_copy(&file->elf, segment->p_offset + at, &note, sizeof(note)))
            return false;
        at += sizeof(note);
        uint64_t size = (((uint64_t)note.n_namesz + 3) & ~(uint64_t)3) +
                        (((uint64_t)note.n_descsz + 3) & ~(uint64_t)3);
        if (size > len - at)
            return false;
        if (note.n_namesz == sizeof(name) &&
            elf_file_copy(&file->elf, segment->p_offset + at, name, sizeof(name)) &&
            memcmp(name, "Go", 3) == 0)
            return true;
        at += (size_t)size;
    }
    return false;
}

/* Where in the section names an entry (with its NUL) first stands; SIZE_MAX: nowhere. */
static size_t find_name(const struct file *file, const Elf64_Shdr *names, const char *wanted,
                        size_t wanted_len)
{
    char piece[PIECE_MAX];
    for (size_t at = 0; names->sh_size - at >= wanted_len;) {
        size_t len = names->sh_size - at < sizeof(piece) ? names->sh_size - at : sizeof(piece);
        if (!elf_file_copy(&file->elf, names->sh_offset + at, piece, len))
            break;
        const char *found = memmem(piece, len, wanted, wanted_len);
        if (found)
            return at + (size_t)(found - piece);
        at += len - wanted_len + 1; /* it may stand across two pieces */
    }
    return SIZE_MAX;
}

/* The build id can be left out, the section with the Go version cannot. */
static bool has_go_section(const struct file *file, const Elf64_Ehdr *header)
{
    static const char wanted[] = ".go.buildinfo";
    Elf64_Shdr section;
    uint64_t table_len = (uint64_t)header->e_shnum * header->e_shentsize;
    uint64_t size = (uint64_t)file->status.st_size;
    if (header->e_shstrndx >= header->e_shnum || table_len > size ||
        header->e_shoff > size - table_len)
        return false;
    if (!elf_file_section(&file->elf, header, header->e_shstrndx, &section) ||
        section.sh_size > SECTION_NAMES_MAX)
        return false;
    size_t name = find_name(file, &section, wanted, sizeof(wanted));
    for (unsigned i = 0; name != SIZE_MAX && i < header->e_shnum; i++)
        if (elf_file_section(&file->elf, header, i, &section) && section.sh_name == name)
            return true;
    return false;
}

/* Copy as much of the loader's path as there is room for. False when it is what the kernel refuses:
 * empty, too long or without its NUL. */
static bool read_loader(const struct file *file, const Elf64_Phdr *segment,
                        char loader[static INSPECTION_LOADER_MAX])
{
    uint64_t len = segment->p_filesz;
    size_t kept = len < INSPECTION_LOADER_MAX ? len : INSPECTION_LOADER_MAX;
    char end;
    if (len < 2 || len > PATH_MAX ||
        !elf_file_copy(&file->elf, segment->p_offset + len - 1, &end, 1) || end != '\0' ||
        !elf_file_copy(&file->elf, segment->p_offset, loader, kept))
        return false;
    loader[kept - 1] = '\0';
    return *loader != '\0';
}

static bool is_same_file(const char *a, const struct stat *b)
{
    struct stat stat_a;
    return stat(a, &stat_a) == 0 && stat_a.st_dev == b->st_dev && stat_a.st_ino == b->st_ino;
}

/* All loaders of glibc that there can be two of on one machine. */
static bool is_glibc(const char *loader)
{
    static const char start[] = "ld-linux";
    return strncmp(base_name(loader), start, strlen(start)) == 0;
}

/* A glibc kept elsewhere (Nix, a copy beside the program) calls its loader by the same name, and
 * either takes the library or ends the program. */
static enum inspection_kind judge_loader(const char *loader, bool is_our_class)
{
    const char *ours = elf_our_loader();
    bool same = is_our_class ? !*ours || strcmp(base_name(loader), base_name(ours)) == 0
                             : is_glibc(loader) && (!*ours || is_glibc(ours));
    if (!same)
        return INSPECTION_OTHER_LIBC;
    return is_our_class ? INSPECTION_REACHED : INSPECTION_OTHER_CLASS;
}

static enum inspection_kind inspect_elf(const struct file *file, struct inspection *result)
{
    const struct elf_kind ours = elf_our_kind();
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    bool swapped;
    if (!elf_file_kind(&file->elf, &result->elf, &swapped))
        return INSPECTION_MALFORMED;
    bool is_our_class = result->elf.class == ours.class;
    if (swapped || (is_our_class && result->elf.machine != ours.machine))
        return INSPECTION_OTHER_MACHINE;
    if (!elf_file_header(&file->elf, &header) ||
        (header.e_type != ET_EXEC && header.e_type != ET_DYN) || header.e_phnum == 0 ||
        header.e_phnum * (uint32_t)header.e_phentsize > HEADERS_MAX)
        return INSPECTION_MALFORMED;

    enum inspection_kind kind = INSPECTION_STATIC;
    bool go = false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!elf_file_segment(&file->elf, &header, i, &segment))
            return INSPECTION_MALFORMED;
        if (segment.p_type == PT_NOTE)
            go = go || has_go_note(file, &segment);
        if (segment.p_type != PT_INTERP || kind != INSPECTION_STATIC)
            continue; /* the kernel takes the first */
        kind = read_loader(file, &segment, result->loader)
                   ? judge_loader(result->loader, is_our_class)
                   : INSPECTION_MALFORMED;
    }

    if (kind == INSPECTION_STATIC && is_same_file(elf_our_loader(), &file->status))
        return INSPECTION_REACHED; /* the loader run by hand obeys LD_PRELOAD, too */
    if (kind == INSPECTION_REACHED || kind == INSPECTION_OTHER_CLASS || kind == INSPECTION_STATIC)
        if (go || has_go_section(file, &header))
            return INSPECTION_GO;
    return kind;
}

/* Whether the file gives capabilities to somebody who is not root, which raises AT_SECURE: what it
 * has as permitted, what it lets through of ours, or its effective flag with nothing behind it. */
static bool gives_capabilities(int fd)
{
    struct capability_file file = {0}; /* a version 1 fills the first word only */
    struct capability_header header = {.version = CAPABILITY_VERSION};
    struct capability_word ours[CAPABILITY_WORDS] = {{0}};
    if (getuid() == 0 || sys_fgetxattr(fd, "security.capability", &file, sizeof(file)) <= 0)
        return false;
    if (capget(&header, ours) != 0)
        return true;
    bool gives = le32toh(file.magic) & CAPABILITY_FILE_EFFECTIVE;
    for (int i = 0; i < CAPABILITY_WORDS; i++)
        gives = gives || file.word[i].permitted ||
                (le32toh(file.word[i].inheritable) & ours[i].inheritable);
    return gives;
}

/*
 * Whether execve would raise AT_SECURE, on which the loader ignores LD_PRELOAD: when the effective
 * user or group is not the real one afterwards, or when somebody but root gets capabilities. Not
 * judged by the bits alone: root running a root-owned setuid program gains nothing.
 */
static enum inspection_kind judge_credentials(int fd, const struct stat *status)
{
    bool has_capabilities = gives_capabilities(fd);
    uid_t uid = geteuid();
    gid_t gid = getegid();
    /* Group execute missing, S_ISGID means mandatory locking. */
    bool setuid = status->st_mode & S_ISUID;
    bool setgid = (status->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);

    if (setuid || setgid || has_capabilities) {
        struct statvfs mount;
        if (fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_NOSUID))
            setuid = setgid = has_capabilities = false;
        else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
            setuid = setgid = false; /* file capabilities raise AT_SECURE all the same */
    }
    if (setuid)
        uid = status->st_uid;
    if (setgid)
        gid = status->st_gid;
    if (uid != getuid() || gid != getgid())
        return INSPECTION_SETID;
    if (has_capabilities)
        return INSPECTION_CAPABILITIES;
    return INSPECTION_REACHED;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* How long the word is that begins at text. */
static size_t word_len(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && !is_blank(text[n]) && text[n] != '\0')
        n++;
    return n;
}

/*
 * Split a "#!" line as the kernel does: the interpreter, and all the rest as one argument. False
 * when the kernel would not take it for a script: the interpreter is missing or cut off.
 */
static bool split_script(const struct file *file, char interpreter[static SCRIPT_HEAD],
                         char argument[static SCRIPT_HEAD])
{
    size_t len = file->elf.len < SCRIPT_HEAD ? file->elf.len : SCRIPT_HEAD;
    const char *at = file->elf.head + 2;
    const char *limit = file->elf.head + len;
    const char *end = memchr(at, '\n', (size_t)(limit - at));
    bool cut = !end && len == SCRIPT_HEAD;
    if (!end)
        end = limit;
    while (end > at && is_blank(end[-1]))
        end--;
    while (at < end && is_blank(*at))
        at++;
    size_t n = word_len(at, (size_t)(end - at));
    if (n == 0 || (cut && at + n == limit))
        return false;
    memcpy(interpreter, at, n);
    interpreter[n] = '\0';
    at += n;
    while (at < end && is_blank(*at))
        at++;
    n = strnlen(at, (size_t)(end - at));
    memcpy(argument, at, n);
    argument[n] = '\0';
    return true;
}

/* Not binary, by the shells' own measure: no NUL in the first line. */
static bool is_text(const struct file *file)
{
    const char *line_end = memchr(file->elf.head, '\n', file->elf.len);
    size_t len = line_end ? (size_t)(line_end - file->elf.head) : file->elf.len;
    return !memchr(file->elf.head, '\0', len);
}

/* The name that env(1) will look for, from its one argument in a "#!" line: "NAME" or
 * "-S NAME WORD...". False when it is not that simple. */
static bool name_for_env(char *argument)
{
    char *name = argument;
    if (strncmp(name, "-S", 2) == 0)
        name += 2 + strspn(name + 2, " \t");
    name[strcspn(name, " \t")] = '\0';
    if (*name == '\0' || *name == '-' || strpbrk(name, "='\"\\$"))
        return false;
    memmove(argument, name, strlen(name) + 1);
    return true;
}

static void inspect_failed(struct inspection *result, int error)
{
    result->kind = INSPECTION_FAILED;
    result->sys_errno = error;
}

/* A file that may be run but not read tells nothing but its mode. */
static void judge_unreadable(int dir_fd, const char *path, struct inspection *result)
{
    struct stat status;
    result->sys_errno = errno;
    if (faccessat(dir_fd, path, X_OK, AT_EACCESS) != 0) {
        inspect_failed(result, errno);
        return;
    }
    result->kind = fstatat(dir_fd, path, &status, 0) == 0 && (status.st_mode & (S_ISUID | S_ISGID))
                       ? INSPECTION_SETID
                       : INSPECTION_UNREADABLE;
}

/* One file: the verdict, or true when it is a script, whose interpreter is then the next to look
 * at. */
static bool inspect_file(int dir_fd, const char *path, struct inspection *result,
                         char interpreter[static SCRIPT_HEAD], char argument[static SCRIPT_HEAD])
{
    struct file file;
    bool is_script = false;
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        judge_unreadable(dir_fd, path, result);
        return false;
    }
    /* Whose permission it is the kernel will say. */
    if (fstat(fd, &file.status) != 0 || !S_ISREG(file.status.st_mode) ||
        !(file.status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) {
        inspect_failed(result, EACCES); /* as execve says it of a directory, too */
        goto out;
    }
    elf_file_start(&file.elf, fd);
    if (file.elf.len >= 2 && memcmp(file.elf.head, "#!", 2) == 0) {
        /* The kernel looks at the credentials of the interpreter only. */
        is_script = split_script(&file, interpreter, argument);
        result->kind = INSPECTION_PLAIN_TEXT;
        goto out;
    }
    if (!elf_file_has_magic(&file.elf)) {
        result->kind = is_text(&file) ? INSPECTION_PLAIN_TEXT : INSPECTION_UNKNOWN;
        goto out;
    }
    result->kind = judge_credentials(fd, &file.status);
    if (result->kind == INSPECTION_REACHED)
        result->kind = inspect_elf(&file, result);
out:
    sys_close(fd);
    return is_script;
}

/* The file that path names, and the interpreters behind it. path may be result->file. */
static void inspect_chain(int dir_fd, const char *path, struct inspection *result)
{
    char interpreter[SCRIPT_HEAD];
    char argument[SCRIPT_HEAD];

    for (int scripts = 0; inspect_file(dir_fd, path, result, interpreter, argument); scripts++) {
        if (scripts == INSPECTION_SCRIPTS_MAX) {
            result->kind = INSPECTION_TOO_DEEP;
            return;
        }
        /* env(1) itself is as fit as can be; who comes next is what matters. It makes a new execve,
         * which also begins a new count of interpreters, but ours is bound enough. */
        bool is_env = strcmp(base_name(interpreter), "env") == 0 && name_for_env(argument);
        if (!is_env || search_program(argument, result->file, sizeof(result->file)) != 0)
            text_join(result->file, sizeof(result->file), interpreter, NULL);
        result->is_interpreter = true;
        path = result->file;
        dir_fd = AT_FDCWD;
    }
}

static void start(struct inspection *result)
{
    *result->file = *result->loader = '\0';
    result->is_interpreter = false;
    result->sys_errno = 0;
}

void inspect_program_at(int dir_fd, const char *path, struct inspection *result)
{
    start(result);
    inspect_chain(dir_fd, path, result);
}

void inspect_program(const char *path, struct inspection *result)
{
    inspect_program_at(AT_FDCWD, path, result);
}

void inspect_named(const char *name, struct inspection *result)
{
    if (strchr(name, '/')) {
        inspect_program(name, result);
        return;
    }
    start(result);
    int error = search_program(name, result->file, sizeof(result->file));
    if (error != 0)
        inspect_failed(result, error);
    else
        inspect_chain(AT_FDCWD, result->file, result);
}

int inspect_library(const char *path)
{
    const struct elf_kind ours = elf_our_kind();
    struct elf_kind kind;
    struct elf_file file;
    Elf64_Ehdr header;
    bool swapped;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = 0;
    elf_file_start(&file, fd);
    if (!elf_file_kind(&file, &kind, &swapped) || swapped || !elf_is_kind(&kind, &ours) ||
        !elf_file_header(&file, &header) || header.e_type != ET_DYN) {
        error = ENOEXEC;
    } else {
        /* Not allowed on a file system mounted noexec, among others. */
        void *page = mmap(NULL, sizeof(header), PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        if (page == MAP_FAILED)
            error = errno;
        else
            munmap(page, sizeof(header));
    }
    sys_close(fd);
    return error;
}

/* Of a long path its end, which tells more. */
static void add_path(struct text *text, const char *path)
{
    size_t len = strlen(path);
    text_add(text, len > SHOWN_MAX ? "..." : "");
    text_add(text, len > SHOWN_MAX ? path + len - SHOWN_MAX : path);
}

/* "its interpreter FILE: what it is and what that means". */
static void add_reason(struct text *text, const struct inspection *result)
{
    static const char *const words[] = {
        [INSPECTION_REACHED] = "the library reaches it",
        [INSPECTION_PLAIN_TEXT] = "a script for /bin/sh",
        [INSPECTION_STATIC] = "statically linked: LD_PRELOAD cannot reach it",
        [INSPECTION_GO] = "a Go program: it makes its system calls itself, past the library",
        [INSPECTION_OTHER_CLASS] =
            "a " OTHER_BITS "-bit program: the " OUR_BITS "-bit library cannot be loaded into it, "
            "and there is no " OTHER_BITS "-bit one",
        [INSPECTION_OTHER_MACHINE] =
            "a program for another processor: the library cannot be loaded into it",
        [INSPECTION_OTHER_LIBC] =
            "linked to another C library, so that it does not load ours; its loader is ",
        [INSPECTION_SETID] = "runs setuid or setgid: the loader ignores LD_PRELOAD for it",
        [INSPECTION_CAPABILITIES] = "has file capabilities: the loader ignores LD_PRELOAD for it",
        [INSPECTION_UNREADABLE] = "may be run but not read, so that nobody can tell whether it "
                                  "would connect without the proxy: ",
        [INSPECTION_TOO_DEEP] = "one more script whose interpreter is a script than can be run",
        [INSPECTION_MALFORMED] = "a damaged ELF file that cannot be run",
        [INSPECTION_UNKNOWN] =
            "neither an ELF program nor a script: what would run it, and whether "
            "through the proxy, cannot be told",
    };
    if (result->is_interpreter) {
        text_add(text, "its interpreter ");
        add_path(text, result->file);
        text_add(text, ": ");
    }
    if (result->kind != INSPECTION_FAILED)
        text_add(text, words[result->kind]);
    if (result->kind == INSPECTION_FAILED || result->kind == INSPECTION_UNREADABLE)
        text_add(text, status_errno_text(result->sys_errno));
    if (result->kind == INSPECTION_OTHER_LIBC)
        text_add(text, result->loader);
}

static bool would_go_out(enum inspection_kind kind)
{
    switch (kind) {
    case INSPECTION_STATIC:
    case INSPECTION_GO:
    case INSPECTION_OTHER_CLASS:
    case INSPECTION_OTHER_MACHINE:
    case INSPECTION_OTHER_LIBC:
    case INSPECTION_SETID:
    case INSPECTION_CAPABILITIES:
        return true;
    default:
        return false;
    }
}

const char *inspect_text(const struct inspection *result, const char *path,
                         char buf[static INSPECTION_TEXT_MAX])
{
    struct text text = text_start(buf, INSPECTION_TEXT_MAX);
    add_path(&text, path);
    text_add(&text, ": ");
    add_reason(&text, result);
    if (would_go_out(result->kind))
        text_add(&text, ", and it would connect without the proxy");
    return buf;
}

const char *inspect_reason(const struct inspection *result, char buf[static INSPECTION_TEXT_MAX])
{
    struct text text = text_start(buf, INSPECTION_TEXT_MAX);
    add_reason(&text, result);
    return buf;
}
