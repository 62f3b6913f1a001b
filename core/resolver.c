/* SPDX-License-Identifier: MIT
 * Sorting DNS queries, and answering those for addresses and their names. */
#include "core/resolver.h"

#include "core/config.h"
#include "core/dns.h"
#include "core/log.h"
#include "core/lookup.h"
#include "core/report.h"
#include "core/rules.h"
#include "core/search_list.h"
#include "core/target.h"

#include <string.h>
#include <sys/socket.h>

enum {
    TTL = 60
}; /* seconds: a name keeps its stand-in for much longer, the hosts file may change */

/* One query under way. */
struct work {
    const struct scope *scope;
    const struct dns_query *query;
    uint8_t *out;
    size_t size;
    size_t reply_len;
};

static enum resolver_verdict refuse(struct work *work, enum dns_rcode rcode)
{
    work->reply_len = dns_refuse(work->query, rcode, work->out, work->size);
    return RESOLVER_ANSWERED;
}

static bool goes_direct(const struct config *config, const struct dns_query *query)
{
    return rules_name_is_direct(config_rules(config), query->name, query->name_len);
}

static enum resolver_verdict give_addresses(struct work *work, const struct lookup *found)
{
    struct dns_reply reply;
    dns_reply_begin(&reply, work->query, DNS_NOERROR, work->out, work->size);
    for (size_t i = 0; i < found->count; i++)
        dns_reply_add_address(&reply, found->list[i].bytes,
                              lookup_address_len(found->list[i].family), TTL);
    work->reply_len = dns_reply_end(&reply);
    return RESOLVER_ANSWERED;
}

static enum resolver_verdict give_name(struct work *work, const char *name)
{
    struct dns_reply reply;
    dns_reply_begin(&reply, work->query, DNS_NOERROR, work->out, work->size);
    dns_reply_add_pointer(&reply, name, strlen(name), TTL);
    work->reply_len = dns_reply_end(&reply);
    return RESOLVER_ANSWERED;
}

/* A name that no proxy can be told: it may still stand below a suffix that goes direct. */
static enum resolver_verdict answer_odd_name(struct work *work)
{
    if (!work->scope->config)
        return refuse(work, DNS_SERVFAIL);
    return goes_direct(work->scope->config, work->query) ? RESOLVER_DIRECT
                                                         : refuse(work, DNS_NXDOMAIN);
}

/* Names that this host or its own name server know as they are. */
static bool is_known_here(const struct work *work)
{
    const struct dns_query *query = work->query;
    const struct config *config = work->scope->config;
    struct hosts_address address;
    char canonical[256];
    return (config && goes_direct(config, query)) ||
           hosts_find(work->scope->hosts, query->name, query->name_len, &address, 1, canonical) > 0;
}

/*
 * With `ndots` of two or more (Kubernetes has five) a resolver that wants www.example.com asks for
 * www.example.com.first.domain before anything else. Every name has a stand-in, so it would stop
 * there, and the proxy be asked for a name that nobody means. What is meant is what getaddrinfo(3)
 * takes as it is: the name without the domain. *name is set to that where it is another. A single
 * label is left as it came: that is what search lists are for. Returns false when there is no such
 * name, so that the resolver goes on to the next: what is meant goes direct, and is to be asked of
 * the real name server by itself.
 */
static bool find_meant(const struct work *work, char name[static TARGET_NAME_MAX + 1])
{
    const struct dns_query *query = work->query;
    const struct config *config = work->scope->config;
    struct search_list list;
    memcpy(name, query->name, query->name_len + 1);
    if (!work->scope->resolv_conf || !memchr(name, '.', query->name_len) || is_known_here(work))
        return true;
    search_list_read(&list, work->scope->resolv_conf);
    for (size_t i = 0; i < list.count; i++) {
        size_t base = search_list_base(&list, i, query->name, query->name_len);
        bool is_single = base == 0 || !memchr(query->name, '.', base);
        if (!is_single && config && rules_name_is_direct(config_rules(config), query->name, base))
            return false;
        if (!is_single && i == 0)
            name[base] = '\0';
    }
    return true;
}

/*
 * A and AAAA each get their stand-in. getaddrinfo(3) can see that a program wants either family and
 * gives it IPv4 alone; here a program that wants either asks twice, and cannot be told from one
 * that has use for IPv6 only. To leave AAAA empty would break the latter; to answer both costs the
 * former at worst a second connection to the same place, for both stand-ins mean the same name.
 */
static enum resolver_verdict answer_address(struct work *work, int family)
{
    struct lookup found;
    char name[TARGET_NAME_MAX + 1];
    if (!work->query->is_host_name)
        return answer_odd_name(work);
    if (!find_meant(work, name))
        return refuse(work, DNS_NXDOMAIN);
    switch (lookup_name(work->scope, name, family, &found)) {
    case LOOKUP_FOUND:
        return give_addresses(work, &found);
    case LOOKUP_REFUSED:
        return refuse(work, DNS_SERVFAIL);
    case LOOKUP_REAL: /* or an address in the place of a name, which is none */
    case LOOKUP_MALFORMED:
        break;
    }
    return answer_odd_name(work);
}

