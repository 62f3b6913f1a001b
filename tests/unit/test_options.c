/* SPDX-License-Identifier: MIT
 * The command line: what each way of writing it means, what is refused and in which words, and that
 * --help and the manual page tell of the same options. */
#include "cli/options.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 40, LINE_MAX_LEN = 512 };

/* Split a line at spaces into a fresh argv. The words live in a static buffer. */
static char **words(const char *line)
{
    static char copy[LINE_MAX_LEN];
    static char *argv[WORDS_MAX];
    size_t count = 0;
    ck_assert_uint_lt(strlen(line), sizeof(copy));
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        ck_assert_uint_lt(count, WORDS_MAX - 1);
        argv[count++] = word;
    }
    argv[count] = NULL;
    return argv;
}

static enum status parse(struct options *options, const char *line, char *error)
{
    *error = '\0';
    return options_parse(options, words(line), error);
}

static struct options parsed(const char *line)
{
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    enum status status = parse(&options, line, error);
    ck_assert_msg(status == STATUS_OK, "%s: %s", line, error);
    return options;
}

START_TEST(every_way_to_write_an_option_means_the_same)
{
    static const char *const lines[] = {
        "socksify -p socks5://h -v prog",
        "socksify -psocks5://h -v prog",
        "socksify --proxy socks5://h -v prog",
        "socksify --proxy=socks5://h --verbose prog",
        "socksify -vp socks5://h prog",
        "socksify -vpsocks5://h -- prog",
        "socksify -q --verbose -p socks5://h prog",
    };
    struct options options = parsed(lines[_i]);
    ck_assert_int_eq(options.mode, MODE_RUN);
    ck_assert_uint_eq(options.proxy_count, 1);
    ck_assert_str_eq(options.proxy[0], "socks5://h");
    ck_assert(options.has_level);
    ck_assert_int_eq(options.level, LOG_VERBOSE);
    ck_assert_str_eq(options.program[0], "prog");
    ck_assert_ptr_null(options.program[1]);
}
END_TEST

START_TEST(nothing_is_set_that_was_not_given)
{
    struct options options = parsed("socksify prog");
    ck_assert_int_eq(options.mode, MODE_RUN);
    ck_assert(!options.embedded && !options.has_level && !options.has_way);
    ck_assert_ptr_null(options.argv0);
    ck_assert_int_eq(options.level, LOG_NORMAL);
    ck_assert_uint_eq(options.proxy_count, 0);
    ck_assert_ptr_null(options.config);
    ck_assert_ptr_null(options.timeout);
    ck_assert_ptr_null(options.log_file);
    ck_assert_ptr_null(options.hosts);
}
END_TEST

START_TEST(the_programs_own_options_are_its_own)
{
    static const struct {
        const char *line, *first, *second;
    } cases[] = {
        {"socksify prog -v --env", "prog", "-v"},
        {"socksify -q prog -- x", "prog", "--"},
        {"socksify -- -prog -v", "-prog", "-v"},
        {"socksify -- -- -v", "--", "-v"},
        {"socksify - -v", "-", "-v"},
        {"socksify --embedded prog -p", "prog", "-p"},
        {"socksify -t 5 --version.sh -v", NULL, NULL},
    };
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    enum status status = parse(&options, cases[_i].line, error);
    if (!cases[_i].first) {
        ck_assert_int_eq(status, STATUS_BAD_INPUT);
        return;
    }
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert_str_eq(options.program[0], cases[_i].first);
    ck_assert_str_eq(options.program[1], cases[_i].second);
    ck_assert_int_eq(options.mode, MODE_RUN);
}
END_TEST

START_TEST(proxies_keep_their_order)
{
    struct options options = parsed("socksify -p a -p b --proxy=c prog");
    ck_assert_uint_eq(options.proxy_count, 3);
    ck_assert_str_eq(options.proxy[0], "a");
    ck_assert_str_eq(options.proxy[1], "b");
    ck_assert_str_eq(options.proxy[2], "c");
}
END_TEST

START_TEST(a_chain_has_at_most_sixteen_proxies)
{
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    char line[LINE_MAX_LEN] = "socksify";
    for (int i = 0; i < ROUTE_HOPS_MAX; i++)
        strcat(line, " -px");
    strcat(line, " prog");
    ck_assert_int_eq(parse(&options, line, error), STATUS_OK);
    ck_assert_uint_eq(options.proxy_count, ROUTE_HOPS_MAX);
    line[strlen(line) - strlen("prog")] = '\0';
    strcat(line, "-plast prog");
    ck_assert_int_eq(parse(&options, line, error), STATUS_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(error, "last"));
}
END_TEST

