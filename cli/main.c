/* SPDX-License-Identifier: MIT
 * The wrapper: socksify [options] [--] program [argument...] */
#include "cli/check/check.h"
#include "cli/check/containment.h"
#include "cli/completions.h"
#include "cli/environment.h"
#include "cli/exits.h"
#include "cli/explain.h"
#include "cli/launch.h"
#include "cli/options.h"
#include "cli/serve.h"
#include "core/log.h"
#include "core/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print(const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return EXIT_SUCCESS;
    log_error("standard output: %m");
    return EXIT_FAILURE;
}

static int print_help(void)
{
    char text[4096];
    options_help(text, sizeof(text));
    return print(text);
}

/* The library falls back on stderr without a word. The user is told while he can hear it; a pipe
 * that nobody reads yet is well. */
static void try_log_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno != ENXIO)
        log_warn("--log-file: %s: %s; messages go to standard error", path, strerror(errno));
}

static int print_environment(const struct options *options)
{
    enum way way = environment_way(options);
    if (way == WAY_SUPERVISE || way == WAY_SEAL) {
        log_error(SETTINGS_MODE ": --env can but preload: nothing in a shell's environment "
                                "supervises");
        return EXIT_USAGE;
    }
    int status = environment_set(options, NULL, true);
    if (!status)
        status = environment_check(NULL, NULL);
    return status ? status : environment_print(options->syntax);
}

/* The server runs for long, and ps(1) shows its command line to everybody. */
static const char *hide(char *secret)
{
    char *copy = secret ? strdup(secret) : NULL;
    if (copy)
        memset(secret, '*', strlen(secret));
    return copy ? copy : secret;
}

static int run_server(const struct options *options)
{
    log_setup(options->level, NULL, options->log_file);
    return serve(&(struct serve_options){
        .listen = options->listen,
        .user = options->user,
        .password = hide(options->password),
        .hosts = options->hosts,
        .verbose = options->level == LOG_VERBOSE,
        .ready_fd = -1,
        .stop_fd = -1,
    });
}

int main(int argc, char **argv)
{
    (void)argc;
    struct options options;
    char error[OPTIONS_ERROR_MAX];

    if (containment_is_test_program(argv[0]))
        return containment_run_tests(argv);
    if (completions_are_asked(argv))
        return completions_print(argv);
    if (options_parse(&options, argv, error) != STATUS_OK) {
        log_error("%s", error);
        return EXIT_USAGE;
    }
    if (options.log_file)
        try_log_file(options.log_file);
    switch (options.mode) {
    case MODE_HELP:
        return print_help();
    case MODE_VERSION:
        return print("socksify " VERSION "\n");
    case MODE_SERVE:
        return run_server(&options);
    case MODE_ENV:
        return print_environment(&options);
    case MODE_CHECK:
        return check(&options, argv);
    case MODE_EXPLAIN:
        return explain(&options);
    case MODE_RUN:
    case MODE_SHELL:
        break;
    }
    return launch(&options);
}
