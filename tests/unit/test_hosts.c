/* SPDX-License-Identifier: MIT
 * The hosts file: what is read from it, what is passed over, and that edits are noticed. */
#include "core/hosts.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ADDRESSES_MAX = 8, TEXT_MAX = 512 };

static char directory[64];
static char path[96];
static struct hosts hosts;

static void make_directory(void)
{
    snprintf(directory, sizeof(directory), "%s/socksify-hosts-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/hosts", directory);
    hosts = (struct hosts){.path = path};
}

static void remove_directory(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    ck_assert_int_eq(system(command), 0);
}

/* Written aside and renamed into place, as editors do: nobody ever reads half of it. */
static void write_hosts(const char *text, size_t len)
{
    char temporary[128];

    snprintf(temporary, sizeof(temporary), "%s.new", path);
    int fd = open(temporary, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
    ck_assert_int_eq(rename(temporary, path), 0);
}

/* As if a second had passed since the file was looked at. */
static void let_time_pass(void)
{
    hosts.checked_ms -= 2000;
}

/* "canonical: address address ...", or "-" for a name that is not known. */
static const char *find(const char *name, char text[static TEXT_MAX])
{
    struct hosts_address list[ADDRESSES_MAX];
    char canonical[256] = "untouched";
    size_t count = hosts_find(&hosts, name, strlen(name), list, ADDRESSES_MAX, canonical);

    if (count == 0)
        return strcmp(canonical, "untouched") == 0 ? "-" : "canonical was touched";
    size_t len = (size_t)snprintf(text, TEXT_MAX, "%s:", canonical);
    for (size_t i = 0; i < count; i++) {
        char address[INET6_ADDRSTRLEN];
        inet_ntop(list[i].family, list[i].bytes, address, sizeof(address));
        len += (size_t)snprintf(text + len, TEXT_MAX - len, " %s", address);
    }
    return text;
}

static void assert_finds(const char *name, const char *expected)
{
    char text[TEXT_MAX];

    ck_assert_str_eq(find(name, text), expected);
}

static const char everyday[] = "127.0.0.1\tlocalhost\n"
                               "127.0.1.1 Workshop.Example workshop\n"
                               "\n"
                               "# 10.0.0.9 commented.example\n"
                               "   10.0.0.1   one.example  uno  # 10.0.0.2 eins\r\n"
                               "10.0.0.3 three.example#drei\n"
                               "\v\f::1 localhost ip6-localhost\n"
                               "2001:db8::1 one.example six\n"
                               "10.0.0.1 other uno one.example\n"
                               "10.0.0.4 one.example\n"
                               "::ffff:10.0.0.5 mapped\n"
                               "10.0.0.6 dotted.example. dot.\n"
                               "10.0.0.7 last.example";

static const struct {
    const char *name;
    const char *expected;
} everyday_cases[] = {
    {"localhost", "localhost: 127.0.0.1 ::1"},
    {"workshop.example", "Workshop.Example: 127.0.1.1"},
    {"workshop", "Workshop.Example: 127.0.1.1"},
    {"commented.example", "-"},
    {"one.example", "one.example: 10.0.0.1 2001:db8::1 10.0.0.4"},
    {"uno", "one.example: 10.0.0.1"},
    {"eins", "-"},
    {"#", "-"},
    {"three.example", "three.example: 10.0.0.3"},
    {"drei", "-"},
    {"ip6-localhost", "localhost: ::1"},
    {"six", "one.example: 2001:db8::1"},
    {"other", "other: 10.0.0.1"},
    {"mapped", "mapped: 10.0.0.5"},
    {"dotted.example", "dotted.example: 10.0.0.6"},
    {"dot", "dotted.example: 10.0.0.6"},
    {"last.example", "last.example: 10.0.0.7"},
    {"example", "-"},
    {"one.exampl", "-"},
    {"10.0.0.1", "-"},
    {"", "-"},
};

START_TEST(hosts_everyday_file_is_read)
{
    write_hosts(everyday, sizeof(everyday) - 1);
    assert_finds(everyday_cases[_i].name, everyday_cases[_i].expected);
}
END_TEST

static const char *const bad_lines[] = {
    "bad",
    "10.0.0.1",
    "10.0.0.1 ",
    "10.0.0 bad",
    "10.0.0.256 bad",
    "010.0.0.1 bad",
    "10.0.0.1.1 bad",
    "0x0a000001 bad",
    "fe80::1 %bad",
    "fe80::1%eth0 bad",
    "fe80::1%1 bad",
    "1:2:3:4:5:6:7 bad",
    ":: # bad",
    "[::1] bad",
    "bad 10.0.0.1",
    "10.0.0.1#bad",
    "example bad",
    "10.0.0.1/8 bad",
    "-1 bad",
    "\x01 bad",
    "10.0.0.1, bad",
    "::1:: bad",
    "ffff0::1 bad",
    "* bad",
    "10.0.0.1\x7f bad",
    "#10.0.0.1 bad",
    "",
    "aaaa:bbbb:cccc:dddd:eeee:ffff:1111:2222:3333:4444 bad",
};

START_TEST(hosts_bad_line_is_passed_over)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "10.0.0.1 before\n%s\n10.0.0.2 after\n", bad_lines[_i]);

    write_hosts(text, (size_t)len);
    assert_finds("before", "before: 10.0.0.1");
    assert_finds("bad", "-");
    assert_finds("after", "after: 10.0.0.2");
}
END_TEST

