/* SPDX-License-Identifier: MIT
 * The embedded server as a process: limits, signals, the listener, the turns of the loop, the end.
 */
#include "cli/serve.h"

#include "cli/exits.h"
#include "cli/eyeballs.h"
#include "cli/listener.h"
#include "cli/session.h"
#include "core/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    ACCEPT_RETRY_MS = 100,
    LINGER_MS = 2000,
    ACCEPTS_A_TURN = 64, /* then those already here have their turn */
    CREDENTIAL_MAX = 255,
};

struct service {
    struct server server;
    struct watch listener;
    struct timer accept_again;
    struct watch signals;
    struct watch stop;
    size_t sessions_max;
    bool stopping; /* end when no session is left */
    bool stopped;  /* end now */
};

/* Raise the limit of descriptors; the number of sessions that fit under it: two sockets each, and
 * an eighth for pipes and overlapping connects. */
static size_t raise_limit(void)
{
    struct rlimit limit = {.rlim_cur = 1024, .rlim_max = 1024};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t usable = limit.rlim_cur - limit.rlim_cur / 8;
    const rlim_t own = 32;
    return usable > own + 2 ? (size_t)(usable - own) / 2 : 1;
}

/* Accept no more for a moment: a listener that stays ready would have the loop spin. */
static void pause_accepting(struct service *service)
{
    loop_unwatch(&service->server.loop, &service->listener);
    loop_arm(&service->server.loop, &service->accept_again, DELAY_ACCEPT);
}

static bool make_room(struct service *service)
{
    struct server *server = &service->server;
    return server->session_count < service->sessions_max || session_evict(server);
}

static void accept_clients(struct watch *watch, uint32_t events)
{
    struct service *service = HOLDER_OF(watch, struct service, listener);
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        if (!make_room(service)) {
            pause_accepting(service);
            return;
        }
        struct sockaddr_storage name;
        struct address client;
        socklen_t len = sizeof(name);
        int fd = accept4(watch->fd, (struct sockaddr *)&name, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EAGAIN)
            return;
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            pause_accepting(service);
            return;
        }
        if (fd < 0)
            continue; /* that client has gone already */
        if (address_from_sockaddr(&client, (struct sockaddr *)&name, len))
            session_begin(&service->server, fd, &client);
        else
            close(fd);
    }
}

static void accept_again(struct timer *timer)
{
    struct service *service = HOLDER_OF(timer, struct service, accept_again);
    if (!loop_watch(&service->server.loop, &service->listener, EPOLLIN))
        loop_arm(&service->server.loop, timer, DELAY_ACCEPT);
}

static void signalled(struct watch *watch, uint32_t events)
{
    (void)events;
    HOLDER_OF(watch, struct service, signals)->stopped = true;
}

static void program_ended(struct watch *watch, uint32_t events)
{
    struct service *service = HOLDER_OF(watch, struct service, stop);
    (void)events;
    loop_unwatch(&service->server.loop, watch);
    service->stopping = true;
}

/* A connection may still wait to be accepted when the last one closes. */
static bool at_end(struct service *service)
{
    if (service->stopped)
        return true;
    if (!service->stopping || service->server.session_count > 0)
        return false;
    accept_clients(&service->listener, EPOLLIN);
    return service->server.session_count == 0;
}

static void ignore(int signal_number)
{
    const struct sigaction action = {.sa_handler = SIG_IGN};
    sigaction(signal_number, &action, NULL);
}

/* To be called before the first thread is started, which inherits the mask. */
static bool catch_signals(struct service *service, bool outlives_terminal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (outlives_terminal) {
        ignore(SIGINT);
        ignore(SIGQUIT);
        ignore(SIGHUP);
    } else {
        sigaddset(&set, SIGINT);
    }
    ignore(SIGPIPE); /* splice(2) knows no MSG_NOSIGNAL */
    sigprocmask(SIG_BLOCK, &set, NULL);
    service->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    service->signals.ready = signalled;
    return service->signals.fd >= 0 &&
           loop_watch(&service->server.loop, &service->signals, EPOLLIN);
}

