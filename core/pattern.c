/* SPDX-License-Identifier: MIT
 * Patterns from their text. The functions that read a part return NULL, or what is wrong with it.
 */
#include "core/pattern.h"

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
static const char *read_address(struct pattern *pattern, const char *text, size_t len, char *words)
{
    const char *slash = memchr(text, '/', len);
    size_t address_len = slash ? (size_t)(slash - text) : len;
    bool is_ipv6 = memchr(text, ':', address_len) != NULL;
    unsigned long bits = is_ipv6 ? 128 : 32;
    char literal[INET6_ADDRSTRLEN];
    uint8_t octets[16];

    if (address_len >= sizeof(literal))
        return "expected an address";
    memcpy(literal, text, address_len);
    literal[address_len] = '\0';
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, literal, octets) != 1)
        return is_ipv6 ? "expected an IPv6 address (in brackets when a port follows)"
                       : "expected an IPv4 address of four numbers from 0 to 255";
    unsigned long length = bits;
    if (slash && !text_to_number(slash + 1, len - address_len - 1, bits, &length))
        return is_ipv6 ? "expected a prefix length from 0 to 128 after the slash"
                       : "expected a prefix length from 0 to 32 after the slash";

    pattern->kind = is_ipv6 ? PATTERN_IPV6 : PATTERN_IPV4;
    pattern->address = bits_of(octets, bits / 8);
    struct bits prefix = bits_prefix(pattern->address, (unsigned)length);
    if (memcmp(&prefix, &pattern->address, sizeof(prefix)) != 0)
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
    unsigned labels = 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char lower = c | 0x20;
        if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-') {
            pattern->name[i] = (char)lower; /* digits and the dash have that bit anyway */
            continue;
        }
        if (c == '*' || c == '?')
            return "expected a * only by itself or as the first label (*.SUFFIX)";
        if (c == ',')
            return "expected spaces between patterns, not commas";
        if (c <= ' ' || c == 0x7f || c == '/' || c == '@' || c == '[' || c == ']')
            return "expected a host name, *.SUFFIX, an address, ADDRESS/LENGTH, localnet or *";
        if (c == '.' && (i + 1 == len || text[i + 1] == '.'))
            return "expected a host name without empty labels";
        labels += c == '.';
        pattern->name[i] = text[i];
    }
    pattern->level = (uint8_t)labels;
    pattern->len = (uint8_t)len;
    return NULL;
}

/* True when the last label is a number, as in an IPv4 address and in no host name. */
static bool ends_in_number(const char *text, size_t len)
{
    size_t at = len;
    while (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9')
        at--;
    return at < len && (at == 0 || text[at - 1] == '.');
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
    const char *slash = len ? memchr(text, '/', len) : NULL;
    if (ends_in_number(text, slash ? (size_t)(slash - text) : len))
        return read_address(pattern, text, len, words);
    pattern->kind = PATTERN_NAME;
    if (len >= 2 && text[0] == '*' && text[1] == '.') {
        pattern->kind = PATTERN_SUFFIX;
        text += 2;
        len -= 2;
    }
    return read_name(pattern, text, len);
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
    const char *wrong = read_address(pattern, host, host_len, words);
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
    if (len > 0 && text[0] == '[')
        return read_bracketed(pattern, text, len, words);
    const char *colon = len ? memchr(text, ':', len) : NULL;
    if (!colon)
        return read_host(pattern, text, len, words);
    size_t host_len = (size_t)(colon - text);
    if (memchr(colon + 1, ':', len - host_len - 1))
        return read_address(pattern, text, len, words);
    if (host_len == 0)
        return "expected a host before the colon (*:PORT for every host)";
    if (host_len + 1 < len && colon[1] == '/')
        return "expected a host, not a URL";
    const char *wrong = read_host(pattern, text, host_len, words);
    return wrong ? wrong : read_ports(pattern, colon + 1, len - host_len - 1);
}
