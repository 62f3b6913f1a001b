/* SPDX-License-Identifier: MIT
 * Proxy URLs, options and durations: what they mean, and what is said of those that mean nothing.
 */
#include "core/proxy.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 192 };

/* Parse from memory that ends with the text, so that the sanitizer sees one octet too many. */
static enum status parse(struct proxy *proxy, const char *url, char *why)
{
    size_t len = strlen(url);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, url, len);
    why[0] = '\0';
    enum status status = proxy_parse_url(proxy, exact, len, why, WHY_MAX);
    free(exact);
    return status;
}

static const struct {
    const char *url;
    enum proxy_protocol protocol;
    const char *address;
    const char *user, *password; /* user NULL: no credentials */
} good[] = {
    {"socks5://127.0.0.1", PROXY_SOCKS5, "127.0.0.1:1080", NULL, ""},
    {"socks5://127.0.0.1:9050", PROXY_SOCKS5, "127.0.0.1:9050", NULL, ""},
    {"socks5h://Bastion.Corp.:1", PROXY_SOCKS5, "bastion.corp:1", NULL, ""},
    {"SOCKS://h:65535", PROXY_SOCKS5, "h:65535", NULL, ""},
    {"Socks4://h", PROXY_SOCKS4, "h:1080", NULL, ""},
    {"socks4a://h/", PROXY_SOCKS4A, "h:1080", NULL, ""},
    {"socks5://[::1]", PROXY_SOCKS5, "[::1]:1080", NULL, ""},
    {"socks5://[2001:db8::1]:1081/", PROXY_SOCKS5, "[2001:db8::1]:1081", NULL, ""},
    {"socks5://[::ffff:192.0.2.1]:1081", PROXY_SOCKS5, "192.0.2.1:1081", NULL, ""},
    {"socks5://user:secret@h:1", PROXY_SOCKS5, "h:1", "user", "secret"},
    {"socks5://user@h", PROXY_SOCKS5, "h:1080", "user", ""},
    {"socks5://user:@h", PROXY_SOCKS5, "h:1080", "user", ""},
    {"socks5://a%3ab%40c:%25%2c%2F@h", PROXY_SOCKS5, "h:1080", "a:b@c", "%,/"},
    {"socks5://u:p:q@h", PROXY_SOCKS5, "h:1080", "u", "p:q"},
    {"socks5://u:p@ss/w?rd#@h", PROXY_SOCKS5, "h:1080", "u", "p@ss/w?rd#"},
    {"socks5://u:p@[::1]:1", PROXY_SOCKS5, "[::1]:1", "u", "p"},
    {"socks4://ident@h", PROXY_SOCKS4, "h:1080", "ident", ""},
    {"socks4a://i%64@h", PROXY_SOCKS4A, "h:1080", "id", ""},
};

START_TEST(urls_say_protocol_address_and_credentials)
{
    struct proxy proxy;
    char why[WHY_MAX], text[TARGET_TEXT_MAX];
    ck_assert_msg(parse(&proxy, good[_i].url, why) == STATUS_OK, "%s: %s", good[_i].url, why);
    ck_assert_int_eq(proxy.protocol, good[_i].protocol);
    ck_assert_str_eq(target_to_text(&proxy.address, text), good[_i].address);
    ck_assert_int_eq(proxy.has_credentials, good[_i].user != NULL);
    ck_assert_uint_eq(proxy.user_len, good[_i].user ? strlen(good[_i].user) : 0);
    ck_assert_mem_eq(proxy.user, good[_i].user ? good[_i].user : "", proxy.user_len);
    ck_assert_uint_eq(proxy.password_len, strlen(good[_i].password));
    ck_assert_mem_eq(proxy.password, good[_i].password, proxy.password_len);
    ck_assert_ptr_null(proxy.name);
    ck_assert_uint_eq(proxy.timeout_ms, 0);
    ck_assert(!proxy.pipeline && !proxy.password_only && !proxy.resolve_local);
}
END_TEST

