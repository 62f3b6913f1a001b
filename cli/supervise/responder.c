/* SPDX-License-Identifier: MIT
 * The name server's addresses (seats), and the questions that come there by datagram. */
#include "cli/supervise/responder.h"

#include "cli/supervise/dns_clients.h"
#include "cli/supervise/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH_MAX = 64, /* questions that came to one seat before the others' turn */
    BACKLOG = 64,
    BUFFER_SIZE = 1 << 20, /* of a seat: a thousand questions */
    ANSWER_MAX = 4096,     /* what is longer is cut short, and asked for over TCP */
};

/* One address of ours. */
struct seat {
    struct watch watch; /* fd -1: free */
    struct responder *responder;
    struct asker asker; /* the last one */
    union endpoint ours;
    uint64_t generation; /* how often it was given to another name server */
    uint64_t used;       /* when it was asked for last, in the responder's own time */
};

struct responder {
    struct loop *loop;
    struct questions *questions;
    struct dns_clients *clients;
    struct seat seats[RESPONDER_SEATS];
    size_t seat_count; /* those before were used at least once */
    uint64_t now;      /* counts what seats are asked for */
    bool is_used;
};

/* --- Datagrams --- */

/* Where an answer goes that the network takes its time for. */
struct sender {
    struct seat *seat;
    uint64_t generation;
    union endpoint from;
};

static void send_answer(const struct seat *seat, const union endpoint *to, const uint8_t *answer,
                        size_t len)
{
    if (len > 0)
        sendto(seat->watch.fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL, &to->any,
               endpoint_len(to));
}

static void network_answered(void *owner, const uint8_t *answer, size_t len)
{
    struct sender *sender = owner;
    if (sender->seat->generation == sender->generation)
        send_answer(sender->seat, &sender->from, answer, len);
    free(sender);
}

static void answer_datagram(struct seat *seat, const union endpoint *from, const uint8_t *query,
                            size_t len)
{
    uint8_t answer[ANSWER_MAX];
    size_t answer_len;
    struct question *under_way;
    struct sender *sender = malloc(sizeof(*sender));
    if (!sender)
        return; /* as if it had been lost on the way */
    *sender = (struct sender){.seat = seat, .generation = seat->generation, .from = *from};
    if (!question_answer(seat->responder->questions, &seat->asker, query, len, answer,
                         sizeof(answer), &answer_len, network_answered, sender, &under_way))
        return;
    send_answer(seat, from, answer, answer_len);
    free(sender);
}

static void datagrams_ready(struct watch *watch, uint32_t events)
{
    struct seat *seat = HOLDER_OF(watch, struct seat, watch);
    (void)events;
    for (int i = 0; i < BATCH_MAX; i++) {
        uint8_t query[QUESTION_MAX];
        union endpoint from = {0};
        socklen_t from_len = sizeof(from);
        ssize_t len = recvfrom(watch->fd, query, sizeof(query), MSG_DONTWAIT, &from.any, &from_len);
        if (len < 0)
            return;
        answer_datagram(seat, &from, query, (size_t)len);
    }
}

static void clients_ready(struct watch *watch, uint32_t events)
{
    struct seat *seat = HOLDER_OF(watch, struct seat, watch);
    (void)events;
    /* Without a descriptor it would be ready for ever: it rests until the seat is asked for. */
    if (!dns_clients_accept(seat->responder->clients, watch->fd, &seat->asker))
        loop_unwatch(seat->responder->loop, watch);
}

/* --- Seats --- */

/* Whether an address of ours can be said by the socket that asks. */
static bool suits(const struct seat *seat, int family, bool ipv6_only)
{
    return seat->ours.any.sa_family == (family == AF_INET6 && ipv6_only ? AF_INET6 : AF_INET);
}

static struct seat *find_seat(struct responder *responder, const struct asker *asker, int family,
                              bool ipv6_only)
{
    for (size_t i = 0; i < responder->seat_count; i++) {
        struct seat *seat = &responder->seats[i];
        if (seat->watch.fd >= 0 && seat->asker.tcp == asker->tcp &&
            seat->asker.scope == asker->scope && suits(seat, family, ipv6_only) &&
            endpoint_equal(&seat->asker.nameserver, &asker->nameserver))
            return seat;
    }
    return NULL;
}

