/* SPDX-License-Identifier: MIT
 * Start-up, and the scope of this process. */
#include "preload/state.h"

#include "core/hosts.h"
#include "core/log.h"
#include "core/names_file.h"
#include "core/settings.h"
#include "core/tally.h"
#include "preload/guard.h"
#include "preload/inherit.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

_Thread_local unsigned guard_depth;

static struct settings settings;

static struct {
    bool started;
    bool usable; /* settings_read was content; else error says why not */
    struct names *names;
    const char *names_why; /* atomic; why the map is not the shared one, until that was said */
    struct config *config; /* atomic; NULL until compiled */
    bool complained;       /* atomic */
} state STARTUP_DATA;

static struct hosts hosts = {.path = "/etc/hosts"};
static struct endpoint_cache endpoints;
static struct reported reported;
static char program[NAME_MAX + 1];
static char error_text[CONFIG_ERROR_MAX]; /* why the configuration cannot be used */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The program as it was called: for a script its own name, for busybox the applet's. */
static const char *called_as(void)
{
    const char *path = (const char *)getauxval(AT_EXECFN);
    return path ? base_name(path) : program_invocation_short_name;
}

/* libc has but a pointer to the arguments, over which daemons and browsers write titles. */
static void note_program(void)
{
    strncpy(program, program_invocation_short_name, sizeof(program) - 1);
}

void state_start(void)
{
    if (__builtin_expect(state.started, 1))
        return;
    int saved = errno;
    state.started = true;
    state.usable = settings_read(&settings, error_text) == STATUS_OK;
    note_program();
    log_setup(settings.log_level, program, settings.log_file);
    if (settings.report)
        report_into(tally_open(settings.report));

    char path[PATH_MAX];
    const char *folder = secure_getenv("XDG_RUNTIME_DIR");
    const char *place = names_path(folder, path, sizeof(path));
    state.names = names_open(place, &state.names_why);
    bool in_folder = folder && place && strncmp(place, folder, strlen(folder)) == 0;
    inherit_remember(&settings, in_folder);
    errno = saved;
}

static __attribute__((constructor)) void construct(void)
{
    state_start();
}

/* Said once, by whichever thread comes first. */
static void complain(void)
{
    if (!__atomic_exchange_n(&state.complained, true, __ATOMIC_RELAXED))
        log_error("%s; connections are refused", error_text);
}

static struct config *compile(void)
{
    char executable[1024]; /* little stack may be left; a longer path is known by AT_EXECFN only */
    ssize_t len = readlink("/proc/self/exe", executable, sizeof(executable) - 1);
    bool whole = len > 0 && (size_t)len < sizeof(executable) - 1;
    executable[whole ? len : 0] = '\0';

    struct config_source source = settings.source;
    source.app[0] = called_as();
    source.app[1] = whole ? base_name(executable) : NULL;
    char error[CONFIG_ERROR_MAX];
    struct config *config = NULL;
    if (config_compile(&source, &config, error) != STATUS_OK) {
        memcpy(error_text, error, sizeof(error));
        return NULL;
    }
    return config;
}

const struct config *state_config(void)
{
    state_start();
    struct config *config = __atomic_load_n(&state.config, __ATOMIC_ACQUIRE);
    if (__builtin_expect(config != NULL, 1))
        return config;
    if (!state.usable || __atomic_load_n(&state.complained, __ATOMIC_RELAXED)) {
        complain();
        return NULL;
    }
    int saved = errno;
    struct config *made = compile();
    if (!made)
        complain();
    else if (!__atomic_compare_exchange_n(&state.config, &config, made, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE))
        config_free(made);
    else
        config = made;
    errno = saved;
    return config;
}

enum way state_way(void)
{
    state_start();
    return settings.way;
}

struct names *state_names(void)
{
    state_start();
    /* Said when the first name is needed: a program without a network has nothing to hear. */
    if (__builtin_expect(state.names_why != NULL, 0)) {
        const char *why = __atomic_exchange_n(&state.names_why, NULL, __ATOMIC_RELAXED);
        if (why)
            log_warn("names map: %s; names are known to this process and its children only", why);
    }
    return state.names;
}

struct endpoint_cache *state_endpoints(void)
{
    return &endpoints;
}

static struct scope scope_of(const struct config *config, struct names *names)
{
    return (struct scope){.config = config,
                          .names = names,
                          .hosts = &hosts,
                          .resolv_conf = "/etc/resolv.conf",
                          .endpoints = &endpoints,
                          .reported = &reported};
}

struct scope state_scope(void)
{
    return scope_of(state_config(), state_names());
}

struct scope state_scope_so_far(void)
{
    state_start();
    bool silent = __atomic_load_n(&state.names_why, __ATOMIC_RELAXED) == NULL;
    return scope_of(__atomic_load_n(&state.config, __ATOMIC_ACQUIRE), silent ? state.names : NULL);
}
