/* SPDX-License-Identifier: MIT
 * Addresses out of DNS replies: those that are there, and none out of anything else. */
#include "core/dns_answer.h"

#include "tests/unit/support.h"

#define HEAD "12 34 81 80 00 01 00 0"
#define QUESTION "03 77 77 77 07 65 78 61 6d 70 6c 65 00 00 "
#define A_RECORD "c0 0c 00 01 00 01 00 00 00 3c 00 04 c0 00 02 01"
#define AAAA_RECORD "c0 0c 00 1c 00 01 00 00 00 3c 00 10 20 01 0d b8 00*11 07"
#define ALIAS "c0 0c 00 05 00 01 00 00 00 3c 00 06 03 63 64 6e c0 10 "

static const struct {
    const char *message;
    enum dns_type type;
    const char *address; /* NULL: none */
} cases[] = {
    {HEAD "1 00*4 " QUESTION "01 00 01 " A_RECORD, DNS_TYPE_A, "c0 00 02 01"},
    {HEAD "1 00*4 " QUESTION "1c 00 01 " AAAA_RECORD, DNS_TYPE_AAAA, "20 01 0d b8 00*11 07"},
    {HEAD "2 00*4 " QUESTION "01 00 01 " ALIAS A_RECORD, DNS_TYPE_A, "c0 00 02 01"},
    {HEAD "2 00*4 " QUESTION "1c 00 01 " A_RECORD " " AAAA_RECORD, DNS_TYPE_AAAA,
     "20 01 0d b8 00*11 07"},
    /* a name in full */
    {HEAD "1 00*4 " QUESTION "01 00 01 03 77 77 77 00 00 01 00 01 00 00 00 3c 00 04 c0 00 02 07",
     DNS_TYPE_A, "c0 00 02 07"},
    /* no question comes back */
    {"12 34 81 80 00 00 00 01 00*4 " A_RECORD, DNS_TYPE_A, "c0 00 02 01"},
    /* another type, another class, a wrong length, an alias only, no answer at all */
    {HEAD "1 00*4 " QUESTION "01 00 01 " A_RECORD, DNS_TYPE_AAAA, NULL},
    {HEAD "1 00*4 " QUESTION "01 00 01 c0 0c 00 01 00 03 00 00 00 3c 00 04 c0 00 02 01", DNS_TYPE_A,
     NULL},
    {HEAD "1 00*4 " QUESTION "01 00 01 c0 0c 00 01 00 01 00 00 00 3c 00 03 c0 00 02", DNS_TYPE_A,
     NULL},
    {HEAD "1 00*4 " QUESTION "01 00 01 " ALIAS, DNS_TYPE_A, NULL},
    {HEAD "0 00*4 " QUESTION "01 00 01", DNS_TYPE_A, NULL},
    {"", DNS_TYPE_A, NULL},
    /* an address behind the number of answers is none of them */
    {HEAD "0 00*4 " QUESTION "01 00 01 " A_RECORD, DNS_TYPE_A, NULL},
};

START_TEST(the_address_of_a_reply_is_found)
{
    uint8_t address[16] = {0};
    const struct octets message = octets(cases[_i].message);
    bool found =
        dns_answer_address(guarded(message.at, message.len), message.len, cases[_i].type, address);
    ck_assert_int_eq(found, cases[_i].address != NULL);
    if (cases[_i].address) {
        const struct octets wanted = octets(cases[_i].address);
        ck_assert_mem_eq(address, wanted.at, wanted.len);
    }
}
END_TEST

START_TEST(a_reply_that_is_cut_has_none)
{
    for (size_t i = 0; i < 2; i++) {
        const struct octets message = octets(cases[i].message);
        for (size_t len = 0; len < message.len; len++) {
            uint8_t address[16];
            ck_assert(!dns_answer_address(guarded(message.at, len), len, cases[i].type, address));
        }
    }
}
END_TEST

START_TEST(any_octets_are_survived)
{
    uint8_t message[80], address[16];
    srand(1);
    for (int round = 0; round < 200000; round++) {
        size_t len = (size_t)rand() % sizeof(message);
        for (size_t i = 0; i < len; i++)
            message[i] = (uint8_t)(rand() % 4 ? rand() % 4 : rand());
        dns_answer_address(guarded(message, len), len, rand() % 2 ? DNS_TYPE_A : DNS_TYPE_AAAA,
                           address);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dns_answer");
    TCase *tcase = tcase_create("dns_answer");
    tcase_add_loop_test(tcase, the_address_of_a_reply_is_found, 0, COUNT(cases));
    tcase_add_test(tcase, a_reply_that_is_cut_has_none);
    tcase_add_test(tcase, any_octets_are_survived);
    suite_add_tcase(suite, tcase);
    return run(suite);
}
