/* SPDX-License-Identifier: MIT
 * Lines about connections and datagrams. Like where lines go (log.c), where things are counted is a
 * matter of the whole process. */
#include "core/report.h"

#include "core/advice.h"
#include "core/log.h"
#include "core/scope.h"
#include "core/standin.h"
#include "core/tally.h"

static struct tally *tally; /* NULL: nobody counts */

void report_into(struct tally *where)
{
    tally = where;
}

void report_failure(const struct target *to, const struct route *route,
                    const struct failure *failure)
{
    char target[TARGET_TEXT_MAX], words[FAILURE_TEXT_MAX];
    if (tally)
        tally_add_failure(tally, to, route->text, failure);
    target_to_text(to, target);
    failure_text(failure, words);
    /* Of a chain, the proxy that failed is named, too. */
    bool chain = route->hop_count > 1;
    const char *hop = chain ? route->hop[failure->hop]->name : "";
    const char *colon = chain ? ": " : "";
    const char *advice = advice_on(failure, route);
    const char *before = advice ? "; " : "";
    advice = advice ? advice : "";
    if (failure_is_proxys(failure, route))
        log_error("%s via %s: %s%s%s%s%s", target, route->text, hop, colon, words, before, advice);
    else
        log_info("%s via %s: %s%s%s%s%s", target, route->text, hop, colon, words, before, advice);
}

void report_success(const struct target *to, const struct route *route, int64_t milliseconds)
{
    char target[TARGET_TEXT_MAX];
    if (tally)
        tally_add_success(tally, to, route->text, milliseconds);
    if (log_level() >= LOG_VERBOSE)
        log_info("%s via %s: connected in %d ms", target_to_text(to, target), route->text,
                 (int)milliseconds);
}

void report_decision(const struct target *to, const char *decision)
{
    char target[TARGET_TEXT_MAX];
    if (tally)
        tally_add_decision(tally, to, decision);
    if (log_level() >= LOG_VERBOSE)
        log_info("%s: %s", target_to_text(to, target), decision);
}

bool report_hears_decisions(void)
{
    return tally || log_level() >= LOG_VERBOSE;
}

void report_blocked_datagram(const struct scope *scope, const struct target *to)
{
    char text[TARGET_TEXT_MAX];
    struct target named = *to;
    bool is_standin = standin_to_name(scope->names, &named) != STANDIN_NOT;
    if (tally)
        tally_add_decision(tally, &named, "datagram, blocked");
    if (__atomic_exchange_n(&scope->reported->datagram, true, __ATOMIC_RELAXED))
        return;
    /* What the program has of such a name is no address: `udp direct` alone would not help. */
    log_error("datagrams to %s: blocked: they cannot go through the proxy; %s in socksify.conf %s "
              "beside it",
              target_to_text(&named, text),
              is_standin ? "`direct` for this name, and `udp direct`," : "`udp direct`",
              is_standin ? "let all that goes there out" : "lets them out");
}
