/* SPDX-License-Identifier: MIT
 * Decoys: a socket each, connected to the one that it deceives, until the first datagram. */
#include "cli/supervise/decoy.h"

#include "core/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Most programs connect datagram sockets to learn their own address, and send nothing: there are
 * decoys for the latest only. The others' peers are closed ports all the same. */
enum { DECOYS_MAX = 64 };

struct decoy {
    struct watch watch;
    struct supervisor *supervisor;
    const struct scope *scope;
    pid_t pid;       /* whose socket it is */
    int number;      /* and which */
    uint64_t cookie; /* really */
    struct target to;
};

static struct decoy *decoys[DECOYS_MAX];
static size_t next_decoy;

static void end(struct decoy *decoy)
{
    loop_close(&decoy->supervisor->loop, &decoy->watch);
    for (size_t i = 0; i < DECOYS_MAX; i++)
        if (decoys[i] == decoy)
            decoys[i] = NULL;
    free(decoy);
}

/* Nobody is at its peer's port any more. What is sent there says so to whoever waits for an answer:
 * an empty datagram, for the one that came is gone. */
static void disappoint(const struct caller *caller, int number, uint64_t cookie)
{
    int fd = caller_take(caller, number);
    if (fd < 0)
        return;
    if (socket_cookie(fd) == cookie)
        send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);
    caller_give_back(fd);
}

static void deceived(struct watch *watch, uint32_t events)
{
    struct decoy *decoy = HOLDER_OF(watch, struct decoy, watch);
    struct caller caller;
    (void)events;
    loop_close(&decoy->supervisor->loop, watch);
    if (caller_open(&caller, decoy->pid) == 0) {
        supervisor_speak_for(&caller);
        report_blocked_datagram(decoy->scope, &decoy->to);
        supervisor_speak_for(NULL);
        disappoint(&caller, decoy->number, decoy->cookie);
        caller_close(&caller);
    }
    end(decoy);
}

/* A socket at a free port of *own, connected to fd, which is connected to it. */
static int pair_up(int fd, union endpoint *own)
{
    union endpoint other;
    socklen_t len = sizeof(*own);
    socklen_t other_len = sizeof(other);
    int decoy = socket(own->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    own->in.sin_port = 0; /* sin6_port lies at the same place */
    if (decoy >= 0 && bind(decoy, &own->any, endpoint_len(own)) == 0 &&
        getsockname(decoy, &own->any, &len) == 0 &&
        connect(fd, &own->any, endpoint_len(own)) == 0 &&
        getsockname(fd, &other.any, &other_len) == 0 && connect(decoy, &other.any, other_len) == 0)
        return decoy;
    if (decoy >= 0)
        close(decoy);
    return -1;
}

bool decoy_connect(const struct request *request, int fd, union endpoint *own,
                   const struct target *to)
{
    const struct scope *scope = request_scope(request);
    struct decoy *decoy = scope->reported->datagram ? NULL : malloc(sizeof(*decoy));
    if (!decoy)
        return false;
    pid_t pid = caller_process(&request->caller);
    *decoy = (struct decoy){
        .watch = {.fd = pair_up(fd, own), .ready = deceived},
        .supervisor = request->supervisor,
        .scope = scope,
        .pid = pid > 0 ? pid : request->call.tid,
        .number = (int)request->call.args[0],
        .cookie = socket_cookie(fd),
        .to = *to,
    };
    bool paired = decoy->watch.fd >= 0;
    if (!paired || !caller_may_keep(decoy->watch.fd) ||
        !loop_watch(&request->supervisor->loop, &decoy->watch, EPOLLIN)) {
        end(decoy);
        return paired; /* without anybody to listen, a closed port as good as any */
    }
    if (decoys[next_decoy])
        end(decoys[next_decoy]);
    decoys[next_decoy] = decoy;
    next_decoy = (next_decoy + 1) % DECOYS_MAX;
    return true;
}
