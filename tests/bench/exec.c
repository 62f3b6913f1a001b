/* SPDX-License-Identifier: MIT
 * exec COUNT VARIABLES PROGRAM: what execve(2) costs a vforked child with so many variables in its
 * environment: by the system call itself, by the function, and by the function with an environment
 * that was made anew. In turn; medians until the program has taken the child's place, in
 * microseconds. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COUNT_MAX = 100000 };

extern char **environ;

static double wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Past everything that could be interposed, syscall(2) included. */
static void raw_execve(const char *program, char **argv, char **envp)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_execve), "D"(program), "S"(argv), "d"(envp)
                     : "rcx", "r11", "memory");
    (void)result;
#else
    syscall(SYS_execve, program, argv, envp);
#endif
}

static double run(const char *program, char **envp, int by_system_call)
{
    char *argv[] = {(char *)program, NULL};
    double before = wall_us();
    pid_t child = vfork();
    if (child == 0) {
        if (by_system_call)
            raw_execve(program, argv, envp);
        else
            execve(program, argv, envp);
        _exit(127);
    }
    double took = wall_us() - before;
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        errx(1, "%s: failed", program);
    return took;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[count / 2];
}

/* Variables of a middling length, and then those of ours, unless it is made anew. */
static char **make_environment(size_t count, int anew)
{
    size_t ours = 0;
    while (environ[ours])
        ours++;
    char **envp = calloc(count + ours + 1, sizeof(*envp));
    for (size_t i = 0; i < count; i++)
        if (asprintf(&envp[i], "SOME_VARIABLE_%zu=of a length that is quite usual", i) < 0)
            err(1, "asprintf");
    for (size_t i = 0; !anew && i < ours; i++)
        envp[count + i] = environ[i];
    return envp;
}

int main(int argc, char **argv)
{
    static double times[3][COUNT_MAX];
    if (argc != 4)
        errx(2, "usage: exec COUNT VARIABLES PROGRAM");
    int count = atoi(argv[1]);
    if (count < 1 || count > COUNT_MAX)
        errx(2, "%s: expected 1 to %d", argv[1], COUNT_MAX);
    char **whole = make_environment((size_t)atoi(argv[2]), 0);
    char **anew = make_environment((size_t)atoi(argv[2]), 1);
    for (int i = 0; i < count; i++) {
        times[0][i] = run(argv[3], whole, 1);
        times[1][i] = run(argv[3], whole, 0);
        times[2][i] = run(argv[3], anew, 0);
    }
    printf("system_call=%.1f function=%.1f anew=%.1f\n", median(times[0], count),
           median(times[1], count), median(times[2], count));
}