START_TEST(the_address_of_serve_may_be_left_out)
{
    struct options options = parsed("socksify --serve");
    ck_assert_int_eq(options.mode, MODE_SERVE);
    ck_assert_ptr_null(options.listen);
    options = parsed("socksify --serve -v");
    ck_assert_ptr_null(options.listen);
    ck_assert_int_eq(options.level, LOG_VERBOSE);
    options = parsed("socksify --serve [::1]:9 --user u --password=");
    ck_assert_str_eq(options.listen, "[::1]:9");
    ck_assert_str_eq(options.user, "u");
    ck_assert_str_eq(options.password, "");
    options = parsed("socksify --serve=1080");
    ck_assert_str_eq(options.listen, "1080");
}
END_TEST

START_TEST(the_shell_of_env_may_be_left_out)
{
    static const struct {
        const char *line;
        enum syntax syntax;
    } cases[] = {
        {"socksify --env", SYNTAX_SH},        {"socksify --env -v", SYNTAX_SH},
        {"socksify --env sh", SYNTAX_SH},     {"socksify --env=bash", SYNTAX_SH},
        {"socksify --env dash", SYNTAX_SH},   {"socksify --env zsh -q", SYNTAX_SH},
        {"socksify --env fish", SYNTAX_FISH}, {"socksify --env=fish -q", SYNTAX_FISH},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct options options = parsed(cases[i].line);
        ck_assert_int_eq(options.mode, MODE_ENV);
        ck_assert_msg(options.syntax == cases[i].syntax, "%s", cases[i].line);
    }
}
END_TEST

