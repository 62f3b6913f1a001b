/* SPDX-License-Identifier: MIT
 * Each proxy of a chain is spoken to through those before it. First one connection in lock-step,
 * which shows how far it gets; then others that differ from it in one point each. */
#include "cli/check/steps.h"

#include "cli/check/line.h"
#include "cli/check/probe.h"
#include "cli/show.h"
#include "core/advice.h"
#include "core/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* What no name server knows (RFC 6761), and what is closed on every proxy's own host. */
#define UNKNOWN_NAME "does-not-exist.invalid"
#define CLOSED_ADDRESS "127.0.0.1"
enum { UNKNOWN_PORT = 80, CLOSED_PORT = 1 };

enum {
    PIPELINE_MS = 2000, /* more than in lock-step: servers that lose a frame never answer */
    IDENTIFY_MS = 2000,
};

/* The proxies up to the one that is looked at, and behind it the rest: copies, for a step may want
 * an option changed. */
struct chain {
    struct proxy proxies[ROUTE_HOPS_MAX];
    const struct proxy *hops[ROUTE_HOPS_MAX];
    struct route route;
};

/* One proxy being looked at. */
struct visit {
    const struct journey *journey;
    struct chain chain;
    const struct proxy *proxy; /* as it is configured */
    union endpoint endpoint;   /* of the first one */
    bool is_last;
    bool is_granted;  /* some CONNECT was */
    bool is_answered; /* some CONNECT had a reply of SOCKS */
    struct probe first;
};

static struct proxy *last_of(struct chain *chain)
{
    return &chain->proxies[chain->route.hop_count - 1];
}

static void make_chain(struct chain *chain, const struct route *route, uint8_t count)
{
    chain->route = *route;
    chain->route.hop_count = count;
    chain->route.hop = chain->hops;
    for (uint8_t i = 0; i < route->hop_count; i++) {
        chain->proxies[i] = *route->hop[i];
        chain->proxies[i].pipeline = false; /* it has a step of its own */
        chain->hops[i] = &chain->proxies[i];
    }
}

/* --- Words --- */

/* "socks5://HOST:PORT (NAME)" */
enum { PROXY_TEXT_MAX = 2 * TARGET_TEXT_MAX };

static const char *proxy_text(const struct proxy *proxy, char buf[static PROXY_TEXT_MAX])
{
    char address[TARGET_TEXT_MAX];
    target_to_text(&proxy->address, address);
    bool is_named = strcmp(proxy->name, address) != 0;
    snprintf(buf, PROXY_TEXT_MAX, "%s://%s%s%s%s", proxy_scheme(proxy), address,
             is_named ? " (" : "", is_named ? proxy->name : "", is_named ? ")" : "");
    return buf;
}

static const char *endpoint_text(const union endpoint *endpoint, char buf[static TARGET_TEXT_MAX])
{
    struct target target;
    target_from_sockaddr(&target, &endpoint->any, endpoint_len(endpoint));
    return target_to_text(&target, buf);
}

/* Of a chain, the proxy that failed is named. */
static const char *failure_words(const struct probe *probe, char buf[static FAILURE_TEXT_MAX * 2])
{
    char words[FAILURE_TEXT_MAX];
    bool is_chain = probe->route->hop_count > 1;
    snprintf(buf, (size_t)FAILURE_TEXT_MAX * 2, "%.200s%s%s",
             is_chain ? probe->route->hop[probe->failure.hop]->name : "", is_chain ? ": " : "",
             failure_text(&probe->failure, words));
    return buf;
}

/* --- Connections --- */

static struct probe probe_to(const struct visit *visit, const struct target *to)
{
    return (struct probe){
        .route = &visit->chain.route,
        .to = to,
        .endpoint = visit->endpoint,
        .timeout_ms = visit->journey->timeout_ms,
    };
}

static struct target text_target(const char *text, uint16_t port)
{
    struct target target;
    target_set_host(&target, text, strlen(text), port);
    return target;
}

/* A destination that no proxy can reach, in terms that this one can be asked for. */
static struct target unreachable_for(const struct proxy *proxy)
{
    return proxy->protocol == PROXY_SOCKS4 ? text_target(CLOSED_ADDRESS, CLOSED_PORT)
                                           : text_target(UNKNOWN_NAME, UNKNOWN_PORT);
}

