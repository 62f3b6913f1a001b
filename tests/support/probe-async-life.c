/* SPDX-License-Identifier: MIT
 * probe-async-life PROBE ADDRESS PORT [MIN_MS]: descriptors and processes come and go while a
 * connect is under way. See async.h. */
#include "async.h"

#include <dirent.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

extern char **environ;

static void say_call(const char *name, long result)
{
    printf("%s: %s\n", name, outcome(result));
}

/* Nothing but the line itself, so that it does not matter who is first. */
static void reap(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child)
        err(2, "waitpid");
    if (WIFSIGNALED(status))
        printf("child: signal %d\n", WTERMSIG(status));
    else
        printf("child: %d\n", WEXITSTATUS(status));
}

static pid_t fork_child(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        err(2, "fork");
    if (child == 0)
        alarm(LIFE_SECONDS);
    return child;
}

static void finish_child(void)
{
    fflush(stdout);
    _exit(0);
}

/* --- Closed --- */

/* Whoever runs this writes to our stdin when the handshake has begun. */
static int begin_and_wait(void)
{
    int fd = begin();
    if (read(STDIN_FILENO, &(char){0}, 1) != 1)
        errx(2, "stdin");
    return fd;
}

/* And closes it when the proxy has seen the end. */
static void hold_out(void)
{
    puts("closed");
    if (read(STDIN_FILENO, &(char){0}, 1) != 0)
        errx(2, "stdin");
}

static void closed(void)
{
    close(begin_and_wait());
    hold_out();
}

/* With more for the proxy than it takes, and the wish to wait until it has. */
static void closed_lingering(void)
{
    static const struct linger linger = {.l_onoff = 1, .l_linger = LIFE_SECONDS};
    static char words[1 << 16];
    int fd = begin();
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    while (poll(&pollfd, 1, 200) == 1)
        if (send(fd, words, sizeof(words), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
            err(2, "send");
    close(fd);
    puts("closed");
}

static void closed_copies(void)
{
    int fd = begin_and_wait(), copy = dup(fd);
    close(fd);
    close(copy);
    hold_out();
}

static void closed_by_dup2(void)
{
    int fd = begin_and_wait();
    dup2(STDOUT_FILENO, fd);
    hold_out();
}

static void closed_by_dup3(void)
{
    int fd = begin_and_wait();
    dup3(STDOUT_FILENO, fd, O_CLOEXEC);
    hold_out();
}

static void closed_by_range(void)
{
    int fd = begin_and_wait();
    say_call("close_range", close_range((unsigned)fd, ~0u, 0));
    hold_out();
}

static void closed_from(void)
{
    begin_and_wait();
    closefrom(3);
    hold_out();
}

static void closed_by_loop(void)
{
    begin_and_wait();
    for (int fd = 3; fd < 20000; fd++)
        close(fd);
    hold_out();
}

static void closed_by_list(void)
{
    begin_and_wait();
    DIR *list = opendir("/proc/self/fd");
    if (!list)
        err(2, "opendir");
    for (struct dirent *entry; (entry = readdir(list));)
        if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(list))
            close(atoi(entry->d_name));
    closedir(list);
    hold_out();
}

static void *poll_in_vain(void *fd)
{
    struct pollfd pollfd = {.fd = *(int *)fd, .events = POLLOUT};
    poll(&pollfd, 1, 300);
    return NULL;
}

static void closed_while_polled(void)
{
    int fd = begin_and_wait();
    pthread_t thread;
    if (pthread_create(&thread, NULL, poll_in_vain, &fd))
        errx(2, "pthread_create");
    sleep_ms(20);
    close(fd);
    pthread_join(thread, NULL);
    hold_out();
}

/* After everything was closed the library still works. */
static void closed_all_and_on(void)
{
    begin();
    close_range(3, ~0u, 0);
    int fd = begin();
    await(fd, POLLOUT);
    say_end("end");
    conclude(fd);
    closefrom(3);
    fd = begin();
    await(fd, POLLOUT);
    say_end("end");
    conclude(fd);
}

static void number_used_again(void)
{
    int set = new_set();
    int first = begin();
    add(set, first, EPOLLOUT);
    close(first);
    int fd = begin();
    printf("number: %s\n", fd == first ? "the same" : "another");
    wait_set(set, fd, 0);
    add(set, fd, EPOLLOUT | EPOLLIN);
    wait_set(set, fd, -1);
    conclude(fd);
}

/* Closed in a way that no library sees. */
static void number_stolen(void)
{
    int first = begin();
    syscall(SYS_close, first);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        err(2, "pipe2");
    printf("number: %s\n", ends[0] == first ? "the same" : "another");
    struct pollfd pollfd = {.fd = ends[1], .events = POLLOUT};
    printf("poll: %d\n", poll(&pollfd, 1, 100));
    say_call("write", write(ends[1], "x", 1));
    pollfd = (struct pollfd){.fd = ends[0], .events = POLLIN};
    printf("poll: %d\n", poll(&pollfd, 1, 100));
    int fd = begin();
    await(fd, POLLOUT);
    conclude(fd);
}

static void own_number_wanted(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int number = 8190; number < 8200; number++) {
        if (dup2(null, number) != number)
            printf("dup2 to %d: %s\n", number, strerrorname_np(errno));
        if (write(number, "x", 1) != 1)
            printf("write to %d: %s\n", number, strerrorname_np(errno));
    }
    wait_set(set, fd, -1);
    conclude(fd);
    for (int number = 8190; number < 8200; number++)
        say_call("close", close(number));
}

