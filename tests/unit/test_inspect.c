/* SPDX-License-Identifier: MIT
 * Program files written here, sound and hostile, and what is said of them. */
#include "core/inspect.h"

#include <check.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <link.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#if __SIZEOF_POINTER__ == 8
#define OTHER(type) Elf32_##type
#else
#define OTHER(type) Elf64_##type
#endif

enum { NOBODY = 65534, IMAGE_MAX = 16384, HEADERS_AT = sizeof(ElfW(Ehdr)) };

static char dir[] = "/tmp/socksify-inspect-XXXXXX";

/* The file under construction: an ELF header, room for program headers, and what they point to. */
static struct image {
    size_t len;
    union {
        ElfW(Ehdr) elf;
        unsigned char bytes[IMAGE_MAX];
    };
} image;

/* This program's own header and loader: those of every ordinary program here. */
static ElfW(Ehdr) our_header;
static char our_loader[PATH_MAX];

static void read_ourselves(void)
{
    ElfW(Phdr) header;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(pread(fd, &our_header, sizeof(our_header), 0), sizeof(our_header));
    for (unsigned i = 0; i < our_header.e_phnum; i++) {
        off_t at = (off_t)(our_header.e_phoff + i * sizeof(header));
        ck_assert_int_eq(pread(fd, &header, sizeof(header), at), sizeof(header));
        if (header.p_type == PT_INTERP)
            ck_assert_int_gt(pread(fd, our_loader, sizeof(our_loader), (off_t)header.p_offset), 0);
    }
    close(fd);
    ck_assert_int_eq(*our_loader, '/');
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chmod(dir, 0755), 0);
    ck_assert_int_eq(chdir(dir), 0);
    read_ourselves();
}

/* In the parent: some of the tests give up being root. */
static void tear_down(void)
{
    static const char *const files[] = {"elf", "other", "s0", "s1",  "s2",    "s3",
                                        "s4",  "s5",    "s6", "env", "found", "fifo"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        unlink(files[i]);
    rmdir(dir);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    unlink(path); /* with the owner, mode and attributes that the last test gave it */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, 0755), 0);
    close(fd);
}

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

/* An executable for this machine without any program header. */
static void image_start(void)
{
    memset(&image, 0, sizeof(image));
    image.elf = our_header;
    image.elf.e_type = ET_DYN;
    image.elf.e_phoff = HEADERS_AT;
    image.elf.e_phnum = 0;
    image.elf.e_shoff = 0;
    image.elf.e_shnum = image.elf.e_shstrndx = 0;
    image.len = HEADERS_AT + 8 * sizeof(ElfW(Phdr));
}

/* Put octets at the end; returns where they are. */
static size_t image_put(const void *bytes, size_t len)
{
    size_t at = (image.len + 7) & ~(size_t)7;
    ck_assert_uint_le(at + len, IMAGE_MAX);
    memcpy(image.bytes + at, bytes, len);
    image.len = at + len;
    return at;
}

static void image_set_header(unsigned i, const ElfW(Phdr) * header)
{
    memcpy(image.bytes + HEADERS_AT + i * sizeof(*header), header, sizeof(*header));
}

static void image_add(uint32_t type, const void *bytes, size_t len)
{
    ElfW(Phdr) header = {.p_type = type, .p_filesz = len, .p_offset = image_put(bytes, len)};
    ck_assert_uint_lt(image.elf.e_phnum, 8);
    image_set_header(image.elf.e_phnum++, &header);
}

static void image_add_loader(const char *loader)
{
    image_add(PT_INTERP, loader, strlen(loader) + 1);
}

static void image_add_go_note(void)
{
    static const struct {
        ElfW(Nhdr) head;
        char name[4];
        char content[8];
    } other = {{4, 8, 1}, "GNU", "1234567"}, go = {{4, 8, 4}, "Go\0", "1234567"};
    unsigned char notes[sizeof(other) + sizeof(go)];
    memcpy(notes, &other, sizeof(other));
    memcpy(notes + sizeof(other), &go, sizeof(go));
    image_add(PT_NOTE, notes, sizeof(notes));
}