/* What the first connection asks for, in the order of what tells most. */
static struct target first_target(const struct visit *visit)
{
    const struct journey *journey = visit->journey;
    const struct addresses *addresses = journey->addresses;
    if (!visit->is_last)
        return journey->route->hop[visit->chain.route.hop_count]->address;
    if (journey->to->kind == TARGET_NAME && visit->proxy->protocol != PROXY_SOCKS4)
        return *journey->to;
    if (addresses->has_ipv4)
        return addresses->ipv4;
    if (addresses->has_ipv6 && visit->proxy->protocol == PROXY_SOCKS5)
        return addresses->ipv6;
    return unreachable_for(visit->proxy);
}

/* --- The request --- */

static const char *const step_names[] = {
    [TARGET_NAME] = "CONNECT by name",
    [TARGET_IPV4] = "CONNECT by IPv4",
    [TARGET_IPV6] = "CONNECT by IPv6",
};

/* The rest of a line that was begun. bad: the verdict when it was not granted. */
static void tell_request(struct visit *visit, const struct probe *probe, enum verdict bad)
{
    char target[TARGET_TEXT_MAX], words[FAILURE_TEXT_MAX * 2];
    bool granted = probe->failure.status == STATUS_OK;
    visit->is_granted |= granted;
    visit->is_answered |= probe_was_answered(probe);
    target_to_text(probe->to, target);
    if (granted)
        line_end(VERDICT_OK, probe->stage_us[STAGE_REQUEST], "%s", target);
    else
        line_end(bad, probe->stage_us[STAGE_REQUEST], "%s: %s", target,
                 failure_words(probe, words));
}

static void try_address(struct visit *visit, enum target_kind kind, bool is_known,
                        const struct target *to)
{
    const struct journey *journey = visit->journey;
    line_begin(step_names[kind]);
    if (kind == TARGET_IPV6 && visit->proxy->protocol != PROXY_SOCKS5) {
        line_end(VERDICT_LEFT_OUT, LINE_NO_TIME, "SOCKS4 knows no IPv6");
    } else if (!is_known) {
        line_end(VERDICT_LEFT_OUT, LINE_NO_TIME, "%s", journey->addresses->why_not);
    } else {
        struct probe probe = probe_to(visit, to);
        probe_run(&probe);
        tell_request(visit, &probe, VERDICT_NO);
    }
}

static void tell_name_left_out(const struct visit *visit)
{
    line_begin(step_names[TARGET_NAME]);
    line_end(VERDICT_LEFT_OUT, LINE_NO_TIME, "%s",
             visit->journey->to->kind == TARGET_NAME ? "SOCKS4 without a carries no host names"
                                                     : "the target is an address");
}

/* --- Steps beside the plain CONNECT --- */

static void try_socks4a(struct visit *visit)
{
    const struct journey *journey = visit->journey;
    const struct target *to =
        journey->to->kind == TARGET_NAME ? journey->to : &journey->addresses->ipv4;
    char words[FAILURE_TEXT_MAX * 2];
    if (visit->proxy->protocol == PROXY_SOCKS4A)
        return; /* all steps were */
    line_begin("SOCKS4a");
    if (journey->to->kind != TARGET_NAME && !journey->addresses->has_ipv4) {
        line_end(VERDICT_LEFT_OUT, LINE_NO_TIME, "it knows no IPv6");
        return;
    }
    if (visit->proxy->protocol == PROXY_SOCKS5 && visit->proxy->has_credentials) {
        line_end(VERDICT_LEFT_OUT, LINE_NO_TIME, "it knows no password");
        return;
    }
    last_of(&visit->chain)->protocol = PROXY_SOCKS4A;
    struct probe probe = probe_to(visit, to);
    probe_run(&probe);
    *last_of(&visit->chain) = *visit->proxy;
    last_of(&visit->chain)->pipeline = false;
    visit->is_answered |= probe_was_answered(&probe);
    if (probe.failure.status != STATUS_OK) {
        line_end(VERDICT_NO, probe.total_us, "%s", failure_words(&probe, words));
        return;
    }
    line_end(VERDICT_OK, probe.total_us, "is spoken, too: one round trip in all");
    if (visit->proxy->protocol == PROXY_SOCKS4)
        findings_add_advice(journey->findings,
                            "%s: write socks4a:// in its URL, and it looks up host names",
                            visit->proxy->name);
}