/* --- Copied --- */

static void copied(void)
{
    int fd = begin(), set = new_set();
    int copies[] = {dup(fd), dup2(fd, 60), dup3(fd, 61, O_CLOEXEC), fcntl(fd, F_DUPFD, 70),
                    fcntl(fd, F_DUPFD_CLOEXEC, 71)};
    close(fd);
    add(set, copies[1], EPOLLOUT);
    for (int i = 0; i < 5; i++) {
        struct pollfd pollfd = {.fd = copies[i], .events = POLLOUT};
        printf("poll at once: %d\n", poll(&pollfd, 1, 0));
        say_peer(copies[i]);
        say_call("again", connect_target(copies[i]));
    }
    wait_set(set, copies[1], -1);
    for (int i = 0; i < 5; i++)
        conclude(copies[i]);
}

static void copied_before(void)
{
    int fd = open_socket(SOCK_NONBLOCK | SOCK_CLOEXEC), copy = dup(fd), set = new_set();
    add(set, copy, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    begin_on(fd);
    wait_set(set, copy, 0);
    struct pollfd pollfd = {.fd = copy, .events = POLLOUT};
    printf("poll at once: %d\n", poll(&pollfd, 1, 0));
    say_call("read", read(copy, &(char){0}, 1));
    wait_set(set, copy, -1);
    close(fd);
    conclude(copy);
}

static void connected_by_copy(void)
{
    int fd = open_socket(SOCK_NONBLOCK | SOCK_CLOEXEC), copy = dup(fd), set = new_set();
    add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    begin_on(copy);
    close(copy);
    wait_set(set, fd, 0);
    wait_set(set, fd, -1);
    conclude(fd);
}

static void copied_often(void)
{
    int copies[20], set = new_set();
    copies[0] = begin();
    for (int i = 1; i < 20; i++)
        copies[i] = dup(copies[i - 1]);
    for (int i = 0; i < 20; i++) {
        struct pollfd pollfd = {.fd = copies[i], .events = POLLOUT};
        int ready = poll(&pollfd, 1, 0);
        if (ready != 0)
            printf("poll at once: %d of copy %d\n", ready, i);
    }
    for (int i = 0; i < 19; i++)
        close(copies[i]);
    add(set, copies[19], EPOLLOUT);
    wait_set(set, copies[19], -1);
    conclude(copies[19]);
}

static void passed(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends))
        err(2, "socketpair");
    int fd = begin();
    char byte = 'x';
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));

    pid_t child = fork_child();
    if (child == 0) {
        int got = -1;
        close(fd);
        say_call("recvmsg", recvmsg(ends[0], &message, 0));
        const struct cmsghdr *received = CMSG_FIRSTHDR(&message);
        if (received)
            memcpy(&got, CMSG_DATA(received), sizeof(got));
        await(got, POLLOUT);
        say_end("end");
        conclude(got);
        finish_child();
    }
    bool sent = sendmsg(ends[1], &message, 0) == 1;
    close(fd);
    reap(child);
    printf("sent: %d\n", sent);
}

