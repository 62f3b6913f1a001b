/* SPDX-License-Identifier: MIT
 * Reading queries and building replies. Every read goes through a cursor that knows the end; every
 * write is measured first. */
#include "core/dns.h"

#include "core/text.h"

#include <string.h>

enum {
    FLAG_QR = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    FLAG_AD = 0x0020,
    FLAG_CD = 0x0010,
    FLAG_DO = 0x8000, /* in OPT: see read_opt */

    POINTER = 0xc0,             /* the two bits of a label's length that make it a pointer */
    POINTER_TO_NAME = 0xc00c,   /* to the question's name, right behind the header */
    RECORD_LEN = 2 + 2 + 4 + 2, /* TYPE, CLASS, TTL, RDLENGTH */
    OPT_LEN = 1 + RECORD_LEN,   /* with the root as its name, and no options */
    OWN_PAYLOAD = 1232,         /* what OPT says that we take: fits every path's MTU */
};

/* What is left of a message. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static size_t left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    return put16(put16(at, value >> 16), value & 0xffff);
}

/*
 *    +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
 *    |                      ID                       |   RFC 1035 section 4.1.1
 *    |QR|   Opcode  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
 *    |                    QDCOUNT                    |
 *    |                    ANCOUNT                    |
 *    |                    NSCOUNT                    |
 *    |                    ARCOUNT                    |
 *    +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
 */
enum { AT_FLAGS = 2, AT_QDCOUNT = 4, AT_ANCOUNT = 6, AT_NSCOUNT = 8, AT_ARCOUNT = 10 };

static void add_escaped(struct text *text, uint8_t octet)
{
    const char digits[4] = {'\\', (char)('0' + octet / 100), (char)('0' + octet / 10 % 10),
                            (char)('0' + octet % 10)};
    const char itself[2] = {'\\', (char)octet};
    if (octet == '.' || octet == '\\')
        text_add_bytes(text, itself, sizeof(itself));
    else
        text_add_bytes(text, digits, sizeof(digits));
}

static bool is_plain(uint8_t octet)
{
    return octet > ' ' && octet != 0x7f && octet != '.' && octet != '\\';
}

/* The text of one label. */
static void add_label(struct dns_query *query, struct text *text, const uint8_t *label, size_t len)
{
    if (text->len > 0)
        text_add(text, ".");
    for (size_t i = 0; i < len; i++) {
        char plain = text_lower((char)label[i]);
        if (is_plain(label[i])) {
            text_add_bytes(text, &plain, 1);
        } else {
            add_escaped(text, label[i]);
            query->is_host_name = false;
        }
    }
}

/* The question's name. It is the first of the message, so that there is nothing a pointer could
 * point to: one is refused, and with it every circle. */
static bool read_name(struct cursor *cursor, struct dns_query *query)
{
    struct text text = text_start(query->name, sizeof(query->name));
    size_t wire_len = 0;
    query->is_host_name = true;
    for (;;) {
        if (left(cursor) < 1)
            return false;
        size_t len = *cursor->at++;
        wire_len += 1 + len;
        if (len > DNS_LABEL_MAX || len > left(cursor) || wire_len > DNS_NAME_MAX)
            return false;
        if (len == 0)
            break;
        add_label(query, &text, cursor->at, len);
        cursor->at += len;
    }
    /* Only escapes can make a text longer than its name is on the wire: then it was cut. */
    if (text.len == 0 || (text.len >= TARGET_NAME_MAX && !query->is_host_name)) {
        query->is_host_name = false;
        text = text_start(query->name, sizeof(query->name));
    }
    query->name_len = (uint8_t)text.len;
    return true;
}

static bool read_question(struct cursor *cursor, struct dns_query *query)
{
    const uint8_t *start = cursor->at;
    if (!read_name(cursor, query) || left(cursor) < 4) {
        query->name[0] = '\0';
        query->name_len = 0;
        query->is_host_name = false;
        return false;
    }
    query->type = get16(cursor->at);
    query->class = get16(cursor->at + 2);
    cursor->at += 4;
    query->question = start;
    query->question_len = (uint16_t)(cursor->at - start);
    return true;
}