START_TEST(hosts_names_of_255_octets_are_found_and_longer_ones_passed_over)
{
    char name[258], text[1200], expected[TEXT_MAX];

    memset(name, 'x', sizeof(name));
    name[255] = '\0';
    int len = snprintf(text, sizeof(text), "10.0.0.1 %s\n10.0.0.2 %sx short\n10.0.0.3 %s.\n", name,
                       name, name);
    write_hosts(text, (size_t)len);
    snprintf(expected, sizeof(expected), "%s: 10.0.0.1 10.0.0.3", name);
    assert_finds(name, expected);
    assert_finds("short", "short: 10.0.0.2");
    memset(name, 'x', sizeof(name));
    name[256] = '\0';
    assert_finds(name, "-");
}
END_TEST

START_TEST(hosts_localhost_needs_no_file)
{
    assert_finds("localhost", "localhost: 127.0.0.1 ::1");
    assert_finds("www.localhost", "www.localhost: 127.0.0.1 ::1");
    assert_finds("a.b.localhost", "a.b.localhost: 127.0.0.1 ::1");
    assert_finds("notlocalhost", "-");
    assert_finds("localhost.example", "-");
    assert_finds("ocalhost", "-");

    struct hosts_address one[1];
    char canonical[256];
    ck_assert_uint_eq(hosts_find(&hosts, "localhost", 9, one, 1, canonical), 1);
    ck_assert_int_eq(one[0].family, AF_INET);
    ck_assert_uint_eq(hosts_find(&hosts, "localhost", 9, one, 0, canonical), 0);
}
END_TEST

START_TEST(hosts_file_has_the_last_word_on_localhost)
{
    static const char text[] = "10.0.0.1 localhost\n10.0.0.2 www.localhost\n";

    write_hosts(text, sizeof(text) - 1);
    assert_finds("localhost", "localhost: 10.0.0.1");
    assert_finds("www.localhost", "www.localhost: 10.0.0.2");
    assert_finds("ftp.localhost", "ftp.localhost: 127.0.0.1 ::1");
}
END_TEST

START_TEST(hosts_addresses_beyond_the_maximum_are_dropped)
{
    char text[2048];
    size_t len = 0;
    struct hosts_address list[ADDRESSES_MAX + 1];
    char canonical[256];

    for (unsigned i = 1; i <= 20; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "10.0.0.%u many\n", i);
    write_hosts(text, len);
    memset(list, 0x5a, sizeof(list));
    ck_assert_uint_eq(hosts_find(&hosts, "many", 4, list, ADDRESSES_MAX, canonical), ADDRESSES_MAX);
    ck_assert_int_eq(list[ADDRESSES_MAX - 1].bytes[3], ADDRESSES_MAX);
    ck_assert_int_eq(list[ADDRESSES_MAX].bytes[3], 0x5a);
    ck_assert_uint_eq(hosts_find(&hosts, "many", 4, list, 0, canonical), 0);
}
END_TEST

START_TEST(hosts_file_that_is_none_is_empty)
{
    assert_finds("one.example", "-");
    let_time_pass();

    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_finds("one.example", "-");
    let_time_pass();
    ck_assert_int_eq(rmdir(path), 0);

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_finds("one.example", "-");
    let_time_pass();
    ck_assert_int_eq(unlink(path), 0);

    ck_assert_int_eq(symlink(path, path), 0);
    assert_finds("one.example", "-");
    let_time_pass();
    ck_assert_int_eq(unlink(path), 0);

    write_hosts("", 0);
    assert_finds("one.example", "-");
    let_time_pass();

    write_hosts("10.0.0.1 one.example", 20);
    assert_finds("one.example", "one.example: 10.0.0.1");
}
END_TEST

