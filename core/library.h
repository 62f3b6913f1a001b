/* SPDX-License-Identifier: MIT
 * One LD_PRELOAD for programs of both classes, 64 and 32 bits: with $LIB in it, in place of which
 * each loader puts the name of its own directory of libraries ("lib/x86_64-linux-gnu", "lib32"). */
#ifndef SOCKSIFY_CORE_LIBRARY_H
#define SOCKSIFY_CORE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct elf_kind;
struct inspection;

#define LIBRARY_TOKEN "$LIB/" /* with the slash, without which it is another one */

/*
 * Find the file that an item of LD_PRELOAD with $LIB means to a program of that kind and loader.
 * Returns false when there is none that fits, or it cannot be told of that loader. Little stack, no
 * malloc.
 */
bool library_find(const char *item, const struct elf_kind *kind, const char *loader, char *path,
                  size_t size);

/*
 * Correct the verdict on a program, when LD_PRELOAD names the library by this item: a program of
 * the other class is reached when there is a library for it; and one of ours is not when its loader
 * is another than this process's and puts something else in place of $LIB.
 */
void library_judge(const char *item, struct inspection *program);

#endif
