/* SPDX-License-Identifier: MIT
 * Addresses without a look-up that somebody could see. */
#include "cli/check/addresses.h"

#include "core/config.h"
#include "core/dns_answer.h"
#include "core/endpoint.h"
#include "core/forward.h"
#include "core/hosts.h"

#include <string.h>
#include <sys/socket.h>

enum { HOSTS_MAX = 16, QUERY_ID = 4711 };

static void set(struct addresses *found, const uint8_t *bytes, int family, uint16_t port)
{
    if (family == AF_INET6 && !found->has_ipv6) {
        target_set_ipv6(&found->ipv6, bytes, port);
        found->has_ipv6 = found->ipv6.kind == TARGET_IPV6;
    } else if (family == AF_INET && !found->has_ipv4) {
        found->ipv4 = (struct target){.kind = TARGET_IPV4, .port = port};
        memcpy(found->ipv4.ipv4, bytes, sizeof(found->ipv4.ipv4));
        found->has_ipv4 = true;
    }
}

void addresses_of_default(struct addresses *found)
{
    static const char ipv4[] = ADDRESSES_DEFAULT_IPV4, ipv6[] = ADDRESSES_DEFAULT_IPV6;
    *found = (struct addresses){.why_not = ""};
    found->has_ipv4 =
        target_set_host(&found->ipv4, ipv4, sizeof(ipv4) - 1, ADDRESSES_DEFAULT_PORT) == STATUS_OK;
    found->has_ipv6 =
        target_set_host(&found->ipv6, ipv6, sizeof(ipv6) - 1, ADDRESSES_DEFAULT_PORT) == STATUS_OK;
}

static bool find_in_hosts(const struct scope *scope, const struct target *to,
                          struct addresses *found)
{
    struct hosts_address list[HOSTS_MAX];
    char canonical[256];
    size_t count = hosts_find(scope->hosts, to->name, to->name_len, list, HOSTS_MAX, canonical);
    for (size_t i = 0; i < count; i++)
        set(found, list[i].bytes, list[i].family, to->port);
    return count > 0;
}

static void ask(const struct scope *scope, const struct target *to, enum dns_type type,
                struct addresses *found)
{
    uint8_t query[DNS_QUERY_MAX], reply[4096], address[16];
    size_t reply_len;
    size_t len = dns_build_query(query, QUERY_ID, to->name, DNS_CLASS_IN, (uint16_t)type, false);
    if (len == 0 || forward_query(scope, query, len, reply, sizeof(reply), &reply_len) != STATUS_OK)
        return;
    if (dns_answer_address(reply, reply_len < sizeof(reply) ? reply_len : sizeof(reply), type,
                           address))
        set(found, address, type == DNS_TYPE_A ? AF_INET : AF_INET6, to->port);
}

void addresses_find(const struct scope *scope, const struct target *to, const struct route *route,
                    struct addresses *found)
{
    *found = (struct addresses){.why_not = "the target is an address of the other kind"};
    if (to->kind == TARGET_IPV4)
        set(found, to->ipv4, AF_INET, to->port);
    else if (to->kind == TARGET_IPV6)
        set(found, to->ipv6, AF_INET6, to->port);
    if (to->kind != TARGET_NAME)
        return;
    if (find_in_hosts(scope, to, found)) {
        found->why_not = "the hosts file has no such address for it";
        return;
    }
    if (endpoints_are_local(route)) {
        found->ipv4 = *to;
        endpoints_resolve_for_socks4(route, &found->ipv4);
        found->has_ipv4 = found->ipv4.kind == TARGET_IPV4;
        found->why_not = "this machine's own resolver, which resolve=local has asked, knows none";
        return;
    }
    found->why_not = "its address is not known: it is in no hosts file, and no `dns-server` line "
                     "says whom to ask";
    if (!config_dns_server(scope->config))
        return;
    ask(scope, to, DNS_TYPE_A, found);
    ask(scope, to, DNS_TYPE_AAAA, found);
    found->why_not = "the dns-server knows no such address for it";
}
