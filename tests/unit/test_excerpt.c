/* SPDX-License-Identifier: MIT
 * Lines and sections of a configuration, found again in its text. */
#include "core/excerpt.h"

#include "tests/unit/support.h"

static struct config_file file_of(const char *text, const char *const *apps, size_t app_count)
{
    size_t len = strlen(text);
    return (struct config_file){
        .text = guarded(text, len), .len = len, .apps = apps, .app_count = app_count};
}

static void expect_word(struct word word, const char *wanted)
{
    ck_assert_msg(word.len == strlen(wanted) && memcmp(word.at, wanted, word.len) == 0,
                  "\"%.*s\" is not \"%s\"", (int)word.len, word.at, wanted);
}

START_TEST(a_line_is_shown_without_blanks_and_comment)
{
    const struct config_file file = file_of("default home\n"
                                            "\t via a,b  *.example \t# a comment\n"
                                            "\n"
                                            "# only a comment\n"
                                            "proxy home socks5://u:a#b@h\r\n"
                                            "block x",
                                            NULL, 0);
    expect_word(excerpt_line(&file, 1), "default home");
    expect_word(excerpt_line(&file, 2), "via a,b  *.example");
    expect_word(excerpt_line(&file, 3), "");
    expect_word(excerpt_line(&file, 4), "");
    expect_word(excerpt_line(&file, 5), "proxy home socks5://u:a#b@h");
    expect_word(excerpt_line(&file, 6), "block x");
    expect_word(excerpt_line(&file, 7), "");
    expect_word(excerpt_line(&file, 0), "");
    expect_word(excerpt_line(&file, 4000000000), "");
}
END_TEST

START_TEST(an_empty_text_has_no_line_and_no_section)
{
    const struct config_file file = file_of("", NULL, 0);
    struct excerpt_section section = {0};
    expect_word(excerpt_line(&file, 1), "");
    ck_assert(!excerpt_next_section(&file, &section));
}
END_TEST

START_TEST(sections_come_in_their_order_and_say_for_whom_they_hold)
{
    static const char *const apps[] = {"vi", "vim.basic"};
    const struct config_file file = file_of("default home\n"
                                            "[app git ssh]\n"
                                            "block *\n"
                                            "  [app vim*]   # all of them\n"
                                            "[app emacs[0-9] v[ij]]\n"
                                            "[ app nano ]",
                                            apps, COUNT(apps));
    static const struct {
        unsigned line;
        const char *heading;
        bool holds;
    } wanted[] = {
        {2, "[app git ssh]", false},
        {4, "[app vim*]", true},
        {5, "[app emacs[0-9] v[ij]]", true},
        {6, "[ app nano ]", false},
    };
    struct excerpt_section section = {0};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        ck_assert(excerpt_next_section(&file, &section));
        ck_assert_uint_eq(section.line, wanted[i].line);
        expect_word(section.heading, wanted[i].heading);
        ck_assert_int_eq(section.holds, wanted[i].holds);
    }
    ck_assert(!excerpt_next_section(&file, &section));
}
END_TEST

START_TEST(a_section_in_the_first_line_is_found_behind_a_byte_order_mark)
{
    static const char *const apps[] = {"git", NULL};
    const struct config_file file = file_of("\xef\xbb\xbf[app git]\ndefault direct\n", apps, 2);
    struct excerpt_section section = {0};
    ck_assert(excerpt_next_section(&file, &section));
    ck_assert_uint_eq(section.line, 1);
    ck_assert(section.holds);
    expect_word(excerpt_line(&file, 1), "[app git]");
}
END_TEST

START_TEST(nobody_is_in_any_section)
{
    static const char *const apps[] = {NULL, NULL};
    const struct config_file file = file_of("[app *]\n", apps, COUNT(apps));
    struct excerpt_section section = {0};
    ck_assert(excerpt_next_section(&file, &section));
    ck_assert(!section.holds);
}
END_TEST

/* What the reader of the configuration makes of a file, this makes of it, too: whatever the octets,
 * nothing is read beyond them. */
START_TEST(any_octets_are_survived)
{
    static const char *const apps[] = {"a"};
    static const char letters[] = "[] a\np#*\r\t";
    char text[32];
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)rand() % sizeof(text);
        for (size_t i = 0; i < len; i++)
            text[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
        const struct config_file file = {
            .text = guarded(text, len), .len = len, .apps = apps, .app_count = 1};
        struct excerpt_section section = {0};
        unsigned last = 0;
        while (excerpt_next_section(&file, &section)) {
            ck_assert_uint_gt(section.line, last);
            last = section.line;
        }
        excerpt_line(&file, (unsigned)rand() % 8);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("excerpt");
    TCase *cases = tcase_create("excerpt");
    tcase_add_test(cases, a_line_is_shown_without_blanks_and_comment);
    tcase_add_test(cases, an_empty_text_has_no_line_and_no_section);
    tcase_add_test(cases, sections_come_in_their_order_and_say_for_whom_they_hold);
    tcase_add_test(cases, a_section_in_the_first_line_is_found_behind_a_byte_order_mark);
    tcase_add_test(cases, nobody_is_in_any_section);
    tcase_add_test(cases, any_octets_are_survived);
    suite_add_tcase(suite, cases);
    return run(suite);
}
