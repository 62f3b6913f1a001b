/* SPDX-License-Identifier: MIT
 * Connects under way: each an attempt on a socket of the program's, with the calls that wait for
 * its end and the epoll registrations that are kept back until then. */
#ifndef SOCKSIFY_CLI_SUPERVISE_TUNNELS_H
#define SOCKSIFY_CLI_SUPERVISE_TUNNELS_H

#include "cli/supervise/errand.h"
#include "cli/supervise/process.h"
#include "cli/supervise/registration.h"
#include "cli/supervise/supervisor.h"
#include "core/attempt.h"
#include "core/endpoint.h"
#include "core/route.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* A call that is answered when the tunnel ends. */
struct waiter {
    struct waiter *next;
    struct call call; /* a connect gets the outcome; any other is dispatched anew */
};

struct tunnels;

struct tunnel {
    struct tunnel *prev, *next; /* private, as all down to registrations */
    LIST_ENTRY(tunnel) bucket;  /* those whose cookies have the same hash */
    struct tunnels *tunnels;
    struct watch watch;      /* of the socket */
    struct watch thread;     /* of the caller, when it waits: its fd is borrowed; -1: none */
    struct process *process; /* of the caller, when it does not wait; NULL: none */
    struct errand errand;
    bool is_on_errand, is_abandoned;
    int64_t check_ms; /* when to see whether anybody still wants it */
    struct waiter *waiters;
    struct registration *registrations;

    /* Set by whoever begins it. */
    struct supervisor *supervisor;
    struct attempt attempt; /* its fd is ours, and owned */
    const struct scope *scope;
    struct caller caller; /* owned; of one that does not wait, its process */
    uint64_t cookie;
    int number;             /* the caller's descriptor */
    union endpoint address; /* as the program gave it */
    bool waits;             /* the socket is a blocking one */
    bool is_unheard;        /* the call that was answered EINPROGRESS comes again */
    bool may_go_on;         /* a deadline ends the waiting only, with EINPROGRESS: SO_SNDTIMEO */
    void *data;             /* malloc'ed; MSG_FASTOPEN: to be sent at the end */
    size_t data_len;
    int send_flags;
};

struct tunnels *tunnels_new(struct supervisor *supervisor);

bool tunnels_any(const struct tunnels *tunnels);

/* The tunnel that is under way on a socket; NULL: none. */
struct tunnel *tunnels_find(const struct tunnels *tunnels, uint64_t cookie);

/* The descriptors of the tunnels under way, in any process, folded into a set of bits: false
 * positives are few. */
enum { TUNNEL_NUMBERS_WORDS = 64 };
struct tunnel_numbers {
    uint64_t words[TUNNEL_NUMBERS_WORDS];
};

void tunnels_numbers(const struct tunnels *tunnels, struct tunnel_numbers *numbers);
bool tunnel_numbers_may_have(const struct tunnel_numbers *numbers, int number);

/*
 * Whether the program may have been told already that its socket is ready: whoever waited for it in
 * poll(2) or select(2) before the connect, or passes a mask of signals, hears from the kernel that
 * it is writable as soon as the proxy has accepted the connection. A program that registered it
 * with epoll is told at the right time, and one that waits in connect(2) is not told at all.
 */
bool tunnel_seems_ready(const struct tunnel *tunnel);

/*
 * Begin: tunnel is malloc'ed and taken over. call is answered: now (EINPROGRESS, or a failure at
 * once), or at the end. What has to be looked up first (a proxy by name, a target that goes direct
 * or to a SOCKS4 proxy) is an errand.
 */
void tunnels_begin(struct tunnels *tunnels, struct tunnel *tunnel, const struct call *call);

/* Have a call answered at the end of a tunnel. */
void tunnel_await(struct tunnel *tunnel, const struct call *call);

/* Give it up. The socket is left as it is. Calls that wait get ECONNABORTED. */
void tunnel_cancel(struct tunnel *tunnel);

/* Give it up as connect(2) to AF_UNSPEC does. */
void tunnel_dissolve(struct tunnel *tunnel);

/* The program may have closed the socket just now: look soon. */
void tunnel_check_soon(struct tunnel *tunnel);

#endif
