/* SPDX-License-Identifier: MIT
 * Finding a program: every answer is compared with what execvp(3) itself does. */
#include "core/search.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/socksify-search-XXXXXX";

static void write_script(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    /* Says which of the files it is. */
    ck_assert_int_gt(dprintf(fd, "#!/bin/sh\necho $0\n"), 0);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chmod(dir, 0755), 0);
    ck_assert_int_eq(chdir(dir), 0);
    ck_assert(!mkdir("a", 0755) && !mkdir("b", 0755) && !mkdir("b/thing", 0755));
    write_script("a/tool", 0755);
    write_script("b/tool", 0755);
    write_script("a/plain", 0644);
    write_script("b/plain", 0755);
    write_script("a/never", 0644);
    write_script("here", 0755);
    ck_assert_int_eq(symlink("loop", "a/loop"), 0);
    ck_assert_int_eq(symlink("/nonexistent", "a/dangling"), 0);
}

static void tear_down(void)
{
    static const char *const files[] = {"a/tool",  "b/tool", "a/plain", "b/plain",
                                        "a/never", "here",   "a/loop",  "a/dangling"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        unlink(files[i]);
    rmdir("b/thing");
    rmdir("a");
    rmdir("b");
    rmdir(dir);
}

/* What execvp does with it: the path it ran (the script tells), or its errno. */
static int really_execute(const char *name, char ran[static PATH_MAX])
{
    int output[2];
    ck_assert_int_eq(pipe2(output, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        char *copy = strdup(name);
        char *argv[] = {copy, NULL};
        dup2(output[1], STDOUT_FILENO);
        execvp(name, argv);
        _exit(errno);
    }
    close(output[1]);
    ssize_t len = read(output[0], ran, PATH_MAX - 1);
    close(output[0]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ran[len > 0 ? len - 1 : 0] = '\0'; /* its newline */
    return WEXITSTATUS(status);
}

static const struct {
    const char *path, *name;
} cases[] = {
    {"a:b", "tool"},
    {"b:a", "tool"},
    {"a:b", "plain"},
    {"a", "never"},
    {"a:b", "never"},
    {"a:b", "nothing"},
    {"b:a", "thing"},
    {"a:b", "loop"},
    {"a", "dangling"},
    {":a", "here"},
    {"a:", "here"},
    {"a::b", "here"},
    {"", "here"},
    {"a:b", "here"},
    {"a", "b/tool"},
    {"a", "./here"},
    {"a", "./never"},
    {"a", "a/never"},
    {"a", "b/thing"},
    {"a", "/nonexistent/x"},
    {"here:b", "tool"},
    {"/nonexistent:b", "tool"},
    {"a", ""},
    {"a", "here/x"},
    {NULL, "no-such-tool-at-all"},
};

START_TEST(what_is_found_is_what_execvp_runs)
{
    char found[PATH_MAX];
    char ran[PATH_MAX];
    if (cases[_i].path)
        setenv("PATH", cases[_i].path, 1);
    else
        unsetenv("PATH");
    int expected = really_execute(cases[_i].name, ran);
    ck_assert_int_eq(search_program(cases[_i].name, found, sizeof(found)), expected);
    if (expected == 0)
        ck_assert_str_eq(found, ran);
}
END_TEST

START_TEST(without_a_path_the_systems_own_is_searched)
{
    char found[PATH_MAX];
    unsetenv("PATH");
    ck_assert_int_eq(search_program("sh", found, sizeof(found)), 0);
    ck_assert_msg(strcmp(found, "/bin/sh") == 0 || strcmp(found, "/usr/bin/sh") == 0, "%s", found);
}
END_TEST

START_TEST(names_and_directories_too_long_are_survived)
{
    char found[PATH_MAX];
    static char longest[3 * PATH_MAX];
    memset(longest, 'x', sizeof(longest) - 1);
    setenv("PATH", "a:b", 1);
    ck_assert_int_eq(search_program(longest, found, sizeof(found)), ENAMETOOLONG);
    longest[1] = '/';
    ck_assert_int_eq(search_program(longest, found, sizeof(found)), ENAMETOOLONG);
    strcpy(longest + 2 * PATH_MAX, ":b");
    setenv("PATH", longest, 1);
    ck_assert_int_eq(search_program("tool", found, sizeof(found)), 0);
    ck_assert_str_eq(found, "b/tool");
}
END_TEST

/* It must not be passed over for one that comes later: that is not what execvp would run. */
START_TEST(a_path_that_does_not_fit_ends_the_search)
{
    char found[7];
    setenv("PATH", "nowhere:a:b", 1);
    ck_assert_int_eq(search_program("tool", found, sizeof(found)), ENAMETOOLONG);
    setenv("PATH", "a:b", 1);
    ck_assert_int_eq(search_program("tool", found, sizeof(found)), 0);
    ck_assert_str_eq(found, "a/tool");
    ck_assert_int_eq(search_program("tool", found, sizeof(found) - 1), ENAMETOOLONG);
    ck_assert_int_eq(search_program("./a/tool", found, sizeof(found)), ENAMETOOLONG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("search");
    TCase *group = tcase_create("search");
    tcase_add_checked_fixture(group, set_up, tear_down);
    tcase_add_loop_test(group, what_is_found_is_what_execvp_runs, 0,
                        sizeof(cases) / sizeof(*cases));
    tcase_add_test(group, without_a_path_the_systems_own_is_searched);
    tcase_add_test(group, names_and_directories_too_long_are_survived);
    tcase_add_test(group, a_path_that_does_not_fit_ends_the_search);
    suite_add_tcase(suite, group);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
