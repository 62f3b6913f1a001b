/* SPDX-License-Identifier: MIT
 * What a program believes to have in its epoll sets while a connect is under way: kept here, and
 * carried out when that ends. */
#ifndef SOCKSIFY_CLI_SUPERVISE_REGISTRATION_H
#define SOCKSIFY_CLI_SUPERVISE_REGISTRATION_H

#include "cli/supervise/caller.h"

#include <stdbool.h>
#include <sys/epoll.h>

struct epoll_set;

struct registration {
    struct registration *next;
    int set_number;        /* the program's descriptor of the set */
    struct epoll_set *set; /* the same */
    int number;            /* the program's descriptor of the socket */
    struct epoll_event event;
};

/* The place in a list where that registration stands, or where the list ends. */
struct registration **registration_find(struct registration **list, int set_number, int number);

/* Add one; the caller's set is taken. 0, or the errno that epoll_ctl(2) would give; fd is ours of
 * the socket. */
int registration_add(struct registration **list, const struct caller *caller, int set_number,
                     int number, int fd, const struct epoll_event *event);

void registration_remove(struct registration **at);

/* Add those that the kernel has under that number of the caller's, in whichever of its sets
 * (proc(5), fdinfo). */
void registration_collect(struct registration **list, const struct caller *caller, int number,
                          int fd);

/* Carry all of them out for the socket fd, and empty the list. */
void registration_restore(struct registration **list, int fd);

#endif
