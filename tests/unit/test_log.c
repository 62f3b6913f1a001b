/* SPDX-License-Identifier: MIT
 * Messages: which are written, in what words, whereto, and what they must not do. Descriptor 2 is a
 * socket of sequenced packets here, so that each write(2) is one packet. */
#include "core/log.h"

#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int reader; /* what is written to descriptor 2 comes out here */
static int real_stderr;
static char directory[64], file[96];

static void take_stderr(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    ck_assert_int_eq(dup2(pair[1], STDERR_FILENO), STDERR_FILENO);
    close(pair[1]);
    reader = pair[0];

    snprintf(directory, sizeof(directory), "%s/socksify-log-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(file, sizeof(file), "%s/log", directory);
}

static void give_stderr_back(void)
{
    ck_assert_int_eq(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
    close(real_stderr);
    close(reader);
    unlink(file);
    ck_assert_int_eq(rmdir(directory), 0);
}

/* The next thing written to descriptor 2; empty when there is none. */
static const char *written(void)
{
    static char line[4 * LOG_LINE_MAX];
    ssize_t len = recv(reader, line, sizeof(line) - 1, MSG_DONTWAIT);
    if (len < 0) {
        ck_assert_int_eq(errno, EAGAIN);
        len = 0;
    }
    line[len] = '\0';
    return line;
}

/* "socksify: wget[4711]: " of this process, then words and a newline. */
static const char *line_of(const char *words)
{
    static char line[LOG_LINE_MAX];
    snprintf(line, sizeof(line), "socksify: wget[%d]: %s\n", (int)getpid(), words);
    return line;
}

static const char *in_file(void)
{
    static char text[4 * LOG_LINE_MAX];
    int fd = open(file, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ssize_t len = read(fd, text, sizeof(text) - 1);
    ck_assert_int_ge(len, 0);
    text[len] = '\0';
    close(fd);
    return text;
}

START_TEST(log_writes_failures_and_warnings_unless_told_otherwise)
{
    ck_assert_int_eq(log_level(), LOG_NORMAL);
    log_error("no answer from %s", "home");
    ck_assert_str_eq(written(), "socksify: no answer from home\n");
    log_warn("%d is odd", 3);
    ck_assert_str_eq(written(), "socksify: warning: 3 is odd\n");
    log_info("connected");
    ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(log_verbose_writes_everything)
{
    log_setup(LOG_VERBOSE, "wget", NULL);
    ck_assert_int_eq(log_level(), LOG_VERBOSE);
    log_error("one");
    ck_assert_str_eq(written(), line_of("one"));
    log_warn("two");
    ck_assert_str_eq(written(), line_of("warning: two"));
    log_info("three");
    ck_assert_str_eq(written(), line_of("three"));
    ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(log_quiet_writes_nothing)
{
    log_setup(LOG_QUIET, "wget", NULL);
    ck_assert_int_eq(log_level(), LOG_QUIET);
    log_error("one");
    log_warn("two");
    log_info("three");
    ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(log_writes_nothing_to_stdout)
{
    int pair[2];
    ck_assert_int_eq(pipe(pair), 0);
    int stdout_before = dup(STDOUT_FILENO);
    ck_assert_int_eq(dup2(pair[1], STDOUT_FILENO), STDOUT_FILENO);
    close(pair[1]);
    log_setup(LOG_VERBOSE, "wget", NULL);
    log_error("one");
    log_warn("two");
    log_info("three");
    fflush(stdout);
    ck_assert_int_eq(dup2(stdout_before, STDOUT_FILENO), STDOUT_FILENO);
    char byte;
    ck_assert_int_eq(read(pair[0], &byte, 1), 0);
}
END_TEST

START_TEST(log_disarms_control_characters)
{
    log_setup(LOG_NORMAL, "ev\033il\n", NULL);
    log_error("a\nb\rc\td\033[31me\x7f%s", "f\x01g\n");
    char wanted[128];
    snprintf(wanted, sizeof(wanted), "socksify: ev?il?[%d]: a?b?c?d?[31me?f?g?\n", (int)getpid());
    ck_assert_str_eq(written(), wanted);
    log_setup(LOG_NORMAL, NULL, NULL);
    log_error("b\xc3\xbc"
              "cher.test");
    ck_assert_str_eq(written(), "socksify: b\xc3\xbc"
                                "cher.test\n");
}
END_TEST

START_TEST(log_cuts_a_long_name_of_a_program)
{
    static struct spelled who;
    who = spelled("w*100");
    log_setup(LOG_NORMAL, who.text, NULL);
    log_error("words");
    char wanted[2 * LOG_LINE_MAX];
    snprintf(wanted, sizeof(wanted), "socksify: %s[%d]: words\n", spelled("w*64").text,
             (int)getpid());
    ck_assert_str_eq(written(), wanted);
}
END_TEST

/* All lengths around the limit, and one far beyond. */
START_TEST(log_cuts_long_lines_and_says_so)
{
    static const char head[] = "socksify: ";
    static const size_t head_len = sizeof(head) - 1;
    static char words[3 * LOG_LINE_MAX];
    for (size_t len = LOG_LINE_MAX - 40; len < sizeof(words); len += len < LOG_LINE_MAX ? 1 : 977) {
        for (size_t i = 0; i < len; i++)
            words[i] = (char)('a' + i % 26);
        words[len] = '\0';
        log_error("%s", words);
        const char *line = written();
        size_t whole = head_len + len + 1;
        ck_assert_mem_eq(line, head, head_len);
        if (whole <= LOG_LINE_MAX) {
            ck_assert_uint_eq(strlen(line), whole);
            ck_assert_mem_eq(line + head_len, words, len);
            ck_assert_str_eq(line + whole - 1, "\n");
        } else {
            ck_assert_uint_eq(strlen(line), LOG_LINE_MAX);
            ck_assert_mem_eq(line + head_len, words, LOG_LINE_MAX - head_len - 4);
            ck_assert_str_eq(line + LOG_LINE_MAX - 4, "...\n");
        }
        ck_assert_str_eq(written(), "");
    }
}
END_TEST

START_TEST(log_keeps_errno)
{
    static const char *const files[] = {NULL, file, "/nowhere/at/all"};
    for (size_t i = 0; i < COUNT(files); i++) {
        log_setup(LOG_VERBOSE, "wget", files[i]);
        errno = E2BIG;
        log_error("words");
        ck_assert_int_eq(errno, E2BIG);
        log_warn("words");
        ck_assert_int_eq(errno, E2BIG);
        log_info("words");
        ck_assert_int_eq(errno, E2BIG);
    }
    close(STDERR_FILENO);
    log_setup(LOG_VERBOSE, "wget", NULL);
    errno = E2BIG;
    log_error("words");
    ck_assert_int_eq(errno, E2BIG);
}
END_TEST

START_TEST(log_words_may_use_errno)
{
    errno = ENOENT;
    log_error("%m");
    ck_assert_str_eq(written(), "socksify: No such file or directory\n");
}
END_TEST

START_TEST(log_file_takes_the_lines_in_place_of_stderr)
{
    umask(0);
    log_setup(LOG_NORMAL, "wget", file);
    log_error("one");
    log_error("two");
    ck_assert_str_eq(written(), "");
    char wanted[128];
    snprintf(wanted, sizeof(wanted), "socksify: wget[%1$d]: one\nsocksify: wget[%1$d]: two\n",
             (int)getpid());
    ck_assert_str_eq(in_file(), wanted);
    struct stat status;
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
}
END_TEST

START_TEST(log_file_is_open_only_while_a_line_is_written)
{
    log_setup(LOG_NORMAL, "wget", file);
    int lowest = dup(0);
    close(lowest);
    log_error("one");
    int still = dup(0);
    ck_assert_int_eq(still, lowest);
    close(still);
}
END_TEST

START_TEST(log_file_that_cannot_be_opened_gives_stderr)
{
    log_setup(LOG_NORMAL, "wget", directory);
    log_error("one");
    ck_assert_str_eq(written(), line_of("one"));
}
END_TEST

/* A connection in the place of descriptor 2. Returns its other end. */
static int connect_stderr(int family)
{
    struct sockaddr_storage at = {.ss_family = (sa_family_t)family};
    socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (family == AF_INET)
        ((struct sockaddr_in *)&at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)&at)->sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int connected = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    ck_assert_int_eq(connect(connected, (struct sockaddr *)&at, len), 0);
    int peer = accept(listener, NULL, NULL);
    ck_assert_int_ge(peer, 0);
    close(listener);
    ck_assert_int_eq(dup2(connected, STDERR_FILENO), STDERR_FILENO);
    close(connected);
    return peer;
}

START_TEST(log_writes_nothing_to_a_network_peer)
{
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < COUNT(families); i++) {
        int peer = connect_stderr(families[i]);
        log_setup(LOG_VERBOSE, "wget", NULL);
        log_error("one");
        log_setup(LOG_VERBOSE, "wget", "/nowhere/at/all");
        log_error("two");
        log_setup(LOG_VERBOSE, "wget", file);
        log_error("three");
        ck_assert_int_eq(shutdown(STDERR_FILENO, SHUT_WR), 0);
        char byte;
        ck_assert_int_eq(recv(peer, &byte, 1, 0), 0);
        ck_assert_ptr_nonnull(strstr(in_file(), "three"));
        close(peer);
    }
}
END_TEST

START_TEST(log_without_descriptor_2_does_no_harm)
{
    close(STDERR_FILENO);
    log_error("one");
    log_setup(LOG_NORMAL, "wget", file);
    log_error("two");
    ck_assert_str_eq(in_file(), line_of("two"));
    ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFD), -1);
}
END_TEST

static Suite *log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("line");
    tcase_add_checked_fixture(tcase, take_stderr, give_stderr_back);
    tcase_add_test(tcase, log_writes_failures_and_warnings_unless_told_otherwise);
    tcase_add_test(tcase, log_verbose_writes_everything);
    tcase_add_test(tcase, log_quiet_writes_nothing);
    tcase_add_test(tcase, log_writes_nothing_to_stdout);
    tcase_add_test(tcase, log_disarms_control_characters);
    tcase_add_test(tcase, log_cuts_a_long_name_of_a_program);
    tcase_add_test(tcase, log_cuts_long_lines_and_says_so);
    tcase_add_test(tcase, log_keeps_errno);
    tcase_add_test(tcase, log_words_may_use_errno);
    tcase_add_test(tcase, log_file_takes_the_lines_in_place_of_stderr);
    tcase_add_test(tcase, log_file_is_open_only_while_a_line_is_written);
    tcase_add_test(tcase, log_file_that_cannot_be_opened_gives_stderr);
    tcase_add_test(tcase, log_writes_nothing_to_a_network_peer);
    tcase_add_test(tcase, log_without_descriptor_2_does_no_harm);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run(log_suite());
}
