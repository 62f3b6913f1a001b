/* SPDX-License-Identifier: MIT
 * Lines about connections. */
#include "preload/report.h"

#include "core/log.h"

#include <stdbool.h>

void report_failure(const struct target *to, const struct route *route,
                    const struct failure *failure)
{
    char target[TARGET_TEXT_MAX], words[FAILURE_TEXT_MAX];
    target_to_text(to, target);
    failure_text(failure, words);
    /* Of a chain, the proxy that failed is named, too. */
    bool chain = route->hop_count > 1;
    const char *hop = chain ? route->hop[failure->hop]->name : "";
    const char *colon = chain ? ": " : "";
    if (failure_is_proxys(failure, route))
        log_error("%s via %s: %s%s%s", target, route->text, hop, colon, words);
    else
        log_info("%s via %s: %s%s%s", target, route->text, hop, colon, words);
}

void report_success(const struct target *to, const struct route *route, int64_t milliseconds)
{
    char target[TARGET_TEXT_MAX];
    if (log_level() >= LOG_VERBOSE)
        log_info("%s via %s: connected in %d ms", target_to_text(to, target), route->text,
                 (int)milliseconds);
}

void report_decision(const struct target *to, const char *decision)
{
    char target[TARGET_TEXT_MAX];
    if (log_level() >= LOG_VERBOSE)
        log_info("%s: %s", target_to_text(to, target), decision);
}