static void image_add_section(const char *name)
{
    char names[64] = "\0.text";
    ck_assert_uint_lt(strlen(name), 32);
    strcpy(names + 7, name);
    ElfW(Shdr) table[3] = {{0}};
    table[1].sh_name = 7;
    table[2].sh_name = 1;
    table[2].sh_offset = image_put(names, sizeof(names));
    table[2].sh_size = 7 + strlen(name) + 1;
    image.elf.e_shoff = image_put(table, sizeof(table));
    image.elf.e_shentsize = sizeof(*table);
    image.elf.e_shnum = 3;
    image.elf.e_shstrndx = 2;
}

static struct inspection inspected(const char *path)
{
    struct inspection result;
    char text[INSPECTION_TEXT_MAX], reason[INSPECTION_TEXT_MAX];
    inspect_program(path, &result);
    ck_assert_uint_lt(strlen(inspect_text(&result, path, text)), sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, inspect_reason(&result, reason)));
    return result;
}

static enum inspection_kind kind_of_image(void)
{
    write_file("elf", image.bytes, image.len);
    return inspected("./elf").kind;
}

START_TEST(ordinary_programs_are_reached)
{
    ck_assert_int_eq(inspected("/bin/true").kind, INSPECTION_REACHED);
    ck_assert_int_eq(inspected("/proc/self/exe").kind, INSPECTION_REACHED);
    ck_assert_int_eq(inspected(our_loader).kind, INSPECTION_REACHED);
    image_start();
    image_add_loader(our_loader);
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
}
END_TEST

START_TEST(a_program_without_a_loader_is_static)
{
    image_start();
    image_add(PT_LOAD, "x", 1);
    image.elf.e_type = ET_EXEC;
    ck_assert_int_eq(kind_of_image(), INSPECTION_STATIC);
    image.elf.e_type = ET_DYN; /* static-pie */
    image_add(PT_DYNAMIC, "x", 1);
    ck_assert_int_eq(kind_of_image(), INSPECTION_STATIC);
}
END_TEST

