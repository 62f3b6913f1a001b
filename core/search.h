/* SPDX-License-Identifier: MIT
 * Where a program is: the search in PATH that execvp(3) makes, without running anything. */
#ifndef SOCKSIFY_CORE_SEARCH_H
#define SOCKSIFY_CORE_SEARCH_H

#include <stddef.h>

/*
 * Find a program: name itself when it has a slash, else the first of its kind that may be executed
 * in the directories of PATH, or of the system's default path when PATH is not set.
 * Returns 0 with its path in found, else the errno that execvp would give (EACCES when there is
 * one, but not for us). ENAMETOOLONG also when a path that might be it does not fit. found is used
 * for the search, too: after a failure it holds nothing of use.
 */
int search_program(const char *name, char *found, size_t size);

#endif
