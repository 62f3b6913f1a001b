/* SPDX-License-Identifier: MIT
 * Messages of sendmsg(2) with all that belongs to one, and words for what calls say. */
#ifndef SOCKSIFY_TESTS_ENVELOPE_H
#define SOCKSIFY_TESTS_ENVELOPE_H

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

/* A message with room for everything. */
struct envelope {
    union address name;
    char data[256];
    struct iovec piece;
    _Alignas(struct cmsghdr) char control[256];
    struct msghdr head;
};

static inline const char *outcome(long result)
{
    return result >= 0 ? "0" : strerrorname_np(errno);
}

static inline void say(const char *name, long result)
{
    printf("%s: %s\n", name, outcome(result));
}

static inline void must(bool fine, const char *what)
{
    if (!fine)
        err(2, "%s", what);
}

static inline void prepare(struct envelope *envelope, size_t len)
{
    memset(&envelope->head, 0, sizeof(envelope->head));
    envelope->piece = (struct iovec){envelope->data, len};
    envelope->head.msg_iov = &envelope->piece;
    envelope->head.msg_iovlen = 1;
}

static inline void prepare_to_receive(struct envelope *envelope)
{
    memset(envelope, 0, sizeof(*envelope));
    prepare(envelope, sizeof(envelope->data));
    envelope->head.msg_name = &envelope->name;
    envelope->head.msg_namelen = sizeof(envelope->name);
    envelope->head.msg_control = envelope->control;
    envelope->head.msg_controllen = sizeof(envelope->control);
}

static inline void attach(struct envelope *envelope, int level, int type, const void *data,
                          size_t len)
{
    envelope->head.msg_control = envelope->control;
    envelope->head.msg_controllen = CMSG_SPACE(len);
    struct cmsghdr *attached = CMSG_FIRSTHDR(&envelope->head);
    attached->cmsg_level = level;
    attached->cmsg_type = type;
    attached->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(attached), data, len);
}

static inline const void *attached(const struct envelope *envelope, int level, int type)
{
    struct msghdr head = envelope->head;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&head); at; at = CMSG_NXTHDR(&head, at))
        if (at->cmsg_level == level && at->cmsg_type == type)
            return CMSG_DATA(at);
    return NULL;
}

struct probe {
    const char *name;
    void (*run)(void);
};

/* main: PROBE; without arguments the names of the probes. */
static inline int probe_main(int argc, char **argv, const struct probe *probes, size_t count)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(20);
    for (size_t i = 0; i < count; i++) {
        if (argc < 2)
            puts(probes[i].name);
        else if (!strcmp(argv[1], probes[i].name)) {
            probes[i].run();
            return 0;
        }
    }
    return argc > 1 ? 2 : 0;
}

#endif
