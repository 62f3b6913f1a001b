/* SPDX-License-Identifier: MIT
 * probe-disguise WAY HOST PORT: look HOST up, connect, and print the answer to GET /page, in ways
 * other than by calling connect(2) by its name.
 *   syscall      syscall(2) for all of it, blocking
 *   polled       syscall(2) with a non-blocking socket and ppoll(2)
 *   sendto, sendmsg, sendmmsg    syscall(2), the request in place of a connect (MSG_FASTOPEN)
 *   socketcall   the older system call of some processors
 *   handle       functions found with dlsym(3) in libc.so.6
 *   version      the same with dlvsym(3) and the oldest version
 *   program, default, next    dlsym(3) in dlopen(NULL), RTLD_DEFAULT, RTLD_NEXT
 * probe-disguise deep FILE HOST PORT: call fetch in the library FILE, opened with RTLD_DEEPBIND
 * probe-disguise space FILE HOST PORT: the same in a namespace of its own
 * probe-disguise call FILE NAME: call the function NAME of the library FILE, without arguments
 * probe-disguise exec FILE ARG...: execute it by syscall(2), with an empty environment
 * probe-disguise uring: print the error of io_uring_setup(2)
 * probe-disguise pass: what syscall(2) does with calls that are nobody's concern */
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/net.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char request[] = "GET /page HTTP/1.0\r\n\r\n";

#if defined(__x86_64__)
static const char oldest_version[] = "GLIBC_2.2.5";
#elif defined(__aarch64__)
static const char oldest_version[] = "GLIBC_2.17";
#else
static const char oldest_version[] = "GLIBC_2.0";
#endif

struct functions {
    __typeof__(&getaddrinfo) getaddrinfo;
    __typeof__(&connect) connect;
};

static void print_answer(int fd)
{
    char answer[4096];
    ssize_t got;
    while ((got = read(fd, answer, sizeof(answer))) > 0)
        fwrite(answer, 1, (size_t)got, stdout);
    if (got < 0)
        err(1, "read");
}

static const struct addrinfo *look_up(const struct functions *f, char **where)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int error = f->getaddrinfo(where[0], where[1], &hints, &found);
    if (error)
        errx(1, "%s", gai_strerror(error));
    return found;
}

static int by_functions(const struct functions *f, char **where)
{
    const struct addrinfo *to = look_up(f, where);
    int fd = socket(to->ai_family, SOCK_STREAM, 0);
    if (f->connect(fd, to->ai_addr, to->ai_addrlen))
        err(1, "connect");
    if (write(fd, request, sizeof(request) - 1) < 0)
        err(1, "write");
    print_answer(fd);
    return 0;
}

static int by_handle(void *handle, bool versions, char **where)
{
    struct functions f;
    if (versions) {
        f.connect = (__typeof__(&connect))dlvsym(handle, "connect", oldest_version);
        f.getaddrinfo = getaddrinfo;
    } else {
        f.connect = (__typeof__(&connect))dlsym(handle, "connect");
        f.getaddrinfo = (__typeof__(&getaddrinfo))dlsym(handle, "getaddrinfo");
    }
    if (!f.connect || !f.getaddrinfo)
        errx(1, "%s", dlerror());
    return by_functions(&f, where);
}

static int by_syscall(const char *way, char **where)
{
    const struct functions f = {.getaddrinfo = getaddrinfo};
    const struct addrinfo *to = look_up(&f, where);
    bool polled = !strcmp(way, "polled");
    int fd = (int)syscall(SYS_socket, to->ai_family, SOCK_STREAM | (polled ? SOCK_NONBLOCK : 0), 0);
    struct iovec piece = {(void *)request, sizeof(request) - 1};
    struct mmsghdr message = {.msg_hdr = {.msg_name = to->ai_addr,
                                          .msg_namelen = to->ai_addrlen,
                                          .msg_iov = &piece,
                                          .msg_iovlen = 1}};
    long result = -1;
    if (!strcmp(way, "sendto")) {
        result = syscall(SYS_sendto, fd, request, piece.iov_len, MSG_FASTOPEN, to->ai_addr,
                         to->ai_addrlen);
    } else if (!strcmp(way, "sendmsg")) {
        result = syscall(SYS_sendmsg, fd, &message.msg_hdr, MSG_FASTOPEN);
    } else if (!strcmp(way, "sendmmsg")) {
        result =
            syscall(SYS_sendmmsg, fd, &message, 1, MSG_FASTOPEN) == 1 ? (long)message.msg_len : -1;
    } else if (!strcmp(way, "socketcall")) {
#ifdef SYS_socketcall
        long args[] = {fd, (long)to->ai_addr, (long)to->ai_addrlen};
        if (syscall(SYS_socketcall, SYS_CONNECT, args) == 0)
            result = syscall(SYS_write, fd, request, piece.iov_len);
#endif
    } else {
        result = syscall(SYS_connect, fd, to->ai_addr, to->ai_addrlen);
        if (polled && result == -1 && errno == EINPROGRESS) {
            int error;
            socklen_t len = sizeof(error);
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            if (syscall(SYS_ppoll, &ready, 1, NULL, NULL, 8) == 1 &&
                syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
                result = error == 0 ? 0 : -1;
        }
        syscall(SYS_fcntl, fd, F_SETFL, 0);
        if (result == 0)
            result = syscall(SYS_write, fd, request, piece.iov_len);
    }
    if (result != (long)piece.iov_len)
        err(1, "%s: %ld", way, result);
    int copy = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 100);
    if (syscall(SYS_close, fd) != 0 || copy < 100)
        err(1, "fcntl");
    print_answer(copy);
    return 0;
}

