/* SPDX-License-Identifier: MIT
 * The tally: what is counted comes out again, from threads and processes at once, and out of a file
 * that holds anything. */
#include "core/tally.h"

#include "tests/unit/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { ROUNDS = 20000, THREADS = 4 };

static char path[64];
static struct tally *tally;
static struct tally_line lines[TALLY_LINES_MAX];

static void make(void)
{
    snprintf(path, sizeof(path), "%s/socksify-tally-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    tally = tally_make(fd);
    ck_assert_ptr_nonnull(tally);
    close(fd);
}

static void unmake(void)
{
    tally_close(tally);
    unlink(path);
}

static struct target to(const char *text)
{
    struct target target;
    ck_assert_int_eq(target_from_text(&target, text, strlen(text), 0), STATUS_OK);
    return target;
}

static const struct tally_line *line_of(size_t count, const char *target, const char *route)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(lines[i].target, target) == 0 && strcmp(lines[i].route, route) == 0)
            return &lines[i];
    ck_abort_msg("no line for %s %s", target, route);
}

START_TEST(each_destination_and_route_has_a_line)
{
    const struct target page = to("page.example:80"), other = to("[2001:db8::1]:443");
    const struct failure failure = {.status = STATUS_REFUSED, .stage = STAGE_REQUEST, .code = 5};
    tally_add_success(tally, &page, "home", 30);
    tally_add_success(tally, &page, "home", 10);
    tally_add_success(tally, &page, "home", 20);
    tally_add_success(tally, &page, "tor", 7);
    tally_add_failure(tally, &page, "home", &failure);
    tally_add_decision(tally, &other, "direct");
    tally_add_decision(tally, &other, "direct");

    size_t count = tally_read(tally, lines);
    ck_assert_uint_eq(count, 3);
    const struct tally_line *line = line_of(count, "page.example:80", "home");
    ck_assert_uint_eq(line->connected, 3);
    ck_assert_uint_eq(line->failed, 1);
    ck_assert_uint_eq(line->decided, 0);
    ck_assert_uint_eq(line->min_ms, 10);
    ck_assert_uint_eq(line->max_ms, 30);
    ck_assert_uint_eq(line->sum_ms, 60);
    ck_assert_int_eq(line->failure.status, STATUS_REFUSED);
    ck_assert_int_eq(line->failure.code, 5);
    line = line_of(count, "page.example:80", "tor");
    ck_assert_uint_eq(line->connected, 1);
    ck_assert_uint_eq(line->failed, 0);
    ck_assert_int_eq(line->failure.status, STATUS_OK);
    line = line_of(count, "[2001:db8::1]:443", "direct");
    ck_assert_uint_eq(line->decided, 2);
    ck_assert_uint_eq(line->connected, 0);
    ck_assert_uint_eq(tally_lost(tally), 0);
}
END_TEST

START_TEST(the_latest_failure_comes_out_as_it_went_in)
{
#define X(code, number, text) STATUS_##code,
    static const enum status statuses[] = {STATUS_LIST(X)};
#undef X
    const struct target page = to("page.example:80");
    for (size_t i = 0; i < COUNT(statuses); i++) {
        const struct failure failure = {.status = statuses[i],
                                        .stage = (enum stage)(i % (STAGE_DONE + 1)),
                                        .hop = (uint8_t)(i % ROUTE_HOPS_MAX),
                                        .code = (int)(i * 37 % 257) - 1,
                                        .sys_errno = (int)i * 3};
        tally_add_failure(tally, &page, "home", &failure);
        ck_assert_uint_eq(tally_read(tally, lines), 1);
        ck_assert_uint_eq(lines[0].failed, i + 1);
        ck_assert_int_eq(lines[0].failure.status, failure.status);
        ck_assert_int_eq(lines[0].failure.stage, failure.stage);
        ck_assert_int_eq(lines[0].failure.hop, failure.hop);
        ck_assert_int_eq(lines[0].failure.code, failure.code);
        ck_assert_int_eq(lines[0].failure.sys_errno, failure.sys_errno);
    }
}
END_TEST

static void *count_many(void *unused)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        char text[64];
        snprintf(text, sizeof(text), "host-%u.example:80", i % 100);
        const struct target target = to(text);
        tally_add_success(tally, &target, "home", i % 1000);
    }
    return unused;
}

static void expect_all(uint32_t times)
{
    size_t count = tally_read(tally, lines);
    ck_assert_uint_eq(count, 100);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(lines[i].connected, times * ROUNDS / 100);
        ck_assert_uint_ge(lines[i].min_ms, 0);
        ck_assert_uint_eq(lines[i].max_ms - lines[i].min_ms, 900);
    }
}

START_TEST(threads_count_at_once)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    expect_all(THREADS);
}
END_TEST

START_TEST(processes_count_at_once)
{
    pid_t children[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            tally = tally_open(path);
            if (tally)
                count_many(NULL);
            _exit(tally == NULL);
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        int status = -1;
        waitpid(children[i], &status, 0);
        ck_assert_int_eq(status, 0);
    }
    expect_all(THREADS);
}
END_TEST

START_TEST(a_process_that_dies_at_any_moment_stops_nobody)
{
    for (int i = 0; i < 30; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (;;)
                count_many(NULL);
        }
        usleep(1000 + 100 * (unsigned)i);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    const struct target page = to("page.example:80");
    tally_add_success(tally, &page, "home", 1);
    ck_assert_uint_eq(line_of(tally_read(tally, lines), "page.example:80", "home")->connected, 1);
}
END_TEST

