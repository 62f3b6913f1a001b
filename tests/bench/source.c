/* SPDX-License-Identifier: MIT
 * source MEBIBYTES: a server that sends every client so much and closes. Prints its port; ends with
 * stdin. */
#include <arpa/inet.h>
#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char mebibyte[1 << 20];

static void *end_with_stdin(void *unused)
{
    char octet;
    while (read(STDIN_FILENO, &octet, 1) > 0)
        ;
    exit(0);
    return unused;
}

int main(int argc, char **argv)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t len = sizeof(any);
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (argc != 2)
        errx(2, "usage: source MEBIBYTES");
    if (listener < 0 || bind(listener, (struct sockaddr *)&any, len) || listen(listener, 8) ||
        getsockname(listener, (struct sockaddr *)&any, &len))
        err(1, "listen");
    signal(SIGPIPE, SIG_IGN);
    if (pthread_create(&thread, NULL, end_with_stdin, NULL))
        errx(1, "pthread_create");
    printf("%d\n", ntohs(any.sin_port));
    fflush(stdout);

    int fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        for (int left = atoi(argv[1]); left > 0; left--)
            if (send(fd, mebibyte, sizeof(mebibyte), 0) != sizeof(mebibyte))
                break;
        close(fd);
    }
    err(1, "accept");
}
