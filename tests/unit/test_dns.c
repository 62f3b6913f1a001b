/* SPDX-License-Identifier: MIT
 * DNS messages: what is read from a query, what is said in a reply, and that no octets, however
 * hostile, are read beyond their end. Every message ends flush against a page that cannot be
 * touched. */
#include "core/dns.h"

#include "tests/unit/support.h"

#include <stdio.h>

/* id 1234, flags, one question, and so many of the others */
#define HEADER(flags, others) "12 34 " flags " 00 01 " others
#define ALONE "00 00 00 00 00 00"
#define WITH_OPT "00 00 00 00 00 01"
/* a.Example, and what is asked of it */
#define NAME "01 61 07 45 78 61 6d 70 6c 65 00 "
#define ASKS_A "00 01 00 01 "
#define OPT "00 00 29 10 00 00 00 00 00 00 00"

static struct octets raw;
static struct dns_query query;

static bool parse(const char *hex)
{
    raw = octets(hex);
    return dns_parse_query(guarded(raw.at, raw.len), raw.len, &query);
}

static struct octets reply(void (*fill)(struct dns_reply *), size_t size)
{
    struct octets out = {0};
    struct dns_reply building;
    dns_reply_begin(&building, &query, DNS_NOERROR, out.at, size);
    if (fill)
        fill(&building);
    out.len = dns_reply_end(&building);
    ck_assert_uint_le(out.len, size);
    return out;
}

static void expect_octets(struct octets got, const char *hex)
{
    struct octets wanted = octets(hex);
    ck_assert_uint_eq(got.len, wanted.len);
    ck_assert_mem_eq(got.at, wanted.at, wanted.len);
}

START_TEST(a_query_is_read)
{
    ck_assert(parse(HEADER("01 00", ALONE) " " NAME ASKS_A));
    ck_assert_int_eq(query.error, DNS_NOERROR);
    ck_assert_uint_eq(query.id, 0x1234);
    ck_assert_uint_eq(query.flags, 0x0100);
    ck_assert_uint_eq(query.type, DNS_TYPE_A);
    ck_assert_uint_eq(query.class, DNS_CLASS_IN);
    ck_assert_str_eq(query.name, "a.example"); /* lower case, no trailing dot */
    ck_assert_uint_eq(query.name_len, 9);
    ck_assert(query.is_host_name);
    ck_assert(!query.has_edns);
    ck_assert_uint_eq(query.payload, 512);
    ck_assert_uint_eq(query.question_len, 11 + 4);
}
END_TEST

START_TEST(edns_says_what_the_asker_takes)
{
    ck_assert(parse(HEADER("01 00", WITH_OPT) " " NAME ASKS_A OPT));
    ck_assert_int_eq(query.error, DNS_NOERROR);
    ck_assert(query.has_edns);
    ck_assert_uint_eq(query.payload, 4096);
    ck_assert_uint_eq(dns_datagram_limit(&query, 2000), 2000);
    ck_assert_uint_eq(dns_datagram_limit(&query, 65535), 4096);
    /* less than 512 means 512; options are passed over */
    ck_assert(parse(HEADER("01 00", WITH_OPT) " " NAME ASKS_A
                                              "00 00 29 00 01 00 00 80 00 00 04 00 0a 00 00"));
    ck_assert_int_eq(query.error, DNS_NOERROR);
    ck_assert_uint_eq(query.payload, 512);
}
END_TEST

/* Records of other kinds, and names that point somewhere, may stand before the OPT. */
START_TEST(edns_is_found_behind_other_records)
{
    ck_assert(parse("12 34 01 00 00 01 00 01 00 00 00 02 " NAME ASKS_A
                    "c0 0c 00 01 00 01 00 00 00 00 00 04 01 02 03 04 "
                    "01 78 c0 0c 00 10 00 01 00 00 00 00 00 00 " OPT));
    ck_assert_int_eq(query.error, DNS_NOERROR);
    ck_assert(query.has_edns);
}
END_TEST

static const struct {
    const char *hex;
} silent[] = {
    {""},
    {"12"},
    {"12 34 01 00 00 01 00 00 00 00 00"},
    {"12 34 80 00 00 01 " ALONE " " NAME ASKS_A}, /* a reply */
    {"12 34 81 80 00 00 00 00 00 00 00 00"},
};

