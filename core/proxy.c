/* SPDX-License-Identifier: MIT
 * Proxy URLs and options into struct proxy. */
#include "core/proxy.h"

#include "core/text.h"

#include <string.h>

enum { DEFAULT_PORT = 1080, TIMEOUT_MAX_MS = 24 * 60 * 60 * 1000 };

/* A piece of somebody's text, not NUL-terminated. */
struct span {
    const char *at;
    size_t len;
};

/* Where the words that explain a failure go. */
struct reason {
    char *why;
    size_t why_len;
};

static enum status refuse(const struct reason *reason, const char *words)
{
    text_join(reason->why, reason->why_len, words, NULL);
    return STATUS_BAD_INPUT;
}

/* What stands before the first c, which is taken off with it; all of it when there is none. */
static struct span take_until(struct span *rest, char c)
{
    const char *end = rest->len ? memchr(rest->at, c, rest->len) : NULL;
    struct span part = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
    size_t taken = end ? part.len + 1 : part.len;
    rest->at += taken;
    rest->len -= taken;
    return part;
}

static size_t scheme_len(const char *url, size_t len)
{
    const char *end = memmem(url, len, "://", 3);
    return end ? (size_t)(end - url) : len;
}

static enum status read_scheme(struct proxy *proxy, struct span *rest, const struct reason *reason)
{
    static const struct {
        const char *scheme;
        enum proxy_protocol protocol;
    } schemes[] = {
        {"socks5", PROXY_SOCKS5}, {"socks5h", PROXY_SOCKS5},  {"socks", PROXY_SOCKS5},
        {"socks4", PROXY_SOCKS4}, {"socks4a", PROXY_SOCKS4A},
    };
    size_t len = scheme_len(rest->at, rest->len);
    if (len == rest->len)
        return refuse(reason, "expected a proxy URL such as socks5://HOST:1080");
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        if (text_is_word(rest->at, len, schemes[i].scheme)) {
            proxy->protocol = schemes[i].protocol;
            rest->at += len + 3;
            rest->len -= len + 3;
            return STATUS_OK;
        }
    }
    return refuse(reason, "unknown scheme: expected socks5://, socks5h://, socks://, socks4:// or "
                          "socks4a://");
}

