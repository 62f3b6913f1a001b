/* SPDX-License-Identifier: MIT
 * Destinations between sockaddr, text and struct target. */
#include "core/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static const uint8_t ipv4_mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

void target_set_ipv6(struct target *target, const uint8_t address[static 16], uint16_t port)
{
    target->port = port;
    if (memcmp(address, ipv4_mapped_prefix, sizeof(ipv4_mapped_prefix)) == 0) {
        target->kind = TARGET_IPV4;
        memcpy(target->ipv4, address + 12, 4);
    } else {
        target->kind = TARGET_IPV6;
        memcpy(target->ipv6, address, 16);
    }
}

bool target_from_sockaddr(struct target *target, const struct sockaddr *addr, socklen_t len)
{
    sa_family_t family;
    if (len < sizeof(family))
        return false;
    memcpy(&family, addr, sizeof(family)); /* the caller's buffer need not be aligned */
    if (family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof(in));
        target->kind = TARGET_IPV4;
        memcpy(target->ipv4, &in.sin_addr, 4);
        target->port = ntohs(in.sin_port);
        return true;
    }
    /* RFC 2133's sockaddr_in6 had no scope: the kernel takes one that ends before it. */
    if (family == AF_INET6 && len >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, addr, offsetof(struct sockaddr_in6, sin6_scope_id));
        target_set_ipv6(target, in6.sin6_addr.s6_addr, ntohs(in6.sin6_port));
        return true;
    }
    return false;
}

socklen_t target_to_sockaddr(const struct target *target, int family, struct sockaddr_storage *addr)
{
    memset(addr, 0, sizeof(*addr));
    if (family == AF_INET && target->kind == TARGET_IPV4) {
        struct sockaddr_in *in = (struct sockaddr_in *)addr;
        in->sin_family = AF_INET;
        in->sin_port = htons(target->port);
        memcpy(&in->sin_addr, target->ipv4, 4);
        return sizeof(*in);
    }
    if (family == AF_INET6 && target->kind != TARGET_NAME) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(target->port);
        if (target->kind == TARGET_IPV4) {
            memcpy(in6->sin6_addr.s6_addr, ipv4_mapped_prefix, sizeof(ipv4_mapped_prefix));
            memcpy(in6->sin6_addr.s6_addr + 12, target->ipv4, 4);
        } else {
            memcpy(in6->sin6_addr.s6_addr, target->ipv6, 16);
        }
        return sizeof(*in6);
    }
    return 0;
}