START_TEST(what_is_no_query_gets_no_answer)
{
    ck_assert(!parse(silent[_i].hex));
}
END_TEST

static const struct {
    const char *what, *hex;
    enum dns_rcode error;
} bad[] = {
    {"no question", "12 34 01 00 00 00 " ALONE, DNS_FORMERR},
    {"two questions", "12 34 01 00 00 02 " ALONE " " NAME ASKS_A NAME ASKS_A, DNS_FORMERR},
    {"a question that is missing", HEADER("01 00", ALONE), DNS_FORMERR},
    {"half a type", HEADER("01 00", ALONE) " " NAME "00", DNS_FORMERR},
    {"no class", HEADER("01 00", ALONE) " " NAME "00 01", DNS_FORMERR},
    {"a name without an end", HEADER("01 00", ALONE) " 01 61", DNS_FORMERR},
    {"a label without an end", HEADER("01 00", ALONE) " 3f 61", DNS_FORMERR},
    {"a pointer to itself", HEADER("01 00", ALONE) " c0 0c " ASKS_A, DNS_FORMERR},
    {"a pointer to its own start", HEADER("01 00", ALONE) " 01 61 c0 0c " ASKS_A, DNS_FORMERR},
    {"a pointer beyond the end", HEADER("01 00", ALONE) " ff ff " ASKS_A, DNS_FORMERR},
    {"half a pointer", HEADER("01 00", ALONE) " c0", DNS_FORMERR},
    {"a label of 64", HEADER("01 00", ALONE) " 40 61*64 00 " ASKS_A, DNS_FORMERR},
    {"an unknown kind of label", HEADER("01 00", ALONE) " 80 61*128 00 " ASKS_A, DNS_FORMERR},
    {"a name of 256", HEADER("01 00", ALONE) " 3f 61*63 3f 61*63 3f 61*63 3e 61*62 00 " ASKS_A,
     DNS_FORMERR},
    {"an OPT that is missing", HEADER("01 00", WITH_OPT) " " NAME ASKS_A, DNS_FORMERR},
    {"an OPT cut short", HEADER("01 00", WITH_OPT) " " NAME ASKS_A "00 00 29 10 00 00 00 00 00 00",
     DNS_FORMERR},
    {"options cut short",
     HEADER("01 00", WITH_OPT) " " NAME ASKS_A "00 00 29 10 00 00 00 00 00 00 05 00 0a 00 00",
     DNS_FORMERR},
    {"two OPTs", HEADER("01 00", "00 00 00 00 00 02") " " NAME ASKS_A OPT " " OPT, DNS_FORMERR},
    {"counts that lie", HEADER("01 00", "ff ff ff ff ff ff") " " NAME ASKS_A OPT, DNS_FORMERR},
    {"a record whose name has no end", HEADER("01 00", WITH_OPT) " " NAME ASKS_A "3f 61*63",
     DNS_FORMERR},
    {"EDNS of a later version",
     HEADER("01 00", WITH_OPT) " " NAME ASKS_A "00 00 29 10 00 00 01 00 00 00 00", DNS_BADVERS},
    {"another operation", HEADER("28 00", ALONE) " " NAME ASKS_A, DNS_NOTIMP},
    {"another operation without a question", "12 34 20 00 00 00 " ALONE, DNS_NOTIMP},
};

START_TEST(a_bad_query_is_told_what_it_is)
{
    ck_assert_msg(parse(bad[_i].hex), "%s", bad[_i].what);
    ck_assert_msg(query.error == bad[_i].error, "%s: %d", bad[_i].what, query.error);
    struct octets out;
    out.len = dns_refuse(&query, query.error, out.at, DNS_DATAGRAM_MAX);
    ck_assert(dns_is_reply(out.at, out.len, 0x1234));
    ck_assert_int_eq(dns_rcode(out.at), bad[_i].error & 0xf);
}
END_TEST

START_TEST(every_cut_of_a_query_is_read_without_harm)
{
    struct octets whole = octets("12 34 01 00 00 01 00 01 00 00 00 01 " NAME ASKS_A
                                 "c0 0c 00 01 00 01 00 00 00 00 00 04 01 02 03 04 " OPT);
    for (size_t cut = 0; cut <= whole.len; cut++) {
        bool is_query = dns_parse_query(guarded(whole.at, cut), cut, &query);
        ck_assert(is_query == (cut >= DNS_HEADER_LEN));
        if (is_query)
            ck_assert_int_eq(query.error, cut == whole.len ? DNS_NOERROR : DNS_FORMERR);
    }
}
END_TEST

