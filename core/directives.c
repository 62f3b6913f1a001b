/* SPDX-License-Identifier: MIT
 * One function for each directive, and the table that leads to it. */
#include "core/directives.h"

#include "core/arena.h"
#include "core/text.h"

#include <string.h>

static enum status fail(struct section *section, struct word word, const char *why)
{
    return config_error_word(section->error, word, why);
}

static enum status expect_end(struct section *section, struct word *rest, const char *why)
{
    struct word surplus;
    return word_next(rest, &surplus) ? fail(section, surplus, why) : STATUS_OK;
}

static bool is_proxy_name(struct word name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = text_lower(name.at[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return name.len > 0 && !word_is(name, "direct") && !word_is(name, "block");
}

/* Of two lines that define the same name, the lower one in the file is wrong: the general lines are
 * read last, but stand first. */
static enum status refuse_same_name(struct section *section, struct word name, unsigned other)
{
    struct config_error *error = section->error;
    if (error->line < other) {
        unsigned line = error->line;
        error->line = other;
        other = line;
    }
    return config_error_line(error, name, "expected another name, for it is defined on line ",
                             other);
}

static enum status read_url(struct section *section, struct proxy *proxy, struct word name,
                            struct word url)
{
    char why[CONFIG_REASON_MAX];
    enum status status = proxy_parse_url(proxy, url.at, url.len, why, sizeof(why));
    /* Parsing begins with a clean slate, and later lines look for names. */
    proxy->name = arena_copy(section->arena, name.at, name.len);
    if (!proxy->name)
        return config_error_no_memory(section->error);
    return status == STATUS_OK ? status : config_error_secret(section->error, url, why);
}

static enum status read_options(struct section *section, struct proxy *proxy, struct word *rest)
{
    char why[CONFIG_REASON_MAX];
    struct word option;
    while (word_next(rest, &option)) {
        if (proxy_set_option(proxy, option.at, option.len, why, sizeof(why)) != STATUS_OK)
            return config_error_secret(section->error, option, why);
    }
    return STATUS_OK;
}

/* proxy NAME URL [OPTION=VALUE...] */
static enum status read_proxy(struct section *section, struct word directive, struct word *rest)
{
    struct word name, url;
    if (!word_next(rest, &name) || !word_next(rest, &url))
        return fail(section, directive, "expected: proxy NAME URL [OPTION=VALUE...]");
    if (!is_proxy_name(name))
        return config_error_secret(section->error, name,
                                   "expected a name for the proxy: letters, digits and - _ . (not "
                                   "direct or block)");
    const struct definition *same = proxy_list_find(section->proxies, name);
    if (same)
        return refuse_same_name(section, name, same->line);
    struct definition *definition =
        proxy_list_add(section->proxies, section->arena, section->origin, section->error->line);
    if (!definition)
        return config_error_no_memory(section->error);
    enum status status = read_url(section, &definition->proxy, name, url);
    return status == STATUS_OK ? read_options(section, &definition->proxy, rest) : status;
}

/* default NAME[,NAME...] */
static enum status read_default(struct section *section, struct word directive, struct word *rest)
{
    struct word text;
    struct choices *choices = &section->choices;
    if (!word_next(rest, &text))
        return fail(section, directive, "expected: default NAME[,NAME...], direct or block");
    if (choices->otherwise_line)
        return config_error_line(section->error, directive,
                                 "expected one default only, and there is one on line ",
                                 choices->otherwise_line);
    choices->otherwise_line = section->error->line;
    choices->otherwise = routes_write(section->routes, text, choices->otherwise_line);
    if (!choices->otherwise)
        return config_error_no_memory(section->error);
    return expect_end(section, rest,
                      "expected nothing after the route (a chain is written NAME,NAME)");
}

/* timeout DURATION */
static enum status read_timeout(struct section *section, struct word directive, struct word *rest)
{
    struct word duration;
    struct choices *choices = &section->choices;
    if (!word_next(rest, &duration))
        return fail(section, directive, "expected: timeout DURATION");
    if (choices->timeout_line)
        return config_error_line(section->error, directive,
                                 "expected one timeout only, and there is one on line ",
                                 choices->timeout_line);
    if (proxy_parse_duration(duration.at, duration.len, &choices->timeout_ms) != STATUS_OK)
        return fail(section, duration, "expected " PROXY_DURATION_WORDS);
    choices->timeout_line = section->error->line;
    return expect_end(section, rest, "expected nothing after the duration");
}

/* dns-server ADDRESS[:PORT] */
static enum status read_dns_server(struct section *section, struct word directive,
                                   struct word *rest)
{
    enum { DNS_PORT = 53 };
    struct word text;
    struct target target;
    struct choices *choices = &section->choices;
    if (!word_next(rest, &text))
        return fail(section, directive, "expected: dns-server ADDRESS[:PORT]");
    if (choices->dns_server_line)
        return config_error_line(section->error, directive,
                                 "expected one dns-server only, and there is one on line ",
                                 choices->dns_server_line);
    if (memchr(text.at, '/', text.len) ||
        target_from_text(&target, text.at, text.len, DNS_PORT) != STATUS_OK)
        return fail(section, text,
                    "expected an address or a host name, with :PORT when it is not 53 (an IPv6 "
                    "address in brackets then)");
    struct target *kept = arena_alloc(section->arena, sizeof(*kept));
    if (!kept)
        return config_error_no_memory(section->error);
    *kept = target;
    choices->dns_server = kept;
    choices->dns_server_line = section->error->line;
    return expect_end(section, rest, "expected nothing after the address");
}

/* strict yes|no */
static enum status read_strict(struct section *section, struct word directive, struct word *rest)
{
    struct word answer;
    struct choices *choices = &section->choices;
    if (!word_next(rest, &answer))
        return fail(section, directive, "expected: strict yes|no");
    if (choices->strict_line)
        return config_error_line(section->error, directive,
                                 "expected one strict only, and there is one on line ",
                                 choices->strict_line);
    choices->strict = word_is(answer, "yes");
    if (!choices->strict && !word_is(answer, "no"))
        return fail(section, answer, "expected yes or no");
    choices->strict_line = section->error->line;
    return expect_end(section, rest, "expected nothing after yes or no");
}

typedef enum status add_function(struct rules *, const char *, size_t, const struct route *,
                                 unsigned, char *, size_t);

/* The rest of the line: patterns for a route. Adds their number to *count. */
static enum status read_patterns(struct section *section, add_function *add, struct rules *rules,
                                 struct word text, struct word *rest, size_t *count)
{
    char why[CONFIG_REASON_MAX];
    struct word pattern;
    unsigned line = section->error->line;
    const struct route *route = routes_write(section->routes, text, line);
    if (!route)
        return config_error_no_memory(section->error);
    for (; word_next(rest, &pattern); ++*count) {
        enum status status = add(rules, pattern.at, pattern.len, route, line, why, sizeof(why));
        if (status == STATUS_NO_MEMORY)
            return config_error_no_memory(section->error);
        if (status != STATUS_OK)
            return fail(section, pattern, why);
    }
    return STATUS_OK;
}

static enum status read_rule(struct section *section, struct word directive, struct word route,
                             struct word *rest)
{
    size_t count = 0;
    enum status status = read_patterns(section, rules_add, section->rules, route, rest, &count);
    if (status == STATUS_OK && count == 0)
        return fail(section, directive,
                    "expected a host name, *.SUFFIX, an address, ADDRESS/LENGTH, localnet or * "
                    "after it");
    return status;
}

/* direct PATTERN... and block PATTERN...: the word of these two is the route. */
static enum status read_direct_or_block(struct section *section, struct word directive,
                                        struct word *rest)
{
    return read_rule(section, directive, directive, rest);
}

/* via NAME[,NAME...] PATTERN... */
static enum status read_via(struct section *section, struct word directive, struct word *rest)
{
    struct word route;
    if (!word_next(rest, &route))
        return fail(section, directive, "expected: via NAME[,NAME...] PATTERN...");
    return read_rule(section, directive, route, rest);
}

/* udp block|direct [PATTERN...] */
static enum status read_udp(struct section *section, struct word directive, struct word *rest)
{
    struct word route;
    struct word all = {"*", 1};
    size_t count = 0;
    if (!word_next(rest, &route))
        return fail(section, directive, "expected: udp block|direct [PATTERN...]");
    if (!word_is(route, "block") && !word_is(route, "direct"))
        return fail(section, route, "expected block or direct: datagrams take no proxy");
    enum status status =
        read_patterns(section, rules_add_address, section->udp, route, rest, &count);
    if (status != STATUS_OK || count > 0)
        return status;
    return read_patterns(section, rules_add_address, section->udp, route, &all, &count);
}

enum status directives_read(struct section *section, struct word directive, struct word *rest)
{
    static const struct {
        const char *directive;
        enum status (*read)(struct section *, struct word, struct word *);
    } directives[] = {
        {"direct", read_direct_or_block},
        {"block", read_direct_or_block},
        {"via", read_via},
        {"proxy", read_proxy},
        {"default", read_default},
        {"timeout", read_timeout},
        {"udp", read_udp},
        {"dns-server", read_dns_server},
        {"strict", read_strict},
    };
    for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++) {
        if (word_is(directive, directives[i].directive))
            return directives[i].read(section, directive, rest);
    }
    return fail(section, directive,
                "unknown directive: expected proxy, default, direct, block, via, udp, dns-server, "
                "timeout, strict or [app NAME...]");
}
