/* SPDX-License-Identifier: MIT
 * The library's place, LD_PRELOAD, the SOCKSIFY_* variables, and the check of all that. */
#include "cli/environment.h"

#include "cli/exits.h"
#include "cli/quote.h"
#include "core/elf_file.h"
#include "core/inspect.h"
#include "core/library.h"
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
    PRELOADS_VARIABLE, SETTINGS_CONF,     SETTINGS_PROXY, SETTINGS_TIMEOUT,
    SETTINGS_LOG,      SETTINGS_LOG_FILE, SETTINGS_MODE,
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

/* The option that SOCKSIFY_PROXY was set by: that is what the user knows of. NULL: none. */
static const char *proxy_origin;

/* Once found. */
static struct {
    char item[PATH_MAX]; /* in LD_PRELOAD */
    char file[PATH_MAX]; /* that a program of our kind loads for it */
} library;

/* Beside the wrapper in the build tree, else where `make install` puts it; with $LIB where there is
 * one for each class. */
static void find_library(void)
{
    static const char shared[] = "/" LIBRARY_TOKEN PRELOADS_LIBRARY;
    static const char single[] = "/" PRELOADS_LIBRARY;
    const struct elf_kind ours = elf_our_kind();
    char directory[PATH_MAX];
    if (*library.item)
        return;
    ssize_t len = readlink("/proc/self/exe", directory, sizeof(directory) - sizeof(shared));
    char *slash = len > 0 ? memrchr(directory, '/', (size_t)len) : NULL;
    if (slash)
        memcpy(slash, single, sizeof(single));
    if (slash && access(directory, F_OK) == 0)
        *slash = '\0';
    else
        text_join(directory, sizeof(directory), LIBDIR "/socksify", NULL);
    text_join(library.item, sizeof(library.item), directory, shared, NULL);
    if (library_find(library.item, &ours, elf_our_loader(), library.file, sizeof(library.file)))
        return;
    text_join(library.item, sizeof(library.item), directory, single, NULL);
    text_join(library.file, sizeof(library.file), directory, single, NULL);
}

void environment_judge(struct inspection *program)
{
    find_library();
    library_judge(library.item, program);
}

static int set_preload(void)
{
    find_library();
    int error = inspect_library(library.file);
    if (error) {
        log_error("%s: cannot be preloaded: %s%s; nothing was run, as it would connect without the "
                  "proxy",
                  library.file, strerror(error),
                  error == ENOENT ? " (`make install` puts it there)" : "");
        return EXIT_FAILURE;
    }
    if (strpbrk(library.file, " :$")) {
        log_error("%s: the loader splits LD_PRELOAD at spaces and colons and expands dollar signs: "
                  "move the library to a path without them",
                  library.file);
        return EXIT_FAILURE;
    }

    const char *old = getenv(PRELOADS_VARIABLE);
    size_t size = strlen(library.item) + (old ? strlen(old) : 0) + 2;
    struct text text = text_start(allocate(size), size);
    text_add(&text, library.item);
    preloads_add(&text, old);
    set(PRELOADS_VARIABLE, text.buf);
    return 0;
}

/* Another C library's loader ends a program whose preloaded objects it cannot use. */
static void drop_preload(void)
{
    const char *old = getenv(PRELOADS_VARIABLE);
    size_t ours_len;
    if (!old || !preloads_find(old, &ours_len))
        return;
    size_t size = strlen(old) + 2;
    struct text text = text_start(allocate(size), size);
    preloads_add(&text, old);
    if (text.len > 0)
        set(PRELOADS_VARIABLE, text.buf + 1); /* without the colon in front */
    else
        unsetenv(PRELOADS_VARIABLE);
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

enum way environment_way(const struct options *options)
{
    const char *word = getenv(SETTINGS_MODE);
    enum way way = WAY_AUTO;
    if (options->has_way)
        return options->way;
    if (word)
        settings_find_way(word, &way);
    return way;
}

int environment_set(const struct options *options, const char *embedded, bool preload)
{
    static const char *const ways[] = {
        [WAY_AUTO] = "auto",
        [WAY_PRELOAD] = "preload",
        [WAY_SUPERVISE] = "supervise",
        [WAY_SEAL] = "seal",
    };
    static const char *const levels[] = {
        [LOG_QUIET] = "quiet",
        [LOG_NORMAL] = "normal",
        [LOG_VERBOSE] = "verbose",
    };
    int error = 0;
    if (preload)
        error = set_preload();
    else
        drop_preload();
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
    proxy_origin = options->proxy_origin;
    if (options->timeout)
        set(SETTINGS_TIMEOUT, options->timeout);
    if (options->has_level)
        set(SETTINGS_LOG, levels[options->level]);
    if (options->has_way)
        set(SETTINGS_MODE, ways[options->way]);
    return 0;
}

static void warn_of_password(const char *path, const struct config *config)
{
    struct stat status;
    if (config_has_password(config) && stat(path, &status) == 0 &&
        (status.st_mode & (S_IRGRP | S_IROTH)))
        log_warn("%s: holds a password and can be read by others: chmod go-r it", path);
}

int environment_read(const char *called, const char *executable, struct settings *settings,
                     struct config **config)
{
    char error[CONFIG_ERROR_MAX];
    enum status status = settings_read(settings, error);
    settings->source.proxy_origin = proxy_origin;
    settings->source.app[0] = called;
    settings->source.app[1] = executable;
    if (status == STATUS_OK)
        status = config_compile(&settings->source, config, error);
    if (status == STATUS_OK)
        return 0;
    log_error("%s", error);
    settings_free(settings);
    return EXIT_CONFIG;
}

int environment_check(const char *called, const char *executable)
{
    static struct settings settings; /* large */
    struct config *config;
    int status = environment_read(called, executable, &settings, &config);
    if (status)
        return status;
    if (settings.log_level != LOG_QUIET)
        warn_of_password(settings.path, config);
    config_free(config);
    settings_free(&settings);
    return 0;
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

int environment_print(enum syntax syntax)
{
    size_t size = 1;
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        if (value)
            size += strlen("set -gx  ''\n") + strlen(variables[i]) + QUOTE_LENGTH * strlen(value);
    }
    struct text text = text_start(allocate(size), size);
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        if (!value)
            continue;
        text_add(&text, syntax == SYNTAX_FISH ? "set -gx " : "export ");
        text_add(&text, variables[i]);
        text_add(&text, syntax == SYNTAX_FISH ? " " : "=");
        quote_add(&text, value, syntax);
        text_add(&text, "\n");
    }
    /* One write: a reader that goes away cannot get half of it and run unproxied by mistake. */
    if (!write_all(text.buf, text.len)) {
        log_error("standard output: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