static const struct {
    const char *url, *why;
} bad[] = {
    {"", "expected a proxy URL such as socks5://HOST:1080"},
    {"127.0.0.1:1080", "expected a proxy URL such as socks5://HOST:1080"},
    {"socks5:/h", "expected a proxy URL such as socks5://HOST:1080"},
    {"http://h",
     "unknown scheme: expected socks5://, socks5h://, socks://, socks4:// or socks4a://"},
    {"://h", "unknown scheme: expected socks5://, socks5h://, socks://, socks4:// or socks4a://"},
    {"socks5://", "expected a host name or an address"},
    {"socks5://:1080", "expected a host name or an address"},
    {"socks5://u:p@", "expected a host name or an address"},
    {"socks5://[]:1080", "expected a host name or an address"},
    {"socks5://h:", "expected a port from 1 to 65535 after the host"},
    {"socks5://h:0", "expected a port from 1 to 65535 after the host"},
    {"socks5://h:65536", "expected a port from 1 to 65535 after the host"},
    {"socks5://h:99999999999999999999", "expected a port from 1 to 65535 after the host"},
    {"socks5://h:-1", "expected a port from 1 to 65535 after the host"},
    {"socks5://h:108O", "expected a port from 1 to 65535 after the host"},
    {"socks5://[::1]:", "expected a port from 1 to 65535 after the host"},
    {"socks5://[::1]1080", "expected :PORT or nothing after the ]"},
    {"socks5://[::1", "expected a ] after the IPv6 address"},
    {"socks5://[h]:1", "expected an IPv6 address between the brackets"},
    {"socks5://[127.0.0.1]", "expected an IPv6 address between the brackets"},
    {"socks5://::1:1080", "expected HOST:PORT (an IPv6 address needs brackets: [::1]:1080)"},
    {"socks5://h%41", "expected a host name, where % has no meaning"},
    {"socks5://h/path", "expected nothing after the /, for a proxy has no path"},
    {"socks5://@h", "expected a user name before the @"},
    {"socks5://:p@h", "expected a user name before the @"},
    {"socks5://%4@h", "user or password: expected two hexadecimal digits after each % (write %25 "
                      "for % itself)"},
    {"socks5://u:100%@h", "user or password: expected two hexadecimal digits after each % (write "
                          "%25 for % itself)"},
    {"socks5://u:%zz@h", "user or password: expected two hexadecimal digits after each % (write "
                         "%25 for % itself)"},
    {"socks4://u:p@h", "SOCKS4 knows a user name but no password: use socks5://"},
    {"socks4a://u%00@h", "a user name of SOCKS4 cannot contain %00"},
    {"socks5://h?", "unknown option: expected timeout=DURATION, pipeline=yes|no, "
                    "auth=password|any or resolve=local|proxy"},
    {"socks5://h?timeout=5&", "unknown option: expected timeout=DURATION, pipeline=yes|no, "
                              "auth=password|any or resolve=local|proxy"},
    {"socks5://h?timeout=0", "timeout: expected a duration from 1ms to 24h, such as 30, 30s, "
                             "500ms or 2m"},
    {"socks5://h/?pipeline=1", "pipeline: expected yes or no"},
};

START_TEST(a_bad_url_is_explained)
{
    struct proxy proxy;
    char why[WHY_MAX];
    ck_assert_int_eq(parse(&proxy, bad[_i].url, why), STATUS_BAD_INPUT);
    ck_assert_str_eq(why, bad[_i].why);
}
END_TEST

START_TEST(credentials_end_at_255_octets)
{
    struct proxy proxy;
    char why[WHY_MAX], url[1024] = "socks5://u:", password[256];
    memset(password, 'p', 255);
    password[255] = '\0';
    strcat(url, password);
    strcat(url, "@h");
    ck_assert_int_eq(parse(&proxy, url, why), STATUS_OK);
    ck_assert_uint_eq(proxy.password_len, 255);
    ck_assert_mem_eq(proxy.password, password, 255);

    strcpy(url, "socks5://u:x");
    strcat(url, password);
    strcat(url, "@h");
    ck_assert_int_eq(parse(&proxy, url, why), STATUS_BAD_INPUT);
    ck_assert_str_eq(why, "user or password: expected at most 255 octets");
}
END_TEST

