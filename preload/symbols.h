/* SPDX-License-Identifier: MIT
 * Functions found by name in the symbol tables of loaded objects, without dlsym(3): that name is
 * our own (dlsym.c), and so is syscall(2)'s. */
#ifndef SOCKSIFY_PRELOAD_SYMBOLS_H
#define SOCKSIFY_PRELOAD_SYMBOLS_H

#include <dlfcn.h>
#include <stdbool.h>
#include <unistd.h>

/* What the library calls in libc itself, whoever else may define it. */
struct libc_functions {
    __typeof__(&dlsym) dlsym;
    __typeof__(&syscall) syscall;
};

/* Looked up at the first call; takes no lock after that. */
const struct libc_functions *symbols_libc(void);

/* The path that this library was loaded from; empty when it cannot be told. */
const char *symbols_own_path(void);

/* The function that this library exports under that name; NULL when it exports none. */
void *symbols_exported(const char *name);

/* True for an address in libc or in what was a library beside it before glibc 2.34: libpthread with
 * its own read and connect, libresolv, libanl. */
bool symbols_is_libc(const void *address);

#endif
