/* SPDX-License-Identifier: MIT
 * The library's place, LD_PRELOAD, the SOCKSIFY_* variables, and the check of all that. */
#include "cli/environment.h"

#include "cli/exits.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/preloads.h"
#include "core/settings.h"
#include "core/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const variables[] = {
    PRELOADS_VARIABLE, SETTINGS_CONF, SETTINGS_PROXY,
    SETTINGS_TIMEOUT,  SETTINGS_LOG,  SETTINGS_LOG_FILE,
};

/* All memory asked for here lasts until the exec. */
static char *allocate(size_t size)
{
    char *memory = malloc(size);
    if (!memory) {
        log_error("out of memory");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static void set(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0) {
        log_error("%s: %s", name, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

/* Beside the wrapper in the build tree, else where `make install` puts it. */
static int find_library(char path[static PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof(PRELOADS_LIBRARY));
    char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
    if (slash) {
        memcpy(slash + 1, PRELOADS_LIBRARY, sizeof(PRELOADS_LIBRARY));
        if (access(path, F_OK) == 0)
            return inspect_library(path);
    }
    text_join(path, PATH_MAX, LIBDIR "/socksify/" PRELOADS_LIBRARY, NULL);
    return inspect_library(path);
}

static int set_preload(void)
{
    char library[PATH_MAX];
    int error = find_library(library);
    if (error) {
        log_error("%s: cannot be preloaded: %s; nothing was run, as it would connect without the "
                  "proxy",
                  library, strerror(error));
        return EXIT_FAILURE;
    }
    if (strpbrk(library, " :$")) {
        log_error("%s: the loader splits LD_PRELOAD at spaces and colons and expands dollar signs: "
                  "move the library to a path without them",
                  library);
        return EXIT_FAILURE;
    }

    const char *old = getenv(PRELOADS_VARIABLE);
    size_t size = strlen(library) + (old ? strlen(old) : 0) + 2;
    struct text text = text_start(allocate(size), size);
    text_add(&text, library);
    preloads_add(&text, old);
    set(PRELOADS_VARIABLE, text.buf);
    return 0;
}

/* The program may change its directory before it, or a child of it, loads the library. */
static int set_absolute(const char *name, const char *path)
{
    if (!path || !*path)
        return 0;
    if (*path == '/') {
        set(name, path);
        return 0;
    }
    char directory[PATH_MAX];
    if (!getcwd(directory, sizeof(directory))) {
        log_error("%s: the current directory has no name: %s", path, strerror(errno));
        return EXIT_FAILURE;
    }
    size_t size = strlen(directory) + strlen(path) + 2;
    char *absolute = allocate(size);
    text_join(absolute, size, directory, "/", path, NULL);
    set(name, absolute);
    return 0;
}

/* A comma in a URL belongs to its user or password; in anything else it separates names. */
static void set_proxy(const struct options *options)
{
    size_t size = 1;
    for (size_t i = 0; i < options->proxy_count; i++)
        size += 3 * strlen(options->proxy[i]) + 1;
    struct text text = text_start(allocate(size), size);
    for (size_t i = 0; i < options->proxy_count; i++) {
        const char *proxy = options->proxy[i];
        bool is_url = strstr(proxy, "://") != NULL;
        text_add(&text, i ? "," : "");
        for (; *proxy; proxy++)
            if (*proxy == ',' && is_url)
                text_add(&text, "%2C");
            else
                text_add_bytes(&text, proxy, 1);
    }
    set(SETTINGS_PROXY, text.buf);
}

int environment_set(const struct options *options, const char *embedded)
{
    static const char *const levels[] = {
        [LOG_QUIET] = "quiet",
        [LOG_NORMAL] = "normal",
        [LOG_VERBOSE] = "verbose",
    };
    int error = set_preload();
    if (!error)
        error =
            set_absolute(SETTINGS_CONF, options->config ? options->config : getenv(SETTINGS_CONF));
    if (!error)
        error = set_absolute(SETTINGS_LOG_FILE,
                             options->log_file ? options->log_file : getenv(SETTINGS_LOG_FILE));
    if (error)
        return error;
    if (embedded)
        set(SETTINGS_PROXY, embedded);
    else if (options->proxy_count)
        set_proxy(options);
    if (options->timeout)
        set(SETTINGS_TIMEOUT, options->timeout);
    if (options->has_level)
        set(SETTINGS_LOG, levels[options->level]);
    return 0;
}

static void warn_of_password(const char *path, const struct config *config)
{
    struct stat status;
    if (config_has_password(config) && stat(path, &status) == 0 &&
        (status.st_mode & (S_IRGRP | S_IROTH)))
        log_warn("%s: holds a password and can be read by others: chmod go-r it", path);
}

int environment_check(const char *called, const char *executable)
{
    static struct settings settings; /* large */
    char error[CONFIG_ERROR_MAX];
    struct config *config = NULL;
    int status = EXIT_CONFIG;

    if (settings_read(&settings, error) != STATUS_OK) {
        log_error("%s", error);
        goto out;
    }
    settings.source.app[0] = called;
    settings.source.app[1] = executable;
    if (config_compile(&settings.source, &config, error) != STATUS_OK) {
        log_error("%s", error);
        goto out;
    }
    if (settings.log_level != LOG_QUIET)
        warn_of_password(settings.path, config);
    config_free(config);
    status = 0;
out:
    settings_free(&settings);
    return status;
}

/* In single quotes everything but a single quote stands for itself. */
static void add_quoted(struct text *text, const char *value)
{
    text_add(text, "'");
    for (; *value; value++)
        if (*value == '\'')
            text_add(text, "'\\''");
        else
            text_add_bytes(text, value, 1);
    text_add(text, "'\n");
}

static bool write_all(const char *bytes, size_t len)
{
    while (len) {
        ssize_t written = write(STDOUT_FILENO, bytes, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        len -= (size_t)written;
    }
    return true;
}

int environment_print(void)
{
    size_t size = 1;
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        if (value)
            size += strlen("export =''\n") + strlen(variables[i]) + 4 * strlen(value);
    }
    struct text text = text_start(allocate(size), size);
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        if (!value)
            continue;
        text_add(&text, "export ");
        text_add(&text, variables[i]);
        text_add(&text, "=");
        add_quoted(&text, value);
    }
    /* One write: a reader that goes away cannot get half of it and run unproxied by mistake. */
    if (!write_all(text.buf, text.len)) {
        log_error("standard output: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
