/* SPDX-License-Identifier: MIT
 * LD_PRELOAD with our library in it, put together and taken apart. */
#include "core/preloads.h"

#include "core/text.h"

#include <check.h>
#include <string.h>

static const struct {
    const char *list, *found, *with_ours;
} cases[] = {
    {"", NULL, "/us/libsocksify.so"},
    {" : ", NULL, "/us/libsocksify.so"},
    {"a.so", NULL, "/us/libsocksify.so:a.so"},
    {"a.so b.so::c.so ", NULL, "/us/libsocksify.so:a.so:b.so:c.so"},
    {"libsocksify.so", "libsocksify.so", "/us/libsocksify.so"},
    {"/old/libsocksify.so:a.so", "/old/libsocksify.so", "/us/libsocksify.so:a.so"},
    {"a.so /old/libsocksify.so", "/old/libsocksify.so", "/us/libsocksify.so:a.so"},
    {"./libsocksify.so:/x/libsocksify.so", "./libsocksify.so", "/us/libsocksify.so"},
    {"xlibsocksify.so", NULL, "/us/libsocksify.so:xlibsocksify.so"},
    {"libsocksify.so.1", NULL, "/us/libsocksify.so:libsocksify.so.1"},
    {"libsocksify.so/", NULL, "/us/libsocksify.so:libsocksify.so/"},
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

START_TEST(ours_comes_first_and_the_others_keep_their_order)
{
    char buf[128];
    struct text text = text_start(buf, sizeof(buf));
    preloads_add(&text, "/us/libsocksify.so", cases[_i].list);
    ck_assert_str_eq(buf, cases[_i].with_ours);
    ck_assert_uint_le(text.len, strlen("/us/libsocksify.so") + strlen(cases[_i].list) + 1);
}
END_TEST

START_TEST(no_list_at_all_is_an_empty_one)
{
    char buf[128];
    struct text text = text_start(buf, sizeof(buf));
    preloads_add(&text, "/us/libsocksify.so", NULL);
    ck_assert_str_eq(buf, "/us/libsocksify.so");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("preloads");
    TCase *group = tcase_create("preloads");
    tcase_add_loop_test(group, our_library_is_found_wherever_it_stands, 0,
                        sizeof(cases) / sizeof(*cases));
    tcase_add_loop_test(group, ours_comes_first_and_the_others_keep_their_order, 0,
                        sizeof(cases) / sizeof(*cases));
    tcase_add_test(group, no_list_at_all_is_an_empty_one);
    suite_add_tcase(suite, group);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
