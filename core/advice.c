/* SPDX-License-Identifier: MIT
 * Advice, by what happened and where. */
#include "core/advice.h"

#include <errno.h>

static const char *on_system_error(const struct failure *failure)
{
    if (failure->stage != STAGE_CONNECT)
        return NULL;
    switch (failure->sys_errno) {
    case ECONNREFUSED:
        return "is the proxy running, and on this port?";
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "is this the proxy's address, and is there a way to it?";
    case EACCES:
    case EPERM:
        return "a packet filter or a sandbox on this machine forbids it";
    default:
        return NULL;
    }
}

static const char *on_timeout(const struct failure *failure, const struct proxy *proxy)
{
    if (failure->stage == STAGE_CONNECT)
        return "is this the proxy's address, and does a firewall let us through?";
    if (proxy->pipeline)
        return "it may not take pipeline=yes, as socksify --check can tell";
    if (failure->stage == STAGE_GREETING)
        return "is this a SOCKS5 port?";
    return "--timeout gives it more time";
}

static const char *on_no_method(const struct failure *failure, const struct proxy *proxy)
{
    enum { METHOD_GSSAPI = 1 }; /* RFC 1928, section 3; some name it though it was not offered */
    if (failure->code == METHOD_GSSAPI)
        return "it wants GSSAPI, which socksify does not speak";
    if (!proxy->has_credentials)
        return "write USER:PASSWORD@ before the host in its URL, if it wants a password";
    if (proxy->password_only || proxy->pipeline)
        return "it may want no password: leave out auth=password and pipeline=yes";
    return "it may want GSSAPI, which socksify does not speak";
}

/* What one proxy of a chain says of the next. */
static const char *on_next_proxy(enum status status)
{
    switch (status) {
    case STATUS_REFUSED:
    case STATUS_CLOSED_AFTER_REQUEST:
    case STATUS_GENERAL_FAILURE:
    case STATUS_REJECTED:
        return "is the next proxy of the chain running?";
    case STATUS_NET_UNREACH:
    case STATUS_HOST_UNREACH:
    case STATUS_TTL_EXPIRED:
        return "is the next proxy's address right, as this one sees it?";
    default:
        return NULL;
    }
}

const char *advice_on(const struct failure *failure, const struct route *route)
{
    const struct proxy *proxy = route->hop[failure->hop];
    bool is_socks5 = proxy->protocol == PROXY_SOCKS5;
    const char *next = failure->hop + 1 < route->hop_count ? on_next_proxy(failure->status) : NULL;
    if (next)
        return next;
    switch (failure->status) {
    case STATUS_SYSTEM:
        return on_system_error(failure);
    case STATUS_TIMED_OUT:
        return on_timeout(failure, proxy);
    case STATUS_PROXY_UNRESOLVED:
        return "check the name in its URL, or write an address";
    case STATUS_WANTS_PASSWORD:
        return "write USER:PASSWORD@ before the host in its URL";
    case STATUS_NO_METHOD:
        return on_no_method(failure, proxy);
    case STATUS_AUTH_REFUSED:
        return "check user and password in its URL";
    case STATUS_NO_IDENTD:
        return "it wants an identd here, or to be spoken to as socks5://";
    case STATUS_USER_MISMATCH:
        return "write the name that identd gives as USER@ in its URL";
    case STATUS_NOT_SOCKS:
        return "is this the proxy's port?";
    case STATUS_SPEAKS_HTTP:
    case STATUS_SPEAKS_TLS:
        return "write the proxy's SOCKS port in its URL";
    case STATUS_OTHER_VERSION:
        return is_socks5 ? "write socks4a:// in its URL" : "write socks5:// in its URL";
    case STATUS_CLOSED_EARLY:
        if (failure->stage != STAGE_GREETING)
            return NULL;
        return "does it speak SOCKS5, and let this machine in?";
    case STATUS_CLOSED_AFTER_REQUEST:
        return is_socks5 ? NULL : "does it speak SOCKS4?";
    case STATUS_ADDRESS_UNSUPPORTED:
        return "it may know host names or IPv4 addresses only";
    default:
        return NULL;
    }
}