/* A program of the other class with one segment; as many octets of it as len. */
static struct inspection other_class(uint32_t type, const void *bytes, size_t bytes_len, size_t len)
{
    struct {
        OTHER(Ehdr) elf;
        OTHER(Phdr) segment;
        char bytes[64];
    } file = {
        .elf = {.e_type = ET_DYN,
                .e_machine = our_header.e_machine == EM_X86_64 ? EM_386 : EM_X86_64,
                .e_phoff = offsetof(__typeof__(file), segment),
                .e_phentsize = sizeof(file.segment),
                .e_phnum = 1},
        .segment = {.p_type = type,
                    .p_offset = offsetof(__typeof__(file), bytes),
                    .p_filesz = (OTHER(Word))bytes_len},
    };
    memcpy(file.elf.e_ident, our_header.e_ident, EI_NIDENT);
    file.elf.e_ident[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64;
    memcpy(file.bytes, bytes, bytes_len);
    write_file("elf", &file, len < sizeof(file) ? len : sizeof(file));
    return inspected("./elf");
}

static struct inspection other_class_with_loader(const char *loader)
{
    return other_class(PT_INTERP, loader, strlen(loader) + 1, SIZE_MAX);
}

START_TEST(a_program_of_the_other_class_is_judged_by_the_same_marks)
{
    static const struct {
        OTHER(Nhdr) head;
        char name[4];
    } go = {{4, 0, 4}, "Go\0"};
    struct inspection result = other_class_with_loader("/lib/ld-linux.so.2");
    ck_assert_int_eq(result.kind, INSPECTION_OTHER_CLASS);
    ck_assert_str_eq(result.loader, "/lib/ld-linux.so.2");
    ck_assert_int_ne(result.elf.class, elf_our_kind().class);
    ck_assert_int_ne(result.elf.machine, our_header.e_machine);
    ck_assert_int_eq(other_class_with_loader("/lib/ld-musl-i386.so.1").kind, INSPECTION_OTHER_LIBC);
    ck_assert_int_eq(other_class(PT_LOAD, "x", 1, SIZE_MAX).kind, INSPECTION_STATIC);
    ck_assert_int_eq(other_class(PT_NOTE, &go, sizeof(go), SIZE_MAX).kind, INSPECTION_GO);
}
END_TEST

START_TEST(a_program_of_the_other_class_cut_anywhere_is_damaged)
{
    size_t whole = sizeof(OTHER(Ehdr)) + sizeof(OTHER(Phdr));
    for (size_t len = SELFMAG; len < whole; len++)
        ck_assert_int_eq(other_class(PT_LOAD, "x", 1, len).kind, INSPECTION_MALFORMED);
    ck_assert_int_eq(other_class(PT_LOAD, "x", 1, whole).kind, INSPECTION_STATIC);
    ck_assert_int_eq(other_class(PT_INTERP, "/x", 3, whole + 2).kind, INSPECTION_MALFORMED);
}
END_TEST

START_TEST(another_machine_is_told_from_the_first_octets)
{
    image_start();
    image_add_loader(our_loader);
    image.elf.e_ident[EI_CLASS] = 9;
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image.elf.e_ident[EI_CLASS] = our_header.e_ident[EI_CLASS];
    image.elf.e_machine = EM_SPARC;
    ck_assert_int_eq(kind_of_image(), INSPECTION_OTHER_MACHINE);
    image.elf.e_machine = our_header.e_machine;
    image.elf.e_ident[EI_DATA] =
        image.elf.e_ident[EI_DATA] == ELFDATA2LSB ? ELFDATA2MSB : ELFDATA2LSB;
    ck_assert_int_eq(kind_of_image(), INSPECTION_OTHER_MACHINE);
}
END_TEST

START_TEST(the_loader_tells_the_c_library)
{
    static const char *const others[] = {"/lib/ld-musl-x86_64.so.1", "/lib/ld64-uClibc.so.0",
                                         "/system/bin/linker64", "ld.so"};
    char elsewhere[PATH_MAX + 16];
    char text[INSPECTION_TEXT_MAX];
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        image_start();
        image_add_loader(others[i]);
        ck_assert_msg(kind_of_image() == INSPECTION_OTHER_LIBC, "%s", others[i]);
        struct inspection result = inspected("./elf");
        ck_assert_ptr_nonnull(strstr(inspect_text(&result, "./elf", text), others[i]));
    }
    snprintf(elsewhere, sizeof(elsewhere), "/opt/glibc/lib%s", strrchr(our_loader, '/'));
    image_start();
    image_add_loader(elsewhere);
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
}
END_TEST

START_TEST(the_first_loader_counts_as_for_the_kernel)
{
    image_start();
    image_add_loader("/lib/ld-musl-x86_64.so.1");
    image_add_loader(our_loader);
    ck_assert_int_eq(kind_of_image(), INSPECTION_OTHER_LIBC);
}
END_TEST

START_TEST(a_go_program_is_known_by_its_note)
{
    image_start();
    image_add_loader(our_loader);
    image_add_go_note();
    ck_assert_int_eq(kind_of_image(), INSPECTION_GO);
    image_start();
    image_add_go_note();
    ck_assert_int_eq(kind_of_image(), INSPECTION_GO);
}
END_TEST

START_TEST(a_go_program_is_known_by_its_section)
{
    image_start();
    image_add_loader(our_loader);
    image_add_section(".go.buildinfo");
    ck_assert_int_eq(kind_of_image(), INSPECTION_GO);
    image_start();
    image_add_loader(our_loader);
    image_add_section(".go.buildinfos");
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
    image_start();
    image_add_loader(our_loader);
    image_add_section("x.go.buildinfo");
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
}
END_TEST

