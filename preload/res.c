/* SPDX-License-Identifier: MIT
 * res_query(3) and its kin, under both of their names (the older one has two underscores in front).
 * Names are taken as they are: a search list would ask for names that nobody means. */
#include "core/dial.h"
#include "core/dns.h"
#include "core/forward.h"
#include "core/resolver.h"
#include "preload/guard.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A name and a domain, written one after the other, with room for some escapes. */
enum { NAME_TEXT_MAX = 2 * DNS_NAME_MAX };

/* What a program asks for; the answer goes into its buffer. */
struct request {
    res_state state;
    const char *name;
    int class;
    int type;
    uint8_t *answer;
    int size;
};

static int reply_to(const struct scope *scope, const uint8_t *query, size_t len, uint8_t *reply,
                    size_t size)
{
    size_t reply_len;
    if (forward_query(scope, query, len, reply, size, &reply_len) != STATUS_OK)
        reply_len = resolver_fail(query, len, reply, size);
    return (int)reply_len;
}

/* Of such a reply libc makes "no name server has answered". */
static bool is_failure(const uint8_t *reply)
{
    enum dns_rcode rcode = dns_rcode(reply);
    return rcode == DNS_SERVFAIL || rcode == DNS_NOTIMP || rcode == DNS_REFUSED;
}

/*
 * res_nsend(3): *result is the length of the whole reply, which libc, too, tells when the program's
 * buffer holds only its beginning; -1 with errno. False when the query is the real resolver's.
 */
static bool answer_message(res_state state, const uint8_t *query, int len, uint8_t *answer,
                           int size, int *result)
{
    uint8_t room[DNS_DATAGRAM_MAX];
    if (len < DNS_HEADER_LEN || len > DNS_MESSAGE_MAX || size < DNS_HEADER_LEN) {
        errno = EINVAL;
        *result = -1;
        return true;
    }
    bool is_small = size < (int)sizeof(room);
    uint8_t *reply = is_small ? room : answer;
    size_t reply_size = is_small ? sizeof(room) : (size_t)size;
    size_t reply_len = 0;
    const struct scope scope = state_scope();
    switch (resolver_answer(&scope, query, (size_t)len, false, reply, reply_size, &reply_len)) {
    case RESOLVER_SILENT:
        errno = EINVAL;
        *result = -1;
        return true;
    case RESOLVER_DIRECT:
        return false;
    case RESOLVER_FORWARD:
        *result = reply_to(&scope, query, (size_t)len, reply, reply_size);
        break;
    case RESOLVER_ANSWERED:
        *result = (int)reply_len;
        break;
    }
    if (!(state->options & RES_TRUSTAD))
        dns_clear_authentic(reply);
    if (is_small) {
        memcpy(answer, room, (size_t)(*result < size ? *result : size));
        if (*result > size)
            dns_set_truncated(answer);
    }
    if (is_failure(reply)) {
        errno = ETIMEDOUT;
        *result = -1;
    }
    return true;
}

static int fail(res_state state, int error)
{
    state->res_h_errno = error;
    h_errno = error;
    return -1;
}

/* What res_nquery(3) makes of a reply: its length, or -1 with h_errno. */
static int judge(res_state state, const uint8_t *reply, int len)
{
    if (len < 0)
        return fail(state, TRY_AGAIN);
    switch (dns_rcode(reply)) {
    case DNS_NOERROR:
        return dns_answer_count(reply) > 0 ? len : fail(state, NO_DATA);
    case DNS_NXDOMAIN:
        return fail(state, HOST_NOT_FOUND);
    default:
        return fail(state, NO_RECOVERY);
    }
}

/* False when the name is the real resolver's business. */
static bool answer_request(const struct request *request, int *result)
{
    uint8_t query[DNS_QUERY_MAX];
    if (guard_is_inside())
        return false;
    /* A connection of its own carries each query: the number tells nothing from anything. */
    uint16_t id = (uint16_t)dial_now_ms();
    bool dnssec_ok = request->state->options & RES_USE_DNSSEC;
    size_t len = dns_build_query(query, id, request->name, (uint16_t)request->class,
                                 (uint16_t)request->type, dnssec_ok);
    if (len == 0) {
        *result = fail(request->state, NO_RECOVERY);
        return true;
    }
    int reply_len;
    if (!answer_message(request->state, query, (int)len, request->answer, request->size,
                        &reply_len))
        return false;
    *result = judge(request->state, request->answer, reply_len);
    return true;
}