/* Octets from a generator, most of them behind a header that promises something. */
START_TEST(garbage_is_read_without_harm)
{
    uint32_t random = 1;
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t bytes[128];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(random >> 24);
        }
        size_t len = random >> 8 & 127;
        bytes[2] &= 0x07;
        bytes[4] = 0;
        bytes[5] &= 1;
        /* small labels, so that names end */
        for (size_t i = DNS_HEADER_LEN; i < sizeof(bytes) && round % 2; i += 3)
            bytes[i] = 2;
        if (!dns_parse_query(guarded(bytes, len), len, &query))
            continue;
        ck_assert_uint_eq(strlen(query.name), query.name_len);
        struct octets out;
        out.len = dns_refuse(&query, DNS_SERVFAIL, out.at, DNS_DATAGRAM_MAX);
        ck_assert_uint_le(out.len, DNS_DATAGRAM_MAX);
        uint8_t *message = guarded(bytes, len);
        ck_assert_uint_le(dns_shorten(message, len), len);
    }
}
END_TEST

static const struct {
    const char *name_hex, *text;
    bool is_host_name;
} names[] = {
    {"00", "", false},
    {"03 57 57 57 00", "www", true},
    {"05 5f 68 74 74 70 04 5f 74 63 70 01 78 00", "_http._tcp.x", true},
    {"04 c3 a4 c3 84 00", "\xc3\xa4\xc3\x84", true}, /* beyond ASCII there is no case */
    {"03 61 2e 62 01 63 00", "a\\.b.c", false},
    {"03 61 5c 62 01 63 00", "a\\\\b.c", false},
    {"03 61 20 62 00", "a\\032b", false},
    {"02 61 00 00", "a\\000", false},
    {"02 7f 0a 00", "\\127\\010", false},
    /* 253 characters are the longest that fit the wire */
    {"3f 61*63 3f 62*63 3f 63*63 3d 64*61 00", "a*63.b*63.c*63.d*61", true},
    /* more than a text can hold */
    {"3f 00*63 3f 00*63 00", "", false},
};

START_TEST(names_become_text_and_odd_octets_are_escaped)
{
    char hex[256];
    snprintf(hex, sizeof(hex), HEADER("00 00", ALONE) " %s " ASKS_A, names[_i].name_hex);
    struct spelled text = spelled(names[_i].text);
    ck_assert(parse(hex));
    ck_assert_int_eq(query.error, DNS_NOERROR);
    ck_assert_str_eq(query.name, text.text);
    ck_assert_uint_eq(query.name_len, text.len);
    ck_assert(query.is_host_name == names[_i].is_host_name);
}
END_TEST

START_TEST(every_octet_of_a_name_comes_back_from_its_text)
{
    for (unsigned octet = 0; octet < 256; octet++) {
        char hex[128];
        uint8_t again[DNS_QUERY_MAX];
        snprintf(hex, sizeof(hex), HEADER("01 00", ALONE) " 03 78 %02x 79 00 " ASKS_A, octet);
        ck_assert(parse(hex));
        size_t len = dns_build_query(again, 0x1234, query.name, DNS_CLASS_IN, DNS_TYPE_A, false);
        ck_assert_uint_eq(len, raw.len);
        if (octet >= 'A' && octet <= 'Z')
            again[14] = (uint8_t)octet;
        ck_assert_mem_eq(again, raw.at, len);
    }
}
END_TEST

static const struct {
    const char *name, *wire; /* NULL: no name */
} texts[] = {
    {"a.Example", NAME},
    {"a.Example.", NAME},
    {"", "00"},
    {".", "00"},
    {"a\\.b", "03 61 2e 62 00"},
    {"a\\046b", "03 61 2e 62 00"},
    {"a..b", NULL},
    {".a", NULL},
    {"a\\", NULL},
    {"a\\25", NULL},
    {"a\\256", NULL},
    {"a\\2x5", NULL},
    {"a*63", "3f 61*63 00"},
    {"a*64", NULL},
    {"a*63.b*63.c*63.d*61", "3f 61*63 3f 62*63 3f 63*63 3d 64*61 00"},
    {"a*63.b*63.c*63.d*61.", "3f 61*63 3f 62*63 3f 63*63 3d 64*61 00"},
    {"a*63.b*63.c*63.d*62", NULL},
    {"a*63.b*63.c*63.d*63.e*63.f*63", NULL},
    {"a*63.b*63.c*63.d*61.e", NULL},
};

