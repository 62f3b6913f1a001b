/* SPDX-License-Identifier: MIT
 * The text of socksify.conf into its lines and sections: the general lines first, then [app
 * NAME...] sections, of which those that name the program hold. What a line says is read in
 * directives.h. */
#ifndef SOCKSIFY_CORE_CONFIG_FILE_H
#define SOCKSIFY_CORE_CONFIG_FILE_H

#include "core/directives.h"

#include <stdbool.h>
#include <stddef.h>

/* Borrowed for the call of config_file_read. */
struct config_file {
    const char *text; /* not NUL-terminated */
    size_t len;
    const char *const *apps; /* base names of the program, each may be NULL */
    size_t app_count;
};

/* The text without the byte order mark that may stand in front. */
struct word config_file_text(const struct config_file *file);

/* True when a word of a heading ("git", "python3*") is one of the file's programs. */
bool config_file_has_program(const struct config_file *file, struct word pattern);

/*
 * Read it all. section says where the words go, and its rules are those of the program: sections of
 * other programs are checked like the rest, but add none. section->choices are in the end what
 * holds for the program: what its own sections say stands over the general lines.
 * Of several mistakes the first one in the file is told.
 */
enum status config_file_read(const struct config_file *file, struct section *section);

#endif
