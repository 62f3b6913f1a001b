/* SPDX-License-Identifier: MIT
 * The wrapper's command line: one table says what there is, and drives parsing and --help. */
#ifndef SOCKSIFY_CLI_OPTIONS_H
#define SOCKSIFY_CLI_OPTIONS_H

#include "core/log.h"
#include "core/route.h"
#include "core/settings.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

enum mode {
    MODE_RUN,
    MODE_ENV,
    MODE_SHELL,
    MODE_SERVE,
    MODE_CHECK,
    MODE_EXPLAIN,
    MODE_HELP,
    MODE_VERSION,
};

/* What a shell calls setting a variable. */
enum syntax { SYNTAX_SH, SYNTAX_FISH };

/* Words are borrowed from argv. */
struct options {
    enum mode mode;
    enum syntax syntax; /* of --env */
    bool has_way;       /* --mode or --seal was given */
    enum way way;
    bool embedded;
    bool has_level; /* -v or -q was given */
    enum log_level level;
    const char *proxy[ROUTE_HOPS_MAX]; /* each -p, in order */
    size_t proxy_count;
    const char *proxy_origin; /* the option that they were given by, for messages */
    const char *config;       /* NULL where an option was not given, here and below */
    const char *timeout;      /* a duration that proxy_parse_duration accepts */
    const char *log_file;
    const char *listen; /* --serve's ADDR:PORT */
    const char *user;
    char *password; /* writable: it can be hidden from ps(1) */
    const char *hosts;
    const char *target; /* of --check and --explain, as it was written */
    const char *app;    /* the program that --explain is about */
    bool report;
    char *argv0;    /* what the program is to find as its name, in place of program[0] */
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

/* Likewise the table for those who complete a command line: a line for each option with its letter,
 * name, value in brackets when it may be missing, what is known of its values (file, proxy, target,
 * url, program, or words with commas between), each "-" when there is none, and its help. */
size_t options_list(char *buf, size_t size);

/* Option number i of the table as a manual page would head it, "--proxy"; NULL past the end. */
const char *options_name(size_t i);

#endif
