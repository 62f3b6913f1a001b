/* SPDX-License-Identifier: MIT
 * Capabilities as the kernel tells them: of linux/capability.h what is needed, since not every C
 * library comes with the kernel's headers. */
#ifndef SOCKSIFY_CORE_CAPABILITY_H
#define SOCKSIFY_CORE_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CAPABILITY_WORDS = 2,
    CAPABILITY_VERSION = 0x20080522,
    CAPABILITY_FILE_EFFECTIVE = 1, /* in capability_file's magic */
    CAPABILITY_SYS_PTRACE = 19,
};

/* The attribute security.capability, little-endian; older versions of it are shorter. */
struct capability_file {
    uint32_t magic;
    struct {
        uint32_t permitted, inheritable;
    } word[CAPABILITY_WORDS];
    uint32_t root;
};

struct capability_header {
    uint32_t version;
    int pid; /* 0: this one */
};

struct capability_word {
    uint32_t effective, permitted, inheritable;
};

/* capget(2): exported by libc, declared by no header of it. */
int capget(struct capability_header *header, struct capability_word *words);

#endif