/* The same answer as in lock-step: it has understood all frames. */
static bool is_like_first(const struct visit *visit, const struct probe *probe)
{
    return probe->failure.status == visit->first.failure.status && probe_was_answered(probe);
}

static void try_pipelining(struct visit *visit)
{
    const struct journey *journey = visit->journey;
    const struct proxy *proxy = visit->proxy;
    char words[FAILURE_TEXT_MAX * 2];
    if (proxy->protocol != PROXY_SOCKS5)
        return;
    line_begin("pipelining");
    /* Silence, and a connection that is closed, are also what comes of a frame that was lost. */
    if (!probe_was_answered(&visit->first)) {
        line_end(VERDICT_LEFT_OUT, LINE_NO_TIME,
                 "nothing to compare with, as the request had no answer");
        return;
    }
    last_of(&visit->chain)->pipeline = true;
    struct probe probe = probe_to(visit, visit->first.to);
    probe.timeout_ms = PIPELINE_MS + visit->first.total_us / 1000;
    probe_run(&probe);
    last_of(&visit->chain)->pipeline = false;
    bool works = is_like_first(visit, &probe);
    if (works && proxy->pipeline) {
        line_end(VERDICT_OK, probe.total_us, "works, as pipeline=yes has it: %.1f ms without",
                 (double)visit->first.total_us / 1000);
    } else if (works) {
        line_end(VERDICT_OK, probe.total_us,
                 "would work, and pipeline=yes is not set: %.1f ms without",
                 (double)visit->first.total_us / 1000);
        findings_add_hint(journey->findings,
                          "%s: pipeline=yes on its line, or ?pipeline=yes in its URL, would save "
                          "round trips in each connection",
                          proxy->name);
    } else if (proxy->pipeline) {
        line_end(VERDICT_FAILED, probe.total_us, "%s", failure_words(&probe, words));
        findings_add_problem(journey->findings, "pipeline=yes does not work with %s", proxy->name);
        findings_add_advice(journey->findings, "%s: take pipeline=yes out", proxy->name);
    } else {
        line_end(VERDICT_NO, probe.total_us, "%s", failure_words(&probe, words));
    }
}

/* SOCKS4 says nothing before the request: is there a proxy at all? Closing is a refusal of some. */
static bool is_socks4_gone(const struct visit *visit)
{
    return visit->proxy->protocol != PROXY_SOCKS5 && visit->first.failure.status != STATUS_OK &&
           visit->first.failure.status != STATUS_CLOSED_AFTER_REQUEST &&
           !probe_was_answered(&visit->first);
}

/* The line of a connection to what no proxy can reach. */
static void tell_unreachable(struct visit *visit, const struct probe *probe)
{
    int64_t us = probe->stage_us[STAGE_REQUEST];
    bool is_name = probe->to->kind == TARGET_NAME;
    bool granted = probe->failure.status == STATUS_OK;
    bool timed_out = probe->failure.status == STATUS_TIMED_OUT;
    char target[TARGET_TEXT_MAX], words[FAILURE_TEXT_MAX * 2];
    target_to_text(probe->to, target);
    visit->is_answered |= probe_was_answered(probe);
    line_begin(is_name ? "unknown name" : "closed port");
    if (is_socks4_gone(visit)) {
        line_end(VERDICT_FAILED, us, "%s", failure_words(probe, words));
    } else if (!granted) {
        line_end(timed_out ? VERDICT_WARNING : VERDICT_OK, us, "%s%s: %s", target,
                 timed_out ? "" : " is refused", failure_words(probe, words));
    } else {
        line_end(VERDICT_WARNING, us, "%s is granted: success is said before the target is reached",
                 target);
        findings_add_advice(visit->journey->findings,
                            "%s says success before it has reached the target%s: programs learn "
                            "of a failure late, as a connection that ends at once",
                            visit->proxy->name,
                            is_name ? " (or finds names that do not exist)" : "");
    }
}

static void try_unreachable(struct visit *visit)
{
    const struct target to = unreachable_for(visit->proxy);
    struct probe probe = probe_to(visit, &to);
    probe_run(&probe);
    tell_unreachable(visit, &probe);
}

