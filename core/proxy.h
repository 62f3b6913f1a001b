/* SPDX-License-Identifier: MIT
 * One SOCKS proxy: where it is, which protocol, which credentials, which options; and the URL and
 * option words that say so. */
#ifndef SOCKSIFY_CORE_PROXY_H
#define SOCKSIFY_CORE_PROXY_H

#include "core/status.h"
#include "core/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proxy_protocol { PROXY_SOCKS4, PROXY_SOCKS4A, PROXY_SOCKS5 };

enum { PROXY_CREDENTIAL_MAX = 255 }; /* octets: RFC 1929 section 2; the SOCKS4 user id alike */

struct proxy {
    const char *name;      /* as the configuration calls it; for a bare URL "host:port".
                              Borrowed: outlives the proxy. NULL until somebody sets it. */
    struct target address; /* kind may be TARGET_NAME */
    uint32_t timeout_ms;   /* 0: not set here */
    enum proxy_protocol protocol;
    bool has_credentials; /* SOCKS5: a user was given; SOCKS4: a user id was given */
    bool password_only;   /* auth=password: offer method 02 alone */
    bool pipeline;        /* pipeline=yes: send the frames without waiting between them */
    bool resolve_local;   /* resolve=local: SOCKS4 targets by name are looked up locally */
    uint8_t user_len;
    uint8_t password_len;
    char user[PROXY_CREDENTIAL_MAX];
    char password[PROXY_CREDENTIAL_MAX];
};

/*
 * Read a proxy URL: SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/][?OPTION[&OPTION]...]
 *
 * SCHEME is socks5, socks5h, socks (all SOCKS5, names to the proxy), socks4 or socks4a, in any
 * case; USER and PASSWORD are percent-encoded; HOST is a name, an IPv4 address or an IPv6 address
 * in brackets; PORT is 1 to 65535, default 1080; OPTIONs are those of proxy_set_option.
 * url is not NUL-terminated. On failure STATUS_BAD_INPUT, and why (a buffer of why_len octets) says
 * which part is wrong and what was expected, never showing the password; *proxy is then undefined.
 */
enum status proxy_parse_url(struct proxy *proxy, const char *url, size_t len, char *why,
                            size_t why_len);

/* The scheme of a proxy's URL: socks4, socks4a or socks5. */
const char *proxy_scheme(const struct proxy *proxy);

/*
 * Apply one "key=value" word: timeout=DURATION ("5", "5s", "500ms", "2m"), pipeline=yes|no,
 * auth=password|any (SOCKS5), resolve=local|proxy (SOCKS4). Errors as for proxy_parse_url.
 */
enum status proxy_set_option(struct proxy *proxy, const char *word, size_t len, char *why,
                             size_t why_len);

/*
 * Read a duration: digits with an optional unit ms, s (the default), m; 1 ms to 24 h.
 * Also used for the configuration's timeout directive and the command line's.
 */
enum status proxy_parse_duration(const char *text, size_t len, uint32_t *milliseconds);

/* What to tell somebody whose duration was none, after "expected ". */
#define PROXY_DURATION_WORDS "a duration from 1ms to 24h, such as 30, 30s, 500ms or 2m"

/* Copy a URL, or what may have been meant as one, for a message: with *** in place of the
 * credentials and of anything else that could be a mistyped password. NUL-terminated, cut to fit.
 */
void proxy_hide_secret(const char *url, size_t len, char *out, size_t out_len);

#endif