START_TEST(a_query_is_built_from_a_name)
{
    uint8_t out[DNS_QUERY_MAX];
    struct spelled name = spelled(texts[_i].name);
    size_t len = dns_build_query(out, 0xabcd, name.text, DNS_CLASS_IN, 15, false);
    if (!texts[_i].wire) {
        ck_assert_uint_eq(len, 0);
        return;
    }
    struct octets wanted = octets("ab cd 01 00 00 01 00 00 00 00 00 00");
    struct octets wire = octets(texts[_i].wire);
    octets_add(&wanted, wire.at, wire.len);
    octets_add(&wanted, "\0\x0f\0\x01", 4);
    ck_assert_uint_eq(len, wanted.len);
    ck_assert_mem_eq(out, wanted.at, len);
    ck_assert(dns_parse_query(out, len, &query));
    ck_assert_int_eq(query.error, DNS_NOERROR);
}
END_TEST

START_TEST(signatures_are_asked_for_by_an_opt)
{
    uint8_t out[DNS_QUERY_MAX];
    char longest[256];
    memset(longest, 'a', sizeof(longest));
    longest[63] = longest[127] = longest[191] = '.';
    longest[253] = '\0';
    size_t len = dns_build_query(out, 1, longest, DNS_CLASS_IN, 52, true);
    ck_assert_uint_eq(len, DNS_QUERY_MAX);
    ck_assert_mem_eq(out + len - 11, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
    ck_assert(dns_parse_query(out, len, &query));
    ck_assert_int_eq(query.error, DNS_NOERROR);
    ck_assert(query.has_edns);
}
END_TEST

static void add_address(struct dns_reply *building)
{
    dns_reply_add_address(building, (const uint8_t[]){198, 18, 0, 7}, 4, 60);
}

static void add_both(struct dns_reply *building)
{
    static const uint8_t six[16] = {0xfd, 0x73, [15] = 7};
    add_address(building);
    dns_reply_add_address(building, six, sizeof(six), 60);
}

static void add_pointer(struct dns_reply *building)
{
    dns_reply_add_pointer(building, "b.test", 6, 1);
}

START_TEST(a_reply_repeats_the_question_in_its_own_letters)
{
    parse(HEADER("01 10", ALONE) " " NAME ASKS_A); /* RD and CD come back */
    expect_octets(reply(add_address, 512), "12 34 81 90 00 01 00 01 00 00 00 00 " NAME ASKS_A
                                           "c0 0c 00 01 00 01 00 00 00 3c 00 04 c6 12 00 07");
}
END_TEST

START_TEST(a_reply_may_have_several_answers)
{
    parse(HEADER("00 00", ALONE) " " NAME ASKS_A);
    expect_octets(reply(add_both, 512), "12 34 80 80 00 01 00 02 00 00 00 00 " NAME ASKS_A
                                        "c0 0c 00 01 00 01 00 00 00 3c 00 04 c6 12 00 07 "
                                        "c0 0c 00 1c 00 01 00 00 00 3c 00 10 fd 73 00*13 07");
}
END_TEST

START_TEST(a_reply_may_be_a_name)
{
    parse(HEADER("01 00", ALONE) " " NAME "00 0c 00 01");
    expect_octets(reply(add_pointer, 512),
                  "12 34 81 80 00 01 00 01 00 00 00 00 " NAME "00 0c 00 01 "
                  "c0 0c 00 0c 00 01 00 00 00 01 00 08 01 62 04 74 65 73 74 00");
}
END_TEST

START_TEST(edns_is_answered_with_edns)
{
    parse(HEADER("01 00", WITH_OPT) " " NAME ASKS_A OPT);
    expect_octets(reply(add_address, 512), "12 34 81 80 00 01 00 01 00 00 00 01 " NAME ASKS_A
                                           "c0 0c 00 01 00 01 00 00 00 3c 00 04 c6 12 00 07 "
                                           "00 00 29 04 d0 00 00 00 00 00 00");
    struct octets out;
    out.len = dns_refuse(&query, DNS_BADVERS, out.at, DNS_DATAGRAM_MAX);
    expect_octets(out, "12 34 81 80 00 01 00 00 00 00 00 01 " NAME ASKS_A
                       "00 00 29 04 d0 01 00 00 00 00 00");
}
END_TEST

START_TEST(a_reply_without_answers_says_why)
{
    static const enum dns_rcode codes[] = {DNS_NOERROR,  DNS_FORMERR, DNS_SERVFAIL,
                                           DNS_NXDOMAIN, DNS_NOTIMP,  DNS_REFUSED};
    parse(HEADER("01 00", ALONE) " " NAME ASKS_A);
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct octets out;
        out.len = dns_refuse(&query, codes[i], out.at, DNS_DATAGRAM_MAX);
        ck_assert_uint_eq(out.len, raw.len);
        ck_assert_uint_eq(out.at[3], 0x80 | codes[i]);
        ck_assert_int_eq(dns_rcode(out.at), codes[i]);
        ck_assert_uint_eq(dns_answer_count(out.at), 0);
    }
    /* a question that could not be read is not repeated */
    parse(HEADER("01 00", ALONE) " c0 0c " ASKS_A);
    struct octets out;
    out.len = dns_refuse(&query, query.error, out.at, DNS_DATAGRAM_MAX);
    expect_octets(out, "12 34 81 81 00 00 00 00 00 00 00 00");
}
END_TEST

