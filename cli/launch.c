/* SPDX-License-Identifier: MIT
 * Search, inspect, set the environment, check it, exec: in that order, each ending the way that
 * could lead to an unproxied program. */
#include "cli/launch.h"

#include "cli/embedded.h"
#include "cli/environment.h"
#include "cli/exits.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/search.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHELL "/bin/sh"

static int refuse(const char *name, int error)
{
    log_error("%s: %s", name, strerror(error));
    return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_REFUSED;
}

static int inspect(const char *path, struct inspection *result)
{
    char text[INSPECTION_TEXT_MAX];
    inspect_program(path, result);
    if (result->kind == INSPECTION_PLAIN_TEXT) {
        /* What execvp makes of it. */
        inspect_program(SHELL, result);
        if (result->kind == INSPECTION_REACHED)
            return 0;
    }
    if (result->kind == INSPECTION_REACHED)
        return 0;
    log_error("%s", inspect_text(result, path, text));
    return EXIT_REFUSED;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Under the names that the library will find in AT_EXECFN and /proc/self/exe. */
static int check(const char *path, const char *file)
{
    char executable[PATH_MAX];
    return environment_check(base_name(path),
                             realpath(file, executable) ? base_name(executable) : NULL);
}

/* As execvp does with a file that the kernel knows no format of: a script for the shell. */
static void run_as_script(const char *path, char **argv)
{
    size_t count = 0;
    while (argv[count])
        count++;
    char **words = malloc((count + 2) * sizeof(*words));
    if (!words)
        return;
    char shell[] = SHELL;
    char *script = strdup(path);
    words[0] = shell;
    words[1] = script;
    memcpy(words + 2, argv + 1, count * sizeof(*words)); /* with the closing NULL */
    if (script)
        execv(SHELL, words);
    free(script);
    free(words);
}

int launch(const struct options *options)
{
    struct inspection inspection;
    char path[PATH_MAX];
    char url[EMBEDDED_URL_MAX];
    char *shell_argv[] = {NULL, NULL};
    char **argv = options->program;

    if (options->mode == MODE_SHELL) {
        char *shell = getenv("SHELL");
        static char fallback[] = SHELL;
        shell_argv[0] = shell && *shell ? shell : fallback;
        argv = shell_argv;
    }
    int error = search_program(argv[0], path, sizeof(path));
    if (error)
        return refuse(argv[0], error);
    int status = inspect(path, &inspection);
    if (!status && options->embedded)
        status = embedded_start(options, url);
    if (!status)
        status = environment_set(options, options->embedded ? url : NULL);
    if (!status)
        status = check(path, *inspection.file ? inspection.file : path);
    if (status)
        return status;

    execv(path, argv);
    if (errno == ENOEXEC)
        run_as_script(path, argv);
    log_error("%s: %s", path, strerror(errno));
    return EXIT_REFUSED;
}
