/* SPDX-License-Identifier: MIT
 * spawn COUNT PROGRAM [ARG...]: run it COUNT times, one after the other, and print the wall time of
 * one run. */
#include <err.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(2, "usage: spawn COUNT PROGRAM [ARG...]");
    int count = atoi(argv[1]);
    double before = wall();
    for (int i = 0; i < count; i++) {
        pid_t child;
        int status;
        if (posix_spawnp(&child, argv[2], NULL, NULL, argv + 2, environ))
            errx(1, "%s: cannot be started", argv[2]);
        if (waitpid(child, &status, 0) != child || status != 0)
            errx(1, "%s: failed", argv[2]);
    }
    printf("wall=%.9f\n", (wall() - before) / count);
}
