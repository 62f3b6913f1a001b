/* SPDX-License-Identifier: MIT
 * What a user writes to name a destination. */
#include "cli/destination.h"

#include "tests/unit/support.h"

static const struct {
    const char *text;
    const char *target; /* NULL: it is refused */
    bool has_port;
} cases[] = {
    {"example.com", "example.com:0", false},
    {"Example.COM.", "example.com:0", false},
    {"example.com:80", "example.com:80", true},
    {"192.0.2.1", "192.0.2.1:0", false},
    {"192.0.2.1:65535", "192.0.2.1:65535", true},
    {"2001:db8::1", "[2001:db8::1]:0", false},
    {"[2001:db8::1]", "[2001:db8::1]:0", false},
    {"[2001:db8::1]:1", "[2001:db8::1]:1", true},
    {"127.1:9", "127.0.0.1:9", true},
    {"0x7f000001", "127.0.0.1:0", false},
    {"3com.example", "3com.example:0", false},
    {"http://example.com", "example.com:80", true},
    {"HTTPS://example.com/", "example.com:443", true},
    {"https://example.com:8443/a:b@c?d#e", "example.com:8443", true},
    {"http://user:pass@example.com/x", "example.com:80", true},
    {"http://a@b@example.com", "example.com:80", true},
    {"http://[::1]/x", "[::1]:80", true},
    {"http://[::1]:81", "[::1]:81", true},
    {"https://example.com?q", "example.com:443", true},
    {"ssh://git@example.com/tree", "example.com:22", true},
    {"odd://example.com:7", "example.com:7", true},
    {"odd://example.com", NULL, false},
    {"http://", NULL, false},
    {"http:///path", NULL, false},
    {"", NULL, false},
    {":80", NULL, false},
    {"example.com:", NULL, false},
    {"example.com:0", NULL, false},
    {"example.com:65536", NULL, false},
    {"example.com:http", NULL, false},
    {"example.com/path", NULL, false},
    {"a b:80", NULL, false},
    {"[::1", NULL, false},
    {"[::1]x", NULL, false},
    {"[192.0.2.1]:80", NULL, false},
    {"http://example.com:x/", NULL, false},
};

START_TEST(words_become_a_target)
{
    struct target target;
    char text[TARGET_TEXT_MAX];
    bool has_port = false;
    const char *wrong = destination_read(cases[_i].text, &target, &has_port);
    if (!cases[_i].target) {
        ck_assert_ptr_nonnull(wrong);
        ck_assert_ptr_nonnull(strstr(wrong, "expected"));
        return;
    }
    ck_assert_msg(!wrong, "%s: %s", cases[_i].text, wrong);
    ck_assert_str_eq(target_to_text(&target, text), cases[_i].target);
    ck_assert_int_eq(has_port, cases[_i].has_port);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("destination");
    TCase *tcase = tcase_create("destination");
    tcase_add_loop_test(tcase, words_become_a_target, 0, COUNT(cases));
    suite_add_tcase(suite, tcase);
    return run(suite);
}
