/* SPDX-License-Identifier: MIT
 * Patterns from their text. The functions that read a part return NULL, or what is wrong with it.
 */
#include "core/pattern.h"

#include "core/literal.h"
#include "core/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const char *read_ports(struct pattern *pattern, const char *text, size_t len)
{
    const char *dash = len ? memchr(text, '-', len) : NULL;
    size_t low_len = dash ? (size_t)(dash - text) : len;
    unsigned long low, high;
    if (!text_to_number(text, low_len, PATTERN_PORT_MAX, &low) || !low)
        return "expected a port from 1 to 65535, or LOW-HIGH, after the colon";
    high = low;
    if (dash && (!text_to_number(dash + 1, len - low_len - 1, PATTERN_PORT_MAX, &high) || !high))
        return "expected a port from 1 to 65535 after the dash";
    if (low > high)
        return "expected the lower port before the dash";
    bool all = low == 1 && high == PATTERN_PORT_MAX;
    pattern->low = all ? 0 : (uint16_t)low;
    pattern->high = (uint16_t)high;
    return NULL;
}

static const char *name_prefix(const struct pattern *pattern, unsigned length, char *words)
{
    char literal[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    bits_to_octets(bits_prefix(pattern->address, length), octets);
    inet_ntop(pattern->kind == PATTERN_IPV4 ? AF_INET : AF_INET6, octets, literal, sizeof(literal));
    struct text text = text_start(words, PATTERN_WORDS_MAX);
    text_add(&text, "has bits set beyond its prefix: expected ");
    text_add(&text, literal);
    text_add(&text, "/");
    text_add_number(&text, length);
    return words;
}

/* ADDRESS or ADDRESS/LENGTH */
static const char *read_address(struct pattern *pattern, bool is_ipv6, const char *text, size_t len,
                                char *words)
{
    const char *slash = memchr(text, '/', len);
    size_t address_len = slash ? (size_t)(slash - text) : len;
    unsigned long bits = is_ipv6 ? 128 : 32;
    uint8_t octets[16];
    if (!(is_ipv6 ? literal_ipv6 : literal_ipv4)(text, address_len, octets))
        return is_ipv6 ? "expected an IPv6 address (in brackets when a port follows)"
                       : "expected an IPv4 address of four numbers from 0 to 255";
    unsigned long length = bits;
    if (slash && !text_to_number(slash + 1, len - address_len - 1, bits, &length))
        return is_ipv6 ? "expected a prefix length from 0 to 128 after the slash"
                       : "expected a prefix length from 0 to 32 after the slash";

    pattern->kind = is_ipv6 ? PATTERN_IPV6 : PATTERN_IPV4;
    pattern->address = bits_of(octets, bits / 8);
    struct bits prefix = bits_prefix(pattern->address, (unsigned)length);
    if (prefix.high != pattern->address.high || prefix.low != pattern->address.low)
        return name_prefix(pattern, (unsigned)length, words);
    /* Targets are never IPv4-mapped: see target.h. */
    if (is_ipv6 && length >= 96 && prefix.high == 0 && prefix.low >> 32 == 0xffff) {
        pattern->kind = PATTERN_IPV4;
        pattern->address = (struct bits){prefix.low << 32, 0};
        length -= 96;
    }
    pattern->level = (uint8_t)length;
    return NULL;
}

static const char *find_mistake(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '*' || c == '?')
            return "expected a * only by itself or as the first label (*.SUFFIX)";
        if (c == ',')
            return "expected spaces between patterns, not commas";
        if (c <= ' ' || c == 0x7f || c == '/' || c == '@' || c == '[' || c == ']')
            return "expected a host name, *.SUFFIX, an address, ADDRESS/LENGTH, localnet or *";
        if (c == '.' && (i + 1 == len || text[i + 1] == '.'))
            return "expected a host name without empty labels";
    }
    return NULL;
}

/*
 * Take over the name, eight octets at a time: there may be a hundred thousand of them. False when
 * it has other octets than letters, digits, dots and dashes, or an empty label, which are to be
 * looked at one by one.
 */