/* --- What speaks there, if it is not the proxy --- */

static bool speaks_other_version(struct visit *visit)
{
    struct proxy *proxy = last_of(&visit->chain);
    bool is_socks5 = proxy->protocol == PROXY_SOCKS5;
    const struct target to = text_target(CLOSED_ADDRESS, CLOSED_PORT);
    struct probe probe = probe_to(visit, &to);
    probe.timeout_ms = IDENTIFY_MS;
    proxy->protocol = is_socks5 ? PROXY_SOCKS4A : PROXY_SOCKS5;
    probe_run(&probe);
    proxy->protocol = visit->proxy->protocol;
    if (is_socks5)
        return probe_was_answered(&probe);
    /* Already the greeting tells. */
    return probe_was_answered(&probe) || probe.failure.stage > STAGE_GREETING ||
           probe.failure.status == STATUS_WANTS_PASSWORD;
}

/* Only the first proxy of a chain can be looked at so closely. */
static void identify(struct visit *visit)
{
    char answer[5] = "";
    bool is_socks5 = visit->proxy->protocol == PROXY_SOCKS5;
    struct findings *findings = visit->journey->findings;
    switch (visit->first.failure.status) {
    case STATUS_TIMED_OUT:
    case STATUS_CLOSED_EARLY:
    case STATUS_CLOSED_AFTER_REQUEST:
    case STATUS_NOT_SOCKS:
        break;
    default:
        return;
    }
    line_begin("identify");
    if (speaks_other_version(visit)) {
        line_end(VERDICT_OK, LINE_ELAPSED, "it speaks %s", is_socks5 ? "SOCKS4" : "SOCKS5");
        findings_add_advice(findings, "%s: write %s:// in its URL", visit->proxy->name,
                            is_socks5 ? "socks4a" : "socks5");
        return;
    }
    size_t len = probe_exchange(&visit->endpoint, "HEAD / HTTP/1.0\r\n\r\n", answer, sizeof(answer),
                                IDENTIFY_MS);
    if (len >= 4 && memcmp(answer, "HTTP", 4) == 0) {
        line_end(VERDICT_OK, LINE_ELAPSED, "it speaks HTTP, not SOCKS");
        findings_add_advice(findings, "%s: write the proxy's SOCKS port in its URL",
                            visit->proxy->name);
    } else if (len >= 2 && (answer[0] == 0x15 || answer[0] == 0x16) && answer[1] == 3) {
        line_end(VERDICT_OK, LINE_ELAPSED, "it speaks TLS, not SOCKS");
        findings_add_advice(findings, "%s: write the proxy's SOCKS port in its URL",
                            visit->proxy->name);
    } else {
        line_end(VERDICT_NO, LINE_ELAPSED, "%s",
                 len > 0 ? "neither SOCKS nor HTTP nor TLS" : "silent, whatever it is asked");
    }
}

/* --- One proxy --- */

/* On what happened on the way to the end of the whole chain. */
static const char *advice_for(const struct visit *visit, const struct failure *failure)
{
    struct route whole = visit->chain.route;
    whole.hop_count = visit->journey->route->hop_count;
    return advice_on(failure, &whole);
}

static void give_up(struct visit *visit, const struct failure *failure)
{
    struct findings *findings = visit->journey->findings;
    size_t advised = findings->advice_count;
    const char *name = visit->proxy->name;
    if (failure->stage == STAGE_REQUEST && !visit->is_last)
        findings_add_problem(findings, "%s does not reach the next proxy", name);
    else
        findings_add_problem(findings, "%s cannot be used", name);
    if (visit->chain.route.hop_count == 1 && failure->stage != STAGE_CONNECT)
        identify(visit);
    const char *advice = advice_for(visit, failure);
    if (advice && findings->advice_count == advised)
        findings_add_advice(findings, "%s: %s", name, advice);
}

