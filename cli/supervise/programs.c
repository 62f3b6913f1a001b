/* SPDX-License-Identifier: MIT
 * Compiled configurations, by the [app] sections that hold; and which names have which. */
#include "cli/supervise/programs.h"

#include "core/config.h"
#include "core/endpoint.h"
#include "core/endpoint_cache.h"
#include "core/excerpt.h"
#include "core/log.h"
#include "core/report.h"
#include "core/settings.h"
#include "core/tally.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* So many sets of sections there may be: programs with others are refused. */
enum { PROGRAMS_MAX = 1024 };

/* So many names are remembered: a build runs many programs. The one added longest ago makes room.
 */
enum { ALIASES_MAX = 1024 };

/* Programs that have the same sections. */
struct program {
    struct program *next;
    unsigned *sections; /* the lines they start at */
    size_t section_count;
    struct endpoint_cache endpoints;
    struct reported reported;
    struct scope scope;
};

struct alias {
    char called[CALLER_NAME_MAX];
    char executable[CALLER_NAME_MAX];
    const struct program *program;
};

struct programs {
    struct settings settings;
    bool usable;
    bool complained;
    bool has_sections; /* without any, one configuration does for all */
    char error[CONFIG_ERROR_MAX];
    struct program others; /* for whom there is no room */
    struct program *first;
    size_t count;
    struct alias *aliases; /* ALIASES_MAX */
    size_t alias_count;    /* that were added since ever */
};

static bool has_sections(const struct config_source *source)
{
    return source->text && memchr(source->text, '[', source->len) != NULL;
}

static void set_scope(struct program *program, struct names *names, struct hosts *hosts)
{
    program->scope = (struct scope){
        .names = names,
        .hosts = hosts,
        .resolv_conf = "/etc/resolv.conf",
        .endpoints = &program->endpoints,
        .reported = &program->reported,
    };
}

struct programs *programs_new(struct names *names, struct hosts *hosts)
{
    struct programs *programs = calloc(1, sizeof(*programs));
    struct alias *aliases = calloc(ALIASES_MAX, sizeof(*aliases));
    if (!programs || !aliases) {
        free(programs);
        free(aliases);
        return NULL;
    }
    programs->aliases = aliases;
    set_scope(&programs->others, names, hosts);
    programs->usable = settings_read(&programs->settings, programs->error) == STATUS_OK;
    programs->has_sections = has_sections(&programs->settings.source);
    log_setup(programs->settings.log_level, NULL, programs->settings.log_file);
    if (programs->settings.report)
        report_into(tally_open(programs->settings.report));
    return programs;
}

static void complain(struct programs *programs, const char *why)
{
    if (!programs->complained)
        log_error("%s; connections are refused", why);
    programs->complained = true;
}

/* The file is one without a mistake. */
static bool find_sections(struct program *program, const struct config_source *source)
{
    const struct config_file file = {
        .text = source->text,
        .len = source->len,
        .apps = source->app,
        .app_count = sizeof(source->app) / sizeof(*source->app),
    };
    struct excerpt_section section = {0};
    while (source->text && excerpt_next_section(&file, &section)) {
        if (!section.holds)
            continue;
        unsigned *grown =
            reallocarray(program->sections, program->section_count + 1, sizeof(*program->sections));
        if (!grown)
            return false;
        program->sections = grown;
        program->sections[program->section_count++] = section.line;
    }
    return true;
}

static bool has_same_sections(const struct program *a, const struct program *b)
{
    return a->section_count == b->section_count &&
           (a->section_count == 0 ||
            memcmp(a->sections, b->sections, a->section_count * sizeof(*a->sections)) == 0);
}

static struct program *find(const struct programs *programs, const struct program *like)
{
    struct program *program = programs->first;
    while (program && !has_same_sections(program, like))
        program = program->next;
    return program;
}

static void compile(struct programs *programs, struct program *program,
                    const struct config_source *source)
{
    struct config *config = NULL;
    if (!programs->usable || config_compile(source, &config, programs->error) != STATUS_OK) {
        programs->usable = false;
        complain(programs, programs->error);
        return;
    }
    program->scope.config = config;
}

static void discard(struct program *program)
{
    free(program->sections);
    free(program);
}

/* A new one, or that which has the same sections. */
static const struct program *add(struct programs *programs, const char *called,
                                 const char *executable)
{
    struct config_source source = programs->settings.source;
    source.app[0] = *called ? called : NULL;
    source.app[1] = *executable ? executable : NULL;
    struct program *added = calloc(1, sizeof(*added));
    if (!added || (programs->usable && !find_sections(added, &source))) {
        if (added)
            discard(added);
        return &programs->others;
    }
    struct program *same = find(programs, added);
    if (same) {
        discard(added);
        return same;
    }
    if (programs->count == PROGRAMS_MAX) {
        discard(added);
        complain(programs, "programs with too many different sections");
        return &programs->others;
    }
    set_scope(added, programs->others.scope.names, programs->others.scope.hosts);
    compile(programs, added, &source);
    added->next = programs->first;
    programs->first = added;
    programs->count++;
    return added;
}

static const struct alias *add_alias(struct programs *programs, const char *called,
                                     const char *executable)
{
    struct alias *alias = &programs->aliases[programs->alias_count++ % ALIASES_MAX];
    strcpy(alias->called, called);
    strcpy(alias->executable, executable);
    alias->program = add(programs, called, executable);
    return alias;
}

static const struct alias *find_alias(const struct programs *programs, const char *called,
                                      const char *executable)
{
    for (size_t i = 0; i < ALIASES_MAX && i < programs->alias_count; i++) {
        const struct alias *alias = &programs->aliases[i];
        if (strcmp(alias->called, called) == 0 && strcmp(alias->executable, executable) == 0)
            return alias;
    }
    return NULL;
}

const struct scope *programs_scope(struct programs *programs, const struct caller *caller)
{
    char called[CALLER_NAME_MAX] = "", executable[CALLER_NAME_MAX] = "";
    if (programs->has_sections)
        caller_names(caller, called, executable);
    const struct alias *alias = find_alias(programs, called, executable);
    if (!alias)
        alias = add_alias(programs, called, executable);
    return &alias->program->scope;
}

/* Addresses of a proxy that is given by name. The library finds one in the hosts file as it stands
 * there; what DNS knows it gets as a stand-in, which leads back to the name. */
static bool is_in_hosts(const struct scope *scope, const struct target *name,
                        const struct target *to)
{
    struct hosts_address list[ENDPOINTS_MAX];
    char canonical[256];
    if (name->kind != TARGET_NAME || to->kind == TARGET_NAME || name->port != to->port)
        return false;
    int family = to->kind == TARGET_IPV4 ? AF_INET : AF_INET6;
    const uint8_t *bytes = to->kind == TARGET_IPV4 ? to->ipv4 : to->ipv6;
    size_t len = to->kind == TARGET_IPV4 ? sizeof(to->ipv4) : sizeof(to->ipv6);
    size_t count =
        hosts_find(scope->hosts, name->name, name->name_len, list, ENDPOINTS_MAX, canonical);
    for (size_t i = 0; i < count; i++)
        if (list[i].family == family && memcmp(list[i].bytes, bytes, len) == 0)
            return true;
    return false;
}

bool programs_is_proxy(const struct scope *scope, const struct target *to)
{
    size_t count = scope->config ? config_proxy_count(scope->config) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct target *address = &config_proxy(scope->config, i)->address;
        if (target_equal(address, to) || is_in_hosts(scope, address, to))
            return true;
    }
    return false;
}
