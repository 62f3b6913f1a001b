/* SPDX-License-Identifier: MIT
 * One query over one TCP connection of our own: two octets of length, then the message, both ways
 * (RFC 1035 section 4.2.2); or one datagram. */
#include "core/forward.h"

#include "core/advice.h"
#include "core/config.h"
#include "core/dial.h"
#include "core/dns.h"
#include "core/endpoint_cache.h"
#include "core/log.h"
#include "core/rules.h"
#include "core/sys.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { PATIENCE_MS = 5000 }; /* for a name server that is asked by datagram */

/* The connection to the name server: not blocking, and out of the program's reach. */
struct line {
    int fd;
    int64_t deadline_ms;
    struct failure failure; /* why it ended */
};

static enum status fail(struct line *line, enum status status, int error)
{
    line->failure =
        (struct failure){.status = status, .stage = STAGE_DONE, .code = -1, .sys_errno = error};
    return status;
}

static enum status wait_for(struct line *line, short events)
{
    for (;;) {
        int64_t left = line->deadline_ms - dial_now_ms();
        if (left <= 0)
            return fail(line, STATUS_TIMED_OUT, 0);
        struct pollfd pollfd = {.fd = line->fd, .events = events};
        int ready = sys_poll(&pollfd, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0)
            return STATUS_OK;
        if (ready < 0 && errno != EINTR)
            return fail(line, STATUS_SYSTEM, errno);
    }
}

static enum status open_line(struct line *line, int family)
{
    line->fd = sys_own_socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    return line->fd >= 0 ? STATUS_OK : fail(line, STATUS_SYSTEM, errno);
}

static enum status connect_through(struct line *line, const struct scope *scope,
                                   const struct route *route, const struct target *server)
{
    struct endpoints endpoints;
    enum status status =
        endpoint_cache_find(scope->endpoints, scope->config, route->hop[0], &endpoints);
    if (status != STATUS_OK) {
        line->failure = (struct failure){.status = status, .code = -1};
        return status;
    }
    status = open_line(line, endpoints.list[0].any.sa_family);
    if (status != STATUS_OK)
        return status;
    struct dial d = {
        .fd = line->fd,
        .family = endpoints.list[0].any.sa_family,
        .route = route,
        .to = server,
        .endpoints = &endpoints,
        .deadline_ms = line->deadline_ms,
        .failure = {.code = -1},
    };
    status = dial(&d);
    line->failure = d.failure;
    if (status != STATUS_OK && d.failure.stage == STAGE_CONNECT)
        endpoint_cache_forget(scope->endpoints, scope->config, route->hop[0]);
    return status;
}

static enum status connect_address(struct line *line, const union endpoint *address)
{
    enum status status = open_line(line, address->any.sa_family);
    if (status != STATUS_OK)
        return status;
    int error = sys_connect(line->fd, &address->any, endpoint_len(address)) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        socklen_t error_len = sizeof(error);
        status = wait_for(line, POLLOUT);
        if (status != STATUS_OK)
            return status;
        if (sys_getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0)
            error = errno;
    }
    return error == 0 ? STATUS_OK : fail(line, STATUS_SYSTEM, error);
}

/* A name server that the rules send direct. */
static enum status connect_direct(struct line *line, const struct target *server)
{
    struct endpoints endpoints;
    if (!endpoints_of_target(server, AF_UNSPEC, &endpoints))
        return fail(line, STATUS_SYSTEM, EHOSTUNREACH);
    enum status status = STATUS_MORE;
    for (size_t i = 0; i < endpoints.count && status != STATUS_OK; i++) {
        sys_own_close(line->fd);
        status = connect_address(line, &endpoints.list[i]);
    }
    return status;
}

