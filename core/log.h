/* SPDX-License-Identifier: MIT
 * One-line messages, "socksify: wget[4711]: words", to stderr or to a log file, never to stdout.
 * Formatted on the stack (1 KiB), written with one write(2); no stdio, no allocation, errno kept,
 * so that any place may call it, signal handlers included. */
#ifndef SOCKSIFY_CORE_LOG_H
#define SOCKSIFY_CORE_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

enum log_level { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE };

enum { LOG_LINE_MAX = 1024 }; /* octets with the newline; a longer line ends in "..." */

/*
 * Set what is written and where, for this process. who: the program's name, borrowed for ever; NULL
 * leaves "socksify: words" without program and pid. file: a path, opened for each line (append,
 * create 0600), so that no descriptor stays open; NULL or a file that cannot be opened means
 * stderr.
 */
void log_setup(enum log_level level, const char *who, const char *file);

enum log_level log_level(void);

/* A process that messages are about, when that is not this one. */
struct log_voice {
    /* The program's name and *pid; asked for each line. */
    const char *(*name)(const struct log_voice *voice, pid_t *pid);
    /* Takes one line, with its newline, in place of stderr. */
    void (*write)(const struct log_voice *voice, const char *line, size_t len);
};

/* From here on this thread's messages are about that process (borrowed until the next call); NULL:
 * about this one again. A log file goes before voice->write. */
void log_speak_for(const struct log_voice *voice);

/* Written at LOG_NORMAL and above: a failure that the errno alone does not tell. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Written at LOG_NORMAL and above, as "warning: words": something the user should change. */
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Written at LOG_VERBOSE: one line a connection. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
