/* SPDX-License-Identifier: MIT
 * The hosts file (hosts(5)): names that stand in it are answered from it, never sent to a proxy or
 * a name server. Parsed once into a hashed table and read again when the file changes. */
#ifndef SOCKSIFY_CORE_HOSTS_H
#define SOCKSIFY_CORE_HOSTS_H

#include <stddef.h>
#include <stdint.h>

struct hosts_table;

/* Caller-owned; start value {.path = "/etc/hosts"}. */
struct hosts {
    const char *path;          /* borrowed for ever */
    struct hosts_table *table; /* private, atomic: the newest snapshot */
    uint32_t checked_ms;       /* private, atomic: when the file was last looked at */
    unsigned readers;          /* private, atomic: how many are inside hosts_find */
};

struct hosts_address {
    int family;        /* AF_INET or AF_INET6 */
    uint8_t bytes[16]; /* 4 or 16 of them, network order */
};

/*
 * All addresses of a name (in the form of struct target: lower case, no trailing dot), in the
 * file's order, at most max of them, and the canonical name of its first line. Returns their
 * number; 0 when the name does not stand in the file (canonical is then untouched). localhost and
 * every name below it that the file lacks is 127.0.0.1 and ::1.
 *
 * The file is looked at again at most once a second. Lock-free, without malloc; a missing or
 * unreadable file is an empty one, a malformed line is skipped.
 */
size_t hosts_find(struct hosts *hosts, const char *name, size_t len, struct hosts_address *list,
                  size_t max, char canonical[static 256]);

#endif