/* Each of these makes the kernel refuse the file. */
START_TEST(damaged_headers_are_said_to_be_damaged)
{
    static char unended[8] = "/lib/ld";
    unended[7] = 'x';
    static char too_long[PATH_MAX + 1];
    memset(too_long, 'x', PATH_MAX);
    image_start();
    image_add_loader(our_loader);
    struct image good = image;

    image.elf.e_phnum = 0;
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image.elf.e_phnum = 0xffff;
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image.elf.e_phnum = 1000; /* allowed, but beyond the end */
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image = good;
    image.elf.e_phentsize--;
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image = good;
    image.elf.e_phoff = image.len;
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image.elf.e_phoff = (ElfW(Off)) - 1;
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image.elf.e_phoff = (ElfW(Off)) - 8;
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image = good;
    image.elf.e_type = ET_REL;
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);

    const ElfW(Phdr) bad[] = {
        {.p_type = PT_INTERP, .p_offset = image.len, .p_filesz = 20},
        {.p_type = PT_INTERP, .p_offset = (ElfW(Off)) - 1, .p_filesz = 20},
        {.p_type = PT_INTERP, .p_offset = 0, .p_filesz = (ElfW(Word)) - 1},
        {.p_type = PT_INTERP, .p_offset = 0, .p_filesz = 0},
        {.p_type = PT_INTERP, .p_offset = 0, .p_filesz = 1},
        {.p_type = PT_INTERP, .p_offset = 0, .p_filesz = PATH_MAX + 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        image = good;
        image_set_header(0, &bad[i]);
        ck_assert_msg(kind_of_image() == INSPECTION_MALFORMED, "%zu", i);
    }
    image_start();
    image_add(PT_INTERP, unended, sizeof(unended));
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
    image_start();
    image_add(PT_INTERP, too_long, sizeof(too_long));
    ck_assert_int_eq(kind_of_image(), INSPECTION_MALFORMED);
}
END_TEST

/* Notes and sections mean nothing to the kernel: a program with damaged ones runs. */
START_TEST(damaged_notes_and_sections_are_passed_over)
{
    const ElfW(Phdr) notes[] = {
        {.p_type = PT_NOTE, .p_offset = (ElfW(Off)) - 1, .p_filesz = 100},
        {.p_type = PT_NOTE, .p_offset = 64, .p_filesz = (ElfW(Word)) - 1},
        {.p_type = PT_NOTE, .p_offset = 0, .p_filesz = 0},
        {.p_type = PT_NOTE, .p_offset = 0, .p_filesz = 13},
    };
    for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
        image_start();
        image_add_loader(our_loader);
        image_set_header(image.elf.e_phnum++, &notes[i]);
        ck_assert_msg(kind_of_image() == INSPECTION_REACHED, "%zu", i);
    }
    static const ElfW(Nhdr) endless = {0xffffffff, 0xffffffff, 4};
    image_start();
    image_add_loader(our_loader);
    image_add(PT_NOTE, &endless, sizeof(endless));
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);

    image_start();
    image_add_loader(our_loader);
    image_add_section(".go.buildinfo");
    struct image good = image;
    ElfW(Shdr) *table = (ElfW(Shdr) *)(image.bytes + image.elf.e_shoff);
    image.elf.e_shstrndx = 3;
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
    image = good;
    image.elf.e_shnum = 0xffff;
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
    image = good;
    image.elf.e_shoff = (ElfW(Off)) - 16;
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
    image = good;
    image.elf.e_shoff = 3;
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
    image = good;
    table[2].sh_size = (ElfW(Word)) - 1;
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
    image = good;
    table[2].sh_offset = (ElfW(Off)) - 1;
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
    image = good;
    table[1].sh_name = (ElfW(Word)) - 1;
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
    image = good;
    table[2].sh_size--; /* the name lacks its NUL */
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
}
END_TEST

static void image_with_all(void)
{
    image_start();
    image_add_loader(our_loader);
    image_add_go_note();
    image_add_section(".go.buildinfo");
}