static int in_library(void *library, char **where)
{
    int (*fetch)(const char *, const char *) =
        library ? (__typeof__(fetch))dlsym(library, "fetch") : NULL;
    if (!fetch)
        errx(1, "%s", dlerror());
    return fetch(where[0], where[1]);
}

static int call(const char *file, const char *name)
{
    void *library = dlopen(file, RTLD_NOW);
    int (*function)(void) = library ? (__typeof__(function))dlsym(library, name) : NULL;
    if (!function)
        errx(1, "%s", dlerror());
    return function();
}

/* Six arguments, results wider than an int, errno, and a child that returns on another stack. */
static int pass(void)
{
    int file = open("/proc/self/exe", O_RDONLY);
    long length = sysconf(_SC_PAGESIZE);
#ifdef SYS_mmap2
    char *second = (char *)syscall(SYS_mmap2, NULL, length, PROT_READ, MAP_PRIVATE, file, 0);
#else
    char *second = (char *)syscall(SYS_mmap, NULL, length, PROT_READ, MAP_PRIVATE, file, 0l);
#endif
    char octets[4];
    if (second == MAP_FAILED || pread(file, octets, sizeof(octets), 0) != sizeof(octets) ||
        memcmp(second, octets, sizeof(octets)) != 0)
        err(1, "mmap");
    errno = 0;
    if (syscall(SYS_lseek, -1, 0, 0) != -1 || errno != EBADF)
        err(1, "lseek");
    uint32_t word = 1;
    if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) != -1 || errno != EAGAIN)
        err(1, "futex");
    if (syscall(SYS_getpid) != getpid())
        err(1, "getpid");
    if (syscall(-1) != -1 || errno != ENOSYS)
        err(1, "-1");
    long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(7);
    int status;
    if (waitpid((pid_t)child, &status, 0) != child || WEXITSTATUS(status) != 7)
        err(1, "clone");
    puts("passed");
    return 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    if (argc == 2 && !strcmp(way, "pass"))
        return pass();
    if (argc == 2 && !strcmp(way, "uring")) {
        char parameters[120] = {0};
        long fd = syscall(SYS_io_uring_setup, 1, parameters);
        printf("%s\n", fd < 0 ? strerrorname_np(errno) : "0");
        return 0;
    }
    if (argc > 2 && !strcmp(way, "exec")) {
        syscall(SYS_execve, argv[2], argv + 2, (char *[]){NULL});
        err(1, "execve");
    }
    if (argc == 4 && !strcmp(way, "call"))
        return call(argv[2], argv[3]);
    if (argc == 5 && !strcmp(way, "deep"))
        return in_library(dlopen(argv[2], RTLD_NOW | RTLD_DEEPBIND), argv + 3);
    if (argc == 5 && !strcmp(way, "space"))
        return in_library(dlmopen(LM_ID_NEWLM, argv[2], RTLD_NOW), argv + 3);
    if (argc != 4)
        errx(2, "usage: probe-disguise WAY [ARG...]");
    if (!strcmp(way, "handle"))
        return by_handle(dlopen("libc.so.6", RTLD_NOW), false, argv + 2);
    if (!strcmp(way, "version"))
        return by_handle(dlopen("libc.so.6", RTLD_NOW), true, argv + 2);
    if (!strcmp(way, "program"))
        return by_handle(dlopen(NULL, RTLD_NOW), false, argv + 2);
    if (!strcmp(way, "default"))
        return by_handle(RTLD_DEFAULT, false, argv + 2);
    if (!strcmp(way, "next"))
        return by_handle(RTLD_NEXT, false, argv + 2);
    return by_syscall(way, argv + 2);
}
