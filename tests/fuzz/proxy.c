/* SPDX-License-Identifier: MIT
 * Proxy URLs. One that is taken is written out from what was read, and read again; one that is not
 * is refused in words; none shows its password to a reader of messages. */
#include "core/proxy.h"

#include "fuzz.h"

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

enum { URL_MAX = 16 + 3 * 2 * PROXY_CREDENTIAL_MAX + TARGET_TEXT_MAX + 128, WHY_MAX = 192 };

static const char *const schemes[] = {
    [PROXY_SOCKS4] = "socks4://", [PROXY_SOCKS4A] = "socks4a://", [PROXY_SOCKS5] = "SOCKS5://"};

static enum status parse(struct proxy *proxy, const char *url, size_t len)
{
    char *copy = copy_exactly(url, len);
    char why[WHY_MAX];
    memset(why, 'x', sizeof(why));
    enum status status = proxy_parse_url(proxy, copy, len, why, sizeof(why));
    MUST(status == STATUS_OK || status == STATUS_BAD_INPUT);
    if (status != STATUS_OK)
        MUST(memchr(why, '\0', sizeof(why)) && strlen(why) > 10 && strlen(why) < sizeof(why) - 1);
    free(copy);
    return status;
}

static void add_encoded(char *url, const char *octets, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sprintf(url + strlen(url), "%%%02x", (uint8_t)octets[i]);
}

static void write_url(const struct proxy *proxy, char url[static URL_MAX])
{
    char address[TARGET_TEXT_MAX];
    strcpy(url, schemes[proxy->protocol]);
    if (proxy->has_credentials) {
        add_encoded(url, proxy->user, proxy->user_len);
        if (proxy->protocol == PROXY_SOCKS5)
            strcat(url, ":");
        add_encoded(url, proxy->password, proxy->password_len);
        strcat(url, "@");
    }
    strcat(url, target_to_text(&proxy->address, address));
    sprintf(url + strlen(url), "/?pipeline=%s", proxy->pipeline ? "yes" : "no");
    if (proxy->timeout_ms > 0)
        sprintf(url + strlen(url), "&timeout=%ums", (unsigned)proxy->timeout_ms);
    if (proxy->password_only)
        strcat(url, "&auth=password");
    if (proxy->resolve_local)
        strcat(url, "&resolve=local");
}

static bool equal(const struct proxy *a, const struct proxy *b)
{
    return a->protocol == b->protocol && target_equal(&a->address, &b->address) &&
           a->timeout_ms == b->timeout_ms && a->has_credentials == b->has_credentials &&
           a->password_only == b->password_only && a->pipeline == b->pipeline &&
           a->resolve_local == b->resolve_local;
}

static bool equal_credentials(const struct proxy *a, const struct proxy *b)
{
    return a->user_len == b->user_len && memcmp(a->user, b->user, a->user_len) == 0 &&
           a->password_len == b->password_len &&
           memcmp(a->password, b->password, a->password_len) == 0;
}

static void check_parsed(const struct proxy *proxy)
{
    MUST(proxy->protocol <= PROXY_SOCKS5 && proxy->address.port > 0 && !proxy->name);
    MUST(proxy->timeout_ms <= 24 * 60 * 60 * 1000);
    MUST(proxy->has_credentials == (proxy->user_len > 0));
    MUST(proxy->has_credentials || proxy->password_len == 0);
    MUST(proxy->protocol == PROXY_SOCKS5 || proxy->password_len == 0);
    MUST(!proxy->password_only || (proxy->protocol == PROXY_SOCKS5 && proxy->has_credentials));
    MUST(!proxy->resolve_local || proxy->protocol == PROXY_SOCKS4);

    char url[URL_MAX];
    struct proxy again;
    write_url(proxy, url);
    MUST(parse(&again, url, strlen(url)) == STATUS_OK);
    MUST(equal(&again, proxy) && equal_credentials(&again, proxy));
}

/* What may be a secret is replaced by stars, and the rest still says which proxy it is. */
static void check_hidden(const char *url, size_t len, const struct proxy *parsed)
{
    char *copy = copy_exactly(url, len);
    char *hidden = malloc(len + 16);
    char short_one[20];
    MUST(hidden);
    memset(hidden, 'x', len + 16);
    proxy_hide_secret(copy, len, hidden, len + 16);
    MUST(strlen(hidden) < len + 16);
    memset(short_one, 'x', sizeof(short_one));
    proxy_hide_secret(copy, len, short_one, sizeof(short_one));
    MUST(strlen(short_one) < sizeof(short_one));
    MUST(memcmp(hidden, short_one, strlen(short_one)) == 0 || memchr(url, '\0', len));

    /* Of what stands before the last @ at most a scheme is shown. */
    const char *at = memrchr(url, '@', len), *stars = strstr(hidden, "***@");
    if (at) {
        MUST(stars && strspn(hidden, WORD "/:") >= (size_t)(stars - hidden));
        MUST(stars == hidden || (stars - hidden > 2 && memcmp(stars - 3, "://", 3) == 0));
        MUST(strspn(hidden, WORD) + 3 >= (size_t)(stars - hidden));
    }
    struct proxy again;
    if (parsed) {
        MUST(parse(&again, hidden, strlen(hidden)) == STATUS_OK);
        MUST(equal(&again, parsed));
    }
    free(hidden);
    free(copy);
}

static void check_duration(const char *text, size_t len)
{
    uint32_t milliseconds = 0;
    char *copy = copy_exactly(text, len);
    if (proxy_parse_duration(copy, len, &milliseconds) == STATUS_OK) {
        char rest[4] = "";
        unsigned long number = 0;
        char *string = strndup(text, len);
        MUST(sscanf(string, "%lu%3s", &number, rest) >= 1);
        unsigned long unit = strcasecmp(rest, "ms") == 0  ? 1
                             : strcasecmp(rest, "m") == 0 ? 60000
                                                          : 1000;
        MUST(milliseconds == number * unit && milliseconds > 0 && milliseconds <= 86400000);
        free(string);
    } else {
        MUST(milliseconds == 0);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *url = (const char *)data;
    struct proxy proxy;
    bool parsed = parse(&proxy, url, len) == STATUS_OK;
    if (parsed)
        check_parsed(&proxy);
    check_hidden(url, len, parsed ? &proxy : NULL);
    check_duration(url, len);
    return 0;
}