static bool resolve(struct visit *visit, struct endpoints *endpoints)
{
    char text[TARGET_TEXT_MAX], all[ENDPOINTS_MAX * TARGET_TEXT_MAX] = "";
    line_begin("resolve");
    if (visit->proxy->address.kind != TARGET_NAME) {
        endpoints_resolve(visit->proxy, endpoints);
        line_end(VERDICT_OK, LINE_ELAPSED, "an address already");
        return true;
    }
    if (endpoints_resolve(visit->proxy, endpoints) != STATUS_OK) {
        const struct failure failure = {.status = STATUS_PROXY_UNRESOLVED, .code = -1};
        line_end(VERDICT_FAILED, LINE_ELAPSED, "%s: %s", visit->proxy->address.name,
                 status_text(failure.status));
        give_up(visit, &failure);
        return false;
    }
    for (size_t i = 0; i < endpoints->count; i++) {
        strcat(all, i > 0 ? ", " : "");
        strcat(all, endpoint_text(&endpoints->list[i], text));
    }
    line_end(VERDICT_OK, LINE_ELAPSED, "%s is %s, by this machine's own resolver",
             visit->proxy->address.name, all);
    return true;
}

/* The first connection, to whichever of the addresses takes one. */
static bool connect_first(struct visit *visit, const struct endpoints *endpoints)
{
    char address[TARGET_TEXT_MAX], words[FAILURE_TEXT_MAX * 2];
    for (size_t i = 0; i < endpoints->count; i++) {
        visit->endpoint = visit->first.endpoint = endpoints->list[i];
        endpoint_text(&visit->endpoint, address);
        line_begin("connect");
        probe_run(&visit->first);
        bool is_last = i + 1 == endpoints->count;
        if (visit->first.tcp_connected) {
            line_end(VERDICT_OK, visit->first.stage_us[STAGE_CONNECT], "%s", address);
            return true;
        }
        line_end(is_last ? VERDICT_FAILED : VERDICT_WARNING, visit->first.stage_us[STAGE_CONNECT],
                 "%s: %s", address, failure_words(&visit->first, words));
    }
    give_up(visit, &visit->first.failure);
    return false;
}

/* The lines of greeting and password. True when the request was made. */
static bool tell_first(struct visit *visit)
{
    const struct probe *first = &visit->first;
    const struct failure *failure = &first->failure;
    char words[FAILURE_TEXT_MAX * 2];
    bool is_earlier = failure->status != STATUS_OK && failure->hop + 1 < first->route->hop_count;
    bool is_socks5 = visit->proxy->protocol == PROXY_SOCKS5;
    bool failed = failure->status != STATUS_OK;
    if (is_earlier || (is_socks5 && failed && failure->stage <= STAGE_GREETING)) {
        line_begin("greeting");
        line_end(VERDICT_FAILED, first->stage_us[STAGE_GREETING], "%s",
                 failure_words(first, words));
        return false;
    }
    if (is_socks5) {
        line_begin("greeting");
        line_end(VERDICT_OK, first->stage_us[STAGE_GREETING], "%s",
                 first->asked_password           ? "it asks for a password (method 2)"
                 : visit->proxy->has_credentials ? "no password is asked for, though there is one "
                                                   "(method 0)"
                                                 : "no password is asked for (method 0)");
    }
    if (!first->asked_password)
        return true;
    bool refused = failed && failure->stage == STAGE_AUTHENTICATION;
    line_begin("password");
    line_end(refused ? VERDICT_FAILED : VERDICT_OK, first->stage_us[STAGE_AUTHENTICATION], "%s",
             refused ? failure_words(first, words) : "accepted");
    return !refused;
}

static void tell_first_request(struct visit *visit, const struct target *to)
{
    if (visit->is_last && to->kind != TARGET_NAME)
        tell_name_left_out(visit);
    line_begin(visit->is_last ? step_names[to->kind] : "CONNECT to next");
    tell_request(visit, &visit->first, VERDICT_FAILED);
}

/* The steps that the first connection was not. */
static void try_rest(struct visit *visit, const struct target *to, bool is_unreachable)
{
    const struct addresses *addresses = visit->journey->addresses;
    if (visit->is_last) {
        if (to->kind != TARGET_IPV4 || is_unreachable)
            try_address(visit, TARGET_IPV4, addresses->has_ipv4, &addresses->ipv4);
        if (to->kind != TARGET_IPV6)
            try_address(visit, TARGET_IPV6, addresses->has_ipv6, &addresses->ipv6);
        try_socks4a(visit);
    }
    try_pipelining(visit);
    if (visit->is_last && !is_unreachable)
        try_unreachable(visit);
}

