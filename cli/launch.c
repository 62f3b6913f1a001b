/* SPDX-License-Identifier: MIT
 * Search, inspect, set the environment, check it, supervise, exec: in that order, each ending the
 * way that could lead to an unproxied program. */
#include "cli/launch.h"

#include "cli/embedded.h"
#include "cli/environment.h"
#include "cli/exits.h"
#include "cli/prompt.h"
#include "cli/report.h"
#include "cli/shed.h"
#include "cli/supervise/start.h"
#include "core/elf_file.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/search.h"
#include "core/settings.h"
#include "core/text.h"
#include "core/tracing.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SHELL "/bin/sh"

static int refuse(const char *name, int error)
{
    log_error("%s: %s", name, strerror(error));
    return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_REFUSED;
}

/* How a program is to be run. */
struct plan {
    struct inspection inspection;
    enum way way;
    bool preload;
    bool supervise;
    bool is_under;  /* a supervisor of ours is there already */
    bool must_shed; /* this process is preloaded, and must not become a supervisor so */
};

/* Whether the kernel would run it at all. Of what may not be read, nobody can tell more without the
 * right to look into it when it runs. */
static bool can_be_supervised(const struct inspection *inspection)
{
    /* Its addresses do not fit into ours, see cli/supervise/call.c. */
    if (inspection->elf.class == ELFCLASS64 && elf_our_kind().class == ELFCLASS32)
        return false;
    switch (inspection->kind) {
    case INSPECTION_FAILED:
    case INSPECTION_TOO_DEEP:
    case INSPECTION_MALFORMED:
        return false;
    case INSPECTION_UNREADABLE:
        return tracing_is_privileged();
    default:
        return true;
    }
}

static int tell_why_not(const char *path, const struct inspection *inspection)
{
    char text[INSPECTION_TEXT_MAX];
    log_error("%s", inspect_text(inspection, path, text));
    return EXIT_REFUSED;
}

/* Look at the program, and at the shell where execvp would hand it to that. */
static void inspect(const char *path, struct inspection *result)
{
    inspect_program(path, result);
    if (result->kind == INSPECTION_PLAIN_TEXT)
        inspect_program(SHELL, result);
    environment_judge(result);
}

static int make_plan(const struct options *options, const char *path, struct plan *plan)
{
    inspect(path, &plan->inspection);
    bool is_reached = plan->inspection.kind == INSPECTION_REACHED;
    plan->way = environment_way(options);
    bool is_under = plan->way != WAY_PRELOAD && supervise_is_under();
    /* The environment's word is what the supervisor above has fulfilled. */
    if (is_under && !options->has_way)
        plan->way = WAY_AUTO;
    plan->preload = plan->way != WAY_SUPERVISE && plan->inspection.kind != INSPECTION_OTHER_LIBC;
    plan->supervise = plan->way == WAY_SUPERVISE || plan->way == WAY_SEAL ||
                      (plan->way == WAY_AUTO && !is_reached);
    plan->is_under = plan->supervise && is_under;
    plan->must_shed = plan->supervise && !plan->is_under && shed_is_needed();
    if (plan->supervise ? !can_be_supervised(&plan->inspection) : !is_reached)
        return tell_why_not(path, &plan->inspection);
    if (plan->is_under &&
        (options->proxy_count || options->config || options->embedded || options->report)) {
        log_error("%s: already supervised by an outer socksify, whose proxy and rules hold: there "
                  "cannot be others (%s)",
                  path,
                  options->proxy_count ? "--proxy"
                  : options->config    ? "--config"
                  : options->embedded  ? "--embedded"
                                       : "--report");
        return EXIT_REFUSED;
    }
    return 0;
}