START_TEST(a_host_ends_at_255_octets)
{
    struct proxy proxy;
    char why[WHY_MAX], url[1024] = "socks5://", host[257];
    memset(host, 'h', 256);
    host[256] = '\0';
    strcat(url, host);
    ck_assert_int_eq(parse(&proxy, url, why), STATUS_BAD_INPUT);
    ck_assert_str_eq(why, "expected a host name of at most 255 octets, without spaces");
    url[strlen(url) - 1] = '\0';
    ck_assert_int_eq(parse(&proxy, url, why), STATUS_OK);
}
END_TEST

START_TEST(a_nul_may_be_part_of_a_socks5_password)
{
    struct proxy proxy;
    char why[WHY_MAX];
    ck_assert_int_eq(parse(&proxy, "socks5://u:a%00b@h", why), STATUS_OK);
    ck_assert_uint_eq(proxy.password_len, 3);
    ck_assert_mem_eq(proxy.password, "a\0b", 3);
}
END_TEST

START_TEST(options_stand_in_the_url_or_in_words)
{
    struct proxy proxy;
    char why[WHY_MAX];
    ck_assert_int_eq(parse(&proxy, "socks5://u:p@h:1/?timeout=60s&pipeline=yes&auth=password", why),
                     STATUS_OK);
    ck_assert_uint_eq(proxy.timeout_ms, 60000);
    ck_assert(proxy.pipeline && proxy.password_only);
    ck_assert_int_eq(proxy_set_option(&proxy, "pipeline=no", 11, why, WHY_MAX), STATUS_OK);
    ck_assert_int_eq(proxy_set_option(&proxy, "auth=any", 8, why, WHY_MAX), STATUS_OK);
    ck_assert_int_eq(proxy_set_option(&proxy, "Timeout=5", 9, why, WHY_MAX), STATUS_OK);
    ck_assert(!proxy.pipeline && !proxy.password_only);
    ck_assert_uint_eq(proxy.timeout_ms, 5000);

    ck_assert_int_eq(parse(&proxy, "socks4://h?resolve=local", why), STATUS_OK);
    ck_assert(proxy.resolve_local);
    ck_assert_int_eq(proxy_set_option(&proxy, "resolve=proxy", 13, why, WHY_MAX), STATUS_OK);
    ck_assert(!proxy.resolve_local);
}
END_TEST

static const struct {
    const char *url, *option, *why;
} bad_options[] = {
    {"socks5://h", "timeout",
     "unknown option: expected timeout=DURATION, pipeline=yes|no, "
     "auth=password|any or resolve=local|proxy"},
    {"socks5://h", "colour=red",
     "unknown option: expected timeout=DURATION, pipeline=yes|no, "
     "auth=password|any or resolve=local|proxy"},
    {"socks5://h", "timeout=",
     "timeout: expected a duration from 1ms to 24h, such as 30, 30s, "
     "500ms or 2m"},
    {"socks5://h", "pipeline=", "pipeline: expected yes or no"},
    {"socks5://u@h", "auth=none", "auth: expected password or any"},
    {"socks4a://u@h", "auth=any", "auth: expected with socks5:// only"},
    {"socks5://h", "auth=password", "auth: expected USER:PASSWORD@ in the URL with auth=password"},
    {"socks4://h", "resolve=remote", "resolve: expected local or proxy"},
    {"socks4a://h", "resolve=local", "resolve: expected with socks4:// only (others carry names)"},
    {"socks5://h", "resolve=local", "resolve: expected with socks4:// only (others carry names)"},
};

START_TEST(a_bad_option_is_explained)
{
    struct proxy proxy;
    char why[WHY_MAX];
    const char *option = bad_options[_i].option;
    ck_assert_int_eq(parse(&proxy, bad_options[_i].url, why), STATUS_OK);
    ck_assert_int_eq(proxy_set_option(&proxy, option, strlen(option), why, WHY_MAX),
                     STATUS_BAD_INPUT);
    ck_assert_str_eq(why, bad_options[_i].why);
}
END_TEST

START_TEST(words_are_cut_to_the_buffer)
{
    struct proxy proxy;
    char why[8];
    ck_assert_int_eq(proxy_parse_url(&proxy, "h", 1, why, sizeof(why)), STATUS_BAD_INPUT);
    ck_assert_str_eq(why, "expecte");
}
END_TEST

