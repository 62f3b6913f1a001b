/* SPDX-License-Identifier: MIT
 * The wrapper's command line: one table says what there is, and drives parsing and --help. */
#ifndef SOCKSIFY_CLI_OPTIONS_H
#define SOCKSIFY_CLI_OPTIONS_H

#include "core/log.h"
#include "core/route.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

enum mode { MODE_RUN, MODE_ENV, MODE_SHELL, MODE_SERVE, MODE_CHECK, MODE_HELP, MODE_VERSION };

/* Words are borrowed from argv. */
struct options {
    enum mode mode;
    bool embedded;
    bool has_level; /* -v or -q was given */
    enum log_level level;
    const char *proxy[ROUTE_HOPS_MAX]; /* each -p, in order */
    size_t proxy_count;
    const char *config;  /* NULL where an option was not given, here and below */
    const char *timeout; /* a duration that proxy_parse_duration accepts */
    const char *log_file;
    const char *listen; /* --serve's ADDR:PORT */
    const char *user;
    char *password; /* writable: it can be hidden from ps(1) */
    const char *hosts;
    char **program; /* the program's own argv, in MODE_RUN; NULL-terminated */
};

enum { OPTIONS_ERROR_MAX = 512 };

/*
 * Read argv (argv[0] is skipped) up to the first word that is no option, or "--".
 * STATUS_BAD_INPUT: error says which word is wrong and why; *options is then undefined. --help and
 * --version end the reading: what follows them is not looked at.
 */
enum status options_parse(struct options *options, char **argv,
                          char error[static OPTIONS_ERROR_MAX]);

/* Write the text of --help to buf, NUL-terminated where size is at least 1; returns its whole
 * length, as snprintf does. */
size_t options_help(char *buf, size_t size);

/* Option number i of the table as a manual page would head it, "--proxy"; NULL past the end. */
const char *options_name(size_t i);

#endif