START_TEST(hosts_edit_is_noticed_after_a_second_and_not_before)
{
    struct timespec before, after;

    write_hosts("10.0.0.1 one.example\n", 21);
    clock_gettime(CLOCK_MONOTONIC_COARSE, &before);
    assert_finds("one.example", "one.example: 10.0.0.1");
    write_hosts("10.0.0.2 one.example\n", 21);
    char text[TEXT_MAX];
    const char *found = find("one.example", text);
    clock_gettime(CLOCK_MONOTONIC_COARSE, &after);
    /* Unless this machine stood still for that second. */
    if ((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 1000)
        ck_assert_str_eq(found, "one.example: 10.0.0.1");
    let_time_pass();
    assert_finds("one.example", "one.example: 10.0.0.2");
}
END_TEST

START_TEST(hosts_removed_file_is_noticed)
{
    write_hosts("10.0.0.1 one.example\n", 21);
    assert_finds("one.example", "one.example: 10.0.0.1");
    ck_assert_int_eq(unlink(path), 0);
    let_time_pass();
    assert_finds("one.example", "-");
}
END_TEST

START_TEST(hosts_snapshot_stays_while_descriptors_are_short)
{
    struct rlimit limit;
    int taken[64];
    size_t count = 0;

    write_hosts("10.0.0.1 one.example\n", 21);
    assert_finds("one.example", "one.example: 10.0.0.1");
    write_hosts("10.0.0.2 one.example\n", 21);
    let_time_pass();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 32;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (count < 64 && (taken[count] = dup(0)) >= 0)
        count++;
    ck_assert_uint_lt(count, 64);
    assert_finds("one.example", "one.example: 10.0.0.1");
    while (count > 0)
        close(taken[--count]);
    let_time_pass();
    assert_finds("one.example", "one.example: 10.0.0.2");
}
END_TEST

START_TEST(hosts_find_keeps_errno_and_leaves_no_descriptor)
{
    int before = dup(0);
    close(before);

    errno = E2BIG;
    assert_finds("one.example", "-");
    ck_assert_int_eq(errno, E2BIG);
    write_hosts("10.0.0.1 one.example\n", 21);
    let_time_pass();
    errno = E2BIG;
    assert_finds("one.example", "one.example: 10.0.0.1");
    ck_assert_int_eq(errno, E2BIG);
    int after = dup(0);
    close(after);
    ck_assert_int_eq(before, after);
}
END_TEST

static unsigned count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned count = 0;
    int c;

    ck_assert_ptr_nonnull(maps);
    while ((c = fgetc(maps)) != EOF)
        count += c == '\n';
    fclose(maps);
    return count;
}

START_TEST(hosts_superseded_snapshots_are_freed)
{
    char text[64], expected[64];
    unsigned before = 0;

    for (unsigned i = 0; i < 400; i++) {
        int len = snprintf(text, sizeof(text), "10.0.%u.%u one.example\n", i / 200, i % 200);
        write_hosts(text, (size_t)len);
        let_time_pass();
        snprintf(expected, sizeof(expected), "one.example: 10.0.%u.%u", i / 200, i % 200);
        assert_finds("one.example", expected);
        if (i == 100)
            before = count_mappings();
    }
    ck_assert_uint_lt(count_mappings(), before + 50);
}
END_TEST

enum { LARGE_LINES = 100000 };