/* --- Processes --- */

static void fork_and_go_on(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    pid_t child = fork_child();
    if (child == 0)
        _exit(7);
    reap(child);
    wait_set(set, fd, -1);
    conclude(fd);
}

static void fork_and_close(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    pid_t child = fork_child();
    if (child == 0) {
        close_range(3, ~0u, 0);
        _exit(7);
    }
    reap(child);
    wait_set(set, fd, -1);
    conclude(fd);
}

/* The child waits, by poll, and has the socket for itself. */
static void child_polls(void)
{
    int fd = begin();
    pid_t child = fork_child();
    if (child == 0) {
        struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
        printf("poll at once: %d\n", poll(&pollfd, 1, 0));
        say_call("again", connect_target(fd));
        if (poll(&pollfd, 1, -1) == 1)
            say_events("poll", (uint32_t)pollfd.revents);
        conclude(fd);
        finish_child();
    }
    close(fd);
    reap(child);
}

static void child_selects(void)
{
    int fd = begin();
    pid_t child = fork_child();
    if (child == 0) {
        fd_set writable;
        FD_ZERO(&writable);
        FD_SET(fd, &writable);
        printf("select: %d\n", select(fd + 1, NULL, &writable, NULL, NULL));
        say_end("select");
        conclude(fd);
        finish_child();
    }
    close(fd);
    reap(child);
}

static void child_adds(void)
{
    int fd = begin();
    pid_t child = fork_child();
    if (child == 0) {
        int set = new_set();
        add(set, fd, EPOLLOUT);
        wait_set(set, fd, -1);
        conclude(fd);
        finish_child();
    }
    close(fd);
    reap(child);
}

static void child_has_the_set(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    pid_t child = fork_child();
    if (child == 0) {
        wait_set(set, fd, -1);
        conclude(fd);
        finish_child();
    }
    reap(child);
}

/* Nobody can put it back into the set at the end; but nothing is torn, and nobody hangs. */
static void child_keeps_the_set(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    pid_t child = fork_child();
    if (child == 0) {
        printf("epoll: %d\n", epoll_wait(set, &(struct epoll_event){0}, 1, -1));
        conclude(fd);
        finish_child();
    }
    close(fd);
    reap(child);
}

static void child_writes(void)
{
    int fd = begin();
    pid_t child = fork_child();
    if (child == 0) {
        set_nonblocking(fd, false);
        char buf[5] = "";
        say_call("write", write(fd, "ping", 4));
        say_end("written");
        say_call("read", read(fd, buf, 4));
        puts(buf);
        finish_child();
    }
    close(fd);
    reap(child);
}

static void both_wait(void)
{
    int fd = begin();
    pid_t child = fork_child();
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    if (poll(&pollfd, 1, -1) == 1)
        say_events("poll", (uint32_t)pollfd.revents);
    if (child == 0)
        finish_child();
    reap(child);
    conclude(fd);
}

/* The child has its own connects, with its own thread. */
static void child_connects(void)
{
    int fd = begin();
    pid_t child = fork_child();
    if (child == 0) {
        int other = begin(), set = new_set();
        add(set, other, EPOLLOUT);
        wait_set(set, other, -1);
        conclude(other);
        close(other);
        struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
        if (poll(&pollfd, 1, -1) == 1)
            puts("the other, too");
        finish_child();
    }
    reap(child);
    await(fd, POLLOUT);
    conclude(fd);
}