/* A file that is cut while it is being copied, say. Whatever it lacks, the verdict is never that of
 * an ordinary program. */
START_TEST(a_file_cut_anywhere_is_survived)
{
    image_with_all();
    size_t whole = image.len;
    for (image.len = 0; image.len < whole; image.len++) {
        enum inspection_kind kind = kind_of_image();
        if (image.len < SELFMAG)
            ck_assert_int_eq(kind, INSPECTION_PLAIN_TEXT);
        else if (image.len < sizeof(ElfW(Ehdr)) + image.elf.e_phnum * sizeof(ElfW(Phdr)))
            ck_assert_msg(kind == INSPECTION_MALFORMED, "%zu: %d", image.len, kind);
    }
}
END_TEST

START_TEST(any_octet_changed_is_survived)
{
    static const unsigned char values[] = {0x00, 0x01, 0x80, 0xff};
    image_with_all();
    write_file("elf", image.bytes, image.len);
    int fd = open("elf", O_WRONLY | O_CLOEXEC);
    for (size_t i = 0; i < image.len; i++) {
        for (size_t v = 0; v < sizeof(values); v++) {
            ck_assert_int_eq(pwrite(fd, &values[v], 1, (off_t)i), 1);
            inspected("./elf");
        }
        ck_assert_int_eq(pwrite(fd, image.bytes + i, 1, (off_t)i), 1);
    }
    close(fd);
    ck_assert_int_eq(inspected("./elf").kind, INSPECTION_GO);
}
END_TEST

START_TEST(a_script_is_judged_by_its_interpreter)
{
    char text[INSPECTION_TEXT_MAX];
    image_start();
    image_add(PT_LOAD, "x", 1);
    ck_assert_int_eq(kind_of_image(), INSPECTION_STATIC);
    static const char *const forms[] = {"#!./elf\n",      "#! ./elf\n", "#! \t./elf \t\nrest",
                                        "#!./elf -x y\n", "#!./elf",    "#!./elf\twith tab\n"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        write_text("s0", forms[i]);
        struct inspection result = inspected("s0");
        ck_assert_msg(result.kind == INSPECTION_STATIC, "%s: %d", forms[i], result.kind);
        ck_assert_str_eq(result.file, "./elf");
        ck_assert_ptr_nonnull(strstr(inspect_text(&result, "s0", text), "./elf"));
    }
    write_text("s0", "#!/bin/sh\n");
    ck_assert_int_eq(inspected("s0").kind, INSPECTION_REACHED);
    write_text("s0", "#!/nonexistent/sh\n");
    struct inspection result = inspected("s0");
    ck_assert_int_eq(result.kind, INSPECTION_FAILED);
    ck_assert_int_eq(result.sys_errno, ENOENT);
}
END_TEST

