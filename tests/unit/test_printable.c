/* SPDX-License-Identifier: MIT
 * What may be shown stays, and nothing else does. */
#include "core/printable.h"

#include "tests/unit/support.h"

#include <string.h>

static const struct {
    const char *text, *shown;
} cases_of_text[] = {
    {"", ""},
    {"www.example.com:80 ~", "www.example.com:80 ~"},
    {"b\xc3\xbc"
     "cher.example \xe2\x82\xac \xf0\x9f\x98\x80",
     "b\xc3\xbc"
     "cher.example \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"\xc2\xa0 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf",
     "\xc2\xa0 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"},
    {"a\x1b[31m\n\r\t\x7f", "a?[31m????"},
    /* Control characters of UTF-8: CSI, OSC, the first and the last. */
    {"a\xc2\x9b"
     "31m\xc2\x9d \xc2\x80\xc2\x9f",
     "a??31m?? ????"},
    /* And of Latin 1. */
    {"a\x9b"
     "31m \x80\x9f\xe9",
     "a?31m ???"},
    /* What turns the direction of writing, or ends a line or a paragraph. */
    {"\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\xa8\xe2\x80\xa9",
     "??????????????????"},
    {"\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
     "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"},
    /* Written longer than it need be, surrogates, beyond the last character. */
    {"\xc0\x9b \xc1\xbf \xe0\x82\x9b \xe0\x9f\xbf \xf0\x80\x82\x9b \xf0\x8f\xbf\xbf",
     "?? ?? ??? ??? ???? ????"},
    {"\xed\xa0\x80 \xed\xbf\xbf \xf4\x90\x80\x80 \xf5\x80\x80\x80 \xff\xfe",
     "??? ??? ???? ???? ??"},
    /* Broken off, or begun anew. */
    {"\xc3", "?"},
    {"\xe2\x82", "??"},
    {"\xf0\x9f\x98", "???"},
    {"\xe2\x82x\xc3\xc3\xbc", "??x?\xc3\xbc"},
};

START_TEST(what_does_more_than_stand_there_is_replaced)
{
    char text[64];
    strcpy(text, cases_of_text[_i].text);
    printable_make(text, strlen(text));
    ck_assert_str_eq(text, cases_of_text[_i].shown);
    printable_make(text, strlen(text));
    ck_assert_str_eq(text, cases_of_text[_i].shown);
}
END_TEST

START_TEST(nothing_beyond_the_length_is_read_or_written)
{
    char text[] = "\xe2\x82\xac\x1b";
    printable_make(text, 2);
    ck_assert_str_eq(text, "??\xac\x1b");
    char with_nul[] = "a\0b";
    printable_make(with_nul, 3);
    ck_assert_str_eq(with_nul, "a?b");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("printable");
    TCase *cases = tcase_create("printable");
    tcase_add_loop_test(cases, what_does_more_than_stand_there_is_replaced, 0,
                        sizeof(cases_of_text) / sizeof(*cases_of_text));
    tcase_add_test(cases, nothing_beyond_the_length_is_read_or_written);
    suite_add_tcase(suite, cases);
    return run(suite);
}
