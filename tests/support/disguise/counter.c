/* SPDX-License-Identifier: MIT
 * Another library to preload: it says on standard error whereto connect(2) is called, and calls the
 * next connect. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int (*next)(int, const struct sockaddr *, socklen_t) =
        (__typeof__(next))dlsym(RTLD_NEXT, "connect");
    char text[INET_ADDRSTRLEN];
    if (addr->sa_family == AF_INET)
        fprintf(
            stderr, "connect %s\n",
            inet_ntop(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, text, sizeof(text)));
    return next(fd, addr, len);
}
