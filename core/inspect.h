/* SPDX-License-Identifier: MIT
 * What a program file is, as far as the preload library can reach it: decided from the file and
 * this process's credentials, by the kernel's and the loader's own rules, before anything is run.
 * No malloc, little stack: the library asks it in the child of a vfork and in small threads. */
#ifndef SOCKSIFY_CORE_INSPECT_H
#define SOCKSIFY_CORE_INSPECT_H

#include "core/elf_file.h"

#include <stdbool.h>
#include <stddef.h>

enum inspection_kind {
    INSPECTION_REACHED,    /* dynamically linked to this C library: LD_PRELOAD works */
    INSPECTION_PLAIN_TEXT, /* a script that names no interpreter: execvp(3) hands it to /bin/sh */
    INSPECTION_FAILED,     /* cannot be looked at, or run: sys_errno says why */
    INSPECTION_STATIC,
    INSPECTION_GO,
    INSPECTION_OTHER_CLASS, /* the same for the other class, 32 or 64 bits: a library of that class
                               would reach it (core/library.h) */
    INSPECTION_OTHER_MACHINE,
    INSPECTION_OTHER_LIBC,
    INSPECTION_SETID,
    INSPECTION_CAPABILITIES,
    INSPECTION_UNREADABLE,
    INSPECTION_TOO_DEEP,
    INSPECTION_MALFORMED,
    INSPECTION_UNKNOWN,
};

enum {
    INSPECTION_FILE_MAX = 1024,
    INSPECTION_LOADER_MAX = 128,
    INSPECTION_TEXT_MAX = 768,
    INSPECTION_SCRIPTS_MAX = 5, /* interpreters that are scripts themselves: the kernel's bound */
};

struct inspection {
    enum inspection_kind kind;
    struct elf_kind elf;                /* of an ELF file that is not MALFORMED */
    int sys_errno;                      /* for INSPECTION_FAILED and INSPECTION_UNREADABLE */
    bool is_interpreter;                /* file is that of a script */
    char file[INSPECTION_FILE_MAX];     /* what would be run in the end, and the verdict is about;
                                           empty: the path asked about */
    char loader[INSPECTION_LOADER_MAX]; /* the ELF file's own interpreter, as far as there is room;
                                           empty: none */
};

/*
 * Look at the program at path (as execve(2) takes it: not searched for). A script's verdict is its
 * interpreter's, and for "#!/usr/bin/env NAME" also that of the NAME found in PATH. Any file
 * may be given, however malformed; nothing is run, no descriptor stays open.
 */
void inspect_program(const char *path, struct inspection *result);

/* The same with path as execveat(2) takes it: relative to the directory dir_fd, or to the current
 * one with AT_FDCWD. */
void inspect_program_at(int dir_fd, const char *path, struct inspection *result);

/* The same with a name as execvp(3) takes it: searched for in PATH, unless it has a slash. */
void inspect_named(const char *name, struct inspection *result);

/*
 * One line for the user, "PATH: what it is: why that means it would not be proxied",
 * NUL-terminated; path as it was asked about (of a long one its end). Returns buf.
 */
const char *inspect_text(const struct inspection *result, const char *path,
                         char buf[static INSPECTION_TEXT_MAX]);

/* The middle of that alone, for a program that is proxied in another way: what it is, and why the
 * library does not reach it. Returns buf. */
const char *inspect_reason(const struct inspection *result, char buf[static INSPECTION_TEXT_MAX]);

/* 0 when the loader can preload the shared object at path into programs like this one, else an
 * errno: the loader itself would go on without it, and say so only on stderr. */
int inspect_library(const char *path);

#endif