START_TEST(env_in_a_script_leads_to_the_program_it_names)
{
    image_start();
    image_add(PT_LOAD, "x", 1);
    write_file("found", image.bytes, image.len);
    setenv("PATH", "/nonexistent:.:/bin", 1);
    static const struct {
        const char *line;
        enum inspection_kind kind;
    } cases[] = {
        {"#!/usr/bin/env found\n", INSPECTION_STATIC},
        {"#!/usr/bin/env -S found -x\n", INSPECTION_STATIC},
        {"#!/usr/bin/env -Sfound -x\n", INSPECTION_STATIC},
        {"#!/usr/bin/env sh\n", INSPECTION_REACHED},
        {"#!/usr/bin/env no-such-program\n", INSPECTION_REACHED}, /* env says so itself */
        {"#!/usr/bin/env\n", INSPECTION_REACHED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        write_text("s0", cases[i].line);
        ck_assert_msg(inspected("s0").kind == cases[i].kind, "%s", cases[i].line);
    }
}
END_TEST

START_TEST(a_name_is_searched_for_unless_it_has_a_slash)
{
    struct inspection result;
    write_text("found", "#!/bin/true\n");
    setenv("PATH", "/nonexistent:.", 1);
    inspect_named("found", &result);
    ck_assert_int_eq(result.kind, INSPECTION_REACHED);
    ck_assert_str_eq(result.file, "/bin/true");
    inspect_named("./found", &result);
    ck_assert_int_eq(result.kind, INSPECTION_REACHED);
    inspect_named("true", &result);
    ck_assert_int_eq(result.kind, INSPECTION_FAILED);
    ck_assert_int_eq(result.sys_errno, ENOENT);
}
END_TEST

START_TEST(interpreters_may_be_scripts_as_deep_as_the_kernel_goes)
{
    char name[16], line[64];
    write_text("s0", "#!/bin/true\n");
    for (int i = 1; i <= 6; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        snprintf(line, sizeof(line), "#!./s%d\n", i - 1);
        write_text(name, line);
        /* s4 is the fifth script in the row. */
        ck_assert_msg(inspected(name).kind == (i <= 4 ? INSPECTION_REACHED : INSPECTION_TOO_DEEP),
                      "%s", name);
    }
    write_text("s0", "#!./s0\n");
    ck_assert_int_eq(inspected("s0").kind, INSPECTION_TOO_DEEP);
}
END_TEST

START_TEST(text_that_names_no_interpreter_is_for_the_shell)
{
    static char longest[600];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[0] = '#', longest[1] = '!',
    longest[2] = '/'; /* an interpreter cut off at the kernel's buffer */
    const char *const texts[] = {"",         "#",      "#!",     "#!\n", "#! \t \n",
                                 "exit 0\n", "echo x", "\177EL", longest};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        write_text("s0", texts[i]);
        ck_assert_msg(inspected("s0").kind == INSPECTION_PLAIN_TEXT, "%s", texts[i]);
    }
}
END_TEST

START_TEST(a_script_line_cut_at_any_length_is_survived)
{
    static const char head[] = "#!/bin/true ";
    char line[600];
    for (size_t i = 0; i < sizeof(line); i++)
        line[i] = i < strlen(head) ? head[i] : 'x';
    for (size_t len = 0; len < sizeof(line); len++) {
        write_file("s0", line, len);
        enum inspection_kind kind = inspected("s0").kind;
        if (len >= 11)
            ck_assert_msg(kind == INSPECTION_REACHED, "%zu: %d", len, kind);
    }
}
END_TEST

START_TEST(what_is_neither_program_nor_text_is_unknown)
{
    write_file("s0", "MZ\0\0", 4);
    ck_assert_int_eq(inspected("s0").kind, INSPECTION_UNKNOWN);
    write_file("s0", "\0", 1);
    ck_assert_int_eq(inspected("s0").kind, INSPECTION_UNKNOWN);
}
END_TEST

START_TEST(what_cannot_be_run_gives_the_errno_of_execve)
{
    static char longest[2 * PATH_MAX];
    memset(longest, 'x', sizeof(longest) - 1);
    write_text("s0", "#!/bin/sh\n");
    ck_assert_int_eq(chmod("s0", 0644), 0);
    unlink("fifo");
    ck_assert_int_eq(mkfifo("fifo", 0755), 0);
    const struct {
        const char *path;
        int error;
    } cases[] = {{"s0", EACCES}, {".", EACCES},           {"s0/x", ENOTDIR}, {"nothing", ENOENT},
                 {"", ENOENT},   {longest, ENAMETOOLONG}, {"fifo", EACCES}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct inspection result = inspected(cases[i].path);
        ck_assert_msg(result.kind == INSPECTION_FAILED, "%zu: %d", i, result.kind);
        ck_assert_msg(result.sys_errno == cases[i].error, "%zu: %d", i, result.sys_errno);
    }
}
END_TEST

static void write_ordinary(void)
{
    image_start();
    image_add_loader(our_loader);
    ck_assert_int_eq(kind_of_image(), INSPECTION_REACHED);
}