/* "NAME.DOMAIN"; false when that is no name. */
static bool join(const char *name, const char *domain, char joined[static NAME_TEXT_MAX])
{
    size_t name_len = strlen(name);
    size_t domain_len = domain ? strlen(domain) : 0;
    if (name_len + 1 + domain_len >= NAME_TEXT_MAX)
        return false;
    memcpy(joined, name, name_len + 1);
    if (domain) {
        joined[name_len] = '.';
        memcpy(joined + name_len + 1, domain, domain_len + 1);
    }
    return true;
}

static bool answer_in_domain(const struct request *request, const char *domain, int *result)
{
    char joined[NAME_TEXT_MAX];
    if (!join(request->name, domain, joined)) {
        *result = fail(request->state, NO_RECOVERY);
        return true;
    }
    struct request whole = *request;
    whole.name = joined;
    return answer_request(&whole, result);
}

EXPORT int res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
    int result;
    if (answer_request(&(struct request){&_res, name, class, type, answer, size}, &result))
        return result;
    guard_enter();
    result = real(res_query)(name, class, type, answer, size);
    guard_leave();
    return result;
}

EXPORT int res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
    int result;
    if (answer_request(&(struct request){&_res, name, class, type, answer, size}, &result))
        return result;
    guard_enter();
    result = real(res_search)(name, class, type, answer, size);
    guard_leave();
    return result;
}

EXPORT int res_querydomain(const char *name, const char *domain, int class, int type,
                           unsigned char *answer, int size)
{
    int result;
    struct request request = {&_res, name, class, type, answer, size};
    if (answer_in_domain(&request, domain, &result))
        return result;
    guard_enter();
    result = real(res_querydomain)(name, domain, class, type, answer, size);
    guard_leave();
    return result;
}

EXPORT int res_send(const unsigned char *query, int len, unsigned char *answer, int size)
{
    int result;
    if (!guard_is_inside() && answer_message(&_res, query, len, answer, size, &result))
        return result;
    guard_enter();
    result = real(res_send)(query, len, answer, size);
    guard_leave();
    return result;
}

#ifdef __GLIBC__

EXPORT int res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer,
                      int size)
{
    int result;
    if (answer_request(&(struct request){state, name, class, type, answer, size}, &result))
        return result;
    guard_enter();
    result = real(res_nquery)(state, name, class, type, answer, size);
    guard_leave();
    return result;
}

EXPORT int res_nsearch(res_state state, const char *name, int class, int type,
                       unsigned char *answer, int size)
{
    int result;
    if (answer_request(&(struct request){state, name, class, type, answer, size}, &result))
        return result;
    guard_enter();
    result = real(res_nsearch)(state, name, class, type, answer, size);
    guard_leave();
    return result;
}

EXPORT int res_nquerydomain(res_state state, const char *name, const char *domain, int class,
                            int type, unsigned char *answer, int size)
{
    int result;
    struct request request = {state, name, class, type, answer, size};
    if (answer_in_domain(&request, domain, &result))
        return result;
    guard_enter();
    result = real(res_nquerydomain)(state, name, domain, class, type, answer, size);
    guard_leave();
    return result;
}

EXPORT int res_nsend(res_state state, const unsigned char *query, int len, unsigned char *answer,
                     int size)
{
    int result;
    if (!guard_is_inside() && answer_message(state, query, len, answer, size, &result))
        return result;
    guard_enter();
    result = real(res_nsend)(state, query, len, answer, size);
    guard_leave();
    return result;
}

/* What programs were linked to before glibc 2.34. */
#define OLDER_NAME(name)                                                                           \
    EXPORT __typeof__(name) __##name __attribute__((alias(#name), nothrow, leaf))
OLDER_NAME(res_query);
OLDER_NAME(res_search);
OLDER_NAME(res_querydomain);
OLDER_NAME(res_send);
OLDER_NAME(res_nquery);
OLDER_NAME(res_nsearch);
OLDER_NAME(res_nquerydomain);
OLDER_NAME(res_nsend);

#endif
