/* SPDX-License-Identifier: MIT
 * probe-dlmopen ADDRESS PORT: connect by a second C library, loaded into a namespace of its own,
 * where no preloaded library comes between. Prints "connect: " and the outcome. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        errx(2, "usage: probe-dlmopen ADDRESS PORT");
    to.sin_port = htons((uint16_t)atoi(argv[2]));

    void *other = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
    if (!other)
        errx(2, "%s", dlerror());
    int (*other_connect)(int, const struct sockaddr *, socklen_t);
    int *(*other_errno)(void);
    *(void **)&other_connect = dlsym(other, "connect");
    *(void **)&other_errno = dlsym(other, "__errno_location");
    if (!other_connect || !other_errno)
        errx(2, "%s", dlerror());
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int result = other_connect(fd, (struct sockaddr *)&to, sizeof(to));
    printf("connect: %s\n", result ? strerrorname_np(*other_errno()) : "0");
    return result != 0;
}
