/* SPDX-License-Identifier: MIT
 * LD_PRELOAD with our library in it, put together and taken apart. */
#include "core/preloads.h"

#include "core/text.h"

#include <check.h>
#include <string.h>

static const struct {
    const char *list, *found, *others;
} cases[] = {
    {"", NULL, ""},
    {" : ", NULL, ""},
    {"a.so", NULL, ":a.so"},
    {"a.so b.so::c.so ", NULL, ":a.so:b.so:c.so"},
    {"libsocksify.so", "libsocksify.so", ""},
    {"/old/libsocksify.so:a.so", "/old/libsocksify.so", ":a.so"},
    {"a.so /old/libsocksify.so", "/old/libsocksify.so", ":a.so"},
    {"./libsocksify.so:/x/libsocksify.so", "./libsocksify.so", ""},
    {"xlibsocksify.so", NULL, ":xlibsocksify.so"},
    {"libsocksify.so.1", NULL, ":libsocksify.so.1"},
    {"libsocksify.so/", NULL, ":libsocksify.so/"},
};

START_TEST(our_library_is_found_wherever_it_stands)
{
    size_t len;
    const char *found = preloads_find(cases[_i].list, &len);
    if (cases[_i].found) {
        ck_assert_ptr_nonnull(found);
        ck_assert_uint_eq(len, strlen(cases[_i].found));
        ck_assert_mem_eq(found, cases[_i].found, len);
    } else {
        ck_assert_ptr_null(found);
    }
}
END_TEST

START_TEST(the_others_are_kept_in_their_order)
{
    char buf[128];
    struct text text = text_start(buf, sizeof(buf));
    preloads_add(&text, cases[_i].list);
    ck_assert_str_eq(buf, cases[_i].others);
    ck_assert_uint_le(text.len, strlen(cases[_i].list) + 1);
}
END_TEST

START_TEST(no_list_at_all_is_an_empty_one)
{
    char buf[128];
    struct text text = text_start(buf, sizeof(buf));
    preloads_add(&text, NULL);
    ck_assert_str_eq(buf, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("preloads");
    TCase *group = tcase_create("preloads");
    tcase_add_loop_test(group, our_library_is_found_wherever_it_stands, 0,
                        sizeof(cases) / sizeof(*cases));
    tcase_add_loop_test(group, the_others_are_kept_in_their_order, 0,
                        sizeof(cases) / sizeof(*cases));
    tcase_add_test(group, no_list_at_all_is_an_empty_one);
    suite_add_tcase(suite, group);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
