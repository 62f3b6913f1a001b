/* SPDX-License-Identifier: MIT
 * What becomes of datagrams: DNS goes to the responder of this process, this host is free, all else
 * needs the configuration's leave (`udp direct`). Decided where an address is given: at connect(2),
 * sendto(2) and its kin. */
#ifndef SOCKSIFY_PRELOAD_DATAGRAM_H
#define SOCKSIFY_PRELOAD_DATAGRAM_H

#include "core/endpoint.h"
#include "core/target.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * connect(2) on a socket that is not TCP. Sends nothing, so it succeeds even where sending is not
 * allowed: programs connect a datagram socket to learn their own address, and they do learn it.
 */
int datagram_connect(int fd, const struct sockaddr *addr, socklen_t len, const struct target *to);

/* copy is a new number for what fd stands for. */
void datagram_copied(int fd, int copy);

/* Whether the socket may be made a member of a multicast group (its port does not matter): the
 * kernel tells the neighbours of each. False with errno. */
bool datagram_may_join(int fd, const struct target *group);

/* What sendto(2) is to do with an address. */
enum passage {
    PASSAGE_FREE,       /* as it is */
    PASSAGE_REDIRECTED, /* to another address */
    PASSAGE_REFUSED,    /* nothing is sent; errno says why */
    PASSAGE_CONNECT,    /* MSG_FASTOPEN: a connect(2), then a send(2) */
};

struct redirect {
    union endpoint addr;
    socklen_t len;
};

/* addr is what the program gave with its data; NULL for a connected socket. */
enum passage datagram_passage(int fd, const struct sockaddr *addr, socklen_t len, int flags,
                              struct redirect *redirect);

/* How many descriptors datagram_connect has marked: the one word that a send without an address
 * looks at. */
extern uint32_t datagram_marks;

static inline bool datagram_any(void)
{
    return __builtin_expect(__atomic_load_n(&datagram_marks, __ATOMIC_RELAXED) != 0, 0);
}

/* A received datagram's source, as the kernel wrote it: the responder's address becomes that of the
 * name server which the program asked. room is what the program has for it. */
void datagram_restore_source(struct sockaddr *addr, socklen_t room, socklen_t *len);

#endif