START_TEST(setuid_to_oneself_changes_nothing)
{
    write_ordinary();
    ck_assert_int_eq(chmod("elf", 06755), 0);
    ck_assert_int_eq(inspected("./elf").kind, INSPECTION_REACHED);
}
END_TEST

static void become_nobody(void)
{
    ck_assert_int_eq(setgroups(0, NULL), 0);
    ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
    ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

/* The rest needs root, to make files of others; file systems mounted nosuid have rules of their
 * own. */
static bool can_give_away(void)
{
    struct statvfs mount;
    return geteuid() == 0 && statvfs(dir, &mount) == 0 && !(mount.f_flag & ST_NOSUID);
}

START_TEST(setuid_and_setgid_count_where_they_change_something)
{
    static const struct {
        mode_t mode;
        uid_t uid;
        gid_t gid;
        enum inspection_kind for_root, for_nobody;
    } cases[] = {
        {0755, 1, 1, INSPECTION_REACHED, INSPECTION_REACHED},
        {04755, 0, 0, INSPECTION_REACHED, INSPECTION_SETID},
        {04755, 1, 0, INSPECTION_SETID, INSPECTION_SETID},
        {04755, NOBODY, 0, INSPECTION_SETID, INSPECTION_REACHED},
        {02755, 0, 0, INSPECTION_REACHED, INSPECTION_SETID},
        {02755, 0, 1, INSPECTION_SETID, INSPECTION_SETID},
        {02755, 0, NOBODY, INSPECTION_SETID, INSPECTION_REACHED},
        {02745, 0, 1, INSPECTION_REACHED, INSPECTION_REACHED}, /* mandatory locking */
        {04711, 0, 0, INSPECTION_REACHED, INSPECTION_SETID},   /* not even readable */
    };
    if (!can_give_away())
        return;
    write_ordinary();
    ck_assert_int_eq(chown("elf", cases[_i].uid, cases[_i].gid), 0);
    ck_assert_int_eq(chmod("elf", cases[_i].mode), 0);
    ck_assert_int_eq(inspected("./elf").kind, cases[_i].for_root);
    write_text("s0", "#!./elf\n");
    ck_assert_int_eq(inspected("s0").kind, cases[_i].for_root);
    become_nobody();
    ck_assert_int_eq(inspected("./elf").kind, cases[_i].for_nobody);
    ck_assert_int_eq(inspected("s0").kind, cases[_i].for_nobody);
    /* Once set, such bits mean nothing any more. */
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    if (cases[_i].mode & 04)
        ck_assert_int_eq(inspected("./elf").kind, INSPECTION_REACHED);
}
END_TEST

START_TEST(a_setuid_script_is_no_setuid_program)
{
    if (!can_give_away())
        return;
    write_text("s0", "#!/bin/true\n");
    ck_assert_int_eq(chmod("s0", 04755), 0);
    become_nobody();
    ck_assert_int_eq(inspected("s0").kind, INSPECTION_REACHED);
}
END_TEST

START_TEST(capabilities_count_for_everybody_but_root)
{
    static const struct {
        uint32_t magic, permitted, inheritable;
        enum inspection_kind for_nobody;
    } cases[] = {
        {VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, 1 << CAP_NET_RAW, 0,
         INSPECTION_CAPABILITIES},
        {VFS_CAP_REVISION_2, 1 << CAP_NET_RAW, 0, INSPECTION_CAPABILITIES},
        {VFS_CAP_REVISION_2, 0, 1 << CAP_NET_RAW, INSPECTION_REACHED},
    };
    if (!can_give_away())
        return;
    struct vfs_cap_data data = {
        .magic_etc = cases[_i].magic,
        .data = {{.permitted = cases[_i].permitted, .inheritable = cases[_i].inheritable}},
    };
    write_ordinary();
    if (setxattr("elf", "security.capability", &data, sizeof(data), 0) != 0) {
        ck_assert_int_eq(errno, ENOTSUP);
        return;
    }
    ck_assert_int_eq(inspected("./elf").kind, INSPECTION_REACHED);
    become_nobody();
    ck_assert_int_eq(inspected("./elf").kind, cases[_i].for_nobody);
}
END_TEST

START_TEST(a_program_that_cannot_be_read_is_not_trusted)
{
    write_ordinary();
    ck_assert_int_eq(chmod("elf", 0111), 0);
    if (geteuid() == 0)
        become_nobody();
    ck_assert_int_eq(inspected("./elf").kind, INSPECTION_UNREADABLE);
}
END_TEST

START_TEST(only_a_whole_library_is_one)
{
    ck_assert_int_eq(inspect_library("nothing"), ENOENT);
    write_text("other", "");
    ck_assert_int_eq(inspect_library("other"), ENOEXEC);
    write_text("other",
               "text that is longer than an ELF header, so that it is looked at in earnest");
    ck_assert_int_eq(inspect_library("other"), ENOEXEC);
    image_start();
    write_file("other", image.bytes, sizeof(ElfW(Ehdr)) - 1);
    ck_assert_int_eq(inspect_library("other"), ENOEXEC);
    write_file("other", image.bytes, image.len);
    ck_assert_int_eq(inspect_library("other"), 0);
    image.elf.e_machine = EM_SPARC;
    write_file("other", image.bytes, image.len);
    ck_assert_int_eq(inspect_library("other"), ENOEXEC);
    image.elf = our_header;
    image.elf.e_type = ET_EXEC;
    write_file("other", image.bytes, image.len);
    ck_assert_int_eq(inspect_library("other"), ENOEXEC);
    ck_assert_int_ne(inspect_library("."), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inspect");
    TCase *group = tcase_create("inspect");
    tcase_add_unchecked_fixture(group, set_up, tear_down);
    tcase_add_test(group, ordinary_programs_are_reached);
    tcase_add_test(group, a_program_without_a_loader_is_static);
    tcase_add_test(group, a_program_of_the_other_class_is_judged_by_the_same_marks);
    tcase_add_test(group, a_program_of_the_other_class_cut_anywhere_is_damaged);
    tcase_add_test(group, another_machine_is_told_from_the_first_octets);
    tcase_add_test(group, the_loader_tells_the_c_library);
    tcase_add_test(group, the_first_loader_counts_as_for_the_kernel);
    tcase_add_test(group, a_go_program_is_known_by_its_note);
    tcase_add_test(group, a_go_program_is_known_by_its_section);
    tcase_add_test(group, damaged_headers_are_said_to_be_damaged);
    tcase_add_test(group, damaged_notes_and_sections_are_passed_over);
    tcase_add_test(group, a_file_cut_anywhere_is_survived);
    tcase_add_test(group, any_octet_changed_is_survived);
    tcase_add_test(group, a_script_is_judged_by_its_interpreter);
    tcase_add_test(group, env_in_a_script_leads_to_the_program_it_names);
    tcase_add_test(group, a_name_is_searched_for_unless_it_has_a_slash);
    tcase_add_test(group, interpreters_may_be_scripts_as_deep_as_the_kernel_goes);
    tcase_add_test(group, text_that_names_no_interpreter_is_for_the_shell);
    tcase_add_test(group, a_script_line_cut_at_any_length_is_survived);
    tcase_add_test(group, what_is_neither_program_nor_text_is_unknown);
    tcase_add_test(group, what_cannot_be_run_gives_the_errno_of_execve);
    tcase_add_test(group, setuid_to_oneself_changes_nothing);
    tcase_add_loop_test(group, setuid_and_setgid_count_where_they_change_something, 0, 9);
    tcase_add_test(group, a_setuid_script_is_no_setuid_program);
    tcase_add_loop_test(group, capabilities_count_for_everybody_but_root, 0, 3);
    tcase_add_test(group, a_program_that_cannot_be_read_is_not_trusted);
    tcase_add_test(group, only_a_whole_library_is_one);
    suite_add_tcase(suite, group);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