static const struct {
    const char *text;
    uint32_t milliseconds; /* 0: none */
} durations[] = {
    {"1", 1000},
    {"30", 30000},
    {"5s", 5000},
    {"5S", 5000},
    {"500ms", 500},
    {"1ms", 1},
    {"2m", 120000},
    {"0060s", 60000},
    {"1440m", 86400000},
    {"86400", 86400000},
    {"86400000ms", 86400000},
    {"", 0},
    {"0", 0},
    {"0ms", 0},
    {"1441m", 0},
    {"86401", 0},
    {"86400001ms", 0},
    {"s", 0},
    {"5 s", 0},
    {"5h", 0},
    {"1.5s", 0},
    {"-1", 0},
    {"+1", 0},
    {"5sx", 0},
    {"99999999999999999999", 0},
};

START_TEST(durations_have_units)
{
    uint32_t milliseconds = 0;
    const char *text = durations[_i].text;
    enum status status = proxy_parse_duration(text, strlen(text), &milliseconds);
    ck_assert_int_eq(status, durations[_i].milliseconds ? STATUS_OK : STATUS_BAD_INPUT);
    ck_assert_uint_eq(milliseconds, durations[_i].milliseconds);
}
END_TEST

static const struct {
    const char *url, *shown;
} secrets[] = {
    {"socks5://h:1080", "socks5://h:1080"},
    {"socks5://[::1]:1080/?timeout=5", "socks5://[::1]:1080/?timeout=5"},
    {"socks5://h?timeout=5", "socks5://h?timeout=5"},
    {"socks5://user:secret@h:1080", "socks5://***@h:1080"},
    {"socks5://user:sec@ret@h:1080", "socks5://***@h:1080"},
    {"socks5://user:se/cr?et@[::1]:1", "socks5://***@[::1]:1"},
    {"user:secret@h:1080", "***@h:1080"},
    {"socks5:/user:secret@h", "***@h"},
    {"socks5://user:secret", "socks5://user:***"},
    {"socks5://user:s[e]cret:1", "socks5://user:***"},
    {"socks5://user:12secret", "socks5://user:12***"},
    {"socks5://user:12/secret", "socks5://user:12/***"},
    {"h:1080:user:secret", "h:1080***"},
    {"user:secret@socks5://h:1080", "***@socks5:***"},
    {"user:secret@h:1080://", "***@h:1080***"},
    {"timeout=never", "timeout=never"},
    {"", ""},
};

START_TEST(a_secret_is_hidden_however_the_url_is_malformed)
{
    char shown[128];
    proxy_hide_secret(secrets[_i].url, strlen(secrets[_i].url), shown, sizeof(shown));
    ck_assert_str_eq(shown, secrets[_i].shown);
}
END_TEST

START_TEST(a_scheme_is_written_as_it_is_read)
{
    static const char *const schemes[] = {"socks4", "socks4a", "socks5"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        char url[32];
        struct proxy proxy;
        int len = snprintf(url, sizeof(url), "%s://h", schemes[i]);
        ck_assert_int_eq(proxy_parse_url(&proxy, url, (size_t)len, NULL, 0), STATUS_OK);
        ck_assert_str_eq(proxy_scheme(&proxy), schemes[i]);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(*table)))

int main(void)
{
    Suite *suite = suite_create("proxy");
    TCase *tc = tcase_create("proxy");
    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, urls_say_protocol_address_and_credentials, 0, COUNT(good));
    tcase_add_loop_test(tc, a_bad_url_is_explained, 0, COUNT(bad));
    tcase_add_test(tc, a_scheme_is_written_as_it_is_read);
    tcase_add_test(tc, credentials_end_at_255_octets);
    tcase_add_test(tc, a_host_ends_at_255_octets);
    tcase_add_test(tc, a_nul_may_be_part_of_a_socks5_password);
    tcase_add_test(tc, options_stand_in_the_url_or_in_words);
    tcase_add_loop_test(tc, a_bad_option_is_explained, 0, COUNT(bad_options));
    tcase_add_test(tc, words_are_cut_to_the_buffer);
    tcase_add_loop_test(tc, durations_have_units, 0, COUNT(durations));
    tcase_add_loop_test(tc, a_secret_is_hidden_however_the_url_is_malformed, 0, COUNT(secrets));
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
