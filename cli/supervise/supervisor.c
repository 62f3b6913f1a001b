/* SPDX-License-Identifier: MIT
 * The loop, and who answers what. */
#include "cli/supervise/supervisor.h"

#include "cli/supervise/errand.h"
#include "cli/supervise/filter.h"
#include "cli/supervise/notify.h"
#include "cli/supervise/peers.h"
#include "cli/supervise/programs.h"
#include "cli/supervise/responder.h"
#include "cli/supervise/tunnels.h"
#include "core/log.h"
#include "core/names_file.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TICK_MS = 5,
    CLIENT_PATIENCE_MS = 10000, /* for the next question over TCP */
};

/* --- Requests --- */

bool request_answer(const struct request *request, int64_t value)
{
    return notify_answer(request->supervisor->listener.fd, request->call.id, value);
}

void request_pass(const struct request *request)
{
    notify_pass(request->supervisor->listener.fd, request->call.id);
}

uint64_t socket_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static void refuse_to_be_blind(const struct request *request, int error)
{
    static bool said;
    if (!said)
        log_error("cannot be looked into (%s), so its connections are refused", strerror(error));
    said = true;
    request_answer(request, -EACCES);
}

int request_take_socket(const struct request *request)
{
    int fd = caller_take(&request->caller, (int)request->call.args[0]);
    int type;
    socklen_t len = sizeof(type);
    if (fd < 0 && errno == EPERM) {
        refuse_to_be_blind(request, errno);
        return -1;
    }
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0) {
        /* The number was this thread's only while it waited. */
        if (notify_is_waiting(request->supervisor->listener.fd, request->call.id))
            return fd;
        caller_give_back(fd);
        return -1;
    }
    request_answer(request, -errno);
    if (fd >= 0)
        caller_give_back(fd);
    return -1;
}

const struct scope *request_scope(const struct request *request)
{
    return programs_scope(request->supervisor->programs, &request->caller);
}

/* --- Messages --- */

static _Thread_local struct caller speaker; /* errands speak for others meanwhile */

static const char *speaker_name(const struct log_voice *voice, pid_t *pid)
{
    static _Thread_local char name[32];
    char path[64];
    (void)voice;
    pid_t process = caller_process(&speaker);
    *pid = process ? process : speaker.tid;
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)*pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, name, sizeof(name) - 1) : -1;
    if (fd >= 0)
        close(fd);
    name[len > 0 ? len : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    return *name ? name : "?";
}

/* Whether a line written there can neither block nor reach a network peer. */
static bool takes_words(int fd)
{
    int domain;
    socklen_t len = sizeof(domain);
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    bool is_network = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
                      (domain == AF_INET || domain == AF_INET6);
    return !is_network && poll(&pollfd, 1, 0) == 1 && (pollfd.revents & POLLOUT);
}

/* A program's stderr that nobody reads must not stop the others: the line is lost then. */
static void speaker_write(const struct log_voice *voice, const char *line, size_t len)
{
    (void)voice;
    int fd = caller_take(&speaker, STDERR_FILENO);
    if (fd >= 0 && takes_words(fd)) {
        ssize_t written = write(fd, line, len);
        (void)written; /* nowhere is left to complain */
    }
    if (fd >= 0)
        caller_give_back(fd);
}

void supervisor_speak_for(const struct caller *caller)
{
    static const struct log_voice voice = {.name = speaker_name, .write = speaker_write};
    if (caller)
        speaker = *caller;
    log_speak_for(caller ? &voice : NULL);
}

/* --- Dispatch --- */

static void answer(struct request *request)
{
    static void (*const handlers[CALL_KINDS])(struct request * request) = {
        [CALL_CONNECT] = on_connect,
        [CALL_GETPEERNAME] = on_getpeername,
        [CALL_GETSOCKOPT] = on_getsockopt,
        [CALL_SETSOCKOPT] = on_setsockopt,
        [CALL_SENDTO] = on_sendto,
        [CALL_SENDMSG] = on_sendmsg,
        [CALL_SENDMMSG] = on_sendmmsg,
        [CALL_RECVFROM] = on_recvfrom,
        [CALL_RECVMSG] = on_recvmsg,
        [CALL_RECVMMSG] = on_recvmmsg,
        [CALL_EPOLL_CTL] = on_epoll_ctl,
        [CALL_POLL] = on_poll,
        [CALL_PPOLL] = on_poll,
        [CALL_PPOLL_TIME64] = on_poll,
        [CALL_SELECT] = on_poll,
        [CALL_PSELECT] = on_poll,
        [CALL_PSELECT_TIME64] = on_poll,
    };
    if (handlers[request->call.kind])
        handlers[request->call.kind](request);
    else
        request_pass(request);
}

