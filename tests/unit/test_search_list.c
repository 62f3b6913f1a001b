/* SPDX-License-Identifier: MIT
 * What is read of resolv.conf(5), and which names its search list may have made longer. */
#include "core/search_list.h"

#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct search_list list;

static void read_text(const char *text, size_t len)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/socksify-search-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
    search_list_read(&list, path);
    unlink(path);
}

static void read_words(const char *text)
{
    read_text(text, strlen(text));
}

static size_t base(size_t i, const char *name)
{
    return search_list_base(&list, i, name, strlen(name));
}

START_TEST(without_a_file_there_is_no_domain_and_one_dot)
{
    search_list_read(&list, "/nonexistent");
    ck_assert_uint_eq(list.count, 0);
    ck_assert_uint_eq(list.ndots, 1);
    read_words("");
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(the_last_search_or_domain_line_holds)
{
    read_words("search a.test\nnameserver 192.0.2.1\ndomain b.test\n");
    ck_assert_uint_eq(list.count, 1);
    ck_assert_uint_eq(base(0, "x.b.test"), 1);
    read_words("domain a.test\n  search\tb.test.  c.test\r\n");
    ck_assert_uint_eq(list.count, 2);
    ck_assert_uint_eq(base(0, "x.b.test"), 1);
    ck_assert_uint_eq(base(1, "x.c.test"), 1);
}
END_TEST

START_TEST(other_lines_are_nothing_of_ours)
{
    read_words("# search a.test\n;search a.test\nsearching b.test\nsearch .\nnameserver search");
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(ndots_is_an_option_and_capped)
{
    static const struct {
        const char *text;
        unsigned ndots;
    } cases[] = {
        {"options ndots:5\n", 5},
        {"options timeout:1 ndots:2 edns0", 2},
        {"options ndots:99999\n", 15},
        {"options ndots:99999999999999999999\n", 1},
        {"options ndots:\n", 1},
        {"options ndots:x\n", 1},
        {"options ndots:0\n", 0},
        {"options ndots:5\noptions rotate\n", 5},
        {"options ndots:5\noptions ndots:3", 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        read_words(cases[i].text);
        ck_assert_msg(list.ndots == cases[i].ndots, "%s: %u", cases[i].text, list.ndots);
    }
}
END_TEST

START_TEST(a_domain_may_have_been_appended_to_names_of_fewer_dots)
{
    read_words("search corp.test\noptions ndots:2\n");
    ck_assert_uint_eq(base(0, "www.corp.test"), 3);
    ck_assert_uint_eq(base(0, "www.example.Corp.Test"), 11);
    ck_assert_uint_eq(base(0, "a.b.c.corp.test"), 0);
    ck_assert_uint_eq(base(0, "corp.test"), 0);
    ck_assert_uint_eq(base(0, ".corp.test"), 0);
    ck_assert_uint_eq(base(0, "wwwcorp.test"), 0);
    ck_assert_uint_eq(base(0, "www.other.test"), 0);
    read_words("search corp.test\n");
    ck_assert_uint_eq(base(0, "www.corp.test"), 3);
    ck_assert_uint_eq(base(0, "a.b.corp.test"), 0);
}
END_TEST

START_TEST(long_lines_and_long_files_do_no_harm)
{
    static char text[1 << 16];
    memset(text, 'x', sizeof(text));
    memcpy(text, "search a.test ", 14);
    read_text(text, sizeof(text));
    ck_assert_uint_eq(list.count, 2);
    ck_assert_uint_eq(base(0, "x.a.test"), 1);

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 ? ' ' : 'x';
    memcpy(text, "search ", 7);
    text[sizeof(text) - 40] = '\n';
    memcpy(text + sizeof(text) - 39, "options ndots:7\n", 16);
    read_text(text, sizeof(text));
    ck_assert_uint_eq(list.count, SEARCH_LIST_DOMAINS_MAX);
    ck_assert_uint_eq(list.ndots, 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("search_list");
    TCase *tests = tcase_create("search_list");
    tcase_add_test(tests, without_a_file_there_is_no_domain_and_one_dot);
    tcase_add_test(tests, the_last_search_or_domain_line_holds);
    tcase_add_test(tests, other_lines_are_nothing_of_ours);
    tcase_add_test(tests, ndots_is_an_option_and_capped);
    tcase_add_test(tests, a_domain_may_have_been_appended_to_names_of_fewer_dots);
    tcase_add_test(tests, long_lines_and_long_files_do_no_harm);
    suite_add_tcase(suite, tests);
    return run(suite);
}