static enum resolver_verdict answer_pointer(struct work *work, const struct target *address)
{
    struct lookup found;
    int family = address->kind == TARGET_IPV4 ? AF_INET : AF_INET6;
    const uint8_t *bytes = address->kind == TARGET_IPV4 ? address->ipv4 : address->ipv6;
    /* Not even the real name server has a better word for it (RFC 6761 section 6.3). */
    if (target_is_this_host(address))
        return give_name(work, "localhost");
    switch (lookup_address(work->scope, family, bytes, &found)) {
    case LOOKUP_REAL:
        return RESOLVER_DIRECT;
    case LOOKUP_REFUSED:
        return refuse(work, DNS_SERVFAIL);
    case LOOKUP_FOUND:
    case LOOKUP_MALFORMED:
        break;
    }
    return found.count > 0 ? give_name(work, found.canonical) : refuse(work, DNS_NXDOMAIN);
}

static const char *type_name(uint16_t type)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = {{2, "NS"},     {5, "CNAME"},   {6, "SOA"},    {12, "PTR"},  {15, "MX"},
                 {16, "TXT"},   {33, "SRV"},    {35, "NAPTR"}, {43, "DS"},   {44, "SSHFP"},
                 {46, "RRSIG"}, {48, "DNSKEY"}, {52, "TLSA"},  {255, "ANY"}, {257, "CAA"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].type == type)
            return names[i].name;
    return NULL;
}

static void complain_once(struct reported *reported, const struct dns_query *query)
{
    if (__atomic_exchange_n(&reported->query, true, __ATOMIC_RELAXED))
        return;
    const char *type = type_name(query->type);
    const char *name = query->name_len > 0 ? query->name : ".";
    static const char why[] = "the configuration has no \"dns-server\" line to send it to";
    if (type)
        log_error("DNS query for %s, type %s, refused: %s", name, type, why);
    else
        log_error("DNS query for %s, type %u, refused: %s", name, query->type, why);
}

/* Names of this host are no name server's business (RFC 6761 section 6.3). */
static bool is_localhost(const struct dns_query *query)
{
    static const char below[] = ".localhost";
    size_t below_len = sizeof(below) - 1;
    if (query->name_len <= below_len)
        return strcmp(query->name, below + 1) == 0;
    return memcmp(query->name + query->name_len - below_len, below, below_len) == 0;
}

static enum resolver_verdict sort_other(struct work *work)
{
    const struct dns_query *query = work->query;
    if (is_localhost(query))
        return refuse(work, DNS_NOERROR);
    const struct config *config = work->scope->config;
    if (!config)
        return refuse(work, DNS_SERVFAIL);
    if (goes_direct(config, query))
        return RESOLVER_DIRECT;
    if (config_dns_server(config))
        return RESOLVER_FORWARD;
    if (query->type == DNS_TYPE_HTTPS || query->type == DNS_TYPE_SVCB)
        return refuse(work, DNS_NOERROR);
    complain_once(work->scope->reported, query);
    return refuse(work, DNS_SERVFAIL);
}

static enum resolver_verdict sort_query(struct work *work)
{
    const struct dns_query *query = work->query;
    struct target address;
    if (query->error != DNS_NOERROR)
        return refuse(work, query->error);
    if (query->class != DNS_CLASS_IN)
        return refuse(work, DNS_REFUSED);
    if (query->type == DNS_TYPE_A)
        return answer_address(work, AF_INET);
    if (query->type == DNS_TYPE_AAAA)
        return answer_address(work, AF_INET6);
    if (query->type == DNS_TYPE_PTR &&
        dns_address_from_arpa(query->name, query->name_len, &address))
        return answer_pointer(work, &address);
    if (query->type == DNS_TYPE_OPT || (query->type >= DNS_TYPE_TKEY && query->type < DNS_TYPE_ANY))
        return refuse(work, DNS_NOTIMP);
    return sort_other(work);
}

enum resolver_verdict resolver_answer(const struct scope *scope, const uint8_t *message, size_t len,
                                      bool by_datagram, uint8_t *out, size_t size,
                                      size_t *reply_len)
{
    struct dns_query query;
    if (!dns_parse_query(message, len, &query))
        return RESOLVER_SILENT;
    struct work work = {
        .scope = scope,
        .query = &query,
        .out = out,
        .size = by_datagram ? dns_datagram_limit(&query, size) : size,
    };
    enum resolver_verdict verdict = sort_query(&work);
    if (verdict == RESOLVER_ANSWERED)
        *reply_len = work.reply_len;
    return verdict;
}

size_t resolver_fail(const uint8_t *message, size_t len, uint8_t *out, size_t size)
{
    struct dns_query query;
    if (!dns_parse_query(message, len, &query))
        return 0;
    return dns_refuse(&query, DNS_SERVFAIL, out, size);
}