static bool take_name(struct pattern *pattern, const char *text, size_t len)
{
    uint64_t odd = 0, empty = 0, dots_before = 0;
    unsigned labels = 1;
    for (size_t at = 0; at < len; at += 8) {
        uint64_t eight = text_eight(text, len, at);
        uint64_t there =
            len - at < 8 ? TEXT_EIGHT(0x80) >> (8 * (8 - (len - at))) : TEXT_EIGHT(0x80);
        eight |= text_eight_within(eight, 'A', 'Z') >> 2;
        odd |= there & ~(text_eight_within(eight, 'a', 'z') | text_eight_within(eight, '0', '9') |
                         text_eight_within(eight, '-', '.'));
        uint64_t dots = text_eight_within(eight, '.', '.');
        empty |= dots & (dots << 8 | dots_before >> 56);
        dots_before = dots;
        labels += (unsigned)((dots >> 7) * TEXT_EIGHT(1) >> 56);
        eight = htole64(eight);
        memcpy(pattern->name + at, &eight, sizeof(eight));
    }
    pattern->level = (uint8_t)labels;
    pattern->len = (uint8_t)len;
    return !(odd | empty) && text[len - 1] != '.';
}

/* NAME, or the SUFFIX of *.SUFFIX, without its trailing dot. */
static const char *read_name(struct pattern *pattern, const char *text, size_t len)
{
    if (len > 1 && text[len - 1] == '.')
        len--;
    if (len == 0)
        return "expected a host name";
    if (len > TARGET_NAME_MAX)
        return "expected a host name of at most 255 octets";
    if (text[0] == '.')
        return "expected *.SUFFIX for all names below a suffix";
    return take_name(pattern, text, len) ? NULL : find_mistake(text, len);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* True when the last label, before a slash if there is one, is a number, as in an IPv4 address and
 * in no host name. */
static bool ends_in_number(const char *text, size_t len)
{
    const char *slash = memchr(text, '/', len);
    size_t end = slash ? (size_t)(slash - text) : len;
    size_t at = end;
    while (at > 0 && is_digit(text[at - 1]))
        at--;
    return at < end && (at == 0 || text[at - 1] == '.');
}

static const char *read_host(struct pattern *pattern, const char *text, size_t len, char *words)
{
    if (len == 1 && text[0] == '*') {
        pattern->kind = PATTERN_ANY;
        return NULL;
    }
    if (text_is_word(text, len, "localnet")) {
        pattern->kind = PATTERN_LOCALNET;
        return NULL;
    }
    if (len > 0 && is_digit(text[len - 1]) && ends_in_number(text, len))
        return read_address(pattern, false, text, len, words);
    bool is_suffix = len >= 2 && text[0] == '*' && text[1] == '.';
    size_t skipped = is_suffix ? 2 : 0;
    pattern->kind = is_suffix ? PATTERN_SUFFIX : PATTERN_NAME;
    const char *wrong = read_name(pattern, text + skipped, len - skipped);
    /* A mistake behind the slash is one of an address. */
    return wrong && len > 0 && ends_in_number(text, len)
               ? read_address(pattern, false, text, len, words)
               : wrong;
}

/* [IPV6] or [IPV6/LENGTH], with a port or without */
static const char *read_bracketed(struct pattern *pattern, const char *text, size_t len,
                                  char *words)
{
    const char *close = memchr(text, ']', len);
    if (!close)
        return "expected a ] after the IPv6 address";
    const char *host = text + 1;
    size_t host_len = (size_t)(close - host);
    const char *ports = close + 1;
    size_t ports_len = len - (size_t)(ports - text);
    if (!memchr(host, ':', host_len))
        return "expected an IPv6 address, or one with its /LENGTH, between the brackets";
    if (ports_len && ports[0] != ':')
        return "expected :PORT or nothing after the ]";
    const char *wrong = read_address(pattern, true, host, host_len, words);
    return wrong || !ports_len ? wrong : read_ports(pattern, ports + 1, ports_len - 1);
}

const char *pattern_read(struct pattern *pattern, const char *text, size_t len,
                         char words[static PATTERN_WORDS_MAX])
{
    /* Not the name, which is long to clear. */
    pattern->low = 0;
    pattern->high = PATTERN_PORT_MAX;
    pattern->level = 0;
    pattern->len = 0;
    pattern->address = (struct bits){0, 0};
    if (len > 0 && text[0] == '[')
        return read_bracketed(pattern, text, len, words);
    const char *colon = len ? memchr(text, ':', len) : NULL;
    if (!colon)
        return read_host(pattern, text, len, words);
    size_t host_len = (size_t)(colon - text);
    if (memchr(colon + 1, ':', len - host_len - 1))
        return read_address(pattern, true, text, len, words);
    if (host_len == 0)
        return "expected a host before the colon (*:PORT for every host)";
    if (host_len + 1 < len && colon[1] == '/')
        return "expected a host, not a URL";
    const char *wrong = read_host(pattern, text, host_len, words);
    return wrong ? wrong : read_ports(pattern, colon + 1, len - host_len - 1);
}
