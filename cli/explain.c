/* SPDX-License-Identifier: MIT
 * The way of a destination, as the library goes it, in words: hosts file, rules, route, datagrams.
 */
#include "cli/explain.h"

#include "cli/destination.h"
#include "cli/environment.h"
#include "cli/exits.h"
#include "cli/show.h"
#include "core/config.h"
#include "core/datagram_rule.h"
#include "core/endpoint.h"
#include "core/excerpt.h"
#include "core/handshake.h"
#include "core/hosts.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/names_file.h"
#include "core/rules.h"
#include "core/search.h"
#include "core/settings.h"
#include "core/standin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    PORT_TAKEN = 443, /* where none is said */
    DNS_PORT = 53,
    SHOWN_LINE_MAX = 160, /* octets of a line of the configuration; they may be very long */
    ADDRESSES_MAX = 16,
};

struct explanation {
    const struct options *options;
    const struct config *config;
    const struct settings *settings;
    struct config_file file;
};

/* --- Words --- */

static __attribute__((format(printf, 2, 3))) void say(const char *label, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("  %-11s", label);
    show_list(stdout, format, args);
    putchar('\n');
    va_end(args);
}

static const char *shown(struct word line, char buf[static SHOWN_LINE_MAX + 4])
{
    size_t len = line.len < SHOWN_LINE_MAX ? line.len : SHOWN_LINE_MAX;
    memcpy(buf, line.at, len);
    strcpy(buf + len, len < line.len ? "..." : "");
    return buf;
}

/* Where the default comes from that no line of the file gives. */
static const char *default_source(const struct explanation *e)
{
    if (e->options->proxy_count > 0)
        return "-p";
    if (e->settings->source.proxy)
        return SETTINGS_PROXY;
    return e->settings->source.fallback_origin;
}

/* The section that a line stands in; its line is 0 for the general lines. */
static struct excerpt_section section_of(const struct explanation *e, unsigned line)
{
    struct excerpt_section section = {0}, next = {0};
    while (excerpt_next_section(&e->file, &next) && next.line <= line)
        section = next;
    return section;
}

/* "FILE:LINE: TEXT, of [app NAME]" */
static void say_line(const struct explanation *e, const char *label, const char *before,
                     unsigned line)
{
    char text[SHOWN_LINE_MAX + 4], heading[SHOWN_LINE_MAX + 4];
    const char *file = e->settings->path;
    struct excerpt_section section = section_of(e, line);
    shown(excerpt_line(&e->file, line), text);
    if (section.line)
        say(label, "%s%s:%u: %s, of %s", before, file, line, text, shown(section.heading, heading));
    else
        say(label, "%s%s:%u: %s", before, file, line, text);
}

/* --- The rule --- */

static bool is_default(const struct explanation *e, unsigned line)
{
    struct word rest = excerpt_line(&e->file, line), word;
    return word_next(&rest, &word) && word_is(word, "default");
}

static void say_rule(const struct explanation *e, const struct decision *decision)
{
    if (decision->line)
        say_line(e, "rule:", is_default(e, decision->line) ? "none names it; " : "",
                 decision->line);
    else if (decision->route->kind == ROUTE_PROXY)
        say("rule:", "none names it; the default is that of %s", default_source(e));
    else
        say("rule:", "none names it; this machine itself is connected to directly");
}

/* --- The route --- */

static void say_hops(const struct route *route)
{
    printf("  %-11s", "route:");
    for (size_t i = 0; i < route->hop_count; i++) {
        char address[TARGET_TEXT_MAX];
        const struct proxy *proxy = route->hop[i];
        target_to_text(&proxy->address, address);
        bool is_named = strcmp(proxy->name, address) != 0;
        show(stdout, "%s%s://%s%s%s%s", i ? ", then " : "", proxy_scheme(proxy), address,
             is_named ? " (" : "", is_named ? proxy->name : "", is_named ? ")" : "");
    }
    printf("; for at most %g s\n", route->timeout_ms / 1000.0);
}

static bool is_looked_up_for_socks4(const struct route *route, const struct target *to)
{
    return to->kind == TARGET_NAME && endpoints_are_local(route);
}

