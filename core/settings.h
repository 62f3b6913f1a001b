/* SPDX-License-Identifier: MIT
 * What the environment says, and the configuration file it points to: found and read, not yet
 * understood (that is config.h's work). Shared by the wrapper and the library, so that both see one
 * configuration. */
#ifndef SOCKSIFY_CORE_SETTINGS_H
#define SOCKSIFY_CORE_SETTINGS_H

#include "core/config.h"
#include "core/log.h"
#include "core/status.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The environment variables, all of them. */
#define SETTINGS_CONF "SOCKSIFY_CONF"         /* path of the configuration file */
#define SETTINGS_PROXY "SOCKSIFY_PROXY"       /* URL or name of a proxy, or a chain with commas */
#define SETTINGS_TIMEOUT "SOCKSIFY_TIMEOUT"   /* duration: deadline for a whole connect */
#define SETTINGS_LOG "SOCKSIFY_LOG"           /* quiet, normal or verbose */
#define SETTINGS_LOG_FILE "SOCKSIFY_LOG_FILE" /* path, in place of stderr */
#define SETTINGS_REPORT "SOCKSIFY_REPORT"     /* path of the tally of --report (tally.h) */
#define SETTINGS_MODE "SOCKSIFY_MODE"         /* how programs are reached: a word of enum way */

/* How programs are reached. */
enum way {
    WAY_AUTO,      /* preloaded, or else supervised */
    WAY_PRELOAD,   /* preloaded, or else not run */
    WAY_SUPERVISE, /* supervised */
    WAY_SEAL,      /* both */
};

struct arena;

struct settings {
    struct config_source source;
    enum log_level log_level;
    enum way way;
    const char *log_file; /* NULL: stderr */
    const char *report;   /* NULL: nobody counts */
    struct arena *memory; /* holds the text and the copies of strings */
    char path[PATH_MAX];  /* of the configuration file; empty when there is none. source.file
                             points here, so the struct must not be copied */
};

/*
 * Read the environment (secure_getenv: a setuid program obeys only /etc) and the configuration
 * file: the first that exists of $SOCKSIFY_CONF, $XDG_CONFIG_HOME/socksify/socksify.conf (or
 * $HOME/.config/socksify/socksify.conf) and SYSCONFDIR/socksify.conf. A $SOCKSIFY_CONF that cannot
 * be read, and any file that is there but cannot be read, is an error, never passed over.
 *
 * STATUS_BAD_INPUT: error says which variable or file, and why. log_level and log_file are valid
 * even then, and so is way. source.app is left NULL. All strings are copies, for the program may
 * change its environment. No malloc, no descriptor left open.
 */
enum status settings_read(struct settings *settings, char error[static CONFIG_ERROR_MAX]);

/* The way that a word stands for: auto, preload, supervise or seal. False when it stands for none.
 */
bool settings_find_way(const char *word, enum way *way);

/* Free what settings_read allocated, also when it failed. */
void settings_free(struct settings *settings);

#endif