static void grandchild_connects(void)
{
    int fd = begin();
    pid_t child = fork_child();
    if (child == 0) {
        int second = begin();
        pid_t grandchild = fork_child();
        if (grandchild == 0) {
            int third = begin();
            await(fd, POLLOUT);
            await(second, POLLOUT);
            await(third, POLLOUT);
            say_end("end");
            conclude(third);
            finish_child();
        }
        reap(grandchild);
        await(second, POLLOUT);
        conclude(second);
        finish_child();
    }
    reap(child);
    await(fd, POLLOUT);
    conclude(fd);
}

/* A fork that runs no handlers. */
static void child_of_raw_fork_connects(void)
{
    int fd = begin();
    fflush(stdout);
    pid_t child = _Fork();
    if (child == 0) {
        alarm(LIFE_SECONDS);
        int other = begin(), set = new_set();
        add(set, other, EPOLLOUT);
        wait_set(set, other, -1);
        conclude(other);
        finish_child();
    }
    reap(child);
    await(fd, POLLOUT);
    conclude(fd);
}

/* Made by no function of libc, as sandboxes and zygotes do. */
static void child_of_clone_connects(void)
{
    int fd = begin();
    await(fd, POLLOUT);
    conclude(fd);
    fflush(stdout);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        alarm(LIFE_SECONDS);
        int other = begin();
        await(other, POLLOUT);
        say_end("end");
        conclude(other);
        finish_child();
    }
    reap(child);
    fd = begin();
    await(fd, POLLOUT);
    conclude(fd);
}

/* The parent, whose thread does the handshake, is gone: an error or a connection, but no hang. */
static void parent_ends(void)
{
    int fd = begin(), ends[2];
    if (pipe(ends))
        err(2, "pipe");
    pid_t child = fork_child();
    if (child != 0)
        _exit(0);
    close(ends[1]);
    if (read(ends[0], &(char){0}, 1) != 0) /* until the parent is gone */
        errx(2, "read");
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    printf("poll: %d\n", poll(&pollfd, 1, 5000));
    say_error(fd);
    finish_child();
}

static void vfork_child_closes(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    fflush(stdout);
    pid_t child = vfork();
    if (child == 0) {
        for (int i = 3; i < 9000; i++)
            close(i);
        close_range(3, ~0u, 0);
        dup2(1, fd);
        dup2(1, set);
        dup2(1, 8192);
        dup2(1, 8193);
        dup2(1, 8194);
        _exit(7);
    }
    reap(child);
    wait_set(set, fd, -1);
    conclude(fd);
    fd = begin();
    await(fd, POLLOUT);
    conclude(fd);
}

static void vfork_child_executes(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    fflush(stdout);
    pid_t child = vfork();
    if (child == 0) {
        close(fd);
        closefrom(3);
        execl("/bin/true", "true", (char *)NULL);
        _exit(7);
    }
    reap(child);
    wait_set(set, fd, -1);
    conclude(fd);
}

static void spawned(void)
{
    int fd = begin(), set = new_set();
    add(set, fd, EPOLLOUT);
    fflush(stdout);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    char *arguments[] = {(char[]){"true"}, NULL};
    pid_t child;
    if (posix_spawnp(&child, "true", &actions, NULL, arguments, environ))
        errx(2, "posix_spawnp");
    posix_spawn_file_actions_destroy(&actions);
    reap(child);
    wait_set(set, fd, -1);
    conclude(fd);
}

/* --- Programs that inherit the socket --- */

/* Run by the next ones. */
static void inherited(void)
{
    const char *number = getenv("INHERITED"), *started = getenv("STARTED");
    int fd = number ? atoi(number) : -1;
    started_ms = started ? atol(started) : 0;
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    if (poll(&pollfd, 1, 5000) != 1)
        printf("poll: nothing\n");
    say_events("poll", (uint32_t)pollfd.revents);
    say_error(fd);
    converse(fd);
}

