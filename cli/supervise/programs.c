/* SPDX-License-Identifier: MIT
 * Compiled configurations, remembered by the names of their programs. */
#include "cli/supervise/programs.h"

#include "core/config.h"
#include "core/endpoint_cache.h"
#include "core/log.h"
#include "core/report.h"
#include "core/settings.h"
#include "core/tally.h"

#include <stdlib.h>
#include <string.h>

/* A build runs many programs; those beyond go by the rules of none of them, and are told so. */
enum { PROGRAMS_MAX = 1024 };

struct program {
    struct program *next;
    char called[CALLER_NAME_MAX];
    char executable[CALLER_NAME_MAX];
    struct endpoint_cache endpoints;
    struct reported reported;
    struct scope scope;
};

struct programs {
    struct settings settings;
    bool usable;
    bool complained;
    bool has_sections; /* without any, one configuration does for all */
    char error[CONFIG_ERROR_MAX];
    struct names *names;
    struct hosts *hosts;
    struct program *first;
    size_t count;
};

static bool has_sections(const struct config_source *source)
{
    return source->text && memchr(source->text, '[', source->len) != NULL;
}

struct programs *programs_new(struct names *names, struct hosts *hosts)
{
    struct programs *programs = calloc(1, sizeof(*programs));
    if (!programs)
        return NULL;
    programs->names = names;
    programs->hosts = hosts;
    programs->usable = settings_read(&programs->settings, programs->error) == STATUS_OK;
    programs->has_sections = has_sections(&programs->settings.source);
    log_setup(programs->settings.log_level, NULL, programs->settings.log_file);
    if (programs->settings.report)
        report_into(tally_open(programs->settings.report));
    return programs;
}

static void complain(struct programs *programs)
{
    if (!programs->complained)
        log_error("%s; connections are refused", programs->error);
    programs->complained = true;
}

static struct program *add(struct programs *programs, const char *called, const char *executable)
{
    struct program *program = calloc(1, sizeof(*program));
    if (!program)
        return NULL;
    strcpy(program->called, called);
    strcpy(program->executable, executable);
    struct config_source source = programs->settings.source;
    source.app[0] = *called ? program->called : NULL;
    source.app[1] = *executable ? program->executable : NULL;
    struct config *config = NULL;
    if (!programs->usable || config_compile(&source, &config, programs->error) != STATUS_OK) {
        programs->usable = false;
        config = NULL;
        complain(programs);
    }
    program->scope = (struct scope){
        .config = config,
        .names = programs->names,
        .hosts = programs->hosts,
        .endpoints = &program->endpoints,
        .reported = &program->reported,
    };
    program->next = programs->first;
    programs->first = program;
    programs->count++;
    return program;
}

const struct scope *programs_scope(struct programs *programs, const struct caller *caller)
{
    static const struct scope none;
    char called[CALLER_NAME_MAX] = "", executable[CALLER_NAME_MAX] = "";
    if (programs->has_sections && programs->count < PROGRAMS_MAX)
        caller_names(caller, called, executable);
    for (struct program *program = programs->first; program; program = program->next)
        if (strcmp(program->called, called) == 0 && strcmp(program->executable, executable) == 0)
            return &program->scope;
    const struct program *added = add(programs, called, executable);
    return added ? &added->scope : &none;
}

bool programs_is_proxy(const struct scope *scope, const struct target *to)
{
    size_t count = scope->config ? config_proxy_count(scope->config) : 0;
    for (size_t i = 0; i < count; i++)
        if (target_equal(&config_proxy(scope->config, i)->address, to))
            return true;
    return false;
}
