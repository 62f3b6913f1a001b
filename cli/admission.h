/* SPDX-License-Identifier: MIT
 * The server's side of a handshake, without I/O: SOCKS4, SOCKS4a and SOCKS5, with or without a
 * password. Fed with what has arrived, it says how much of that is a frame of its own, what to
 * answer, and in the end where the client wants to go. */
#ifndef SOCKSIFY_CLI_ADMISSION_H
#define SOCKSIFY_CLI_ADMISSION_H

#include "core/socks.h"
#include "core/target.h"

#include <stddef.h>
#include <stdint.h>

enum verdict {
    VERDICT_MORE,    /* the frame is not whole */
    VERDICT_NEXT,    /* that was one; the next may have arrived with it */
    VERDICT_REQUEST, /* `to` is to be connected to, and admission_reply then called */
    VERDICT_REFUSED, /* it is over; `words` says why */
};

/* Caller-owned, fixed size, no heap. */
struct admission {
    const char *user, *password; /* user NULL: nobody is asked */
    enum { AWAIT_GREETING, AWAIT_AUTH, AWAIT_REQUEST } awaits;
    uint8_t version; /* 4 or 5; 0 until it is known */
    struct target to;
    const char *words; /* static storage */
    size_t in_len;
    size_t out_len;
    uint8_t in[SOCKS4_REQUEST_MAX]; /* a frame that has come in part; SOCKS4's is the longest */
    uint8_t out[SOCKS5_REPLY_MAX];  /* the answer to the last frame, if out_len is not 0 */
};

/* user and password are borrowed until the end. */
void admission_init(struct admission *admission, const char *user, const char *password);

/* Where octets that have arrived are to be put, and how many fit: 1 at least. */
uint8_t *admission_room(struct admission *admission, size_t *size);

/*
 * len octets (1 to *size) were put there. *taken is how many of them belong to the frame; those
 * behind it are the next frame's or the target's and must be put again, or passed on.
 * Not to be called again after VERDICT_REQUEST or VERDICT_REFUSED.
 */
enum verdict admission_take(struct admission *admission, size_t len, size_t *taken);

/* Put the reply with that code (SOCKS5_*, translated for SOCKS4) in `out`; bound may be NULL. */
void admission_reply(struct admission *admission, uint8_t code, const struct target *bound);

#endif