static char **arguments_for_inherited(int fd)
{
    static char address[64], port[8], min[16], number[16], started[32];
    static char program[] = "probe-async-life", probe[] = "inherited";
    static char *arguments[] = {program, probe, address, port, min, NULL};
    inet_ntop(target.ss_family, &((struct sockaddr_in *)&target)->sin_addr, address,
              sizeof(address));
    snprintf(port, sizeof(port), "%d", ntohs(((struct sockaddr_in *)&target)->sin_port));
    snprintf(min, sizeof(min), "%ld", min_ms);
    snprintf(number, sizeof(number), "%d", fd);
    snprintf(started, sizeof(started), "%ld", started_ms);
    setenv("INHERITED", number, 1);
    setenv("STARTED", started, 1);
    fflush(stdout);
    return arguments;
}

static const char *own_path(void)
{
    static char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (len < 0)
        err(2, "readlink");
    return path;
}

static void exec_keeping(int (*run)(char **arguments))
{
    int fd = begin_on(open_socket(SOCK_NONBLOCK));
    char **arguments = arguments_for_inherited(fd);
    alarm(0);
    run(arguments);
    err(2, "exec");
}

static int run_execv(char **a)
{
    return execv(own_path(), a);
}
static int run_execve(char **a)
{
    return execve(own_path(), a, environ);
}
static int run_execvp(char **a)
{
    return execvp(own_path(), a);
}
static int run_execvpe(char **a)
{
    return execvpe(own_path(), a, environ);
}
static int run_execl(char **a)
{
    return execl(own_path(), a[0], a[1], a[2], a[3], a[4], (char *)NULL);
}
static int run_execlp(char **a)
{
    return execlp(own_path(), a[0], a[1], a[2], a[3], a[4], (char *)NULL);
}
static int run_execle(char **a)
{
    return execle(own_path(), a[0], a[1], a[2], a[3], a[4], (char *)NULL, environ);
}
static int run_fexecve(char **a)
{
    return fexecve(open(own_path(), O_RDONLY | O_CLOEXEC), a, environ);
}
static int run_execveat(char **a)
{
    return execveat(-1, own_path(), a, environ, 0);
}

static void exec_v(void)
{
    exec_keeping(run_execv);
}
static void exec_ve(void)
{
    exec_keeping(run_execve);
}
static void exec_vp(void)
{
    exec_keeping(run_execvp);
}
static void exec_vpe(void)
{
    exec_keeping(run_execvpe);
}
static void exec_l(void)
{
    exec_keeping(run_execl);
}
static void exec_lp(void)
{
    exec_keeping(run_execlp);
}
static void exec_le(void)
{
    exec_keeping(run_execle);
}
static void exec_f(void)
{
    exec_keeping(run_fexecve);
}
static void exec_at(void)
{
    exec_keeping(run_execveat);
}

/* As inetd would: the socket is the child's standard input. */
static void exec_in_child(void)
{
    int fd = begin();
    char **arguments = arguments_for_inherited(STDIN_FILENO);
    pid_t child = fork_child();
    if (child == 0) {
        dup2(fd, STDIN_FILENO);
        execv(own_path(), arguments);
        _exit(9);
    }
    close(fd);
    reap(child);
}

/* With close-on-exec it is gone: the proxy notices, and the new program is not held up. */
static void exec_closing(void)
{
    begin_and_wait();
    fflush(stdout);
    execl("/bin/sh", "sh", "-c", "echo closed; read line || true", (char *)NULL);
    err(2, "exec");
}

/* --- Threads --- */

enum { THREADS = 8, ROUNDS = 6, AT_ONCE = 8 };

static int shared_set;
static int failures;

