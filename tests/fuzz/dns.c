/* SPDX-License-Identifier: MIT
 * DNS messages: the input is a query, a reply from upstream that must be shortened, a name to ask
 * for, and a name of arpa. What is built is read again. */
#include "core/dns.h"

#include "core/dns_answer.h"
#include "fuzz.h"

#include <ctype.h>

enum { FLAG_TC = 0x02 }; /* in the header's third octet */

static void check_name(const struct dns_query *query)
{
    MUST(strlen(query->name) == query->name_len);
    for (size_t i = 0; i < query->name_len; i++) {
        unsigned char c = (unsigned char)query->name[i];
        MUST(c > ' ' && c != 0x7f && (c >= 0x80 || !isupper(c)));
    }
    if (!query->is_host_name)
        return;
    struct target target;
    MUST(query->name_len > 0 && !strchr(query->name, '\\'));
    MUST(target_set_host(&target, query->name, query->name_len, 53) == STATUS_OK);
    if (target.kind == TARGET_NAME)
        MUST(strcmp(target.name, query->name) == 0);
}

/* Its name, asked for again, is the same name. */
static void check_asked_again(const struct dns_query *query)
{
    uint8_t out[DNS_QUERY_MAX];
    struct dns_query again;
    bool is_root = query->question_len == 5;
    if (query->question_len == 0 || (query->name_len == 0 && !is_root))
        return; /* no question, or one whose text is too long */
    size_t len =
        dns_build_query(out, query->id, query->name, query->class, query->type, query->has_edns);
    MUST(len >= DNS_HEADER_LEN + 5 && len <= sizeof(out));
    uint8_t *copy = copy_exactly(out, len);
    MUST(dns_parse_query(copy, len, &again) && again.error == DNS_NOERROR);
    MUST(again.id == query->id && again.type == query->type && again.class == query->class);
    MUST(again.has_edns == query->has_edns && again.question_len == query->question_len);
    MUST(again.is_host_name == query->is_host_name && strcmp(again.name, query->name) == 0);
    free(copy);
}

/* The first address of each kind, out of a reply that has one or not. */
static void check_addresses(const uint8_t *message, size_t len, bool has_ipv4, bool has_ipv6)
{
    static const uint8_t untouched[16] = {0x5a, 0x5a};
    uint8_t *copy = copy_exactly(message, len), address[16];
    for (int i = 0; i < 2; i++) {
        size_t size = i ? 16 : 4;
        memcpy(address, untouched, sizeof(address));
        if (dns_answer_address(copy, len, i ? DNS_TYPE_AAAA : DNS_TYPE_A, address))
            MUST(memmem(copy, len, address, size));
        else
            MUST(memcmp(address, untouched, sizeof(address)) == 0 && !(i ? has_ipv6 : has_ipv4));
    }
    free(copy);
}

/* A reply with as many answers as the input has octets left for, in a buffer of the input's size.
 */
static void check_reply(const struct dns_query *query, struct input input)
{
    static const uint8_t address[16] = {0x20, 0x01};
    size_t size = dns_datagram_limit(query, DNS_DATAGRAM_MAX + take_16(&input) % 1024);
    MUST(size >= DNS_DATAGRAM_MAX);
    uint8_t *out = malloc(size);
    struct dns_reply reply;
    unsigned addresses = 0;
    bool has_ipv4 = false, has_ipv6 = false;
    dns_reply_begin(&reply, query, query->error, out, size);
    for (unsigned i = 0; i < 64 && input.left > 0; i++) {
        size_t choice = take_octet(&input);
        struct input name = take_part(&input, choice / 3);
        uint16_t before = reply.answers;
        addresses += choice % 3 != 2;
        if (choice % 3 == 2)
            dns_reply_add_pointer(&reply, (const char *)name.at, name.left, 1);
        else
            dns_reply_add_address(&reply, address, choice % 3 ? 4 : 16, 1);
        has_ipv6 |= choice % 3 == 0 && reply.answers > before;
        has_ipv4 |= choice % 3 == 1 && reply.answers > before;
    }
    size_t len = dns_reply_end(&reply);
    MUST(len >= (size_t)DNS_HEADER_LEN + query->question_len && len <= size);
    MUST(dns_is_reply(out, len, query->id) && !dns_is_reply(out, len, query->id ^ 1));
    MUST(dns_rcode(out) == (query->error & 0xf) && dns_answer_count(out) == reply.answers);
    if (query->question_len > 0)
        MUST(memcmp(out + DNS_HEADER_LEN, query->question, query->question_len) == 0);
    MUST(reply.answers >= addresses || out[2] & FLAG_TC);

    check_addresses(out, len, has_ipv4, has_ipv6);

    /* Read as a query it is whole: every record ends where the next begins. */
    struct dns_query again;
    out[2] &= 0x07;
    MUST(dns_parse_query(out, len, &again));
    MUST(again.error == (query->question_len ? DNS_NOERROR : DNS_FORMERR));
    free(out);
}

static void check_shortened(const uint8_t *message, size_t len)
{
    uint8_t *copy = copy_exactly(message, len);
    dns_clear_authentic(copy);
    size_t short_len = dns_shorten(copy, len);
    MUST(short_len >= DNS_HEADER_LEN && short_len <= len && short_len <= DNS_DATAGRAM_MAX);
    MUST(copy[2] & FLAG_TC && dns_answer_count(copy) == 0);
    MUST(memcmp(copy, message, 2) == 0 && dns_rcode(copy) == dns_rcode(message));
    MUST(memcmp(copy + DNS_HEADER_LEN, message + DNS_HEADER_LEN, short_len - DNS_HEADER_LEN) == 0);
    free(copy);
}

/* The input as a name: asked for, and of arpa. */
static void check_text(struct input input)
{
    uint8_t out[DNS_QUERY_MAX];
    struct dns_query query;
    struct target address = {.kind = TARGET_NAME};
    char *name = take_string(&input, input.left);
    size_t name_len = strlen(name),
           len = dns_build_query(out, 1, name, DNS_CLASS_IN, DNS_TYPE_A, false);
    MUST(len <= sizeof(out));
    if (len > 0)
        MUST(dns_parse_query(out, len, &query) && query.error == DNS_NOERROR);
    if (dns_address_from_arpa(name, name_len, &address)) {
        MUST(address.kind != TARGET_NAME && address.port == 0);
        MUST(len > 0 && query.is_host_name && strcmp(query.name, name) == 0);
    } else {
        MUST(address.kind == TARGET_NAME);
    }
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct dns_query query;
    uint8_t *message = copy_exactly(data, len);
    if (dns_parse_query(message, len, &query)) {
        MUST(query.payload >= DNS_DATAGRAM_MAX && query.question_len <= DNS_NAME_MAX + 4);
        MUST(query.question_len == 0 || query.question == message + DNS_HEADER_LEN);
        MUST(query.question_len <= len - DNS_HEADER_LEN);
        check_name(&query);
        check_asked_again(&query);
        struct input rest = {data + DNS_HEADER_LEN + query.question_len,
                             len - DNS_HEADER_LEN - query.question_len};
        check_reply(&query, rest);
        uint8_t refusal[DNS_DATAGRAM_MAX];
        MUST(dns_refuse(&query, DNS_REFUSED, refusal, sizeof(refusal)) <= sizeof(refusal));
    }
    if (len >= DNS_HEADER_LEN)
        check_shortened(data, len);
    check_addresses(message, len, false, false);
    check_text((struct input){data, len});
    free(message);
    return 0;
}