/* Past a name that nobody wants to know: a pointer ends it, wherever that points to. */
static bool skip_name(struct cursor *cursor)
{
    while (left(cursor) > 0) {
        size_t len = *cursor->at++;
        bool is_pointer = (len & POINTER) == POINTER;
        if (is_pointer)
            len = 1; /* its second half */
        if (len > DNS_LABEL_MAX || len > left(cursor))
            return false;
        cursor->at += len;
        if (len == 0 || is_pointer)
            return true;
    }
    return false;
}

/*
 * OPT: NAME is the root, CLASS the payload, TTL is
 *    +--------------+---------+--+------------------+
 *    | upper RCODE  | VERSION |DO|        Z         |   RFC 6891 section 6.1.3
 *    +--------------+---------+--+------------------+
 */
static void read_opt(struct dns_query *query, const uint8_t *record)
{
    if (query->has_edns)
        query->error = DNS_FORMERR; /* section 6.1.1: one only */
    query->has_edns = true;
    query->payload = get16(record + 2);
    if (query->payload < DNS_DATAGRAM_MAX)
        query->payload = DNS_DATAGRAM_MAX;
    if (record[5] != 0 && query->error == DNS_NOERROR)
        query->error = DNS_BADVERS;
}

/* Every record has 11 octets at least, so that the counts, whatever they say, make no long loop. */
static bool read_records(struct cursor *cursor, struct dns_query *query, unsigned count)
{
    for (; count > 0; count--) {
        const uint8_t *name = cursor->at;
        if (!skip_name(cursor) || left(cursor) < RECORD_LEN)
            return false;
        const uint8_t *record = cursor->at;
        size_t data_len = get16(record + RECORD_LEN - 2);
        cursor->at += RECORD_LEN;
        if (left(cursor) < data_len)
            return false;
        cursor->at += data_len;
        if (get16(record) == DNS_TYPE_OPT && name[0] == 0)
            read_opt(query, record);
    }
    return true;
}

bool dns_parse_query(const uint8_t *message, size_t len, struct dns_query *query)
{
    if (len < DNS_HEADER_LEN)
        return false;
    *query = (struct dns_query){
        .id = get16(message),
        .flags = get16(message + AT_FLAGS),
        .payload = DNS_DATAGRAM_MAX,
    };
    if (query->flags & FLAG_QR)
        return false;
    struct cursor cursor = {message + DNS_HEADER_LEN, message + len};
    bool has_one = get16(message + AT_QDCOUNT) == 1 && read_question(&cursor, query);
    if (query->flags & FLAG_OPCODE) {
        query->error = DNS_NOTIMP;
        return true;
    }
    unsigned records = (unsigned)get16(message + AT_ANCOUNT) + get16(message + AT_NSCOUNT) +
                       get16(message + AT_ARCOUNT);
    if (!has_one || !read_records(&cursor, query, records))
        query->error = DNS_FORMERR;
    return true;
}