/* STATUS_OK, or why the route cannot carry the target. */
static enum status carries(const struct route *route, const struct target *to)
{
    struct handshake handshake;
    struct target asked_for = *to;
    if (is_looked_up_for_socks4(route, to))
        asked_for.kind = TARGET_IPV4;
    return handshake_init(&handshake, route, &asked_for);
}

static void say_route(const struct route *route, const struct target *to)
{
    enum status status;
    switch (route->kind) {
    case ROUTE_DIRECT:
        say("route:", "direct, without a proxy");
        break;
    case ROUTE_BLOCK:
        say("route:", "none, it is blocked: the program gets EACCES (%s)", strerror(EACCES));
        break;
    case ROUTE_PROXY:
        say_hops(route);
        status = carries(route, to);
        if (status != STATUS_OK)
            say("", "which fails: %s: the program gets %s (%s)", status_text(status),
                status_errno_name(status), strerror(status_errno(status)));
        break;
    }
}

/* --- Datagrams --- */

static void say_datagrams(const struct explanation *e, const struct target *to)
{
    if (to->port == DNS_PORT) {
        say("datagrams:", "DNS queries are answered in the program itself");
        return;
    }
    struct decision decision = rules_decide(config_udp(e->config), to);
    bool passes = datagram_rule_allows(e->config, to);
    const char *what = passes ? "pass, beside the proxy; " : "refused; ";
    if (decision.line)
        say_line(e, "datagrams:", what, decision.line);
    else if (passes)
        say("datagrams:", "pass, as all to this machine itself");
    else
        say("datagrams:", "refused, as no `udp` line lets them pass");
}

/* --- Addresses --- */

static void explain_address(const struct explanation *e, const struct target *to)
{
    if (to->port == DNS_PORT) {
        say("rule:", "none is asked: a name server's port");
        say("route:", "none: DNS queries are answered in the program itself");
    } else {
        struct decision decision = rules_decide(config_rules(e->config), to);
        say_rule(e, &decision);
        say_route(decision.route, to);
    }
    say_datagrams(e, to);
}

/* --- Names --- */

static void set_address(struct target *to, const struct hosts_address *address)
{
    uint16_t port = to->port;
    if (address->family == AF_INET6) {
        target_set_ipv6(to, address->bytes, port);
    } else {
        *to = (struct target){.kind = TARGET_IPV4, .port = port};
        memcpy(to->ipv4, address->bytes, sizeof(to->ipv4));
    }
}

static void explain_hosts(const struct explanation *e, const struct target *name,
                          const struct hosts *hosts, const struct hosts_address *list, size_t count)
{
    char text[TARGET_TEXT_MAX];
    say("name:", "in %s: the program connects to an address, and rules for addresses decide",
        hosts->path);
    for (size_t i = 0; i < count; i++) {
        struct target to = *name;
        set_address(&to, &list[i]);
        show(stdout, "%s\n", target_to_text(&to, text));
        explain_address(e, &to);
    }
}

/* Looked up for real at once, for no port of it takes a proxy. */
static void explain_direct(const struct explanation *e, const struct target *to)
{
    struct decision decision = rules_decide(config_rules(e->config), to);
    say_rule(e, &decision);
    say("name:", "looked up on this machine: the program connects to an address");
    say("route:", "that of the address found: rules for addresses decide");
    say("datagrams:", "as `udp` lines say for the address found");
}

static const char *fate_of_name(const struct route *route, const struct target *to)
{
    if (route->kind == ROUTE_DIRECT)
        return "looked up on this machine when the program connects";
    if (route->kind == ROUTE_BLOCK || carries(route, to) != STATUS_OK)
        return "looked up nowhere";
    if (is_looked_up_for_socks4(route, to))
        return "looked up on this machine when the program connects (resolve=local)";
    return "looked up by the proxy, not on this machine";
}

/* What becomes of a stand-in that is connected to; before: what the program has it from. */
static void explain_standin(const struct explanation *e, const struct target *name,
                            const char *before)
{
    struct decision decision = rules_decide(config_rules(e->config), name);
    say_rule(e, &decision);
    say("name:", "%s%s", before, fate_of_name(decision.route, name));
    say_route(decision.route, name);
    say("datagrams:", "refused, as a stand-in leads nowhere");
}

