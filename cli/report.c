/* SPDX-License-Identifier: MIT
 * The tally's file, the process that waits, and the table. */
#include "cli/report.h"

#include "cli/follow.h"
#include "cli/show.h"
#include "cli/supervise/detach.h"
#include "core/dial.h"
#include "core/log.h"
#include "core/settings.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000 }; /* with a reader of stderr that is slow */

/* What the process that stays knows. */
struct reporter {
    struct follower follower;
    struct tally *tally;
    char path[PATH_MAX]; /* of the tally's file */
    const char *name;
    int64_t start_ms;
    int to; /* stderr as it was */
};

/* --- The table --- */

static uint64_t total(const struct tally_line *line)
{
    return (uint64_t)line->connected + line->failed + line->decided;
}

static int by_total(const void *left, const void *right)
{
    const struct tally_line *a = left, *b = right;
    if (total(a) != total(b))
        return total(a) < total(b) ? 1 : -1;
    int order = strcmp(a->target, b->target);
    return order ? order : strcmp(a->route, b->route);
}

/* Of UTF-8, octets that go on with a character take no place of their own. */
static int hidden_octets(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) == 0x80;
    return count;
}

/* So wide that most fit; the odd long one may push its own line to the right. */
static int width_of(int widest, const char *text)
{
    enum { WIDTH_MAX = 40 };
    int len = (int)strlen(text) - hidden_octets(text);
    return len > widest && len <= WIDTH_MAX ? len : widest;
}

static void print_line(FILE *to, const struct tally_line *line, int target_width, int route_width)
{
    char words[FAILURE_TEXT_MAX];
    show(to, "  %-*s  %-*s  %7llu  %6u", target_width + hidden_octets(line->target), line->target,
         route_width, line->route, (unsigned long long)total(line), line->failed);
    if (line->connected)
        show(to, "  %6u  %6llu  %6u", line->min_ms,
             (unsigned long long)(line->sum_ms / line->connected), line->max_ms);
    else
        show(to, "  %6s  %6s  %6s", "-", "-", "-");
    if (line->failed)
        show(to, "  %s", failure_text(&line->failure, words));
    show(to, "\n");
}

void report_print(FILE *to, const char *name, int64_t milliseconds, struct tally_line *lines,
                  size_t count, uint32_t lost, uint32_t lost_failed)
{
    int target_width = (int)strlen("destination"), route_width = (int)strlen("route");
    uint64_t all = lost, failed = lost_failed;
    qsort(lines, count, sizeof(*lines), by_total);
    for (size_t i = 0; i < count; i++) {
        all += total(&lines[i]);
        failed += lines[i].failed;
        target_width = width_of(target_width, lines[i].target);
        route_width = width_of(route_width, lines[i].route);
    }
    show(to, "socksify: report of %s: %llu connection%s, %llu failed, %zu destination%s, %.1f s\n",
         name, (unsigned long long)all, all == 1 ? "" : "s", (unsigned long long)failed, count,
         count == 1 ? "" : "s", (double)milliseconds / 1000);
    if (count > 0)
        show(to, "  %-*s  %-*s  %7s  %6s  %6s  %6s  %6s  latest failure\n", target_width,
             "destination", route_width, "route", "count", "failed", "min ms", "mean", "max");
    for (size_t i = 0; i < count; i++)
        print_line(to, &lines[i], target_width, route_width);
    if (lost > 0)
        show(to, "  and %u to more destinations than a report can hold, of which %u failed\n", lost,
             lost_failed);
}

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        struct pollfd writable = {.fd = fd, .events = POLLOUT};
        if (written < 0 && errno == EAGAIN && poll(&writable, 1, PATIENCE_MS) == 1)
            continue;
        if (written < 0 && errno != EINTR)
            return; /* nowhere is left to complain */
        bytes += written > 0 ? written : 0;
        len -= written > 0 ? (size_t)written : 0;
    }
}

static void print_table(const struct reporter *reporter)
{
    static struct tally_line lines[TALLY_LINES_MAX]; /* large */
    const char *file = getenv(SETTINGS_LOG_FILE);
    int to =
        file && *file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600) : -1;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    if (stream) {
        report_print(stream, reporter->name, dial_now_ms() - reporter->start_ms, lines,
                     tally_read(reporter->tally, lines), tally_lost(reporter->tally),
                     tally_lost_failed(reporter->tally));
        fclose(stream);
        write_all(to >= 0 ? to : reporter->to, text, len);
    }
    free(text);
    if (to >= 0)
        close(to);
}