START_TEST(hosts_large_file_is_hashed)
{
    size_t len = 0, size = LARGE_LINES * 40;
    char *text = malloc(size), expected[128], name[64];
    struct timespec start, end;

    for (unsigned i = 0; i < LARGE_LINES; i++)
        len += (size_t)snprintf(text + len, size - len, "0.%u.%u.%u ads-%u.example\n", i >> 16,
                                i >> 8 & 255, i & 255, i);
    write_hosts(text, len);
    assert_finds("none.example", "-");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (unsigned i = 0; i < LARGE_LINES; i++) {
        snprintf(name, sizeof(name), "ads-%u.example", i);
        snprintf(expected, sizeof(expected), "%s: 0.%u.%u.%u", name, i >> 16, i >> 8 & 255,
                 i & 255);
        assert_finds(name, expected);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    /* A search from line to line would take minutes. */
    ck_assert_int_lt(end.tv_sec - start.tv_sec, 10);
    free(text);
}
END_TEST

START_TEST(hosts_name_on_very_many_lines_is_found)
{
    size_t len = 0, size = LARGE_LINES * 20;
    char *text = malloc(size);

    for (unsigned i = 0; i < LARGE_LINES; i++)
        len += (size_t)snprintf(text + len, size - len, "10.0.0.1 same\n");
    len += (size_t)snprintf(text + len, size - len, "10.0.0.2 same\n");
    write_hosts(text, len);
    assert_finds("same", "same: 10.0.0.1 10.0.0.2");
    free(text);
}
END_TEST

/* A small generator of our own: the same numbers on every machine. */
static uint64_t random_state = 0x2545f4914f6cdd1d;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

START_TEST(hosts_garbage_is_survived)
{
    static const char alphabet[] = "10.0.0.1 ::1 a.b\n\n\t#\r.%f\0\xff";
    char text[4096], name[4];

    for (unsigned round = 0; round < 500; round++) {
        size_t len = random_next() % sizeof(text);
        for (size_t i = 0; i < len; i++)
            text[i] =
                round % 2 ? (char)random_next() : alphabet[random_next() % (sizeof(alphabet) - 1)];
        write_hosts(text, len);
        let_time_pass();
        for (unsigned i = 0; i < 50; i++) {
            struct hosts_address list[ADDRESSES_MAX];
            char canonical[256];
            for (size_t j = 0; j < sizeof(name); j++)
                name[j] = alphabet[random_next() % (sizeof(alphabet) - 1)];
            size_t count =
                hosts_find(&hosts, name, random_next() % 5, list, ADDRESSES_MAX, canonical);
            ck_assert_uint_le(count, ADDRESSES_MAX);
        }
    }
}
END_TEST

static bool stop_readers;

static void *read_on(void *argument)
{
    unsigned *wrong = argument;
    char text[TEXT_MAX];

    while (!__atomic_load_n(&stop_readers, __ATOMIC_SEQ_CST)) {
        const char *found = find("one.example", text);
        if (strcmp(found, "one.example: 10.0.0.1 2001:db8::1") != 0 &&
            strcmp(found, "one.example: 10.0.0.2 2001:db8::2") != 0)
            __atomic_add_fetch(wrong, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

START_TEST(hosts_edits_under_many_threads_show_one_whole_file_or_the_other)
{
    static const char *const text[2] = {"10.0.0.1 one.example\n2001:db8::1 one.example\n",
                                        "10.0.0.2 one.example\n2001:db8::2 one.example\n"};
    pthread_t thread[4];
    unsigned wrong = 0;

    write_hosts(text[0], strlen(text[0]));
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, read_on, &wrong), 0);
    for (unsigned i = 1; i < 1000; i++) {
        write_hosts(text[i % 2], strlen(text[i % 2]));
        __atomic_sub_fetch(&hosts.checked_ms, 2000, __ATOMIC_SEQ_CST);
    }
    __atomic_store_n(&stop_readers, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(hosts.readers, 0);
}
END_TEST

static Suite *hosts_suite(void)
{
    Suite *suite = suite_create("hosts");
    TCase *file = tcase_create("file");

    tcase_set_timeout(file, 60);
    tcase_add_checked_fixture(file, make_directory, remove_directory);
    tcase_add_loop_test(file, hosts_everyday_file_is_read, 0,
                        sizeof(everyday_cases) / sizeof(everyday_cases[0]));
    tcase_add_loop_test(file, hosts_bad_line_is_passed_over, 0,
                        sizeof(bad_lines) / sizeof(bad_lines[0]));
    tcase_add_test(file, hosts_names_of_255_octets_are_found_and_longer_ones_passed_over);
    tcase_add_test(file, hosts_localhost_needs_no_file);
    tcase_add_test(file, hosts_file_has_the_last_word_on_localhost);
    tcase_add_test(file, hosts_addresses_beyond_the_maximum_are_dropped);
    tcase_add_test(file, hosts_file_that_is_none_is_empty);
    tcase_add_test(file, hosts_edit_is_noticed_after_a_second_and_not_before);
    tcase_add_test(file, hosts_removed_file_is_noticed);
    tcase_add_test(file, hosts_snapshot_stays_while_descriptors_are_short);
    tcase_add_test(file, hosts_find_keeps_errno_and_leaves_no_descriptor);
    tcase_add_test(file, hosts_superseded_snapshots_are_freed);
    tcase_add_test(file, hosts_large_file_is_hashed);
    tcase_add_test(file, hosts_name_on_very_many_lines_is_found);
    tcase_add_test(file, hosts_garbage_is_survived);
    tcase_add_test(file, hosts_edits_under_many_threads_show_one_whole_file_or_the_other);
    suite_add_tcase(suite, file);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(hosts_suite());

    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