static void explain_name(const struct explanation *e, const struct target *to)
{
    struct hosts hosts = {.path = "/etc/hosts"};
    struct hosts_address list[ADDRESSES_MAX];
    char canonical[256];
    size_t count = hosts_find(&hosts, to->name, to->name_len, list, ADDRESSES_MAX, canonical);
    if (count > 0)
        explain_hosts(e, to, &hosts, list, count);
    else if (rules_name_is_direct(config_rules(e->config), to->name, to->name_len))
        explain_direct(e, to);
    else
        explain_standin(e, to, "the program gets a stand-in; ");
}

/* An address of the range is what a name was turned into, for whichever of this user's programs. */
static void explain_standin_address(const struct explanation *e, struct target *to)
{
    char path[PATH_MAX], text[TARGET_TEXT_MAX];
    const char *why;
    struct names *names =
        names_open(names_path(getenv("XDG_RUNTIME_DIR"), path, sizeof(path)), &why);
    if (standin_to_name(names, to) == STANDIN_NAMED) {
        say("stand-in:", "for %s", target_to_text(to, text));
        explain_standin(e, to, "");
    } else {
        say("stand-in:", "for no name that is known: the program gets EHOSTUNREACH (%s)",
            strerror(EHOSTUNREACH));
        say("datagrams:", "refused, as a stand-in leads nowhere");
    }
}

/* --- The program --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The name of the executable, of a script's interpreter for one; NULL when there is no such program
 * here. */
static const char *find_executable(const char *app, char path[static PATH_MAX])
{
    static struct inspection inspection; /* large */
    char found[PATH_MAX];
    if (search_program(app, found, sizeof(found)) != 0)
        return NULL;
    inspect_program(found, &inspection);
    return realpath(*inspection.file ? inspection.file : found, path) ? base_name(path) : NULL;
}

static void say_sections(const struct explanation *e)
{
    struct excerpt_section section = {0};
    char heading[SHOWN_LINE_MAX + 4];
    size_t count = 0, held = 0;
    while (excerpt_next_section(&e->file, &section)) {
        count++;
        held += section.holds;
        if (section.holds)
            say("section:", "%s:%u: %s", e->settings->path, section.line,
                shown(section.heading, heading));
    }
    if (count > 0 && !e->options->app)
        say("section:", "none, for no program is named (--app NAME)");
    else if (count > 0 && held == 0)
        say("section:", "none of the file is for %s", base_name(e->options->app));
}

/* --- All of it --- */

static void explain_target(const struct explanation *e, struct target *to, bool has_port)
{
    char target[TARGET_TEXT_MAX];
    const char *app = e->options->app;
    show(stdout, "%s%s%s%s\n", target_to_text(to, target), app ? ", for " : "",
         app ? base_name(app) : "", has_port ? "" : " (without a port: 443 is taken)");
    say_sections(e);
    if (to->kind == TARGET_NAME)
        explain_name(e, to);
    else if (standin_is(to))
        explain_standin_address(e, to);
    else
        explain_address(e, to);
}

int explain(const struct options *options)
{
    static struct settings settings; /* large */
    struct config *config;
    struct target to;
    bool has_port;
    char executable[PATH_MAX], shown_target[DESTINATION_SHOWN_MAX];
    const char *wrong = destination_read(options->target, &to, &has_port);
    if (wrong) {
        log_error("--explain: %s: %s", destination_shown(options->target, shown_target), wrong);
        return EXIT_USAGE;
    }
    if (!has_port)
        to.port = PORT_TAKEN;
    const char *app = options->app;
    int status = environment_set(options, NULL, false);
    if (!status)
        status =
            environment_read(app ? base_name(app) : NULL,
                             app ? find_executable(app, executable) : NULL, &settings, &config);
    if (status)
        return status;

    const struct config_source *source = &settings.source;
    const struct explanation explanation = {
        .options = options,
        .config = config,
        .settings = &settings,
        .file = {.text = source->text ? source->text : "",
                 .len = source->text ? source->len : 0,
                 .apps = source->app,
                 .app_count = sizeof(source->app) / sizeof(*source->app)},
    };
    explain_target(&explanation, &to, has_port);
    config_free(config);
    settings_free(&settings);
    if (fflush(stdout) == 0)
        return EXIT_SUCCESS;
    log_error("standard output: %s", strerror(errno));
    return EXIT_FAILURE;
}