static void answer_socketcall(struct request *request)
{
    uint32_t args[6] = {0};
    bool is_socket = call_is_socketcall_socket(&request->call);
    size_t len = call_socketcall_length(request->call.args[0]) * sizeof(*args);
    int error = caller_read(&request->caller, request->call.args[1], args, len);
    if (error == EPERM) {
        refuse_to_be_blind(request, error);
        return;
    }
    if (error != 0) {
        request_answer(request, -error);
        return;
    }
    call_decode_socketcall(&request->call, args);
    error = is_socket ? filter_judge_socket(args[0], args[1], args[2]) : 0;
    if (error != 0)
        request_answer(request, -error);
    else if (request->call.kind == CALL_GETSOCKOPT &&
             (request->call.args[1] != SOL_SOCKET || request->call.args[2] != SO_ERROR))
        request_pass(request);
    else
        answer(request);
}

void supervisor_dispatch(struct supervisor *supervisor, const struct call *call)
{
    struct request request = {.supervisor = supervisor, .call = *call};
    int error = caller_open(&request.caller, call->tid);
    if (error != 0) {
        request_answer(&request, -EACCES); /* it has gone, or cannot be served */
        return;
    }
    supervisor_speak_for(&request.caller);
    if (call->kind == CALL_SOCKETCALL)
        answer_socketcall(&request);
    else
        answer(&request);
    supervisor_speak_for(NULL);
    caller_close(&request.caller);
}

/* What most calls are, where nothing is pending: decided without a look at the caller. */
static bool passes_unseen(const struct supervisor *supervisor, enum call_kind kind)
{
    switch (kind) {
    case CALL_EPOLL_CTL:
    case CALL_POLL:
    case CALL_PPOLL:
    case CALL_PPOLL_TIME64:
    case CALL_SELECT:
    case CALL_PSELECT:
    case CALL_PSELECT_TIME64:
        return !tunnels_any(supervisor->tunnels);
    case CALL_RECVFROM:
    case CALL_RECVMSG:
    case CALL_RECVMMSG:
        return !responder_is_used(supervisor->responder);
    default:
        return false;
    }
}

static void on_notification(struct watch *watch, uint32_t events)
{
    struct supervisor *supervisor = HOLDER_OF(watch, struct supervisor, listener);
    struct seccomp_notif notification;
    struct call call;
    if (!(events & EPOLLIN)) {
        loop_unwatch(&supervisor->loop, watch); /* the last process is gone */
        supervisor->is_over = true;
        return;
    }
    if (!notify_receive(watch->fd, &notification))
        return;
    if (!call_decode(&notification, &call) || passes_unseen(supervisor, call.kind))
        notify_pass(watch->fd, notification.id);
    else
        supervisor_dispatch(supervisor, &call);
}

/* --- Life --- */

static struct names *open_names(void)
{
    char path[PATH_MAX];
    const char *why;
    return names_open(names_path(getenv("XDG_RUNTIME_DIR"), path, sizeof(path)), &why);
}

static bool init(struct supervisor *supervisor, int listener)
{
    static const uint32_t delays[DELAY_COUNT] = {
        [DELAY_TICK] = TICK_MS, [DELAY_HANDSHAKE] = CLIENT_PATIENCE_MS};
    *supervisor = (struct supervisor){
        .listener = {.fd = listener, .ready = on_notification},
        .names = open_names(),
        .hosts = {.path = "/etc/hosts"},
    };
    supervisor->programs = programs_new(supervisor->names, &supervisor->hosts);
    supervisor->peers = peers_new();
    supervisor->tunnels = tunnels_new(supervisor);
    return supervisor->programs && supervisor->peers && supervisor->tunnels &&
           loop_init(&supervisor->loop, delays) &&
           (supervisor->errands = errands_new(&supervisor->loop)) != NULL &&
           (supervisor->responder = responder_new(supervisor)) != NULL &&
           loop_watch(&supervisor->loop, &supervisor->listener, EPOLLIN);
}

int supervisor_run(int listener)
{
    static struct supervisor supervisor;
    signal(SIGPIPE, SIG_IGN);
    notify_setup(listener);
    if (!init(&supervisor, listener))
        return EXIT_FAILURE;
    while (!supervisor.is_over)
        loop_turn(&supervisor.loop);
    return EXIT_SUCCESS;
}