static enum status send_all(struct line *line, const uint8_t *bytes, size_t len, int flags)
{
    while (len > 0) {
        ssize_t sent = sys_send(line->fd, bytes, len, MSG_NOSIGNAL | flags);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return fail(line, STATUS_SYSTEM, errno);
        if (sent < 0 && errno == EAGAIN && wait_for(line, POLLOUT) != STATUS_OK)
            return line->failure.status;
        bytes += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return STATUS_OK;
}

static enum status receive_all(struct line *line, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        if (wait_for(line, POLLIN) != STATUS_OK)
            return line->failure.status;
        ssize_t got = sys_recv(line->fd, bytes, len, 0);
        if (got == 0)
            return fail(line, STATUS_SYSTEM, ECONNRESET);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return fail(line, STATUS_SYSTEM, errno);
        bytes += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return STATUS_OK;
}

static enum status ask(struct line *line, const uint8_t *query, size_t len, uint8_t *reply,
                       size_t size, size_t *reply_len)
{
    uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    uint16_t id = (uint16_t)(query[0] << 8 | query[1]);
    enum status status = send_all(line, prefix, sizeof(prefix), MSG_MORE);
    if (status == STATUS_OK)
        status = send_all(line, query, len, 0);
    if (status == STATUS_OK)
        status = receive_all(line, prefix, sizeof(prefix));
    if (status != STATUS_OK)
        return status;
    size_t told = (size_t)(prefix[0] << 8 | prefix[1]);
    size_t kept = told < size ? told : size;
    status = receive_all(line, reply, kept);
    if (status != STATUS_OK)
        return status;
    if (!dns_is_reply(reply, kept, id))
        return fail(line, STATUS_BAD_INPUT, 0);
    if (kept < told)
        dns_set_truncated(reply);
    *reply_len = told;
    return STATUS_OK;
}

static enum status open_and_ask(struct line *line, const struct scope *scope,
                                const struct route *route, const struct target *server,
                                const uint8_t *query, size_t len, uint8_t *reply, size_t size,
                                size_t *reply_len)
{
    enum status status = STATUS_BLOCKED;
    if (route->kind == ROUTE_PROXY)
        status = connect_through(line, scope, route, server);
    else if (route->kind == ROUTE_DIRECT)
        status = connect_direct(line, server);
    else
        fail(line, status, 0);
    return status == STATUS_OK ? ask(line, query, len, reply, size, reply_len) : status;
}

/* Once there is a way to the name server, it has no stage that needs a word. */
static const char *why(const struct failure *failure, char buf[static FAILURE_TEXT_MAX])
{
    if (failure->stage != STAGE_DONE)
        return failure_text(failure, buf);
    return failure->status == STATUS_SYSTEM ? status_errno_text(failure->sys_errno)
                                            : status_text(failure->status);
}

enum status forward_query(const struct scope *scope, const uint8_t *query, size_t len,
                          uint8_t *reply, size_t size, size_t *reply_len)
{
    const struct config *config = scope->config;
    const struct target *server = config ? config_dns_server(config) : NULL;
    if (!server)
        return STATUS_UNCONFIGURED;
    /* Nothing of ours is freed when a thread is canceled half way. */
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    int saved = errno;

    const struct route *route = rules_decide(config_rules(config), server).route;
    uint32_t timeout_ms = route->kind == ROUTE_PROXY ? route->timeout_ms : CONFIG_TIMEOUT_MS;
    struct line line = {.fd = -1, .deadline_ms = dial_now_ms() + timeout_ms};
    enum status status =
        open_and_ask(&line, scope, route, server, query, len, reply, size, reply_len);
    sys_own_close(line.fd);
    if (status != STATUS_OK) {
        char name[TARGET_TEXT_MAX], words[FAILURE_TEXT_MAX];
        bool is_proxys = route->kind == ROUTE_PROXY && line.failure.stage != STAGE_DONE;
        const char *advice = is_proxys ? advice_on(&line.failure, route) : NULL;
        log_error("dns-server %s via %s: %s%s%s", target_to_text(server, name), route->text,
                  why(&line.failure, words), advice ? "; " : "", advice ? advice : "");
    }
    errno = saved;
    pthread_setcancelstate(cancel_state, NULL);
    return status;
}

/* A rule sends the name direct: its real name server is asked, once. */
static size_t ask_nameserver(const struct forward_question *question, uint8_t *answer, size_t size)
{
    const union endpoint *nameserver = question->nameserver;
    int fd = sys_own_socket(nameserver->any.sa_family, SOCK_DGRAM, 0);
    ssize_t received = -1;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    if (fd >= 0 && sys_connect(fd, &nameserver->any, endpoint_len(nameserver)) == 0 &&
        sys_send(fd, question->query, question->len, MSG_NOSIGNAL) == (ssize_t)question->len &&
        sys_poll(&readable, 1, PATIENCE_MS) == 1)
        received = sys_recv(fd, answer, size, MSG_DONTWAIT);
    sys_own_close(fd);
    return received > 0 ? (size_t)received : 0;
}

static size_t ask_network(const struct scope *scope, const struct forward_question *question,
                          uint8_t *answer, size_t size)
{
    size_t len = 0;
    if (question->verdict == RESOLVER_DIRECT)
        return ask_nameserver(question, answer, size);
    if (forward_query(scope, question->query, question->len, answer, size, &len) != STATUS_OK)
        return 0;
    return len < size ? len : size;
}

size_t forward_answer(const struct scope *scope, const struct forward_question *question,
                      uint8_t *answer, size_t size)
{
    struct dns_query query;
    if (!dns_parse_query(question->query, question->len, &query))
        return 0;
    size_t len = ask_network(scope, question, answer, size);
    if (len < DNS_HEADER_LEN)
        return resolver_fail(question->query, question->len, answer, size);
    bool fits = !question->by_datagram || len <= dns_datagram_limit(&query, size);
    return fits ? len : dns_shorten(answer, len);
}