START_TEST(what_finds_no_room_is_counted_without_a_line)
{
    const uint32_t wanted = 3 * TALLY_LINES_MAX;
    for (uint32_t i = 0; i < wanted; i++) {
        char text[64];
        snprintf(text, sizeof(text), "host-%u.example:80", i);
        const struct target target = to(text);
        tally_add_decision(tally, &target, "direct");
    }
    size_t count = tally_read(tally, lines);
    ck_assert_uint_gt(count, TALLY_LINES_MAX * 9 / 10);
    ck_assert_uint_eq(count + tally_lost(tally), wanted);
    ck_assert_uint_eq(tally_lost_failed(tally), 0);

    /* Failures among it are counted, too. */
    const struct failure failure = {.status = STATUS_REFUSED, .stage = STAGE_REQUEST, .code = 5};
    const struct target last = to("one-more.example:80");
    tally_add_failure(tally, &last, "home", &failure);
    tally_add_success(tally, &last, "home", 1);
    ck_assert_uint_eq(count + tally_lost(tally), wanted + 2);
    ck_assert_uint_eq(tally_lost_failed(tally), 1);
}
END_TEST

START_TEST(long_texts_are_cut_and_none_is_lost)
{
    struct target target;
    char name[256], route[1000];
    memset(name, 'x', 255);
    memset(route, 'r', sizeof(route) - 1);
    route[sizeof(route) - 1] = name[255] = '\0';
    ck_assert_int_eq(target_set_host(&target, name, 255, 65535), STATUS_OK);
    tally_add_success(tally, &target, route, 1);
    tally_add_success(tally, &target, route, -1);
    ck_assert_uint_eq(tally_read(tally, lines), 1);
    ck_assert_uint_eq(lines[0].connected, 2);
    ck_assert_uint_eq(strlen(lines[0].target), 255 + strlen(":65535"));
    ck_assert_uint_eq(strlen(lines[0].route), TALLY_ROUTE_MAX - 1);
}
END_TEST

START_TEST(whatever_the_file_holds_lines_are_printable)
{
    struct stat st;
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(fstat(fd, &st), 0);
    uint8_t *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    srand(_i + 1);
    for (off_t i = 16; i < st.st_size; i++)
        bytes[i] = (uint8_t)(_i == 0 ? 0xff : rand() % (_i + 2));
    size_t count = tally_read(tally, lines);
    for (size_t i = 0; i < count; i++) {
        char words[FAILURE_TEXT_MAX];
        ck_assert_uint_lt(strnlen(lines[i].target, sizeof(lines[i].target)), TARGET_TEXT_MAX);
        ck_assert_uint_lt(strnlen(lines[i].route, sizeof(lines[i].route)), TALLY_ROUTE_MAX);
        for (const char *c = lines[i].target; *c; c++)
            ck_assert((unsigned char)*c >= ' ' && *c != 0x7f);
        ck_assert_uint_gt(strlen(failure_text(&lines[i].failure, words)), 0);
    }
    /* And it goes on being written to. */
    const struct target page = to("page.example:80");
    tally_add_success(tally, &page, "home", 1);
    munmap(bytes, (size_t)st.st_size);
}
END_TEST

START_TEST(only_a_tally_is_opened)
{
    char other[80];
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    struct tally *again = tally_open(path);
    ck_assert_ptr_nonnull(again);
    tally_close(again);

    snprintf(other, sizeof(other), "%s.other", path);
    errno = 4711;
    ck_assert_ptr_null(tally_open(other)); /* nothing there */
    ck_assert_ptr_null(tally_open("/"));
    ck_assert_ptr_null(tally_open("/dev/null"));
    ck_assert_ptr_null(tally_open(""));
    ck_assert_int_eq(symlink(path, other), 0);
    ck_assert_ptr_null(tally_open(other));
    unlink(other);
    ck_assert_int_eq(mkfifo(other, 0600), 0);
    ck_assert_ptr_null(tally_open(other));
    unlink(other);
    int fd = open(other, O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(ftruncate(fd, st.st_size), 0);
    ck_assert_ptr_null(tally_open(other)); /* the right size, and another head */
    close(fd);
    unlink(other);
    ck_assert_int_eq(truncate(path, st.st_size - 1), 0);
    ck_assert_ptr_null(tally_open(path));
    ck_assert_int_eq(errno, 4711);
}
END_TEST

START_TEST(a_limit_on_file_sizes_is_no_signal)
{
    char other[80];
    const struct rlimit small = {4096, RLIM_INFINITY};
    snprintf(other, sizeof(other), "%s.small", path);
    int fd = open(other, O_RDWR | O_CREAT, 0600);
    unlink(other);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_ptr_null(tally_make(fd));
    ck_assert_int_eq(errno, EFBIG);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tally");
    TCase *cases = tcase_create("tally");
    tcase_add_checked_fixture(cases, make, unmake);
    tcase_add_test(cases, each_destination_and_route_has_a_line);
    tcase_add_test(cases, the_latest_failure_comes_out_as_it_went_in);
    tcase_add_test(cases, threads_count_at_once);
    tcase_add_test(cases, processes_count_at_once);
    tcase_add_test(cases, a_process_that_dies_at_any_moment_stops_nobody);
    tcase_add_test(cases, what_finds_no_room_is_counted_without_a_line);
    tcase_add_test(cases, long_texts_are_cut_and_none_is_lost);
    tcase_add_loop_test(cases, whatever_the_file_holds_lines_are_printable, 0, 4);
    tcase_add_test(cases, only_a_tally_is_opened);
    tcase_add_test(cases, a_limit_on_file_sizes_is_no_signal);
    suite_add_tcase(suite, cases);
    return run(suite);
}