START_TEST(the_last_mode_holds_and_sealing_is_more_than_supervising)
{
    static const struct {
        const char *line;
        enum way way;
    } cases[] = {
        {"socksify --mode auto prog", WAY_AUTO},
        {"socksify --mode=preload prog", WAY_PRELOAD},
        {"socksify --mode supervise --shell", WAY_SUPERVISE},
        {"socksify --mode preload --mode supervise prog", WAY_SUPERVISE},
        {"socksify --seal prog", WAY_SEAL},
        {"socksify --seal --shell", WAY_SEAL},
        {"socksify --mode supervise --seal prog", WAY_SEAL},
        {"socksify --seal --mode supervise prog", WAY_SEAL},
        {"socksify --seal --mode auto prog", WAY_SEAL},
        {"socksify --mode preload --env", WAY_PRELOAD},
        {"socksify --env --mode auto", WAY_AUTO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct options options = parsed(cases[i].line);
        ck_assert_msg(options.has_way && options.way == cases[i].way, "%s", cases[i].line);
    }
}
END_TEST

START_TEST(a_program_may_be_given_any_name)
{
    ck_assert_str_eq(parsed("socksify --argv0 -sh prog x").argv0, "-sh");
    ck_assert_str_eq(parsed("socksify --argv0= prog x").argv0, "");
    ck_assert_str_eq(parsed("socksify --shell --argv0 -sh").argv0, "-sh");
}
END_TEST

START_TEST(the_words_of_diagnosis_go_where_they_belong)
{
    struct options options = parsed("socksify --check");
    ck_assert_int_eq(options.mode, MODE_CHECK);
    ck_assert_ptr_null(options.target);
    options = parsed("socksify --check -p socks5://h");
    ck_assert_ptr_null(options.target);
    options = parsed("socksify -p socks5://h --check example.com:443");
    ck_assert_str_eq(options.target, "example.com:443");
    options = parsed("socksify --check=socks5://h -t 5");
    ck_assert_str_eq(options.target, "socks5://h");
    options = parsed("socksify --explain example.com --app git");
    ck_assert_int_eq(options.mode, MODE_EXPLAIN);
    ck_assert_str_eq(options.target, "example.com");
    ck_assert_str_eq(options.app, "git");
    options = parsed("socksify --report -v prog --report");
    ck_assert_int_eq(options.mode, MODE_RUN);
    ck_assert(options.report);
    ck_assert_str_eq(options.program[1], "--report");
    ck_assert(parsed("socksify --report --shell").report);
    ck_assert(!parsed("socksify prog").report);
}
END_TEST

START_TEST(help_and_version_end_the_reading)
{
    ck_assert_int_eq(parsed("socksify --help").mode, MODE_HELP);
    ck_assert_int_eq(parsed("socksify -h").mode, MODE_HELP);
    ck_assert_int_eq(parsed("socksify -vh prog").mode, MODE_HELP);
    ck_assert_int_eq(parsed("socksify -v --version --nonsense -p").mode, MODE_VERSION);
    ck_assert_int_eq(parsed("socksify --help prog").mode, MODE_HELP);
    ck_assert_int_eq(parsed("socksify prog --help").mode, MODE_RUN);
}
END_TEST

/* The word that must stand in the message. */
static const struct {
    const char *line, *word;
} bad[] = {
    {"socksify", "no program"},
    {"socksify -v", "no program"},
    {"socksify --", "no program"},
    {"socksify -x prog", "-x"},
    {"socksify -vxq prog", "-x"},
    {"socksify --foo prog", "--foo"},
    {"socksify --foo=bar prog", "--foo=bar"},
    {"socksify --prox socks5://h prog", "--prox"},
    {"socksify --proxyy socks5://h prog", "--proxyy"},
    {"socksify --=x prog", "--=x"},
    {"socksify -p", "-p"},
    {"socksify -vp", "-p"},
    {"socksify --proxy", "--proxy"},
    {"socksify --proxy= prog", "--proxy"},
    {"socksify --config= prog", "--config"},
    {"socksify --log-file= prog", "--log-file"},
    {"socksify --timeout= prog", "--timeout"},
    {"socksify --verbose=yes prog", "--verbose=yes"},
    {"socksify -t 0 prog", "--timeout: 0: expected seconds"},
    {"socksify -t 5x prog", "--timeout: 5x: "},
    {"socksify -t -5 prog", "--timeout: -5: "},
    {"socksify --timeout=99999999999 prog", "--timeout: 99999999999: "},
    {"socksify --env prog", "--env: prog: "},
    {"socksify --env sh,bash", "--env: sh,bash: "},
    {"socksify --env=", "--env: : expected sh"},
    {"socksify --env sh prog", "prog"},
    {"socksify --shell prog", "prog"},
    {"socksify --serve 1080 prog", "prog"},
    {"socksify --env --shell", "--shell"},
    {"socksify --serve=1 --env", "--env"},
    {"socksify --serve -p socks5://h", "--proxy"},
    {"socksify --serve -f x", "--config"},
    {"socksify --serve -t 5", "--timeout"},
    {"socksify --serve --user u", "--user"},
    {"socksify --serve --password p", "--password"},
    {"socksify --user u prog", "--user"},
    {"socksify --password p prog", "--password"},
    {"socksify --hosts h prog", "--hosts"},
    {"socksify --embedded -p socks5://h prog", "--proxy"},
    {"socksify --embedded --serve", "--embedded"},
    {"socksify --embedded --env", "--embedded"},
    {"socksify --embedded", "no program"},
    {"socksify --check example.com:1 prog", "prog"},
    {"socksify --check= prog", "--check"},
    {"socksify --explain", "--explain"},
    {"socksify --explain example.com prog", "prog"},
    {"socksify --explain example.com --check", "--check"},
    {"socksify --app git prog", "--app"},
    {"socksify --check --app git", "--app"},
    {"socksify --report", "no program"},
    {"socksify --report --env", "--report"},
    {"socksify --report --serve", "--report"},
    {"socksify --report=x prog", "--report=x"},
    {"socksify --mode nonsense prog", "--mode: nonsense: expected auto"},
    {"socksify --mode seal prog", "--mode: seal: "},
    {"socksify --mode= prog", "--mode"},
    {"socksify --seal=yes prog", "--seal=yes"},
    {"socksify --seal --mode preload prog", "--seal"},
    {"socksify --mode preload --seal prog", "--seal"},
    {"socksify --mode auto --check", "--mode"},
    {"socksify --seal --check", "--seal"},
    {"socksify --mode supervise --serve", "--mode"},
    {"socksify --serve --seal", "--seal"},
    {"socksify --mode supervise --env", "--mode"},
    {"socksify --env --seal", "--seal"},
    {"socksify --argv0 x --env", "--argv0"},
    {"socksify --argv0 x --serve", "--argv0"},
    {"socksify --argv0 x", "no program"},
};

START_TEST(a_mistake_is_named)
{
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    ck_assert_msg(parse(&options, bad[_i].line, error) == STATUS_BAD_INPUT, "%s", bad[_i].line);
    ck_assert_msg(strstr(error, bad[_i].word), "%s: %s", bad[_i].line, error);
    ck_assert_ptr_null(strchr(error, '\n'));
}
END_TEST

START_TEST(a_word_longer_than_the_message_is_survived)
{
    static char word[100000] = "--";
    char *argv[] = {word, word, NULL};
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    memset(word + 2, 'x', sizeof(word) - 3);
    ck_assert_int_eq(options_parse(&options, argv, error), STATUS_BAD_INPUT);
    ck_assert_uint_eq(strnlen(error, sizeof(error)), sizeof(error) - 1);
}
END_TEST

START_TEST(an_empty_argv_is_survived)
{
    char *argv[] = {NULL};
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    ck_assert_int_eq(options_parse(&options, argv, error), STATUS_BAD_INPUT);
}
END_TEST

START_TEST(help_fits_one_screen_and_names_every_option)
{
    char text[4096];
    size_t len = options_help(text, sizeof(text));
    ck_assert_uint_lt(len, sizeof(text));
    ck_assert_uint_eq(strlen(text), len);
    size_t lines = 0;
    for (const char *line = text; *line; lines++) {
        size_t width = strcspn(line, "\n");
        ck_assert_msg(width < 80, "%.*s", (int)width, line);
        line += width + 1;
    }
    ck_assert_uint_le(lines, 24);
    ck_assert_msg(strstr(text, "socks5://"), "how a proxy is written");
    for (size_t i = 0; options_name(i); i++)
        ck_assert_msg(strstr(text, options_name(i)), "%s", options_name(i));
    char small[10];
    ck_assert_uint_eq(options_help(small, sizeof(small)), len);
    ck_assert_uint_eq(strlen(small), sizeof(small) - 1);
}
END_TEST

/* What scripts read: five fields, and blanks in the last only. */
START_TEST(the_list_has_a_line_for_each_option)
{
    char text[4096];
    size_t len = options_list(text, sizeof(text));
    ck_assert_uint_lt(len, sizeof(text));
    ck_assert_uint_eq(strlen(text), len);
    size_t i = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), i++) {
        char letter[3], name[32], value[32], known[64], help[80];
        int fields = sscanf(line, "%2s %31s %31s %63s %79[^\n]", letter, name, value, known, help);
        ck_assert_msg(fields == 5, "%s", line);
        ck_assert_uint_eq(strlen(letter), 1);
        ck_assert_str_eq(name, options_name(i));
    }
    ck_assert_ptr_null(options_name(i));
    char small[10];
    ck_assert_uint_eq(options_list(small, sizeof(small)), len);
    ck_assert_uint_eq(strlen(small), sizeof(small) - 1);
}
END_TEST

