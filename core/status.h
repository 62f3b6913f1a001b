/* SPDX-License-Identifier: MIT
 * The only place where a failure gets a code, an errno and a text. */
#ifndef SOCKSIFY_CORE_STATUS_H
#define SOCKSIFY_CORE_STATUS_H

#include <stddef.h>

/* X(code, errno a program sees, words a user sees) */
#define STATUS_LIST(X)                                                                             \
    X(OK, 0, "success")                                                                            \
    X(MORE, EAGAIN, "more octets are needed")                                                      \
    X(SYSTEM, EIO, "system error")                                                                 \
    X(GENERAL_FAILURE, ECONNREFUSED, "general failure at the proxy")                               \
    X(NOT_ALLOWED, EACCES, "not allowed by the proxy's ruleset")                                   \
    X(NET_UNREACH, ENETUNREACH, "the proxy cannot reach the network")                              \
    X(HOST_UNREACH, EHOSTUNREACH, "the proxy cannot reach the host")                               \
    X(REFUSED, ECONNREFUSED, "the target refused the connection")                                  \
    X(TTL_EXPIRED, ETIMEDOUT, "the target did not answer the proxy (TTL expired)")                 \
    X(COMMAND_UNSUPPORTED, EOPNOTSUPP, "the proxy does not support CONNECT")                       \
    X(ADDRESS_UNSUPPORTED, EAFNOSUPPORT, "the proxy does not support this type of address")        \
    X(UNKNOWN_REPLY, ECONNREFUSED, "the proxy refused with an unassigned code")                    \
    X(REJECTED, ECONNREFUSED, "the proxy rejected the request or could not carry it out")          \
    X(NO_IDENTD, EACCES, "the proxy found no identd on this machine")                              \
    X(USER_MISMATCH, EACCES, "the proxy says identd gives another user id")                        \
    X(NO_METHOD, EACCES, "the proxy accepts none of the authentication methods we offered")        \
    X(WANTS_PASSWORD, EACCES, "this proxy wants a user name and a password")                       \
    X(AUTH_REFUSED, EACCES, "authentication refused")                                              \
    X(CLOSED_AFTER_REQUEST, ECONNREFUSED, "the proxy closed the connection without a reply")       \
    X(CLOSED_EARLY, ECONNRESET, "the proxy closed the connection during the handshake")            \
    X(NOT_SOCKS, EPROTO, "the answer is no SOCKS")                                                 \
    X(SPEAKS_HTTP, EPROTO, "this port speaks HTTP, not SOCKS")                                     \
    X(SPEAKS_TLS, EPROTO, "this port speaks TLS, not SOCKS")                                       \
    X(OTHER_VERSION, EPROTO, "this proxy speaks another version of SOCKS")                         \
    X(TIMED_OUT, ETIMEDOUT, "no answer in time")                                                   \
    X(NAME_UNSUPPORTED, EHOSTUNREACH, "SOCKS4 cannot carry a host name: use socks4a or socks5")    \
    X(IPV6_UNSUPPORTED, EAFNOSUPPORT, "SOCKS4 cannot carry an IPv6 address: use socks5")           \
    X(PROXY_UNRESOLVED, EHOSTUNREACH, "the proxy's host name cannot be resolved")                  \
    X(UNKNOWN_STANDIN, EHOSTUNREACH,                                                               \
      "no host name is known for this stand-in address: look the name up again")                   \
    X(BLOCKED, EACCES, "blocked by a rule")                                                        \
    X(UNCONFIGURED, EACCES, "refused, because the configuration cannot be used")                   \
    X(BAD_INPUT, EINVAL, "malformed input")                                                        \
    X(NO_MEMORY, ENOMEM, "out of memory")

enum status {
#define X(code, number, text) STATUS_##code,
    STATUS_LIST(X)
#undef X
};

/* The errno a program sees for a status (the table in libsocksify(7)); 0 for STATUS_OK.
 * STATUS_SYSTEM stands for an errno that its holder keeps beside it (see struct failure in
 * handshake.h). */
int status_errno(enum status status);

/* Its name: "ECONNREFUSED"; "0" for STATUS_OK. */
const char *status_errno_name(enum status status);

/* One phrase, in lower case, without a full stop; static storage. */
const char *status_text(enum status status);

/* The words of an errno: strerror(3) might allocate and translate them. Static storage. */
const char *status_errno_text(int number);

#endif