static uint8_t hex_value(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* One octet of a name's text; false at the end of a label or of the text, or for half an escape
 * (*end then stands on the backslash). */
static bool read_octet(const char **at, const char *end, uint8_t *octet)
{
    const char *c = *at;
    if (c == end || *c == '.')
        return false;
    if (*c != '\\') {
        *octet = (uint8_t)*c;
        *at = c + 1;
        return true;
    }
    if (end - c < 2)
        return false;
    unsigned long number = (uint8_t)c[1];
    bool is_number = c[1] >= '0' && c[1] <= '9';
    if (is_number && (end - c < 4 || !text_to_number(c + 1, 3, 255, &number)))
        return false;
    *octet = (uint8_t)number;
    *at = c + (is_number ? 4 : 2);
    return true;
}

/* A name's text on the wire: its length, 0 for what has no form there. */
static size_t put_name(uint8_t out[static DNS_NAME_MAX], const char *name, size_t name_len)
{
    const char *end = name + name_len;
    size_t len = 0;
    if (name_len == 1 && name[0] == '.')
        name = end;
    while (name < end) {
        size_t start = len++;
        uint8_t octet;
        while (len < DNS_NAME_MAX && read_octet(&name, end, &octet))
            out[len++] = octet;
        size_t label_len = len - start - 1;
        bool ended = name == end || *name == '.';
        if (label_len == 0 || label_len > DNS_LABEL_MAX || !ended || len >= DNS_NAME_MAX)
            return 0;
        out[start] = (uint8_t)label_len;
        name += name < end;
    }
    out[len++] = 0;
    return len;
}

/* extended: the word in the place of TTL, drawn above */
static uint8_t *put_opt(uint8_t *at, uint32_t extended)
{
    *at = 0;
    at = put32(put16(put16(at + 1, DNS_TYPE_OPT), OWN_PAYLOAD), extended);
    return put16(at, 0);
}

size_t dns_build_query(uint8_t out[static DNS_QUERY_MAX], uint16_t id, const char *name,
                       uint16_t class, uint16_t type, bool dnssec_ok)
{
    size_t len = put_name(out + DNS_HEADER_LEN, name, strlen(name));
    if (len == 0)
        return 0;
    memset(out, 0, DNS_HEADER_LEN);
    put16(out, id);
    put16(out + AT_FLAGS, FLAG_RD);
    put16(out + AT_QDCOUNT, 1);
    uint8_t *end = put16(put16(out + DNS_HEADER_LEN + len, type), class);
    if (dnssec_ok) {
        put16(out + AT_ARCOUNT, 1);
        end = put_opt(end, FLAG_DO);
    }
    return (size_t)(end - out);
}

void dns_reply_begin(struct dns_reply *reply, const struct dns_query *query, enum dns_rcode rcode,
                     uint8_t *out, size_t size)
{
    unsigned kept = query->flags & (FLAG_OPCODE | FLAG_RD | FLAG_CD);
    memset(out, 0, DNS_HEADER_LEN);
    put16(out, query->id);
    put16(out + AT_FLAGS, FLAG_QR | FLAG_RA | kept | ((unsigned)rcode & 0xf));
    put16(out + AT_QDCOUNT, query->question_len > 0);
    if (query->question_len > 0)
        memcpy(out + DNS_HEADER_LEN, query->question, query->question_len);
    *reply = (struct dns_reply){
        .out = out,
        .size = size - (query->has_edns ? OPT_LEN : 0), /* its room is kept free until the end */
        .len = (size_t)DNS_HEADER_LEN + query->question_len,
        .rcode = rcode,
        .has_edns = query->has_edns,
    };
}

/* Where the data of one more answer goes; NULL, and TC, when there is no room. */
static uint8_t *begin_record(struct dns_reply *reply, uint16_t type, uint32_t ttl, size_t data_len)
{
    if (reply->size - reply->len < 2 + RECORD_LEN + data_len) {
        dns_set_truncated(reply->out);
        return NULL;
    }
    uint8_t *at = put16(reply->out + reply->len, POINTER_TO_NAME);
    at = put32(put16(put16(at, type), DNS_CLASS_IN), ttl);
    at = put16(at, (unsigned)data_len);
    reply->len += 2 + RECORD_LEN + data_len;
    reply->answers++;
    return at;
}

void dns_reply_add_address(struct dns_reply *reply, const uint8_t *address, size_t address_len,
                           uint32_t ttl)
{
    uint16_t type = address_len == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
    uint8_t *data = begin_record(reply, type, ttl, address_len);
    if (data)
        memcpy(data, address, address_len);
}

void dns_reply_add_pointer(struct dns_reply *reply, const char *name, size_t len, uint32_t ttl)
{
    uint8_t wire[DNS_NAME_MAX];
    size_t wire_len = put_name(wire, name, len);
    uint8_t *data = wire_len > 0 ? begin_record(reply, DNS_TYPE_PTR, ttl, wire_len) : NULL;
    if (data)
        memcpy(data, wire, wire_len);
}

size_t dns_reply_end(struct dns_reply *reply)
{
    put16(reply->out + AT_ANCOUNT, reply->answers);
    if (reply->has_edns) {
        put_opt(reply->out + reply->len, (uint32_t)reply->rcode >> 4 << 24);
        put16(reply->out + AT_ARCOUNT, 1);
        reply->len += OPT_LEN;
    }
    return reply->len;
}

size_t dns_refuse(const struct dns_query *query, enum dns_rcode rcode, uint8_t *out, size_t size)
{
    struct dns_reply reply;
    dns_reply_begin(&reply, query, rcode, out, size);
    return dns_reply_end(&reply);
}

size_t dns_datagram_limit(const struct dns_query *query, size_t size)
{
    return query->payload < size ? query->payload : size;
}

bool dns_is_reply(const uint8_t *message, size_t len, uint16_t id)
{
    return len >= DNS_HEADER_LEN && get16(message) == id && get16(message + AT_FLAGS) & FLAG_QR;
}

enum dns_rcode dns_rcode(const uint8_t *message)
{
    return message[AT_FLAGS + 1] & 0xf;
}

uint16_t dns_answer_count(const uint8_t *message)
{
    return get16(message + AT_ANCOUNT);
}

void dns_clear_authentic(uint8_t *message)
{
    message[AT_FLAGS + 1] &= (uint8_t)~FLAG_AD;
}

void dns_set_truncated(uint8_t *message)
{
    message[AT_FLAGS] |= FLAG_TC >> 8;
}

size_t dns_shorten(uint8_t *message, size_t len)
{
    struct dns_query question = {0};
    struct cursor cursor = {message + DNS_HEADER_LEN, message + len};
    bool has_one = get16(message + AT_QDCOUNT) == 1 && read_question(&cursor, &question);
    memset(message + AT_QDCOUNT, 0, DNS_HEADER_LEN - AT_QDCOUNT);
    put16(message + AT_QDCOUNT, has_one);
    dns_set_truncated(message);
    return DNS_HEADER_LEN + (has_one ? question.question_len : 0);
}

/* True when name ends in suffix; *rest_len is then what stands before it. */
static bool has_suffix(const char *name, size_t len, const char *suffix, size_t *rest_len)
{
    size_t suffix_len = strlen(suffix);
    if (len < suffix_len || memcmp(name + len - suffix_len, suffix, suffix_len) != 0)
        return false;
    *rest_len = len - suffix_len;
    return true;
}

/* "4.3.2.1": the last octet first; each number as it is written without leading zeros. */
static bool read_ipv4(const char *text, size_t len, uint8_t address[static 4])
{
    const char *end = text + len;
    for (size_t i = 4; i-- > 0;) {
        const char *dot = i > 0 ? memchr(text, '.', (size_t)(end - text)) : end;
        unsigned long number;
        if (!dot || !text_to_number(text, (size_t)(dot - text), 255, &number) ||
            (*text == '0' && dot - text > 1))
            return false;
        address[i] = (uint8_t)number;
        text = dot + 1;
    }
    return true;
}

/* "1.0.0.0. ... 8.b.d.0.1.0.0.2": the last digit first. */
static bool read_ipv6(const char *text, size_t len, uint8_t address[static 16])
{
    if (len != 63)
        return false;
    memset(address, 0, 16);
    for (size_t i = 0; i < 32; i++) {
        char digit = text[2 * i];
        bool is_hex = (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
        if (!is_hex || (i < 31 && text[2 * i + 1] != '.'))
            return false;
        address[15 - i / 2] |= (uint8_t)(hex_value(digit) << (i % 2 ? 4 : 0));
    }
    return true;
}

bool dns_address_from_arpa(const char *name, size_t len, struct target *address)
{
    size_t rest_len;
    uint8_t octets[16];
    if (has_suffix(name, len, ".in-addr.arpa", &rest_len) && read_ipv4(name, rest_len, octets)) {
        *address = (struct target){.kind = TARGET_IPV4};
        memcpy(address->ipv4, octets, 4);
        return true;
    }
    if (has_suffix(name, len, ".ip6.arpa", &rest_len) && read_ipv6(name, rest_len, octets)) {
        target_set_ipv6(address, octets, 0);
        return true;
    }
    return false;
}