/* A seat that is free, or has to be: the one that was asked for longest ago. */
static struct seat *vacate_seat(struct responder *responder)
{
    if (responder->seat_count < RESPONDER_SEATS) {
        struct seat *seat = &responder->seats[responder->seat_count++];
        seat->watch.fd = -1;
        return seat;
    }
    struct seat *oldest = responder->seats;
    for (struct seat *seat = oldest + 1; seat < responder->seats + RESPONDER_SEATS; seat++)
        if (seat->used < oldest->used)
            oldest = seat;
    loop_close(responder->loop, &oldest->watch);
    oldest->generation++;
    return oldest;
}

/* As much as this process may: what finds no room is asked again only seconds later. */
static void make_room(int fd)
{
    static const int size = BUFFER_SIZE;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int bind_seat(union endpoint *ours, bool ipv6, bool tcp)
{
    socklen_t len = sizeof(*ours);
    memset(ours, 0, sizeof(*ours));
    ours->any.sa_family = ipv6 ? AF_INET6 : AF_INET;
    if (ipv6)
        ours->in6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    else
        ours->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int type = tcp ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(ours->any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (!tcp)
        make_room(fd);
    if (bind(fd, &ours->any, endpoint_len(ours)) == 0 && getsockname(fd, &ours->any, &len) == 0 &&
        (!tcp || listen(fd, BACKLOG) == 0))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static struct seat *add_seat(struct responder *responder, const struct asker *asker, bool ipv6)
{
    struct seat *seat = vacate_seat(responder);
    seat->responder = responder;
    seat->asker = *asker;
    seat->used = 0; /* the first to be vacated, should this fail */
    seat->watch = (struct watch){.fd = bind_seat(&seat->ours, ipv6, asker->tcp),
                                 .ready = asker->tcp ? clients_ready : datagrams_ready};
    return seat->watch.fd >= 0 ? seat : NULL;
}

bool responder_for(struct responder *responder, const struct scope *scope, pid_t asker,
                   const union endpoint *nameserver, int family, bool ipv6_only, bool tcp,
                   union endpoint *instead)
{
    const struct asker who = {.scope = scope, .tid = asker, .nameserver = *nameserver, .tcp = tcp};
    struct seat *seat = find_seat(responder, &who, family, ipv6_only);
    if (!seat)
        seat = add_seat(responder, &who, family == AF_INET6 && ipv6_only);
    if (!seat || !loop_watch(responder->loop, &seat->watch, EPOLLIN))
        return false;
    seat->asker.tid = asker;
    seat->used = ++responder->now;
    responder->is_used |= !tcp;
    errno = EAFNOSUPPORT; /* for a family that can say no address of ours */
    return endpoint_for_family(&seat->ours, family, instead) > 0;
}

bool responder_original(const struct responder *responder, const union endpoint *instead,
                        union endpoint *nameserver)
{
    for (size_t i = 0; i < responder->seat_count; i++) {
        const struct seat *seat = &responder->seats[i];
        /* sin6_port lies at the same place, and tells nearly all of them apart. */
        if (seat->watch.fd >= 0 && seat->ours.in.sin_port == instead->in.sin_port &&
            endpoint_equal(&seat->ours, instead)) {
            *nameserver = seat->asker.nameserver;
            return true;
        }
    }
    return false;
}

bool responder_is_used(const struct responder *responder)
{
    return responder->is_used;
}

struct responder *responder_new(struct supervisor *supervisor)
{
    struct responder *responder = calloc(1, sizeof(*responder));
    if (!responder)
        return NULL;
    responder->loop = &supervisor->loop;
    responder->questions = questions_new(supervisor->errands);
    if (responder->questions)
        responder->clients = dns_clients_new(responder->loop, responder->questions);
    if (responder->clients)
        return responder;
    free(responder->questions);
    free(responder);
    return NULL;
}
