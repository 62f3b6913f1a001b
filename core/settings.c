/* SPDX-License-Identifier: MIT
 * The environment and the configuration file. Runs at the start of every program, so it makes no
 * more calls than it must. */
#include "core/settings.h"

#include "core/arena.h"
#include "core/proxy.h"
#include "core/sys.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_SIZE_MAX = 64 * 1024 * 1024, SHOWN_MAX = 200 };

/* A variable's value; NULL when it is unset or empty. */
static const char *variable(const char *name)
{
    const char *value = secure_getenv(name);
    return value && *value ? value : NULL;
}

/* A copy of a variable's value in *kept, NULL when there is none. */
static enum status keep(struct settings *settings, const char *value, const char **kept)
{
    if (!value)
        return STATUS_OK;
    *kept = arena_copy(settings->memory, value, strlen(value));
    return *kept ? STATUS_OK : STATUS_NO_MEMORY;
}

/* "WHAT: VALUE: why"; of a long value its end, which tells more of a path. */
static enum status refuse(char *error, const char *what, const char *value, const char *why)
{
    size_t len = strlen(value);
    bool cut = len > SHOWN_MAX;
    text_join(error, CONFIG_ERROR_MAX, what, cut ? ": ..." : ": ",
              cut ? value + len - SHOWN_MAX : value, ": ", why, NULL);
    return STATUS_BAD_INPUT;
}

static enum status refuse_file(const struct settings *settings, char *error, const char *why)
{
    return refuse(error, "configuration file", settings->path, why);
}

static enum status read_regular(struct settings *settings, int fd, size_t size, char *error)
{
    char *text = arena_alloc(settings->memory, size);
    if (!text)
        return STATUS_NO_MEMORY;
    size_t len = 0;
    while (len < size) {
        ssize_t count = sys_read(fd, text + len, size - len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return refuse_file(settings, error, status_errno_text(errno));
        if (count == 0)
            break; /* it has become shorter */
        len += (size_t)count;
    }
    settings->source.text = text;
    settings->source.len = len;
    return STATUS_OK;
}

static enum status read_open(struct settings *settings, int fd, char *error)
{
    struct stat st;
    char octet;
    if (fstat(fd, &st) != 0)
        return refuse_file(settings, error, status_errno_text(errno));
    if (S_ISREG(st.st_mode) && st.st_size > FILE_SIZE_MAX)
        return refuse_file(settings, error, "expected a file of at most 64 MiB");
    if (S_ISREG(st.st_mode))
        return read_regular(settings, fd, (size_t)st.st_size, error);
    /* /dev/null is how to say "none". A pipe could be read by one process only. */
    if (S_ISCHR(st.st_mode) && sys_read(fd, &octet, 1) == 0) {
        settings->source.text = "";
        return STATUS_OK;
    }
    return refuse_file(settings, error, "expected a regular file");
}

/* Read the file that the parts name together, if there is one. */
static enum status try_file(struct settings *settings, const char *folder, const char *name,
                            bool must_exist, char *error)
{
    struct text path = text_start(settings->path, sizeof(settings->path));
    text_add(&path, folder);
    text_add(&path, name);
    /* A path that fills the buffer may have been cut. */
    if (path.len + 1 == path.size)
        return refuse_file(settings, error, status_errno_text(ENAMETOOLONG));

    /* O_NONBLOCK: a pipe without a writer would stop us here. */
    int fd = open(settings->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && !must_exist && (errno == ENOENT || errno == ENOTDIR)) {
        settings->path[0] = '\0';
        return STATUS_OK;
    }
    if (fd < 0)
        return refuse_file(settings, error, status_errno_text(errno));
    enum status status = read_open(settings, fd, error);
    sys_close(fd);
    if (status == STATUS_OK)
        settings->source.file = settings->path;
    return status;
}

static enum status find_file(struct settings *settings, char *error)
{
    const char *given = variable(SETTINGS_CONF);
    if (given)
        return try_file(settings, given, "", true, error);