static void add_thirty(struct dns_reply *building)
{
    for (unsigned i = 0; i < 30; i++)
        add_address(building);
}

START_TEST(what_does_not_fit_is_left_out_and_told)
{
    parse(HEADER("01 00", ALONE) " " NAME ASKS_A);
    struct octets out = reply(add_thirty, 512);
    ck_assert_uint_eq(dns_answer_count(out.at), (512 - 27) / 16); /* all 30 */
    ck_assert_uint_eq(out.at[2] & 2, 0);
    parse(HEADER("01 00", WITH_OPT) " " NAME ASKS_A OPT);
    out = reply(add_thirty, 512);
    ck_assert_uint_eq(dns_answer_count(out.at), (512 - 27 - 11) / 16);
    ck_assert_uint_eq(out.at[2] & 2, 2);
    ck_assert_uint_eq(out.at[out.len - 9], 0x29); /* the OPT is still there */
}
END_TEST

START_TEST(a_pointer_to_what_is_no_name_is_left_out)
{
    struct spelled name = spelled("x*64.test");
    parse(HEADER("01 00", ALONE) " " NAME "00 0c 00 01");
    struct dns_reply building;
    uint8_t out[512];
    dns_reply_begin(&building, &query, DNS_NOERROR, out, sizeof(out));
    dns_reply_add_pointer(&building, name.text, name.len, 1);
    ck_assert_uint_eq(dns_reply_end(&building), raw.len);
    ck_assert_uint_eq(dns_answer_count(out), 0);
}
END_TEST

START_TEST(a_shortened_message_is_header_and_question)
{
    struct octets message = octets("12 34 81 80 00 01 00 01 00 02 00 03 " NAME ASKS_A
                                   "c0 0c 00 01 00 01 00 00 00 3c 00 04 c6 12 00 07 ff ff");
    uint8_t *at = guarded(message.at, message.len);
    struct octets out = {0};
    octets_add(&out, at, dns_shorten(at, message.len));
    expect_octets(out, "12 34 83 80 00 01 00 00 00 00 00 00 " NAME ASKS_A);
    /* its question may be broken */
    message = octets("12 34 81 80 00 01 00 01 00 02 00 03 c0 0c");
    at = guarded(message.at, message.len);
    out = (struct octets){0};
    octets_add(&out, at, dns_shorten(at, message.len));
    expect_octets(out, "12 34 83 80 00 00 00 00 00 00 00 00");
}
END_TEST

START_TEST(a_reply_is_known_by_its_number_and_its_bit)
{
    struct octets message = octets("12 34 80 20 00 00 00 00 00 00 00 00");
    ck_assert(dns_is_reply(message.at, message.len, 0x1234));
    ck_assert(!dns_is_reply(message.at, message.len, 0x1235));
    ck_assert(!dns_is_reply(message.at, message.len - 1, 0x1234));
    dns_clear_authentic(message.at);
    ck_assert_uint_eq(message.at[3], 0);
    message.at[2] = 0;
    ck_assert(!dns_is_reply(message.at, message.len, 0x1234));
}
END_TEST

