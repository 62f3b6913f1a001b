/* SPDX-License-Identifier: MIT
 * Registrations in the program's epoll sets, made by another process. */
#include "cli/supervise/registration.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- Sets --- */

/* A program's, with a descriptor of ours: most programs have one set for all their sockets, and
 * there may be thousands of these. */
struct epoll_set {
    int fd;
    unsigned registrations;
};

static struct epoll_set *latest_set;

static bool is_latest_set(const struct caller *caller, int number)
{
    return latest_set &&
           syscall(SYS_kcmp, getpid(), caller->tid, KCMP_FILE, latest_set->fd, number) == 0;
}

/* Any operation tells: that a descriptor is not in the set yet, or that the set is none. */
static bool is_epoll_set(int set, int fd)
{
    return epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == 0 || errno == ENOENT;
}

static int new_set(const struct caller *caller, int number, int fd)
{
    int set = caller_take(caller, number);
    if (set < 0)
        return errno;
    int error = !is_epoll_set(set, fd) ? EINVAL : !caller_may_keep(set) ? ENOSPC : 0;
    struct epoll_set *made = error == 0 ? malloc(sizeof(*made)) : NULL;
    if (!made) {
        caller_give_back(set);
        return error ? error : ENOMEM;
    }
    *made = (struct epoll_set){.fd = set};
    latest_set = made;
    return 0;
}

static void drop_set(struct epoll_set *set)
{
    if (--set->registrations > 0)
        return;
    if (latest_set == set)
        latest_set = NULL;
    close(set->fd);
    free(set);
}

/* --- Lists --- */

struct registration **registration_find(struct registration **list, int set_number, int number)
{
    while (*list && ((*list)->set_number != set_number || (*list)->number != number))
        list = &(*list)->next;
    return list;
}

int registration_add(struct registration **list, const struct caller *caller, int set_number,
                     int number, int fd, const struct epoll_event *event)
{
    struct registration **at = registration_find(list, set_number, number);
    if (*at)
        return EEXIST;
    struct registration *added = malloc(sizeof(*added));
    int error = !added                              ? ENOMEM
                : is_latest_set(caller, set_number) ? 0
                                                    : new_set(caller, set_number, fd);
    if (error != 0) {
        free(added);
        return error;
    }
    latest_set->registrations++;
    *added = (struct registration){
        .set_number = set_number, .set = latest_set, .number = number, .event = *event};
    *at = added;
    return 0;
}

void registration_remove(struct registration **at)
{
    struct registration *gone = *at;
    *at = gone->next;
    drop_set(gone->set);
    free(gone);
}

/* --- Those that the kernel has --- */

static bool is_epoll_link(int directory, const char *name)
{
    char link[64];
    ssize_t len = readlinkat(directory, name, link, sizeof(link));
    return len > 0 && memmem(link, (size_t)len, "[eventpoll]", strlen("[eventpoll]")) != NULL;
}

/* "tfd:       7 events: 8000201d data: 7f1bd4003ab8  pos:0 ino:... sdev:..." for each. */
static void collect_set(struct registration **list, const struct caller *caller, int set_number,
                        int number, int fd)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)caller->tid, set_number);
    FILE *info = fopen(path, "re");
    while (info && fgets(line, sizeof(line), info)) {
        int registered;
        uint32_t events;
        uint64_t data;
        if (sscanf(line, "tfd: %d events: %" SCNx32 " data: %" SCNx64, &registered, &events,
                   &data) != 3 ||
            registered != number)
            continue;
        const struct epoll_event event = {.events = events, .data.u64 = data};
        registration_add(list, caller, set_number, number, fd, &event);
    }
    if (info)
        fclose(info);
}

void registration_collect(struct registration **list, const struct caller *caller, int number,
                          int fd)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)caller->tid);
    DIR *directory = opendir(path);
    for (const struct dirent *entry; directory && (entry = readdir(directory));)
        if (is_epoll_link(dirfd(directory), entry->d_name))
            collect_set(list, caller, (int)strtol(entry->d_name, NULL, 10), number, fd);
    if (directory)
        closedir(directory);
}

/* --- The end --- */

/* As the program itself would have: with the number that the socket has there. */
static void enter(int set, int number, struct epoll_event *event)
{
    if (epoll_ctl(set, EPOLL_CTL_ADD, number, event) != 0 && errno == EEXIST)
        epoll_ctl(set, EPOLL_CTL_MOD, number, event);
}

/* A registration belongs to a number, too, so the socket has to have the program's here, for a
 * moment, whatever stands there. */
static void restore(struct registration *registration, int fd)
{
    int number = registration->number;
    if (number == fd) {
        enter(registration->set->fd, number, &registration->event);
        return;
    }
    int ours = fcntl(number, F_DUPFD_CLOEXEC, 0); /* -1: nothing stands there */
    if (ours < 0 && errno != EBADF)
        return; /* no descriptor is free: what stands there, perhaps the listener, is worth more */
    int set = registration->set->fd == number ? ours : registration->set->fd;
    if (dup3(fd, number, O_CLOEXEC) == number) {
        enter(set, number, &registration->event);
        if (ours >= 0)
            dup3(ours, number, O_CLOEXEC);
        else
            close(number);
    }
    if (ours >= 0)
        close(ours);
}

void registration_restore(struct registration **list, int fd)
{
    while (*list) {
        restore(*list, fd);
        registration_remove(list);
    }
}