static void *connect_and_close(void *seed_address)
{
    unsigned seed = *(unsigned *)seed_address;
    for (int round = 0; round < ROUNDS; round++) {
        int fds[AT_ONCE];
        struct pollfd pollfds[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            fds[i] = open_socket(SOCK_NONBLOCK | SOCK_CLOEXEC);
            control(shared_set, EPOLL_CTL_ADD, fds[i], EPOLLOUT | EPOLLET);
            if (connect_target(fds[i]) != -1 || errno != EINPROGRESS)
                __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
            pollfds[i] = (struct pollfd){.fd = fds[i], .events = POLLOUT};
        }
        for (int i = 0; i < AT_ONCE; i++) {
            unsigned what = (unsigned)rand_r(&seed) % 4;
            if (what == 0) {
                close(fds[i]);
                pollfds[i].fd = -1;
            } else if (what == 1) {
                control(shared_set, EPOLL_CTL_MOD, fds[i], EPOLLOUT | EPOLLIN);
            } else if (what == 2) {
                int copy = dup(fds[i]);
                close(fds[i]);
                fds[i] = pollfds[i].fd = copy;
            }
        }
        for (int i = 0; i < AT_ONCE; i++) {
            char buf[5] = "";
            if (pollfds[i].fd < 0)
                continue;
            if (poll(&pollfds[i], 1, 10000) != 1 || write(fds[i], "ping", 4) != 4 ||
                poll(&(struct pollfd){.fd = fds[i], .events = POLLIN}, 1, 10000) != 1 ||
                read(fds[i], buf, 4) != 4 || strcmp(buf, "ping") != 0)
                __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
            close(fds[i]);
        }
    }
    return NULL;
}

static bool stop_waiting;

static void *drain_set(void *unused)
{
    struct epoll_event events[16];
    while (!__atomic_load_n(&stop_waiting, __ATOMIC_RELAXED))
        if (epoll_wait(shared_set, events, 16, 10) < 0 && errno != EINTR)
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    return unused;
}

