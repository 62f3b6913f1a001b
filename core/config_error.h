/* SPDX-License-Identifier: MIT
 * What to tell somebody whose configuration cannot be compiled: where, which word, what was
 * expected; on one readable line, without a secret. */
#ifndef SOCKSIFY_CORE_CONFIG_ERROR_H
#define SOCKSIFY_CORE_CONFIG_ERROR_H

#include "core/status.h"
#include "core/word.h"

enum { CONFIG_ERROR_MAX = 512, CONFIG_REASON_MAX = 192 };

/* Where we are, and where the message goes. */
struct config_error {
    const char *file; /* NULL: no file */
    unsigned line;    /* the current one */
    char *text;       /* CONFIG_ERROR_MAX octets */
};

/*
 * "FILE:LINE: WORD: why". A word that looks like a URL is shown without what could be its password.
 * Like all of these, it writes over an earlier message, and returns the status to fail with:
 * STATUS_BAD_INPUT.
 */
enum status config_error_word(struct config_error *error, struct word word, const char *why);

/* The same for a word that may hold a secret though it does not look like it. */
enum status config_error_secret(struct config_error *error, struct word word, const char *why);

/* The same, and after why the number of the line that the word is at odds with. */
enum status config_error_line(struct config_error *error, struct word word, const char *why,
                              unsigned line);

/* "VARIABLE: WORD: why", for a word of an environment variable, or of an option that stands for
 * one; it may hold a secret. */
enum status config_error_variable(struct config_error *error, const char *variable,
                                  struct word word, const char *why);

/* There is no default; proxy is the name of one that could be, NULL when there is none. Whoever has
 * just installed us reads this first: it says all the ways to go on. */
enum status config_error_no_default(struct config_error *error, const char *proxy);

/* STATUS_NO_MEMORY, in words. */
enum status config_error_no_memory(struct config_error *error);

#endif