static const struct {
    const char *name, *address; /* NULL: none */
} arpas[] = {
    {"7.0.18.198.in-addr.arpa", "198.18.0.7:0"},
    {"255.255.255.255.in-addr.arpa", "255.255.255.255:0"},
    {"0.0.0.0.in-addr.arpa", "0.0.0.0:0"},
    {"0.18.198.in-addr.arpa", NULL},
    {"1.7.0.18.198.in-addr.arpa", NULL},
    {"7.0.18.256.in-addr.arpa", NULL},
    {"07.0.18.198.in-addr.arpa", NULL},
    {"7..18.198.in-addr.arpa", NULL},
    {"7.0.18.198.in-addr.arpa.x", NULL},
    {"7.0.18.198in-addr.arpa", NULL},
    {"7/25.0.18.198.in-addr.arpa", NULL},
    {"in-addr.arpa", NULL},
    {"arpa", NULL},
    {"", NULL},
    {"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.7.b.6.3.6.f.6.3.7.d.f.ip6.arpa",
     "[fd73:6f63:6b73::7]:0"},
    {"f.e.d.c.b.a.9.8.7.6.5.4.3.2.1.0.f.e.d.c.b.a.9.8.7.6.5.4.8.b.d.2.ip6.arpa",
     "[2db8:4567:89ab:cdef:123:4567:89ab:cdef]:0"},
    {"4.0.3.0.2.0.1.0.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "1.2.3.4:0"},
    {"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.7.b.6.3.6.f.6.3.7.d.ip6.arpa", NULL},
    {"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.7.b.6.3.6.f.6.3.7.d.f.ip6.arpa", NULL},
    {"7-0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.7.b.6.3.6.f.6.3.7.d.f.ip6.arpa", NULL},
    {"ip6.arpa", NULL},
};

START_TEST(the_names_of_addresses_are_read)
{
    struct target address = {.kind = TARGET_NAME};
    char text[TARGET_TEXT_MAX];
    size_t len = strlen(arpas[_i].name);
    bool found = dns_address_from_arpa(guarded(arpas[_i].name, len), len, &address);
    ck_assert_pstr_eq(found ? target_to_text(&address, text) : NULL, arpas[_i].address);
    ck_assert(found || address.kind == TARGET_NAME);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dns");
    TCase *tc = tcase_create("dns");
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, a_query_is_read);
    tcase_add_test(tc, edns_says_what_the_asker_takes);
    tcase_add_test(tc, edns_is_found_behind_other_records);
    tcase_add_loop_test(tc, what_is_no_query_gets_no_answer, 0, COUNT(silent));
    tcase_add_loop_test(tc, a_bad_query_is_told_what_it_is, 0, COUNT(bad));
    tcase_add_test(tc, every_cut_of_a_query_is_read_without_harm);
    tcase_add_test(tc, garbage_is_read_without_harm);
    tcase_add_loop_test(tc, names_become_text_and_odd_octets_are_escaped, 0, COUNT(names));
    tcase_add_test(tc, every_octet_of_a_name_comes_back_from_its_text);
    tcase_add_loop_test(tc, a_query_is_built_from_a_name, 0, COUNT(texts));
    tcase_add_test(tc, signatures_are_asked_for_by_an_opt);
    tcase_add_test(tc, a_reply_repeats_the_question_in_its_own_letters);
    tcase_add_test(tc, a_reply_may_have_several_answers);
    tcase_add_test(tc, a_reply_may_be_a_name);
    tcase_add_test(tc, edns_is_answered_with_edns);
    tcase_add_test(tc, a_reply_without_answers_says_why);
    tcase_add_test(tc, what_does_not_fit_is_left_out_and_told);
    tcase_add_test(tc, a_pointer_to_what_is_no_name_is_left_out);
    tcase_add_test(tc, a_shortened_message_is_header_and_question);
    tcase_add_test(tc, a_reply_is_known_by_its_number_and_its_bit);
    tcase_add_loop_test(tc, the_names_of_addresses_are_read, 0, COUNT(arpas));
    return run(suite);
}