static void threads(void)
{
    pthread_t ids[THREADS], drain;
    unsigned seeds[THREADS];
    shared_set = new_set();
    pthread_create(&drain, NULL, drain_set, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        pthread_create(&ids[i], NULL, connect_and_close, &seeds[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    __atomic_store_n(&stop_waiting, true, __ATOMIC_RELAXED);
    pthread_join(drain, NULL);
    printf("failures: %d\n", failures);
}

static void in_handler(void)
{
    int fd = open_socket(SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    connect_target(fd);
    poll(&pollfd, 1, 0);
    close(fd);
}

static bool stop_forking;

static void *fork_often(void *unused)
{
    while (!__atomic_load_n(&stop_forking, __ATOMIC_RELAXED)) {
        pid_t child = fork();
        if (child == 0) {
            alarm(LIFE_SECONDS);
            in_handler();
            _exit(0);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
        sleep_ms(5);
    }
    return unused;
}

/* Forks with handlers of the program's own, from several threads, while others connect. */
static void threads_that_fork(void)
{
    pthread_atfork(in_handler, in_handler, in_handler);
    pthread_t forking[2], ids[3];
    unsigned seeds[3] = {11, 12, 13};
    shared_set = new_set();
    for (int i = 0; i < 2; i++)
        pthread_create(&forking[i], NULL, fork_often, NULL);
    for (int i = 0; i < 3; i++)
        pthread_create(&ids[i], NULL, connect_and_close, &seeds[i]);
    for (int i = 0; i < 3; i++)
        pthread_join(ids[i], NULL);
    __atomic_store_n(&stop_forking, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++)
        pthread_join(forking[i], NULL);
    printf("failures: %d\n", failures);
}

/* Signal masks of threads that fork at once do not get mixed up. */
static void *fork_with_mask(void *number)
{
    sigset_t mine, now;
    sigemptyset(&mine);
    sigaddset(&mine, *(int *)number);
    pthread_sigmask(SIG_SETMASK, &mine, NULL);
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        waitpid(child, NULL, 0);
        pthread_sigmask(SIG_SETMASK, NULL, &now);
        if (!sigismember(&now, *(int *)number) || sigismember(&now, SIGTERM)) {
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
            pthread_sigmask(SIG_SETMASK, &mine, NULL);
        }
    }
    return NULL;
}

static void masks_of_forks(void)
{
    int numbers[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGWINCH};
    pthread_t ids[4];
    int fd = begin();
    await(fd, POLLOUT);
    for (int i = 0; i < 4; i++)
        pthread_create(&ids[i], NULL, fork_with_mask, &numbers[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(ids[i], NULL);
    printf("failures: %d\n", failures);
}

/* A handler that closes and polls, at any moment. */
static int handler_fd = -1;

static void close_in_handler(int number)
{
    (void)number;
    int saved = errno;
    struct pollfd pollfd = {.fd = handler_fd, .events = POLLOUT};
    poll(&pollfd, 1, 0);
    int copy = dup(handler_fd);
    close(copy);
    errno = saved;
}

static void signals(void)
{
    handler_fd = begin();
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = close_in_handler, .sa_flags = SA_RESTART},
              NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    const struct itimerspec often = {.it_value.tv_nsec = 50000, .it_interval.tv_nsec = 50000};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
        err(2, "timer");
    long begun = now_ms();
    while (now_ms() - begun < 300) {
        int fd = open_socket(SOCK_NONBLOCK);
        connect_target(fd);
        struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
        poll(&pollfd, 1, 0);
        close(fd);
    }
    timer_settime(timer, 0, &(struct itimerspec){0}, NULL);
    await(handler_fd, POLLOUT);
    conclude(handler_fd);
}

/* --- Scarcity --- */

static int count_entries(const char *path)
{
    int count = 0;
    DIR *list = opendir(path);
    while (list && readdir(list))
        count++;
    if (list)
        closedir(list);
    return count - 2;
}

/* Nothing of ours where nobody connects without blocking. */
static void nothing(void)
{
    int descriptors_before = count_entries("/proc/self/fd");
    int fd = open_socket(SOCK_CLOEXEC), set = new_set();
    add(set, fd, EPOLLIN);
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    poll(&pollfd, 1, 0);
    close(dup(fd));
    close(set);
    say_call("connect", connect_target(fd));
    conclude(fd);
    close(fd);
    printf("threads: %d\n", count_entries("/proc/self/task"));
    printf("descriptors: %d more\n", count_entries("/proc/self/fd") - descriptors_before);
}

/* And nothing but the thread and its two descriptors afterwards. */
static void little(void)
{
    int threads_before = count_entries("/proc/self/task");
    int descriptors_before = count_entries("/proc/self/fd");
    for (int round = 0; round < 20; round++) {
        int fds[20];
        for (int i = 0; i < 20; i++) {
            fds[i] = open_socket(SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (connect_target(fds[i]) == 0 || errno != EINPROGRESS)
                printf("connect: %s\n", strerrorname_np(errno));
        }
        struct pollfd pollfd = {.fd = fds[0], .events = POLLOUT};
        if (round % 5 == 0)
            poll(&pollfd, 1, -1);
        for (int i = 0; i < 20; i++)
            close(fds[i]);
    }
    printf("threads: %d more\n", count_entries("/proc/self/task") - threads_before);
    printf("descriptors: %d more\n", count_entries("/proc/self/fd") - descriptors_before);
}

static void forbid(unsigned number)
{
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]),
                                       .filter = (struct sock_filter *)code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        err(2, "seccomp");
}

/* The handshake is done inside connect. */
static void no_threads(void)
{
    int descriptors_before = count_entries("/proc/self/fd");
    forbid(SYS_clone);
    forbid(SYS_clone3);
    int fd = open_socket(SOCK_NONBLOCK), set = new_set();
    add(set, fd, EPOLLOUT);
    started_ms = now_ms();
    say_call("connect", connect_target(fd));
    wait_set(set, fd, -1);
    conclude(fd);
    close(fd);
    close(set);
    printf("descriptors: %d more\n", count_entries("/proc/self/fd") - descriptors_before);
}

/* So many numbers are left to the program. */
static void leave_descriptors(unsigned count)
{
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next + count, 4096}))
        err(2, "setrlimit");
}

static void few_descriptors(void)
{
    for (unsigned count = 1; count <= 6; count++) {
        leave_descriptors(count);
        int fd = open_socket(SOCK_NONBLOCK | SOCK_CLOEXEC);
        started_ms = now_ms();
        int result = connect_target(fd);
        if (result != 0 && errno != EINPROGRESS)
            printf("connect with %u: %s\n", count, strerrorname_np(errno));
        await(fd, POLLOUT);
        say_end("end");
        conclude(fd);
        close(fd);
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){4096, 4096});
    }
}

