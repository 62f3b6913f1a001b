/* SPDX-License-Identifier: MIT
 * Two forks: the one in the middle is reaped at once, so that the program finds no child that it
 * did not make. */
#include "cli/embedded.h"

#include "cli/serve.h"
#include "core/log.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SECRET_BYTES = 16,
    SECRET_TEXT = 2 * SECRET_BYTES + 1,
    READY_FD = 3, /* in the server */
    STOP_FD = 4,
    FIRST_FREE_FD = 5,
};

struct secrets {
    char user[SECRET_TEXT];
    char password[SECRET_TEXT];
};

static bool make_secret(char text[static SECRET_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[SECRET_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * sizeof(bytes)] = '\0';
    return true;
}

/*
 * Keep the two descriptors and stderr, nothing else: a pipe that the program writes to must end
 * with the program.
 */
static bool keep_descriptors(int ready, int stop)
{
    int null = open("/dev/null", O_RDWR);
    /* Above all numbers that they will be put at, so that none is overwritten before its turn. */
    ready = fcntl(ready, F_DUPFD, FIRST_FREE_FD);
    stop = fcntl(stop, F_DUPFD, FIRST_FREE_FD);
    null = fcntl(null, F_DUPFD, FIRST_FREE_FD);
    if (ready < 0 || stop < 0 || null < 0)
        return false;
    return dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
           dup2(ready, READY_FD) >= 0 && dup2(stop, STOP_FD) >= 0 &&
           syscall(SYS_close_range, FIRST_FREE_FD, ~0U, 0) == 0;
}

/* A terminal's ^C and hang-up are for the program; whoever starts programs with signals blocked
 * or ignored did not mean the server. */
static void leave_terminal(void)
{
    sigset_t none;
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
}

static _Noreturn void run_server(const struct options *options, const struct secrets *secrets,
                                 int ready, int stop)
{
    leave_terminal();
    if (!keep_descriptors(ready, stop)) {
        log_error("embedded server: %s", strerror(errno));
        _exit(EXIT_FAILURE);
    }
    /* Its words are the user's to read, wherever else the library's messages go. */
    log_setup(options->has_level ? options->level : LOG_NORMAL, NULL, options->log_file);
    struct serve_options serve_options = {
        .listen = "127.0.0.1:0",
        .user = secrets->user,
        .password = secrets->password,
        .hosts = options->hosts,
        .verbose = options->level == LOG_VERBOSE,
        .ready_fd = READY_FD,
        .stop_fd = STOP_FD,
    };
    _exit(serve(&serve_options));
}

/* Read "ADDR:PORT\n". False when the server ended before it could say so. */
static bool read_address(int fd, char *address, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, address + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        len += (size_t)got;
        if (address[len - 1] == '\n') {
            address[len - 1] = '\0';
            return true;
        }
    }
    return false;
}

/* Returns 0 or an errno. ready and stop are the server's ends. */
static int fork_server(const struct options *options, const struct secrets *secrets, int ready,
                       int stop)
{
    pid_t middle = fork();
    if (middle < 0)
        return errno;
    if (middle == 0) {
        pid_t server = fork();
        if (server == 0)
            run_server(options, secrets, ready, stop);
        _exit(server < 0 ? errno : 0);
    }
    int status = 0;
    while (waitpid(middle, &status, 0) < 0)
        if (errno != EINTR)
            return errno == ECHILD ? 0 : errno; /* SIGCHLD is ignored: reaped by the kernel */
    return WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

int embedded_start(const struct options *options, char url[static EMBEDDED_URL_MAX])
{
    struct secrets secrets;
    char address[64];
    int pipe_fds[2] = {-1, -1};
    int stop = -1;
    int status = EXIT_FAILURE;

    if (!make_secret(secrets.user) || !make_secret(secrets.password)) {
        log_error("embedded server: no random numbers: %s", strerror(errno));
        goto out;
    }
    stop = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (stop < 0) {
        log_error("embedded server: cannot watch the program (pidfd_open needs Linux 5.3): %s",
                  strerror(errno));
        goto out;
    }
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        log_error("embedded server: %s", strerror(errno));
        goto out;
    }
    int error = fork_server(options, &secrets, pipe_fds[1], stop);
    close(pipe_fds[1]);
    pipe_fds[1] = -1;
    if (error) {
        log_error("embedded server: %s", strerror(error));
        goto out;
    }
    if (!read_address(pipe_fds[0], address, sizeof(address))) {
        log_error("embedded server: it did not start");
        goto out;
    }
    text_join(url, EMBEDDED_URL_MAX, "socks5://", secrets.user, ":", secrets.password, "@", address,
              NULL);
    status = 0;
out:
    if (pipe_fds[0] >= 0)
        close(pipe_fds[0]);
    if (stop >= 0)
        close(stop);
    return status;
}
