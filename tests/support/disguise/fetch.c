/* SPDX-License-Identifier: MIT
 * A library that connects: fetch(ADDRESS, PORT) prints the answer to GET /page. Built with
 * -DEARLY it does so, for $EARLY_ADDRESS, in a constructor. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int fetch(const char *address, const char *port);

int fetch(const char *address, const char *port)
{
    static const char request[] = "GET /page HTTP/1.0\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((in_port_t)strtoul(port, NULL, 10))};
    inet_pton(AF_INET, address, &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) ||
        write(fd, request, strlen(request)) < 0) {
        perror("fetch");
        return 1;
    }
    char answer[4096];
    for (ssize_t got; (got = read(fd, answer, sizeof(answer))) > 0;)
        fwrite(answer, 1, (size_t)got, stdout);
    fflush(stdout);
    close(fd);
    return 0;
}

#ifdef EARLY
static __attribute__((constructor)) void early(void)
{
    const char *address = getenv("EARLY_ADDRESS");
    if (address)
        fetch(address, "80");
}
#endif