/* The thread runs; descriptors run out later. */
static void few_descriptors_later(void)
{
    int first = begin();
    leave_descriptors(1);
    int fd = open_socket(SOCK_NONBLOCK | SOCK_CLOEXEC);
    started_ms = now_ms();
    int result = connect_target(fd);
    if (result != 0 && errno != EINPROGRESS)
        printf("connect: %s\n", strerrorname_np(errno));
    await(first, POLLOUT);
    await(fd, POLLOUT);
    say_end("end");
    conclude(fd);
    conclude(first);
}

/* As many at a time as there can be, until our stdin ends. */
static void crowded(void)
{
    do
        errno = 0;
    while (connect_target(open_socket(SOCK_NONBLOCK)) == 0 || errno == EINPROGRESS);
    printf("at last: %s\n", strerrorname_np(errno));
    fflush(stdout);
    if (read(STDIN_FILENO, &(char){0}, 1) != 0)
        errx(2, "stdin");
}

static const struct probe probes[] = {
    {"closed", closed},
    {"closed-copies", closed_copies},
    {"closed-lingering", closed_lingering},
    {"closed-by-dup2", closed_by_dup2},
    {"closed-by-dup3", closed_by_dup3},
    {"closed-by-range", closed_by_range},
    {"closed-from", closed_from},
    {"closed-by-loop", closed_by_loop},
    {"closed-by-list", closed_by_list},
    {"closed-while-polled", closed_while_polled},
    {"exec-closing", exec_closing},
    {"closed-all-and-on", closed_all_and_on},
    {"number-used-again", number_used_again},
    {"number-stolen", number_stolen},
    {"own-number-wanted", own_number_wanted},
    {"copied", copied},
    {"copied-before", copied_before},
    {"connected-by-copy", connected_by_copy},
    {"copied-often", copied_often},
    {"passed", passed},
    {"fork-and-go-on", fork_and_go_on},
    {"fork-and-close", fork_and_close},
    {"child-polls", child_polls},
    {"child-selects", child_selects},
    {"child-adds", child_adds},
    {"child-has-the-set", child_has_the_set},
    {"child-keeps-the-set", child_keeps_the_set},
    {"child-writes", child_writes},
    {"both-wait", both_wait},
    {"child-connects", child_connects},
    {"grandchild-connects", grandchild_connects},
    {"child-of-raw-fork-connects", child_of_raw_fork_connects},
    {"child-of-clone-connects", child_of_clone_connects},
    {"vfork-child-closes", vfork_child_closes},
    {"vfork-child-executes", vfork_child_executes},
    {"spawned", spawned},
    {"exec-v", exec_v},
    {"exec-ve", exec_ve},
    {"exec-vp", exec_vp},
    {"exec-vpe", exec_vpe},
    {"exec-l", exec_l},
    {"exec-lp", exec_lp},
    {"exec-le", exec_le},
    {"exec-f", exec_f},
    {"exec-at", exec_at},
    {"exec-in-child", exec_in_child},
    {"inherited", inherited},
    {"parent-ends", parent_ends},
    {"threads", threads},
    {"threads-that-fork", threads_that_fork},
    {"masks-of-forks", masks_of_forks},
    {"signals", signals},
    {"nothing", nothing},
    {"little", little},
    {"no-threads", no_threads},
    {"crowded", crowded},
    {"few-descriptors", few_descriptors},
    {"few-descriptors-later", few_descriptors_later},
};

int main(int argc, char **argv)
{
    return probe_main(argc, argv, probes, sizeof(probes) / sizeof(probes[0]));
}