static bool is_name_octet(uint8_t octet)
{
    return octet > ' ' && octet != 0x7f;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static enum status set_name(struct target *target, const char *host, size_t len)
{
    if (len == 0 || len > TARGET_NAME_MAX || host[len - 1] == '.')
        return STATUS_BAD_INPUT;
    for (size_t i = 0; i < len; i++)
        if (!is_name_octet((uint8_t)host[i]))
            return STATUS_BAD_INPUT;
    target->kind = TARGET_NAME;
    target->name_len = (uint8_t)len;
    for (size_t i = 0; i < len; i++)
        target->name[i] = lower(host[i]);
    target->name[len] = '\0';
    return STATUS_OK;
}

/* inet_pton for text that is not NUL-terminated, and in which a NUL is no end either. */
static bool read_literal(int family, const char *text, size_t len, uint8_t *address)
{
    char literal[INET6_ADDRSTRLEN];
    if (len >= sizeof(literal) || memchr(text, '\0', len))
        return false;
    memcpy(literal, text, len);
    literal[len] = '\0';
    return inet_pton(family, literal, address) == 1;
}

enum status target_set_host(struct target *target, const char *host, size_t len, uint16_t port)
{
    if (len > 1 && host[len - 1] == '.')
        len--;
    uint8_t address[16];
    if (read_literal(AF_INET, host, len, address)) {
        target->kind = TARGET_IPV4;
        memcpy(target->ipv4, address, 4);
        target->port = port;
        return STATUS_OK;
    }
    if (read_literal(AF_INET6, host, len, address)) {
        target_set_ipv6(target, address, port);
        return STATUS_OK;
    }
    enum status status = set_name(target, host, len);
    if (status == STATUS_OK)
        target->port = port;
    return status;
}

/* Decimal, 1 to 65535, nothing else around it; 0 when it is not. */
static uint16_t parse_port(const char *text, size_t len)
{
    unsigned port = 0;
    if (len == 0 || len > 5)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= 65535 ? (uint16_t)port : 0;
}

/* "[v6]" or "[v6]:port" */
static enum status from_bracketed(struct target *target, const char *text, size_t len,
                                  uint16_t default_port)
{
    const char *close = memchr(text, ']', len);
    if (!close)
        return STATUS_BAD_INPUT;
    const char *rest = close + 1;
    size_t rest_len = len - (size_t)(rest - text);
    uint16_t port = default_port;
    if (rest_len > 0)
        port = rest[0] == ':' ? parse_port(rest + 1, rest_len - 1) : 0;
    if (port == 0)
        return STATUS_BAD_INPUT;

    uint8_t address[16];
    if (!read_literal(AF_INET6, text + 1, (size_t)(close - text) - 1, address))
        return STATUS_BAD_INPUT;
    target_set_ipv6(target, address, port);
    return STATUS_OK;
}

enum status target_from_text(struct target *target, const char *text, size_t len,
                             uint16_t default_port)
{
    if (len > 0 && text[0] == '[')
        return from_bracketed(target, text, len, default_port);

    const char *colon = memchr(text, ':', len);
    bool bare_ipv6 = colon && memchr(colon + 1, ':', len - (size_t)(colon + 1 - text));
    if (!colon || bare_ipv6) {
        struct target found;
        if (default_port == 0 || target_set_host(&found, text, len, default_port) != STATUS_OK ||
            (bare_ipv6 && found.kind == TARGET_NAME))
            return STATUS_BAD_INPUT;
        *target = found;
        return STATUS_OK;
    }
    size_t host_len = (size_t)(colon - text);
    uint16_t port = parse_port(colon + 1, len - host_len - 1);
    return port ? target_set_host(target, text, host_len, port) : STATUS_BAD_INPUT;
}

/* snprintf would do, but this runs in log lines and must not depend on the locale or on stdio. */
static char *append_port(char *end, uint16_t port)
{
    char digits[5];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + port % 10);
        port /= 10;
    } while (port > 0);
    *end++ = ':';
    while (count > 0)
        *end++ = digits[--count];
    *end = '\0';
    return end;
}

const char *target_to_text(const struct target *target, char buf[static TARGET_TEXT_MAX])
{
    char *end = buf;
    if (target->kind == TARGET_NAME) {
        memcpy(end, target->name, target->name_len);
        end += target->name_len;
    } else if (target->kind == TARGET_IPV4) {
        inet_ntop(AF_INET, target->ipv4, end, INET_ADDRSTRLEN);
        end += strlen(end);
    } else {
        *end++ = '[';
        inet_ntop(AF_INET6, target->ipv6, end, INET6_ADDRSTRLEN);
        end += strlen(end);
        *end++ = ']';
    }
    append_port(end, target->port);
    return buf;
}

bool target_equal(const struct target *a, const struct target *b)
{
    if (a->kind != b->kind || a->port != b->port)
        return false;
    switch (a->kind) {
    case TARGET_IPV4:
        return memcmp(a->ipv4, b->ipv4, 4) == 0;
    case TARGET_IPV6:
        return memcmp(a->ipv6, b->ipv6, 16) == 0;
    case TARGET_NAME:
        return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
    }
    return false;
}

bool target_is_this_host(const struct target *target)
{
    static const uint8_t any[16];
    static const uint8_t loopback6[16] = {[15] = 1};

    if (target->kind == TARGET_IPV4)
        return target->ipv4[0] == 127 || memcmp(target->ipv4, any, 4) == 0;
    if (target->kind == TARGET_IPV6)
        return memcmp(target->ipv6, loopback6, 16) == 0 || memcmp(target->ipv6, any, 16) == 0;
    return false;
}
