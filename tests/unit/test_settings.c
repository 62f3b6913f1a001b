/* SPDX-License-Identifier: MIT
 * The environment and the search for the configuration file. */
#include "core/settings.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char error[CONFIG_ERROR_MAX];
static struct settings settings;

static const char *in_folder(const char *name)
{
    static char paths[4][256]; /* so that one statement may have several */
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void begin(void)
{
    clearenv();
    snprintf(folder, sizeof(folder), "%s/socksify-settings-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    /* What the garbage must not show through. */
    memset(&settings, 0xa5, sizeof(settings));
    memset(error, 0xa5, sizeof(error));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void end(void)
{
    settings_free(&settings);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void must_read(void)
{
    ck_assert_msg(settings_read(&settings, error) == STATUS_OK, "%s", error);
    ck_assert_str_eq(error, "");
}

static void must_fail(const char *expected)
{
    ck_assert_int_eq(settings_read(&settings, error), STATUS_BAD_INPUT);
    ck_assert_str_eq(error, expected);
}

static void must_have_read(const char *path, const char *text)
{
    must_read();
    ck_assert_str_eq(settings.path, path);
    ck_assert_ptr_eq(settings.source.file, settings.path);
    ck_assert_uint_eq(settings.source.len, strlen(text));
    ck_assert_mem_eq(settings.source.text, text, strlen(text));
    settings_free(&settings);
}

START_TEST(an_empty_environment_gives_defaults)
{
    must_read();
    ck_assert_int_eq(settings.log_level, LOG_NORMAL);
    ck_assert_ptr_null(settings.log_file);
    ck_assert_ptr_null(settings.source.proxy);
    ck_assert_ptr_null(settings.source.fallback_proxy);
    ck_assert_uint_eq(settings.source.timeout_ms, 0);
    ck_assert_ptr_null(settings.source.app[0]);
    ck_assert_ptr_null(settings.source.app[1]);
}
END_TEST

START_TEST(empty_variables_are_as_good_as_unset)
{
    static const char *const names[] = {SETTINGS_CONF, SETTINGS_PROXY,    SETTINGS_TIMEOUT,
                                        SETTINGS_LOG,  SETTINGS_LOG_FILE, "ALL_PROXY",
                                        "all_proxy",   "XDG_CONFIG_HOME", "HOME"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        setenv(names[i], "", 1);
    must_read();
    ck_assert_ptr_null(settings.source.proxy);
    ck_assert_ptr_null(settings.source.fallback_proxy);
    ck_assert_ptr_null(settings.log_file);
}
END_TEST

START_TEST(variables_are_copied)
{
    static char proxy[] = SETTINGS_PROXY "=socks5://h", file[] = SETTINGS_LOG_FILE "=/log";
    static char fallback[] = "all_proxy=socks5://f";
    putenv(proxy);
    putenv(file);
    putenv(fallback);
    setenv(SETTINGS_TIMEOUT, "500ms", 1);
    setenv(SETTINGS_LOG, "verbose", 1);
    must_read();
    memset(proxy, 'x', strlen(proxy));
    memset(file, 'x', strlen(file));
    memset(fallback, 'x', strlen(fallback));
    clearenv();
    ck_assert_str_eq(settings.source.proxy, "socks5://h");
    ck_assert_str_eq(settings.source.fallback_proxy, "socks5://f");
    ck_assert_str_eq(settings.log_file, "/log");
    ck_assert_uint_eq(settings.source.timeout_ms, 500);
    ck_assert_int_eq(settings.log_level, LOG_VERBOSE);
}
END_TEST

START_TEST(the_upper_case_fallback_comes_first)
{
    setenv("all_proxy", "socks5://lower", 1);
    setenv("ALL_PROXY", "socks5://upper", 1);
    must_read();
    ck_assert_str_eq(settings.source.fallback_proxy, "socks5://upper");
}
END_TEST

START_TEST(the_first_file_that_exists_is_read)
{
    mkdir(in_folder("xdg"), 0700);
    mkdir(in_folder("xdg/socksify"), 0700);
    mkdir(in_folder(".config"), 0700);
    mkdir(in_folder(".config/socksify"), 0700);
    write_file("given.conf", "# given\n");
    write_file("xdg/socksify/socksify.conf", "# xdg\n");
    write_file(".config/socksify/socksify.conf", "# home\n");

    setenv(SETTINGS_CONF, in_folder("given.conf"), 1);
    setenv("XDG_CONFIG_HOME", in_folder("xdg"), 1);
    setenv("HOME", folder, 1);
    must_have_read(in_folder("given.conf"), "# given\n");
    unsetenv(SETTINGS_CONF);
    must_have_read(in_folder("xdg/socksify/socksify.conf"), "# xdg\n");
    setenv("XDG_CONFIG_HOME", "xdg", 1); /* relative: ignored */
    must_have_read(in_folder(".config/socksify/socksify.conf"), "# home\n");
    unsetenv("XDG_CONFIG_HOME");
    must_have_read(in_folder(".config/socksify/socksify.conf"), "# home\n");
}
END_TEST

START_TEST(without_a_file_of_the_user_there_is_the_system_s_or_none)
{
    setenv("HOME", folder, 1);
    setenv("XDG_CONFIG_HOME", in_folder("given.conf"), 1); /* not even a folder */
    write_file("given.conf", "");
    must_read();
    if (access(SYSCONFDIR "/socksify.conf", F_OK) == 0) {
        ck_assert_str_eq(settings.source.file, SYSCONFDIR "/socksify.conf");
    } else {
        ck_assert_ptr_null(settings.source.file);
        ck_assert_ptr_null(settings.source.text);
        ck_assert_str_eq(settings.path, "");
    }
}
END_TEST

START_TEST(an_empty_file_and_dev_null_are_files)
{
    write_file("empty", "");
    setenv(SETTINGS_CONF, in_folder("empty"), 1);
    must_have_read(in_folder("empty"), "");
    setenv(SETTINGS_CONF, "/dev/null", 1);
    must_have_read("/dev/null", "");
}
END_TEST

START_TEST(a_large_file_is_read_whole)
{
    enum { SIZE = 3 << 20 };
    char *text = malloc(SIZE + 1);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = (char)('a' + i % 23);
    text[SIZE] = '\0';
    write_file("large", text);
    setenv(SETTINGS_CONF, in_folder("large"), 1);
    must_have_read(in_folder("large"), text);
    free(text);
}
END_TEST

static void must_refuse(const char *path, const char *why)
{
    char expected[CONFIG_ERROR_MAX];
    setenv(SETTINGS_CONF, path, 1);
    snprintf(expected, sizeof(expected), "configuration file: %s: %s", path, why);
    must_fail(expected);
    ck_assert_ptr_null(settings.source.file);
    settings_free(&settings);
}

START_TEST(a_given_file_that_cannot_be_read_is_an_error)
{
    must_refuse(in_folder("missing"), "No such file or directory");
    must_refuse(folder, "expected a regular file");
    must_refuse("/dev/zero", "expected a regular file");
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    must_refuse(in_folder("pipe"), "expected a regular file"); /* and does not wait for a writer */

    write_file("huge", "");
    ck_assert_int_eq(truncate(in_folder("huge"), (64 << 20) + 1), 0);
    must_refuse(in_folder("huge"), "expected a file of at most 64 MiB");
    write_file("secret", "");
    chmod(in_folder("secret"), 0);
    if (geteuid() != 0) /* root may read it */
        must_refuse(in_folder("secret"), "Permission denied");
}
END_TEST

START_TEST(a_file_that_is_there_but_cannot_be_read_is_never_passed_over)
{
    char expected[CONFIG_ERROR_MAX];
    mkdir(in_folder(".config"), 0700);
    mkdir(in_folder(".config/socksify"), 0700);
    ck_assert_int_eq(symlink("socksify.conf", in_folder(".config/socksify/socksify.conf")), 0);
    setenv("HOME", folder, 1);
    snprintf(expected, sizeof(expected),
             "configuration file: %s/.config/socksify/socksify.conf: Too many levels of symbolic "
             "links",
             folder);
    must_fail(expected);
}
END_TEST

START_TEST(a_path_too_long_is_refused_not_cut)
{
    char *path = malloc(PATH_MAX + 100);
    memset(path, '/', PATH_MAX + 100);
    strcpy(path + PATH_MAX - 1 - 9, "/dev/nullxxx"); /* a cut would find /dev/null */
    setenv(SETTINGS_CONF, path, 1);
    ck_assert_int_eq(settings_read(&settings, error), STATUS_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(error, ": File name too long"));
    free(path);
}
END_TEST

START_TEST(a_bad_log_level_or_timeout_is_an_error_and_the_log_settings_hold)
{
    setenv(SETTINGS_LOG_FILE, "/log", 1);
    setenv(SETTINGS_LOG, "loud", 1);
    must_fail("SOCKSIFY_LOG: loud: expected quiet, normal or verbose");
    ck_assert_int_eq(settings.log_level, LOG_NORMAL);
    ck_assert_str_eq(settings.log_file, "/log");
    settings_free(&settings);

    setenv(SETTINGS_LOG, "quiet", 1);
    setenv(SETTINGS_TIMEOUT, "soon", 1);
    must_fail("SOCKSIFY_TIMEOUT: soon: expected a duration from 1ms to 24h, such as 30, 30s, 500ms "
              "or 2m");
    ck_assert_int_eq(settings.log_level, LOG_QUIET);
    ck_assert_str_eq(settings.log_file, "/log");
}
END_TEST

static int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

START_TEST(the_mode_is_one_of_four_words)
{
    static const char *const words[] = {"auto", "preload", "supervise", "seal"};
    static const enum way ways[] = {WAY_AUTO, WAY_PRELOAD, WAY_SUPERVISE, WAY_SEAL};
    must_read();
    ck_assert_int_eq(settings.way, WAY_AUTO);
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        settings_free(&settings);
        setenv(SETTINGS_MODE, words[i], 1);
        must_read();
        ck_assert_int_eq(settings.way, ways[i]);
    }
    settings_free(&settings);
    setenv(SETTINGS_MODE, "Seal", 1);
    must_fail("SOCKSIFY_MODE: Seal: expected auto, preload, supervise or seal");
    unsetenv(SETTINGS_MODE);
}
END_TEST

START_TEST(no_descriptor_stays_open)
{
    write_file("ok", "default direct\n");
    int before = open_descriptors();
    static const char *const files[] = {"ok", "missing", "."};
    for (size_t i = 0; i < 3; i++) {
        setenv(SETTINGS_CONF, in_folder(files[i]), 1);
        settings_read(&settings, error);
        settings_free(&settings);
    }
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(what_was_read_compiles)
{
    struct config *config;
    write_file("ok", "proxy home socks5://h\ndefault home\n[app wget]\ndefault direct\n");
    setenv(SETTINGS_CONF, in_folder("ok"), 1);
    must_read();
    settings.source.app[0] = "wget";
    ck_assert_int_eq(config_compile(&settings.source, &config, error), STATUS_OK);
    config_free(config);

    write_file("ok", "default home\n");
    settings_free(&settings);
    must_read();
    ck_assert_int_eq(config_compile(&settings.source, &config, error), STATUS_BAD_INPUT);
    ck_assert_int_eq(strncmp(error, settings.path, strlen(settings.path)), 0);
    ck_assert_int_eq(strncmp(error + strlen(settings.path), ":1: home: expected", 18), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *tc = tcase_create("settings");
    tcase_add_checked_fixture(tc, begin, end);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, an_empty_environment_gives_defaults);
    tcase_add_test(tc, empty_variables_are_as_good_as_unset);
    tcase_add_test(tc, variables_are_copied);
    tcase_add_test(tc, the_upper_case_fallback_comes_first);
    tcase_add_test(tc, the_first_file_that_exists_is_read);
    tcase_add_test(tc, without_a_file_of_the_user_there_is_the_system_s_or_none);
    tcase_add_test(tc, an_empty_file_and_dev_null_are_files);
    tcase_add_test(tc, a_large_file_is_read_whole);
    tcase_add_test(tc, a_given_file_that_cannot_be_read_is_an_error);
    tcase_add_test(tc, a_file_that_is_there_but_cannot_be_read_is_never_passed_over);
    tcase_add_test(tc, a_path_too_long_is_refused_not_cut);
    tcase_add_test(tc, a_bad_log_level_or_timeout_is_an_error_and_the_log_settings_hold);
    tcase_add_test(tc, the_mode_is_one_of_four_words);
    tcase_add_test(tc, no_descriptor_stays_open);
    tcase_add_test(tc, what_was_read_compiles);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