/* --- The tally's file --- */

/* In the folder, when it is an absolute path. A descriptor or -1. */
static int make_in(const char *folder, char path[static PATH_MAX])
{
    if (!folder || *folder != '/' || strlen(folder) > PATH_MAX / 2)
        return -1;
    text_join(path, PATH_MAX, folder, "/socksify-report-XXXXXX", NULL);
    return mkostemp(path, O_CLOEXEC);
}

static bool make_tally(struct reporter *reporter)
{
    const char *const folders[] = {getenv("XDG_RUNTIME_DIR"), "/dev/shm", getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders) && !reporter->tally; i++) {
        int fd = make_in(folders[i], reporter->path);
        if (fd < 0)
            continue;
        reporter->tally = tally_make(fd);
        if (!reporter->tally)
            unlink(reporter->path);
        close(fd);
    }
    return reporter->tally != NULL;
}

/* --- The process that stays --- */

/* It goes on already, and the shell has been told so: to stop now would be for ever. */
static bool has_gone_on(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT);
}

static void look_at_program(const struct reporter *reporter)
{
    int status;
    while (waitpid(reporter->follower.program, &status, WNOHANG | WUNTRACED) > 0) {
        if (WIFSTOPPED(status) && has_gone_on())
            continue;
        if (!WIFSTOPPED(status)) {
            print_table(reporter);
            unlink(reporter->path);
        }
        follow(reporter->follower.program, status);
    }
}

static int pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int complain(const char *name, int error)
{
    log_error("%s: no report can be made of it: %s; nothing was run", name, strerror(error));
    return EXIT_FAILURE;
}

/* The program, which waits, is not run then. */
static _Noreturn void give_up(const struct reporter *reporter)
{
    int error = errno;
    kill(reporter->follower.program, SIGKILL);
    unlink(reporter->path);
    _exit(complain(reporter->name, error));
}

/* The program waits for the channel's end, which comes with our other descriptors'. */
static _Noreturn void stay(struct reporter *reporter)
{
    sigset_t all;
    struct follower *follower = &reporter->follower;
    sigfillset(&all);
    follower->is_child = true;
    follower->signals = signalfd(-1, &all, SFD_CLOEXEC);
    follower->pidfd = pidfd_open(follower->program);
    if (follower->signals < 0 || follower->pidfd < 0)
        give_up(reporter);
    follow_early_signals(follower);
    reporter->to = dup(STDERR_FILENO);
    if (reporter->to < 0)
        reporter->to = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!detach_descriptors((int *[]){&follower->signals, &follower->pidfd, &reporter->to}, 3))
        give_up(reporter);
    for (;;) {
        look_at_program(reporter);
        follow_signal(follower);
    }
}

int report_start(const char *name)
{
    static struct reporter reporter; /* large */
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    struct sigaction on_child;
    sigset_t all, blocked;
    int channel[2];
    char octet;
    reporter.name = name;
    reporter.start_ms = dial_now_ms();
    if (!make_tally(&reporter) || setenv(SETTINGS_REPORT, reporter.path, 1) != 0)
        return complain(name, errno);
    if (pipe2(channel, O_CLOEXEC) != 0) {
        int error = errno;
        unlink(reporter.path);
        return complain(name, error);
    }

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &blocked);
    /* Ignored, the program would be gone before its status could be asked for. */
    sigaction(SIGCHLD, &by_default, &on_child);
    pid_t parent = getpid();
    reporter.follower.program = fork();
    if (reporter.follower.program > 0)
        stay(&reporter);
    int error = errno;
    sigaction(SIGCHLD, &on_child, NULL);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    if (reporter.follower.program < 0) {
        unlink(reporter.path);
        return complain(name, error);
    }
    /* Who kills the process that he waits for means the program. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    close(channel[1]);
    while (read(channel[0], &octet, 1) < 0 && errno == EINTR)
        ;
    close(channel[0]);
    return getppid() == parent ? 0 : EXIT_FAILURE;
}