    /* The XDG specification: a relative path is to be ignored. */
    const char *folder = variable("XDG_CONFIG_HOME");
    const char *name = "/socksify/socksify.conf";
    if (!folder || folder[0] != '/') {
        folder = variable("HOME");
        name = "/.config/socksify/socksify.conf";
    }
    if (folder && folder[0] == '/') {
        enum status status = try_file(settings, folder, name, false, error);
        if (status != STATUS_OK || settings->source.file)
            return status;
    }
    return try_file(settings, SYSCONFDIR, "/socksify.conf", false, error);
}

static enum status read_log_level(struct settings *settings, char *error)
{
    static const char *const words[] = {
        [LOG_QUIET] = "quiet", [LOG_NORMAL] = "normal", [LOG_VERBOSE] = "verbose"};
    const char *value = variable(SETTINGS_LOG);
    if (!value)
        return STATUS_OK;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcmp(value, words[i]) == 0) {
            settings->log_level = (enum log_level)i;
            return STATUS_OK;
        }
    }
    return refuse(error, SETTINGS_LOG, value, "expected quiet, normal or verbose");
}

bool settings_find_way(const char *word, enum way *way)
{
    static const char words[][10] = {[WAY_AUTO] = "auto",
                                     [WAY_PRELOAD] = "preload",
                                     [WAY_SUPERVISE] = "supervise",
                                     [WAY_SEAL] = "seal"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcmp(word, words[i]) == 0) {
            *way = (enum way)i;
            return true;
        }
    }
    return false;
}

static enum status read_way(struct settings *settings, char *error)
{
    const char *value = variable(SETTINGS_MODE);
    if (!value || settings_find_way(value, &settings->way))
        return STATUS_OK;
    return refuse(error, SETTINGS_MODE, value, "expected auto, preload, supervise or seal");
}

static enum status read_timeout(struct settings *settings, char *error)
{
    const char *value = variable(SETTINGS_TIMEOUT);
    if (!value ||
        proxy_parse_duration(value, strlen(value), &settings->source.timeout_ms) == STATUS_OK)
        return STATUS_OK;
    return refuse(error, SETTINGS_TIMEOUT, value, "expected " PROXY_DURATION_WORDS);
}

static enum status read_proxies(struct settings *settings)
{
    const char *name = variable("ALL_PROXY") ? "ALL_PROXY" : "all_proxy";
    const char *fallback = variable(name);
    settings->source.fallback_origin = name;
    enum status status = keep(settings, variable(SETTINGS_PROXY), &settings->source.proxy);
    return status == STATUS_OK ? keep(settings, fallback, &settings->source.fallback_proxy)
                               : status;
}

enum status settings_read(struct settings *settings, char error[static CONFIG_ERROR_MAX])
{
    settings->source = (struct config_source){0};
    settings->log_level = LOG_NORMAL;
    settings->way = WAY_AUTO;
    settings->log_file = NULL;
    settings->report = NULL;
    settings->path[0] = '\0'; /* and no more: the rest of it would be a page to clear */
    settings->memory = arena_new();
    error[0] = '\0';

    enum status status = settings->memory ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = keep(settings, variable(SETTINGS_LOG_FILE), &settings->log_file);
    if (status == STATUS_OK)
        status = keep(settings, variable(SETTINGS_REPORT), &settings->report);
    if (status == STATUS_OK)
        status = read_log_level(settings, error);
    if (status == STATUS_OK)
        status = read_way(settings, error);
    if (status == STATUS_OK)
        status = read_timeout(settings, error);
    if (status == STATUS_OK)
        status = read_proxies(settings);
    if (status == STATUS_OK)
        status = find_file(settings, error);
    if (status == STATUS_NO_MEMORY)
        text_join(error, CONFIG_ERROR_MAX, status_text(status), NULL);
    return status;
}

void settings_free(struct settings *settings)
{
    arena_free(settings->memory);
    settings->memory = NULL;
}