static void judge(struct visit *visit)
{
    struct findings *findings = visit->journey->findings;
    const struct failure *failure = &visit->first.failure;
    const char *name = visit->proxy->name;
    if (failure->status == STATUS_OK)
        return;
    if (!visit->is_granted)
        findings_add_problem(findings, "%s reached none of the targets", name);
    else if (visit->first.to->kind == TARGET_NAME)
        findings_add_problem(findings, "%s reaches addresses, but not the host name", name);
    size_t advised = findings->advice_count;
    if (failure->status == STATUS_CLOSED_AFTER_REQUEST && !visit->is_granted &&
        visit->proxy->protocol != PROXY_SOCKS5 && visit->chain.route.hop_count == 1)
        identify(visit);
    const char *advice = advice_for(visit, failure);
    if (findings->advice_count > advised)
        return;
    if (advice)
        findings_add_advice(findings, "%s: %s", name, advice);
    else if (!visit->is_granted && visit->journey->is_default)
        findings_add_advice(findings, "does it lead to the internet? if not, name a target that it "
                                      "reaches: socksify -p PROXY --check HOST:PORT");
    else if (!visit->is_granted)
        findings_add_advice(findings, "try another target, as --check HOST:PORT");
    else
        findings_add_advice(findings,
                            "%s: try another name, as -p PROXY --check HOST:PORT; when it reaches "
                            "none, its own look-up of names does not work",
                            name);
}

/* There was nothing to ask for but what is refused: whoever closes every connection is no proxy. */
static void judge_refusals(struct visit *visit)
{
    struct findings *findings = visit->journey->findings;
    if (visit->is_answered)
        return;
    findings_add_problem(findings, "%s has answered nothing as a proxy does", visit->proxy->name);
    size_t advised = findings->advice_count;
    if (visit->chain.route.hop_count == 1)
        identify(visit);
    if (findings->advice_count == advised)
        findings_add_advice(findings,
                            "%s: does it speak SOCKS4? a target that it can be asked for tells "
                            "more: --check ADDRESS:PORT",
                            visit->proxy->name);
}

/* False when the proxy cannot be used. */
static bool look_at(struct visit *visit, const struct endpoints *endpoints)
{
    struct target to = first_target(visit);
    const struct target unreachable = unreachable_for(visit->proxy);
    bool is_unreachable = visit->is_last && target_equal(&to, &unreachable);
    visit->first = probe_to(visit, &to);
    if (visit->chain.route.hop_count == 1) {
        if (!connect_first(visit, endpoints))
            return false;
    } else {
        probe_run(&visit->first);
    }
    if (!tell_first(visit)) {
        give_up(visit, &visit->first.failure);
        return false;
    }
    if (is_unreachable) {
        tell_name_left_out(visit);
        tell_unreachable(visit, &visit->first);
    } else {
        tell_first_request(visit, &to);
    }
    if (is_socks4_gone(visit) || (!visit->is_last && visit->first.failure.status != STATUS_OK)) {
        give_up(visit, &visit->first.failure);
        return false;
    }
    try_rest(visit, &to, is_unreachable);
    if (visit->is_last && is_unreachable)
        judge_refusals(visit);
    else if (visit->is_last)
        judge(visit);
    return true;
}

void steps_take(const struct journey *journey)
{
    static struct visit visit; /* large */
    struct endpoints endpoints = {0};
    char text[PROXY_TEXT_MAX];
    union endpoint endpoint = {0};
    for (uint8_t i = 0; i < journey->route->hop_count; i++) {
        memset(&visit, 0, sizeof(visit));
        visit.journey = journey;
        visit.proxy = journey->route->hop[i];
        visit.is_last = i + 1 == journey->route->hop_count;
        visit.endpoint = endpoint;
        make_chain(&visit.chain, journey->route, (uint8_t)(i + 1));
        show(stdout, "proxy %s%s\n", proxy_text(visit.proxy, text),
             i ? ", by the ones before" : "");
        if (i == 0 && !resolve(&visit, &endpoints))
            return;
        if (!look_at(&visit, &endpoints))
            return;
        endpoint = visit.endpoint;
    }
}
