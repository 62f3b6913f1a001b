/* SPDX-License-Identifier: MIT
 * probe-exec [-k] [-n COUNT] [-r TIMES] [-t | -v] HOW PROGRAM [ARG...]: start a program with an
 * empty environment (or with COUNT variables of no interest), by one of the functions below, in
 * this process, or in (-v) the child of a vfork, or in (-t) a thread with the smallest stack that
 * there may be; -r: so many times. Where a function takes no environment, the process's own one is
 * cleared first; -k keeps it instead. Prints "HOW: E..." when it fails. The exit status is the
 * program's.
 *
 * With -r the address space is looked at, too: "grown: N" says by how many mappings. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 8 };

static char **words; /* PROGRAM ARG..., closed by NULL */
static char **envp;

/* --- The functions: each returns errno, or 0 with *status of the program --- */

static int by_execve(int *status)
{
    (void)status;
    execve(*words, words, envp);
    return errno;
}

static int by_execv(int *status)
{
    (void)status;
    execv(*words, words);
    return errno;
}

static int by_execvp(int *status)
{
    (void)status;
    execvp(*words, words);
    return errno;
}

static int by_execvpe(int *status)
{
    (void)status;
    execvpe(*words, words, envp);
    return errno;
}

/* NULL among the arguments ends them, and what follows does no harm. */
#define LIST words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7]

static int by_execl(int *status)
{
    (void)status;
    execl(*words, LIST, (char *)NULL);
    return errno;
}

static int by_execlp(int *status)
{
    (void)status;
    execlp(*words, LIST, (char *)NULL);
    return errno;
}

/* The environment comes after the first NULL, so that the count of words matters. */
static int by_execle(int *status)
{
    (void)status;
    if (!words[1])
        execle(*words, words[0], (char *)NULL, envp);
    else if (!words[2])
        execle(*words, words[0], words[1], (char *)NULL, envp);
    else
        execle(*words, words[0], words[1], words[2], (char *)NULL, envp);
    return errno;
}

static int by_fexecve(int *status)
{
    (void)status;
    fexecve(open(*words, O_RDONLY | O_CLOEXEC), words, envp);
    return errno;
}

static int by_execveat(int *status)
{
    (void)status;
    execveat(open("/", O_PATH | O_CLOEXEC), *words + strspn(*words, "/"), words, envp, 0);
    return errno;
}

static int await(pid_t child, int *status)
{
    return waitpid(child, status, 0) == child ? 0 : errno;
}

static int by_posix_spawn(int *status)
{
    pid_t child;
    int error = posix_spawn(&child, *words, NULL, NULL, words, envp);
    return error ? error : await(child, status);
}

static int by_posix_spawnp(int *status)
{
    pid_t child;
    int error = posix_spawnp(&child, *words, NULL, NULL, words, envp);
    return error ? error : await(child, status);
}

/* Arguments joined by blanks, for a shell. */
static const char *command(void)
{
    static char line[4096];
    size_t len = 0;
    for (char **word = words; *word; word++)
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%s ", *word);
    return line;
}

static int by_system(int *status)
{
    *status = system(command());
    return *status == -1 ? errno : 0;
}

static int by_popen(int *status)
{
    FILE *stream = popen(command(), "r");
    if (!stream)
        return errno;
    for (int octet; (octet = getc(stream)) != EOF;)
        putchar(octet);
    fflush(stdout);
    *status = pclose(stream);
    return *status == -1 ? errno : 0;
}

static const struct {
    const char *name;
    int (*run)(int *status);
} functions[] = {
    {"execve", by_execve},
    {"execv", by_execv},
    {"execvp", by_execvp},
    {"execvpe", by_execvpe},
    {"execl", by_execl},
    {"execlp", by_execlp},
    {"execle", by_execle},
    {"fexecve", by_fexecve},
    {"execveat", by_execveat},
    {"posix_spawn", by_posix_spawn},
    {"posix_spawnp", by_posix_spawnp},
    {"system", by_system},
    {"popen", by_popen},
};

static int (*run)(int *status);

/* --- Where they are called --- */

static int in_child_of_vfork(int *status)
{
    static int error; /* the child's memory is ours */
    error = 0;
    pid_t child = vfork();
    if (child == 0) {
        error = run(status);
        _exit(error ? 127 : WEXITSTATUS(*status));
    }
    int failed = child < 0 ? errno : await(child, status);
    return failed ? failed : error;
}

static void *thread_main(void *status)
{
    static int error;
    error = run(status);
    return &error;
}

static int in_small_thread(int *status)
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *error;
    if (pthread_attr_init(&attributes) ||
        pthread_attr_setstacksize(&attributes, (size_t)sysconf(_SC_THREAD_STACK_MIN)) ||
        pthread_create(&thread, &attributes, thread_main, status) || pthread_join(thread, &error))
        errx(2, "no thread");
    return *(int *)error;
}

/* --- The rest --- */

static char **make_environment(size_t count)
{
    char **made = calloc(count + 1, sizeof(*made));
    for (size_t i = 0; i < count; i++)
        if (asprintf(&made[i], "VARIABLE_%zu=something", i) < 0)
            err(2, "asprintf");
    return made;
}

static int count_mappings(void)
{
    char octets[65536];
    int lines = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (ssize_t len; (len = read(fd, octets, sizeof(octets))) > 0;)
        for (ssize_t i = 0; i < len; i++)
            lines += octets[i] == '\n';
    close(fd);
    return lines;
}

int main(int argc, char **argv)
{
    int times = 1;
    bool keeps = false, repeats = false, threaded = false, vforked = false;
    size_t count = 0;
    for (int option; (option = getopt(argc, argv, "+kn:r:tv")) != -1;) {
        if (option == 'k')
            keeps = true;
        else if (option == 'n')
            count = strtoul(optarg, NULL, 10);
        else if (option == 'r')
            repeats = true, times = atoi(optarg);
        else if (option == 't')
            threaded = true;
        else if (option == 'v')
            vforked = true;
        else
            return 2;
    }
    if (argc - optind < 2 || argc - optind - 1 > ARGUMENTS_MAX)
        errx(2, "usage: probe-exec [-k] [-n COUNT] [-r TIMES] [-t | -v] HOW PROGRAM [ARG...]");
    const char *how = argv[optind];
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
        if (strcmp(functions[i].name, how) == 0)
            run = functions[i].run;
    if (!run)
        errx(2, "%s: no such function", how);
    static char *room[ARGUMENTS_MAX + 1];
    memcpy(room, argv + optind + 1, (size_t)(argc - optind - 1) * sizeof(*room));
    words = room;
    envp = make_environment(count);
    if (keeps)
        envp = environ;
    else
        environ = make_environment(count);

    int status = 0, error = 0, mappings = 0;
    for (int i = 0; i < times && error == 0; i++) {
        error = vforked    ? in_child_of_vfork(&status)
                : threaded ? in_small_thread(&status)
                           : run(&status);
        if (i == 0)
            mappings = count_mappings();
    }
    if (error)
        printf("%s: %s\n", how, strerrorname_np(error));
    if (repeats)
        printf("grown: %d\n", count_mappings() - mappings);
    fflush(stdout);
    return error ? 127 : WEXITSTATUS(status);
}
