/* SPDX-License-Identifier: MIT
 * Message headers (struct msghdr, with its pieces and control messages) in a caller's memory, in
 * the layout of its architecture. Each is read once; what is used afterwards is the copy. */
#ifndef SOCKSIFY_CLI_SUPERVISE_MESSAGE_H
#define SOCKSIFY_CLI_SUPERVISE_MESSAGE_H

#include "cli/supervise/caller.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    MESSAGE_DATA_MAX = 65536,    /* no datagram holds more */
    MESSAGE_CONTROL_MAX = 20480, /* what the kernel takes by default (net.core.optmem_max) */
    MESSAGE_PIECES_MAX = 1024,   /* UIO_MAXIOV */
};

/* A msghdr; addresses are the caller's. */
struct message {
    uint64_t name;
    int32_t name_len;
    uint64_t pieces; /* struct iovec[piece_count] */
    uint64_t piece_count;
    uint64_t control;
    uint64_t control_len;
    uint32_t flags;
};

struct piece {
    uint64_t at;
    uint64_t len;
};

/* A name as sendto(2) and sendmsg(2) take it. */
struct message_name {
    socklen_t len; /* 0: none */
    struct sockaddr_storage addr;
};

/* Octets of a struct mmsghdr, and where its msg_len stands in it. Its msghdr is at the start. */
size_t message_stride(bool is_compat);
size_t message_len_offset(bool is_compat);

/* The functions below give 0, or the errno that the kernel would give. */

int message_read(const struct caller *caller, bool is_compat, uint64_t at, struct message *message);

/* Write back what recvmsg(2) changes of a header: name_len, control_len and flags. */
int message_write(const struct caller *caller, bool is_compat, uint64_t at,
                  const struct message *message);

/* The name of a message that is to be sent; longer than any address there is, it is cut. */
int message_read_name(const struct caller *caller, const struct message *message,
                      struct message_name *name);

/* Its pieces, and the sum of their lengths. */
int message_read_pieces(const struct caller *caller, bool is_compat, const struct message *message,
                        struct piece pieces[static MESSAGE_PIECES_MAX], uint64_t *total);

/* Copy len octets (no more than the pieces hold) between the pieces, in order, and a buffer. */
int message_gather(const struct caller *caller, const struct piece *pieces, void *into, size_t len);
int message_scatter(const struct caller *caller, const struct piece *pieces, const void *from,
                    size_t len);

/*
 * Control messages that are to be sent, in our own layout. *len: in, the buffer's size; out, the
 * octets in use. The buffer is aligned like a struct cmsghdr.
 */
int message_read_control(const struct caller *caller, bool is_compat, const struct message *message,
                         void *into, size_t *len);

/*
 * Write len octets of received control messages in the caller's layout, set message->control_len,
 * and MSG_CTRUNC in message->flags where there was not room for all.
 */
int message_write_control(const struct caller *caller, bool is_compat, struct message *message,
                          const void *from, size_t len);

#endif
