/* SPDX-License-Identifier: MIT
 * Lines of a configuration as they are written, for those who are told that one of them decides. */
#ifndef SOCKSIFY_CORE_EXCERPT_H
#define SOCKSIFY_CORE_EXCERPT_H

#include "core/config_file.h"
#include "core/word.h"

#include <stdbool.h>

/* A line of the file without blanks around it and without a comment; empty when there is no such
 * line. The first one has number 1. */
struct word excerpt_line(const struct config_file *file, unsigned number);

/* The heading of a section, [app NAME...]. */
struct excerpt_section {
    unsigned line;
    struct word heading;
    bool holds;       /* for one of file->apps */
    struct word rest; /* the lines below it */
};

/* Go on from a section (all zeros: from the beginning) to the next of a file that was read without
 * a mistake. False: there is none. */
bool excerpt_next_section(const struct config_file *file, struct excerpt_section *section);

#endif
