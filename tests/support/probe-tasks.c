/* SPDX-License-Identifier: MIT
 * probe-tasks PROBE ADDRESS PORT [MIN_MS]: connects of processes and threads of every make: what
 * they share with others (memory, descriptors) and what not is up to clone(2). See async.h. */
#include "async.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { STACK_SIZE = 256 * 1024, SOON_MS = 30 };

/* Connect a socket of our own, and say how that ended. */
static int connect_and_say(void)
{
    int fd = open_socket(0);
    printf("connect: %s\n", outcome(connect_target(fd)));
    conclude(fd);
    return fd;
}

static int task(void *unused)
{
    (void)unused;
    connect_and_say();
    return 0;
}

static void await_child(pid_t child)
{
    int status = -1;
    if (child < 0)
        err(2, "clone");
    while (waitpid(child, &status, __WALL) < 0 && errno == EINTR)
        ;
    printf("child: %d\n", status);
}

static void clone_task(int flags, int (*run)(void *))
{
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        err(2, "mmap");
    await_child(clone(run, stack + STACK_SIZE, flags | SIGCHLD, NULL));
}

static void alone(void)
{
    clone_task(0, task);
}

static void with_memory(void)
{
    clone_task(CLONE_VM, task);
}

static void with_descriptors(void)
{
    clone_task(CLONE_FILES, task);
}

static void with_both(void)
{
    clone_task(CLONE_VM | CLONE_FILES | CLONE_FS, task);
}

static void by_vfork(void)
{
    clone_task(CLONE_VM | CLONE_VFORK, task);
}

/* Not a thread of its own, but with everything of one. */
static void with_everything(void)
{
    clone_task(CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND, task);
}

/* The socket that a child connected is the parent's, too. */
static int shared_socket = -1;

static int connect_shared(void *unused)
{
    (void)unused;
    printf("connect: %s\n", outcome(connect_target(shared_socket)));
    return 0;
}

static void for_the_parent(void)
{
    shared_socket = open_socket(0);
    clone_task(0, connect_shared);
    conclude(shared_socket);
}

/* The number is a socket in the child's own table only; in the parent's it is something else. */
static int connect_at_number(void *unused)
{
    (void)unused;
    int fd = open_socket(0);
    dup2(fd, shared_socket);
    return connect_shared(NULL);
}

static void at_a_number_of_its_own(void)
{
    shared_socket = open("/dev/null", O_RDWR | O_CLOEXEC);
    clone_task(CLONE_VM, connect_at_number);
    printf("still no socket: %s\n", outcome(send(shared_socket, "x", 1, 0)));
}

static void *connect_with_own_table(void *unused)
{
    if (unshare(CLONE_FILES))
        err(2, "unshare");
    connect_at_number(NULL);
    conclude(shared_socket);
    return unused;
}

static void thread_with_own_table(void)
{
    pthread_t thread;
    shared_socket = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (pthread_create(&thread, NULL, connect_with_own_table, NULL))
        errx(2, "pthread_create");
    pthread_join(thread, NULL);
    printf("still no socket: %s\n", outcome(send(shared_socket, "x", 1, 0)));
}

static void *connect_without_leader(void *leader)
{
    pthread_join(*(pthread_t *)leader, NULL);
    connect_and_say();
    exit(0);
}

static void leader_gone(void)
{
    static pthread_t leader, thread;
    leader = pthread_self();
    if (pthread_create(&thread, NULL, connect_without_leader, &leader))
        errx(2, "pthread_create");
    pthread_exit(NULL);
}

static void grandchild(void)
{
    int status;
    fflush(stdout);
    if (fork() == 0) {
        if (fork() == 0) {
            connect_and_say();
            _exit(0);
        }
        wait(&status);
        _exit(0);
    }
    wait(&status);
}

/* The child connects while its parent is gone. */
static void orphan(void)
{
    int ends[2];
    char octet;
    fflush(stdout);
    if (pipe(ends))
        err(2, "pipe");
    if (fork() == 0) {
        if (fork() > 0)
            _exit(0);
        sleep_ms(SOON_MS);
        connect_and_say();
        _exit(0);
    }
    close(ends[1]);
    wait(NULL);
    while (read(ends[0], &octet, 1) > 0)
        ;
}

static void in_pid_namespace(void)
{
    clone_task(CLONE_NEWPID, task);
}

static void in_user_namespace(void)
{
    clone_task(CLONE_NEWUSER | CLONE_NEWPID, task);
}

static void as_another_user(void)
{
    if (setgid(65534) || setuid(65534))
        err(2, "setuid");
    connect_and_say();
}

/* A program that nobody may look into. */
static void closed_to_others(void)
{
    int fd = open_socket(0);
    if (prctl(PR_SET_DUMPABLE, 0))
        err(2, "prctl");
    printf("connect: %s\n", outcome(connect_target(fd)));
}

/* There is room for no descriptor more. */
static void few_descriptors(void)
{
    const struct rlimit limit = {.rlim_cur = 4, .rlim_max = 4};
    if (setrlimit(RLIMIT_NOFILE, &limit))
        err(2, "setrlimit");
    connect_and_say();
}

static void many_children(void)
{
    enum { CHILDREN = 50 };
    int good = 0;
    fflush(stdout);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0) {
            int fd = open_socket(0);
            char reply[5] = "";
            _exit(connect_target(fd) || send(fd, "ping", 4, 0) != 4 ||
                  recv(fd, reply, 4, MSG_WAITALL) != 4 || strcmp(reply, "ping") != 0);
        }
    }
    for (int status; wait(&status) > 0;)
        good += status == 0;
    printf("%d of %d\n", good, CHILDREN);
}

static const struct probe probes[] = {
    {"alone", alone},
    {"with-memory", with_memory},
    {"with-descriptors", with_descriptors},
    {"with-both", with_both},
    {"with-everything", with_everything},
    {"by-vfork", by_vfork},
    {"for-the-parent", for_the_parent},
    {"at-a-number-of-its-own", at_a_number_of_its_own},
    {"thread-with-own-table", thread_with_own_table},
    {"leader-gone", leader_gone},
    {"grandchild", grandchild},
    {"orphan", orphan},
    {"in-pid-namespace", in_pid_namespace},
    {"in-user-namespace", in_user_namespace},
    {"as-another-user", as_another_user},
    {"closed-to-others", closed_to_others},
    {"few-descriptors", few_descriptors},
    {"many-children", many_children},
};

int main(int argc, char **argv)
{
    return probe_main(argc, argv, probes, sizeof(probes) / sizeof(probes[0]));
}
