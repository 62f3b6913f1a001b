/* SPDX-License-Identifier: MIT
 * Leveled one-line messages. The level and the place are process-wide state, of which core has only
 * this and the place where connections are counted (report.c). */
#include "core/log.h"

#include "core/printable.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    enum log_level level;
    const char *who;
    const char *file;
} settings = {.level = LOG_NORMAL};

static _Thread_local const struct log_voice *voice;

void log_setup(enum log_level level, const char *who, const char *file)
{
    settings.level = level;
    settings.who = who;
    settings.file = file;
}

void log_speak_for(const struct log_voice *whose)
{
    voice = whose;
}

enum log_level log_level(void)
{
    return settings.level;
}

/* A daemon that closed descriptor 2, or was started by inetd, may have a connection there: our
 * words are not meant for its peer. */
static bool stderr_is_network(void)
{
    int domain = 0;
    socklen_t len = sizeof(domain);
    return sys_getsockopt(STDERR_FILENO, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
           (domain == AF_INET || domain == AF_INET6);
}

static void emit(const char *line, size_t len)
{
    int fd = -1;
    if (settings.file)
        fd = open(settings.file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0 && voice) {
        voice->write(voice, line, len);
        return;
    }
    if (fd < 0 && stderr_is_network())
        return;
    ssize_t written = sys_write(fd >= 0 ? fd : STDERR_FILENO, line, len);
    (void)written; /* nowhere is left to complain */
    if (fd >= 0)
        sys_close(fd);
}

static __attribute__((format(printf, 3, 0))) void log_line(enum log_level needed, const char *kind,
                                                           const char *format, va_list args)
{
    if (settings.level < needed)
        return;
    int saved = errno;
    char line[LOG_LINE_MAX];
    const size_t room = sizeof(line); /* the newline takes the place of the closing NUL */

    pid_t pid = getpid();
    const char *who = voice ? voice->name(voice, &pid) : settings.who;
    int head = who ? snprintf(line, room, "socksify: %.64s[%d]: %s", who, (int)pid, kind)
                   : snprintf(line, room, "socksify: %s", kind);
    int body = vsnprintf(line + head, room - (size_t)head, format, args);
    size_t len = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (len >= room) {
        len = room - 1;
        memset(line + len - 3, '.', 3);
    }
    /* Names and words come from outside: an escape sequence or a newline in them must not reach a
     * terminal or fake a second line. */
    printable_make(line, len);
    line[len++] = '\n';
    emit(line, len);
    errno = saved;
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(LOG_NORMAL, "", format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(LOG_NORMAL, "warning: ", format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(LOG_VERBOSE, "", format, args);
    va_end(args);
}