static bool watch_program(struct service *service, int stop_fd)
{
    if (stop_fd < 0)
        return true;
    service->stop = (struct watch){.fd = stop_fd, .ready = program_ended};
    return loop_watch(&service->server.loop, &service->stop, EPOLLIN);
}

static bool start_loop(struct service *service, const struct serve_options *options)
{
    uint32_t handshake_ms = options->handshake_ms ? options->handshake_ms : SERVE_HANDSHAKE_MS;
    uint32_t connect_ms = options->connect_ms ? options->connect_ms : SERVE_CONNECT_MS;
    const uint32_t delay_ms[DELAY_COUNT] = {
        [DELAY_ACCEPT] = ACCEPT_RETRY_MS, [DELAY_ATTEMPT] = EYEBALLS_DELAY_MS,
        [DELAY_LINGER] = LINGER_MS,       [DELAY_CONNECT] = connect_ms,
        [DELAY_HANDSHAKE] = handshake_ms,
    };
    struct server *server = &service->server;
    if (!loop_init(&server->loop, delay_ms))
        return false;
    server->lookups = lookup_pool_new(&server->loop);
    return server->lookups && catch_signals(service, options->stop_fd >= 0) &&
           watch_program(service, options->stop_fd) &&
           loop_watch(&server->loop, &service->listener, EPOLLIN);
}

static bool is_loopback(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohl(address->ipv4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&address->ipv6.sin6_addr);
}

static void announce(const struct serve_options *options, const struct address *bound)
{
    char where[TARGET_TEXT_MAX];
    address_text(bound, where);
    if (!options->user && !is_loopback(bound))
        log_warn("serve: %s: an open proxy: everybody who can reach it may use it (--user and "
                 "--password ask for a password)",
                 where);
    if (options->verbose)
        log_info("serve: listening on %s", where);
    if (options->ready_fd >= 0) {
        dprintf(options->ready_fd, "%s\n", where);
        close(options->ready_fd);
    }
}

static bool options_usable(const struct serve_options *options)
{
    if (options->user && !options->password) {
        log_error("serve: a user needs a password");
        return false;
    }
    if (options->user &&
        (strlen(options->user) > CREDENTIAL_MAX || strlen(options->password) > CREDENTIAL_MAX)) {
        log_error("serve: user or password: expected at most %d octets", CREDENTIAL_MAX);
        return false;
    }
    if (options->hosts && access(options->hosts, R_OK) != 0) {
        log_error("serve: %s: %s", options->hosts, strerror(errno));
        return false;
    }
    return true;
}

static void finish(struct service *service)
{
    struct server *server = &service->server;
    session_end_all(server);
    conduit_pool_deinit(&server->pipes);
    if (server->lookups)
        lookup_pool_free(server->lookups);
    loop_disarm(&service->accept_again);
    loop_close(&server->loop, &service->listener);
    loop_close(&server->loop, &service->signals);
    loop_deinit(&server->loop);
}

int serve(const struct serve_options *options)
{
    struct service service = {
        .server.options = options,
        .server.hosts.path = options->hosts,
        .listener = {.fd = -1, .ready = accept_clients},
        .accept_again.fired = accept_again,
        .signals.fd = -1,
        .stop.fd = -1,
    };
    struct address bound;
    if (!options_usable(options))
        return EXIT_CONFIG;
    service.sessions_max = raise_limit();
    enum listener_result result = listener_open(options->listen, &service.listener.fd, &bound);
    if (result != LISTENER_OPEN)
        return result == LISTENER_BAD_TEXT ? EXIT_CONFIG : EXIT_FAILURE;

    int status = EXIT_SUCCESS;
    if (start_loop(&service, options)) {
        announce(options, &bound);
        while (!at_end(&service))
            loop_turn(&service.server.loop);
    } else {
        log_error("serve: %s", strerror(errno));
        status = EXIT_FAILURE;
    }
    finish(&service);
    return status;
}