/* Tests run in the top directory. Each option's head in the page is ".It Fl p , -proxy ...". */
START_TEST(the_manual_has_the_options_in_the_order_of_the_table)
{
    FILE *page = fopen("cli/socksify.1", "r");
    char line[512];
    size_t i = 0;
    ck_assert_ptr_nonnull(page);
    while (fgets(line, sizeof(line), page)) {
        const char *name = strncmp(line, ".It Fl", 6) == 0 ? strstr(line, " -") : NULL;
        if (!name)
            continue;
        ck_assert_msg(options_name(i), "one option too many: %s", line);
        name++;
        size_t len = strcspn(name, " \n");
        /* mdoc writes the first dash itself. */
        ck_assert_msg(strlen(options_name(i)) == len + 1 &&
                          memcmp(options_name(i) + 1, name, len) == 0,
                      "%s is not %s", line, options_name(i));
        i++;
    }
    fclose(page);
    ck_assert_msg(!options_name(i), "%s is missing", options_name(i));
}
END_TEST

START_TEST(the_examples_of_the_manual_can_be_typed)
{
    FILE *page = fopen("cli/socksify.1", "r");
    char line[LINE_MAX_LEN];
    int count = 0;
    ck_assert_ptr_nonnull(page);
    while (fgets(line, sizeof(line), page)) {
        if (strncmp(line, ".Dl socksify ", 13) != 0)
            continue;
        line[strcspn(line, "|\n")] = '\0';
        parsed(line + 4);
        count++;
    }
    fclose(page);
    ck_assert_int_ge(count, 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *cases = tcase_create("options");
    tcase_add_loop_test(cases, every_way_to_write_an_option_means_the_same, 0, 7);
    tcase_add_test(cases, nothing_is_set_that_was_not_given);
    tcase_add_loop_test(cases, the_programs_own_options_are_its_own, 0, 7);
    tcase_add_test(cases, proxies_keep_their_order);
    tcase_add_test(cases, a_chain_has_at_most_sixteen_proxies);
    tcase_add_test(cases, the_address_of_serve_may_be_left_out);
    tcase_add_test(cases, the_shell_of_env_may_be_left_out);
    tcase_add_test(cases, the_last_mode_holds_and_sealing_is_more_than_supervising);
    tcase_add_test(cases, a_program_may_be_given_any_name);
    tcase_add_test(cases, the_words_of_diagnosis_go_where_they_belong);
    tcase_add_test(cases, help_and_version_end_the_reading);
    tcase_add_loop_test(cases, a_mistake_is_named, 0, sizeof(bad) / sizeof(*bad));
    tcase_add_test(cases, a_word_longer_than_the_message_is_survived);
    tcase_add_test(cases, an_empty_argv_is_survived);
    tcase_add_test(cases, help_fits_one_screen_and_names_every_option);
    tcase_add_test(cases, the_list_has_a_line_for_each_option);
    tcase_add_test(cases, the_manual_has_the_options_in_the_order_of_the_table);
    tcase_add_test(cases, the_examples_of_the_manual_can_be_typed);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
