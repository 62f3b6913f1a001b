/* SPDX-License-Identifier: MIT
 * The libc calls that core makes and preload interposes, under names that nobody interposes.
 *
 * core/sys.c is the plain implementation, for the wrapper and the tests; the preload library links
 * preload/real.c in its place, which calls the libc functions behind its own exported ones.
 * Contracts are those of the man pages. A call that preload never interposes needs no name here.
 */
#ifndef SOCKSIFY_CORE_SYS_H
#define SOCKSIFY_CORE_SYS_H

#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

int sys_connect(int fd, const struct sockaddr *addr, socklen_t len);
int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
ssize_t sys_send(int fd, const void *buf, size_t len, int flags);
ssize_t sys_recv(int fd, void *buf, size_t len, int flags);
int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int sys_close(int fd);
int sys_dup3(int fd, int to, int flags);
ssize_t sys_read(int fd, void *buf, size_t len);
ssize_t sys_write(int fd, const void *buf, size_t len);
int sys_socket(int domain, int type, int protocol);
/* argument: an int or a pointer, whichever the command takes; 0 when it takes none. */
int sys_fcntl(int fd, int command, uintptr_t argument);
enum { SYS_RENAME_NOREPLACE = 1 }; /* the kernel's; not every C library has its function */

/* Rename a file, but never to a name that there is already (EEXIST). */
int sys_rename_new(const char *from, const char *to);
int sys_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                    struct addrinfo **list);
void sys_freeaddrinfo(struct addrinfo *list);

/* A close-on-exec socket that the program must not reach when it closes, duplicates or counts its
 * descriptors. */
int sys_own_socket(int domain, int type, int protocol);
void sys_own_close(int fd); /* of those; -1 is ignored; keeps errno */

/* Nobody interposes these two, but of libc they would be the only functions of their versions, and
 * the loader's look for a version is dear (preload/kernel.h). */
ssize_t sys_fgetxattr(int fd, const char *name, void *value, size_t size);
ssize_t sys_getrandom(void *buf, size_t len, unsigned flags);

#endif
