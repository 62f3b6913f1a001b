/* SPDX-License-Identifier: MIT
 * Addresses from text: the same as inet_pton, for whatever looks like an address, and not an octet
 * beyond the text is looked at. */
#include "core/literal.h"

#include "support.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>

static void must_agree(const char *text)
{
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1); /* the sanitizer sees one octet too many */
    memcpy(exact, text, len);
    uint8_t expected[16], address[16];
    bool is_ipv4 = inet_pton(AF_INET, text, expected) == 1;
    ck_assert_msg(literal_ipv4(exact, len, address) == is_ipv4, "IPv4 %s", text);
    ck_assert_msg(!is_ipv4 || memcmp(address, expected, 4) == 0, "IPv4 %s", text);
    bool is_ipv6 = inet_pton(AF_INET6, text, expected) == 1;
    ck_assert_msg(literal_ipv6(exact, len, address) == is_ipv6, "IPv6 %s", text);
    ck_assert_msg(!is_ipv6 || memcmp(address, expected, 16) == 0, "IPv6 %s", text);
    free(exact);
}

static const char *const texts[] = {
    "",
    "0.0.0.0",
    "255.255.255.255",
    "256.0.0.1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4.",
    ".1.2.3.4",
    "1..3.4",
    "01.2.3.4",
    "1.2.3.00",
    "1.2.3.0004",
    "4294967297.0.0.1",
    "0x1.2.3.4",
    "::",
    ":",
    ":::",
    "::1",
    ":1",
    "1:",
    "1::",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8:",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "1:2:3::4:5:6:7:8",
    "1::2::3",
    "12345::",
    "00001::",
    "ABCD:ef01::g",
    "::ffff:192.0.2.1",
    "::192.0.2.1",
    "192.0.2.1::",
    "::192.0.2.1:1",
    "::1.2.3",
    "::1.2.3.256",
    "1:2:3:4:5:6:1.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1:2:3:4:5::1.2.3.4",
    "::a.2.3.4",
    "fe80::1%eth0",
};

START_TEST(texts_at_the_limits_are_read_as_by_inet_pton)
{
    must_agree(texts[_i]);
}
END_TEST

static uint64_t random_state = 88172645463325252u;

static unsigned rnd(unsigned below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % below;
}

START_TEST(random_texts_are_read_as_by_inet_pton)
{
    unsigned good = 0;
    for (unsigned round = 0; round < 200000; round++) {
        char text[160] = "";
        size_t len = 0;
        unsigned groups = rnd(10), numbers = rnd(3) ? 0 : 3 + rnd(3);
        for (unsigned i = 0; i < groups; i++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*x",
                                    i == 0   ? rnd(4) ? "" : "::"
                                    : rnd(6) ? ":"
                                             : "::",
                                    rnd(5), rnd(rnd(30) ? 0x10000 : 0x20000));
        }
        if (groups > 0 && numbers > 0)
            text[len++] = ':';
        for (unsigned i = 0; i < numbers; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", i ? "." : "",
                                    rnd(rnd(30) ? 256 : 300));
        must_agree(text);
        good +=
            literal_ipv4(text, len, (uint8_t[4]){0}) || literal_ipv6(text, len, (uint8_t[16]){0});
    }
    ck_assert_uint_gt(good, 20000); /* else next to nothing was compared */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("literal");
    TCase *tc = tcase_create("literal");
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, texts_at_the_limits_are_read_as_by_inet_pton, 0, (int)COUNT(texts));
    tcase_add_test(tc, random_texts_are_read_as_by_inet_pton);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
