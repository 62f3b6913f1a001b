/* SPDX-License-Identifier: MIT
 * The supervisor: a process beside the program that answers the system calls which the filter sends
 * it, all from one thread, none of them by waiting. */
#ifndef SOCKSIFY_CLI_SUPERVISE_SUPERVISOR_H
#define SOCKSIFY_CLI_SUPERVISE_SUPERVISOR_H

#include "cli/loop.h"
#include "cli/supervise/call.h"
#include "cli/supervise/caller.h"
#include "core/hosts.h"
#include "core/scope.h"

#include <stdbool.h>
#include <stdint.h>

struct supervisor {
    struct loop loop;
    struct watch listener; /* its fd is the filter's listener */
    struct names *names;
    struct hosts hosts;
    struct programs *programs;   /* configurations, by program */
    struct tunnels *tunnels;     /* connects under way */
    struct peers *peers;         /* whom sockets were connected to, by cookie */
    struct responder *responder; /* the name server for programs that ask one themselves */
    struct errands *errands;     /* what may take its time */
    bool is_over;                /* no process is left under the filter */
};

/*
 * Supervise until no process is left under the filter. Does not return before; then an exit status.
 * listener, and everything else open in this process, is ours.
 */
int supervisor_run(int listener);

/*
 * A call being answered: who, what, and under which configuration. Lives on the stack of the
 * dispatcher; a handler that cannot answer at once copies what it needs (struct hold).
 */
struct request {
    struct supervisor *supervisor;
    struct call call;
    struct caller caller;
};

/* Each answers the call, or sees to it that it is answered later (held). */
void on_connect(struct request *request);     /* connect.c */
void on_getpeername(struct request *request); /* peer.c */
void on_getsockopt(struct request *request);  /* readiness.c */
void on_epoll_ctl(struct request *request);   /* readiness.c */
void on_poll(struct request *request);        /* poll.c: select(2), too */
void on_setsockopt(struct request *request);  /* setsockopt.c */
void on_sendto(struct request *request);      /* send.c, as the next two */
void on_sendmsg(struct request *request);
void on_sendmmsg(struct request *request);
void on_recvfrom(struct request *request); /* receive.c, as the next two */
void on_recvmsg(struct request *request);
void on_recvmmsg(struct request *request);

/* Shorthands. False when nobody heard it: a signal ended the call meanwhile, which the kernel makes
 * anew where the program's handler allows it. */
bool request_answer(const struct request *request, int64_t value); /* or minus an errno */
void request_pass(const struct request *request);

/*
 * The caller's socket: a descriptor of ours, for caller_give_back. -1 after answering the call
 * with what the kernel would say of a bad one (EBADF, ENOTSOCK), or EACCES and a message for a
 * program that cannot be looked into.
 */
int request_take_socket(const struct request *request);

/* The configuration and names of the caller's program. Never NULL; scope->config may be. */
const struct scope *request_scope(const struct request *request);

/* Answer a call that was held, as if it came now. */
void supervisor_dispatch(struct supervisor *supervisor, const struct call *call);

/* Messages from here on are about this thread's program, and go to its stderr (or the log file);
 * NULL: about nobody's. For this thread of ours alone. The dispatcher does it for each call;
 * whoever goes on later (a timer, an event) does it again. The caller must stay open until the next
 * time. */
void supervisor_speak_for(const struct caller *caller);

/* SO_COOKIE: which socket it is, whatever its number; 0 for none. */
uint64_t socket_cookie(int fd);

#endif
