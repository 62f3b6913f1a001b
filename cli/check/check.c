/* SPDX-License-Identifier: MIT
 * What is to be checked, the two parts of it, and the verdict. */
#include "cli/check/check.h"

#include "cli/check/addresses.h"
#include "cli/check/containment.h"
#include "cli/check/findings.h"
#include "cli/check/steps.h"
#include "cli/destination.h"
#include "cli/environment.h"
#include "cli/exits.h"
#include "cli/shed.h"
#include "cli/show.h"
#include "cli/supervise/start.h"
#include "core/config.h"
#include "core/endpoint.h"
#include "core/endpoint_cache.h"
#include "core/hosts.h"
#include "core/log.h"
#include "core/report.h"
#include "core/scope.h"
#include "core/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP_MAX_MS = 10000 }; /* where nobody has asked for another timeout */

/* What is to be checked. */
struct task {
    struct options options; /* with a proxy that was named in place of a target */
    bool is_proxy_named;    /* it is checked whatever the rules say */
    bool is_default;
    struct target to;
};

/* Returns 0, or EXIT_USAGE after saying what is wrong. */
static int read_task(const struct options *options, struct task *task)
{
    const char *word = options->target;
    bool has_port = true;
    char shown[DESTINATION_SHOWN_MAX];
    *task = (struct task){.options = *options};
    task->is_proxy_named =
        word && strstr(word, "://") && strncasecmp(word, "socks", strlen("socks")) == 0;
    if (task->is_proxy_named && options->proxy_count > 0) {
        log_error("--check: a proxy is named twice, by --proxy, too");
        return EXIT_USAGE;
    }
    if (task->is_proxy_named) {
        task->options.proxy[task->options.proxy_count++] = word;
        task->options.proxy_origin = "--check";
    }
    task->is_default = !word || task->is_proxy_named;
    if (task->is_default) {
        static const char name[] = ADDRESSES_DEFAULT_NAME;
        target_set_host(&task->to, name, sizeof(name) - 1, ADDRESSES_DEFAULT_PORT);
        return 0;
    }
    const char *wrong = destination_read(word, &task->to, &has_port);
    if (!wrong && !has_port)
        wrong = "expected HOST:PORT or a URL";
    if (!wrong)
        return 0;
    log_error(
        "--check: %s: %s; a proxy to be tried is a URL such as socks5://HOST:1080, or -p NAME",
        destination_shown(word, shown), wrong);
    return EXIT_USAGE;
}

/* The default of the environment alone: the way of a name that no rule can know. */
static struct decision decide_by_environment(const struct settings *settings,
                                             struct config **config)
{
    static const struct target somewhere = {.kind = TARGET_NAME, .name_len = 1, .name = "x"};
    const struct config_source source = {
        .proxy = settings->source.proxy,
        .timeout_ms = settings->source.timeout_ms,
    };
    char error[CONFIG_ERROR_MAX];
    if (config_compile(&source, config, error) != STATUS_OK)
        return (struct decision){0};
    return rules_decide(config_rules(*config), &somewhere);
}

/* Whether host names that take this route are looked up on this machine, though by their rule they
 * take a proxy. */
static bool is_looked_up_here(const struct route *route)
{
    return route->kind == ROUTE_PROXY && endpoints_are_local(route);
}

/* True when there was a proxy to be tried. */
static bool check_proxies(const struct task *task, const struct settings *settings,
                          const struct config *config, struct findings *findings)
{
    static struct endpoint_cache cache;
    struct hosts hosts = {.path = "/etc/hosts"};
    struct reported reported = {0};
    const struct scope scope = {
        .config = config, .hosts = &hosts, .endpoints = &cache, .reported = &reported};
    struct addresses addresses;
    struct config *own = NULL;
    char target[TARGET_TEXT_MAX];
    struct decision decision = task->is_proxy_named ? decide_by_environment(settings, &own)
                                                    : rules_decide(config_rules(config), &task->to);
    const struct route *route = decision.route;
    target_to_text(&task->to, target);
    if (!route) {
        findings_add_problem(findings, "out of memory");
    } else if (route->kind != ROUTE_PROXY) {
        show(stdout, "target %s: %s; socksify --explain says why\n", target,
             route->kind == ROUTE_DIRECT ? "goes direct, without a proxy" : "is blocked");
        if (task->options.target && !strstr(task->options.target, "://"))
            findings_add_hint(findings, "if a proxy is there, --check socks5://%s tries it",
                              target);
    } else {
        show(stdout, "target %s\n", target);
        if (task->is_default)
            addresses_of_default(&addresses);
        else
            addresses_find(&scope, &task->to, route, &addresses);
        bool is_asked_for = route->timeout_ms != CONFIG_TIMEOUT_MS || task->options.timeout;
        steps_take(&(struct journey){
            .route = route,
            .to = &task->to,
            .is_default = task->is_default,
            .addresses = &addresses,
            .timeout_ms = is_asked_for ? route->timeout_ms : STEP_MAX_MS,
            .findings = findings,
        });
    }
    bool tried = route && route->kind == ROUTE_PROXY;
    config_free(own);
    return tried;
}

static void check_containment(const struct task *task, const char *path,
                              const struct config *config, struct findings *findings)
{
    struct target name;
    target_set_host(&name, CONTAINMENT_NAME, strlen(CONTAINMENT_NAME), CONTAINMENT_PORT);
    const struct route *route = rules_decide(config_rules(config), &name).route;
    bool looked_up = is_looked_up_here(route);
    show(stdout, "what programs send\n");
    /* The library's own line on each of the tests would say the same again. */
    if (!task->options.has_level)
        setenv(SETTINGS_LOG, "quiet", 1);
    fflush(stdout);
    if (containment_check(path, looked_up))
        return;
    findings_add_problem(findings, "something leaves beside the proxy");
    if (looked_up)
        findings_add_advice(findings,
                            "%s: resolve=local has host names looked up here: socks4a:// or "
                            "socks5:// in its URL leaves that to the proxy, if it can",
                            route->hop[route->hop_count - 1]->name);
    findings_add_advice(findings, "look for lines that say direct in the configuration (default, "
                                  "direct, udp): they let it out");
}

int check(const struct options *options, char **argv)
{
    static struct settings settings; /* large */
    static struct findings findings;
    struct task task;
    struct config *config;
    char path[PATH_MAX];
    int status = read_task(options, &task);
    if (status)
        return status;
    /* In a socksified shell: our own connections must not go through its proxy. */
    if (shed_is_needed()) {
        log_error("--check: cannot be run in a program that is preloaded: %s",
                  strerror(shed(argv)));
        return EXIT_REFUSED;
    }
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    const char *slash = strrchr(path, '/');
    status = environment_set(&task.options, NULL, true);
    if (!status)
        status = environment_check(slash ? slash + 1 : NULL, NULL);
    if (!status)
        status = environment_read(slash ? slash + 1 : NULL, NULL, &settings, &config);
    if (status)
        return status;
    if (supervise_is_under())
        log_warn("--check: an outer socksify supervises this: what is seen is seen through it");
    bool tried = check_proxies(&task, &settings, config, &findings);
    check_containment(&task, path, config, &findings);
    config_free(config);
    settings_free(&settings);
    bool fine = findings_print(
        &findings, tried ? "the proxy works, and nothing leaves beside it"
                         : "nothing leaves; the target takes no proxy, so none was tried");
    if (fflush(stdout) == 0)
        return fine ? EXIT_SUCCESS : EXIT_FAILURE;
    log_error("standard output: %s", strerror(errno));
    return EXIT_FAILURE;
}