static int hex_digit(char c)
{
    c = text_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum status read_credential(struct span part, char out[static PROXY_CREDENTIAL_MAX],
                                   uint8_t *out_len, const struct reason *reason)
{
    size_t count = 0;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.at[i];
        if (c == '%') {
            int high = i + 1 < part.len ? hex_digit(part.at[i + 1]) : -1;
            int low = i + 2 < part.len ? hex_digit(part.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return refuse(reason, "user or password: expected two hexadecimal digits after "
                                      "each % (write %25 for % itself)");
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (count == PROXY_CREDENTIAL_MAX)
            return refuse(reason, "user or password: expected at most 255 octets");
        out[count++] = c;
    }
    *out_len = (uint8_t)count;
    return STATUS_OK;
}

/* USER[:PASSWORD], up to the last @ of the URL: no other part can have one, so that a password with
 * a raw @ or / in it is read as it was meant. */
static enum status read_credentials(struct proxy *proxy, struct span *rest,
                                    const struct reason *reason)
{
    const char *at = rest->len ? memrchr(rest->at, '@', rest->len) : NULL;
    if (!at)
        return STATUS_OK;
    struct span userinfo = {rest->at, (size_t)(at - rest->at)};
    rest->at += userinfo.len + 1;
    rest->len -= userinfo.len + 1;

    bool has_password = memchr(userinfo.at, ':', userinfo.len) != NULL;
    enum status status =
        read_credential(take_until(&userinfo, ':'), proxy->user, &proxy->user_len, reason);
    if (status == STATUS_OK)
        status = read_credential(userinfo, proxy->password, &proxy->password_len, reason);
    if (status != STATUS_OK)
        return status;
    if (proxy->user_len == 0)
        return refuse(reason, "expected a user name before the @");
    proxy->has_credentials = true;
    if (proxy->protocol == PROXY_SOCKS5)
        return STATUS_OK;
    if (has_password)
        return refuse(reason, "SOCKS4 knows a user name but no password: use socks5://");
    if (memchr(proxy->user, '\0', proxy->user_len))
        return refuse(reason, "a user name of SOCKS4 cannot contain %00");
    return STATUS_OK;
}

/* HOST[:PORT] or [IPV6][:PORT] */
static enum status read_address(struct proxy *proxy, struct span authority,
                                const struct reason *reason)
{
    struct span host;
    bool bracketed = authority.len && authority.at[0] == '[';
    bool has_port;
    if (bracketed) {
        authority.at++;
        authority.len--;
        if (!memchr(authority.at, ']', authority.len))
            return refuse(reason, "expected a ] after the IPv6 address");
        host = take_until(&authority, ']');
        has_port = authority.len > 0;
        if (has_port && take_until(&authority, ':').len)
            return refuse(reason, "expected :PORT or nothing after the ]");
    } else {
        has_port = authority.len && memchr(authority.at, ':', authority.len);
        host = take_until(&authority, ':');
        if (authority.len && memchr(authority.at, ':', authority.len))
            return refuse(reason,
                          "expected HOST:PORT (an IPv6 address needs brackets: [::1]:1080)");
    }
    if (!host.len)
        return refuse(reason, "expected a host name or an address");

    unsigned long port = DEFAULT_PORT;
    if (has_port && (!text_to_number(authority.at, authority.len, 65535, &port) || !port))
        return refuse(reason, "expected a port from 1 to 65535 after the host");

    struct target address;
    if (target_set_host(&address, host.at, host.len, (uint16_t)port) != STATUS_OK)
        return refuse(reason, "expected a host name of at most 255 octets, without spaces");
    if (bracketed && (address.kind == TARGET_NAME || !memchr(host.at, ':', host.len)))
        return refuse(reason, "expected an IPv6 address between the brackets");
    if (address.kind == TARGET_NAME && memchr(host.at, '%', host.len))
        return refuse(reason, "expected a host name, where % has no meaning");
    proxy->address = address;
    return STATUS_OK;
}

enum status proxy_parse_url(struct proxy *proxy, const char *url, size_t len, char *why,
                            size_t why_len)
{
    const struct reason reason = {why, why_len};
    struct span rest = {url, len};
    memset(proxy, 0, sizeof(*proxy));

    enum status status = read_scheme(proxy, &rest, &reason);
    if (status == STATUS_OK)
        status = read_credentials(proxy, &rest, &reason);
    if (status != STATUS_OK)
        return status;

    bool has_options = rest.len && memchr(rest.at, '?', rest.len);
    struct span place = take_until(&rest, '?');
    status = read_address(proxy, take_until(&place, '/'), &reason);
    if (status != STATUS_OK)
        return status;
    if (place.len)
        return refuse(&reason, "expected nothing after the /, for a proxy has no path");
    while (has_options && status == STATUS_OK) {
        has_options = rest.len && memchr(rest.at, '&', rest.len);
        struct span option = take_until(&rest, '&');
        status = proxy_set_option(proxy, option.at, option.len, why, why_len);
    }
    return status;
}

const char *proxy_scheme(const struct proxy *proxy)
{
    static const char *const schemes[] = {
        [PROXY_SOCKS4] = "socks4",
        [PROXY_SOCKS4A] = "socks4a",
        [PROXY_SOCKS5] = "socks5",
    };
    return schemes[proxy->protocol];
}

static enum status set_timeout(struct proxy *proxy, struct span value, const struct reason *reason)
{
    if (proxy_parse_duration(value.at, value.len, &proxy->timeout_ms) == STATUS_OK)
        return STATUS_OK;
    return refuse(reason, "timeout: expected " PROXY_DURATION_WORDS);
}

static enum status set_pipeline(struct proxy *proxy, struct span value, const struct reason *reason)
{
    bool yes = text_is_word(value.at, value.len, "yes");
    if (!yes && !text_is_word(value.at, value.len, "no"))
        return refuse(reason, "pipeline: expected yes or no");
    proxy->pipeline = yes;
    return STATUS_OK;
}

static enum status set_auth(struct proxy *proxy, struct span value, const struct reason *reason)
{
    bool password = text_is_word(value.at, value.len, "password");
    if (!password && !text_is_word(value.at, value.len, "any"))
        return refuse(reason, "auth: expected password or any");
    if (proxy->protocol != PROXY_SOCKS5)
        return refuse(reason, "auth: expected with socks5:// only");
    if (password && !proxy->has_credentials)
        return refuse(reason, "auth: expected USER:PASSWORD@ in the URL with auth=password");
    proxy->password_only = password;
    return STATUS_OK;
}

static enum status set_resolve(struct proxy *proxy, struct span value, const struct reason *reason)
{
    bool local = text_is_word(value.at, value.len, "local");
    if (!local && !text_is_word(value.at, value.len, "proxy"))
        return refuse(reason, "resolve: expected local or proxy");
    if (proxy->protocol != PROXY_SOCKS4)
        return refuse(reason, "resolve: expected with socks4:// only (others carry names)");
    proxy->resolve_local = local;
    return STATUS_OK;
}

enum status proxy_set_option(struct proxy *proxy, const char *word, size_t len, char *why,
                             size_t why_len)
{
    static const struct {
        const char *key;
        enum status (*set)(struct proxy *, struct span, const struct reason *);
    } options[] = {
        {"timeout", set_timeout},
        {"pipeline", set_pipeline},
        {"auth", set_auth},
        {"resolve", set_resolve},
    };
    const struct reason reason = {why, why_len};
    struct span value = {word, len};
    struct span key = take_until(&value, '=');
    if (key.len < len) {
        for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
            if (text_is_word(key.at, key.len, options[i].key))
                return options[i].set(proxy, value, &reason);
        }
    }
    return refuse(&reason, "unknown option: expected timeout=DURATION, pipeline=yes|no, "
                           "auth=password|any or resolve=local|proxy");
}

enum status proxy_parse_duration(const char *text, size_t len, uint32_t *milliseconds)
{
    size_t digits = 0;
    while (digits < len && text[digits] >= '0' && text[digits] <= '9')
        digits++;

    unsigned long unit;
    if (digits == len || text_is_word(text + digits, len - digits, "s"))
        unit = 1000;
    else if (text_is_word(text + digits, len - digits, "ms"))
        unit = 1;
    else if (text_is_word(text + digits, len - digits, "m"))
        unit = 60 * 1000;
    else
        return STATUS_BAD_INPUT;

    unsigned long count;
    if (!text_to_number(text, digits, TIMEOUT_MAX_MS / unit, &count) || !count)
        return STATUS_BAD_INPUT;
    *milliseconds = (uint32_t)(count * unit);
    return STATUS_OK;
}

/* Somebody may write "USER:PASSWORD@socks5://HOST". */
static bool is_scheme(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text_lower(word[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

void proxy_hide_secret(const char *url, size_t len, char *out, size_t out_len)
{
    struct text text = text_start(out, out_len);
    size_t scheme = scheme_len(url, len);
    bool has_scheme = scheme < len && is_scheme(url, scheme);
    if (has_scheme)
        text_add_bytes(&text, url, scheme + 3);
    const char *rest = has_scheme ? url + scheme + 3 : url;
    const char *end = url + len;

    const char *at = memrchr(rest, '@', (size_t)(end - rest));
    if (at) {
        text_add(&text, "***@");
        rest = at + 1;
    }
    /* Without its @HOST, "USER:PASSWORD" looks like a host and a port: show a port of digits only.
     */
    bool bracketed = rest < end && *rest == '[';
    const char *host_end = bracketed ? memchr(rest, ']', (size_t)(end - rest)) : rest;
    const char *colon = host_end ? memchr(host_end, ':', (size_t)(end - host_end)) : NULL;
    if (!colon) {
        text_add_bytes(&text, rest, (size_t)(end - rest));
        return;
    }
    const char *tail = colon + 1;
    while (tail < end && *tail >= '0' && *tail <= '9')
        tail++;
    text_add_bytes(&text, rest, (size_t)(tail - rest));
    bool has_port = tail > colon + 1;
    if (tail < end && has_port && *tail == '/') {
        text_add(&text, "/");
        tail++;
    }
    if (tail < end && has_port && *tail == '?')
        text_add_bytes(&text, tail, (size_t)(end - tail));
    else if (tail < end)
        text_add(&text, "***");
}