/* One line for those who want to know, where the library's own lines go. */
static void tell_how(const char *name, const struct plan *plan)
{
    char reason[INSPECTION_TEXT_MAX];
    const char *level = getenv(SETTINGS_LOG);
    const char *file = getenv(SETTINGS_LOG_FILE);
    if (!level || strcmp(level, "verbose") != 0)
        return;
    log_setup(LOG_VERBOSE, NULL, file && *file ? file : NULL);
    const char *who = plan->is_under ? " by an outer socksify" : "";
    if (plan->way == WAY_SEAL && plan->preload)
        log_info("%s: sealed: preloaded and supervised%s", name, who);
    else if (plan->supervise)
        log_info("%s: supervised%s%s%s", name, who, plan->way != WAY_SUPERVISE ? ": " : "",
                 plan->way != WAY_SUPERVISE ? inspect_reason(&plan->inspection, reason) : "");
    else
        log_info("%s: preloaded", name);
    log_setup(LOG_NORMAL, NULL, NULL);
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

/* The program's own name for its file, which must not be searched for again. */
static const char *with_slash(const char *path, char buf[static PATH_MAX])
{
    if (strchr(path, '/'))
        return path;
    text_join(buf, PATH_MAX, "./", path, NULL);
    return buf;
}

/* Start anew without the library, when all that was asked for stands in the environment. */
static int shed_library(const struct plan *plan, const char *path, char **argv)
{
    static const char *const words[] = {
        [WAY_AUTO] = "--mode=auto",
        [WAY_PRELOAD] = "--mode=preload",
        [WAY_SUPERVISE] = "--mode=supervise",
        [WAY_SEAL] = "--seal",
    };
    char own_path[PATH_MAX];
    const char *head[] = {"socksify", words[plan->way],          "--argv0", argv[0],
                          "--",       with_slash(path, own_path)};
    enum { HEAD = sizeof(head) / sizeof(*head) };
    size_t count = 0;
    while (argv[count])
        count++;
    const char **all = malloc((HEAD + count) * sizeof(*all));
    int error = ENOMEM;
    if (all) {
        memcpy(all, head, sizeof(head));
        memcpy(all + HEAD, argv + 1, count * sizeof(*all)); /* with the closing NULL */
        error = shed((char *const *)all);
        free(all);
    }
    log_error("%s: cannot be supervised from a program that is preloaded: %s", path,
              strerror(error));
    return EXIT_REFUSED;
}

/* This process's command line stays to be seen by everybody for as long as there is a supervisor.
 */
static void hide_proxies(const struct options *options)
{
    for (size_t i = 0; i < options->proxy_count; i++)
        if (strstr(options->proxy[i], "://"))
            memset((char *)options->proxy[i], '*', strlen(options->proxy[i]));
}

static void warn_of_privileges(const char *path, const struct inspection *inspection)
{
    if ((inspection->kind == INSPECTION_SETID || inspection->kind == INSPECTION_CAPABILITIES) &&
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        log_warn("%s: runs without the privileges that its file gives it: a supervised program "
                 "gains none",
                 path);
}

static int run(const struct plan *plan, const char *path, char **argv)
{
    if (plan->supervise && !plan->is_under) {
        int status = supervise_start(path);
        if (status) {
            if (plan->way == WAY_AUTO)
                tell_why_not(path, &plan->inspection);
            return status;
        }
    }
    tell_how(base_name(path), plan);
    if (plan->supervise)
        warn_of_privileges(path, &plan->inspection);
    execv(path, argv);
    if (errno == ENOEXEC)
        run_as_script(path, argv);
    log_error("%s: %s", path, strerror(errno));
    return EXIT_REFUSED;
}

int launch(const struct options *options)
{
    struct plan plan;
    char path[PATH_MAX];
    char url[EMBEDDED_URL_MAX];
    char *shell_argv[PROMPT_ARGV_MAX] = {NULL};
    char **argv = options->program;

    if (options->mode == MODE_SHELL) {
        char *shell = getenv("SHELL");
        static char fallback[] = SHELL;
        shell_argv[0] = shell && *shell ? shell : fallback;
        argv = shell_argv;
        prompt_mark(argv);
    }
    int error = search_program(argv[0], path, sizeof(path));
    if (error)
        return refuse(argv[0], error);
    int status = make_plan(options, path, &plan);
    if (!status && options->embedded)
        status = embedded_start(options, url);
    if (!status)
        status = environment_set(options, options->embedded ? url : NULL, plan.preload);
    if (!status)
        status = check(path, *plan.inspection.file ? plan.inspection.file : path);
    if (status)
        return status;
    if (options->argv0)
        argv[0] = options->argv0;
    hide_proxies(options);
    if (options->report)
        status = report_start(base_name(path));
    if (status)
        return status;
    if (plan.must_shed)
        return shed_library(&plan, path, argv);
    return run(&plan, path, argv);
}
