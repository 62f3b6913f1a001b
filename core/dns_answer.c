/* SPDX-License-Identifier: MIT
 * From record to record. Names are skipped, never followed. */
#include "core/dns_answer.h"

#include <string.h>

enum { POINTER = 0xc0, RECORD_HEAD_LEN = 10, QUESTION_TAIL_LEN = 4 };

struct reader {
    const uint8_t *at, *end;
};

static bool skip(struct reader *reader, size_t len)
{
    if ((size_t)(reader->end - reader->at) < len)
        return false;
    reader->at += len;
    return true;
}

static uint16_t number(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* A name ends with an empty label, or with a pointer to the rest of it. */
static bool skip_name(struct reader *reader)
{
    while (reader->at < reader->end) {
        uint8_t label = *reader->at;
        if ((label & POINTER) == POINTER)
            return skip(reader, 2);
        if (!skip(reader, label + 1u))
            return false;
        if (label == 0)
            return true;
    }
    return false;
}

bool dns_answer_address(const uint8_t *message, size_t len, enum dns_type type,
                        uint8_t address[static 16])
{
    const size_t address_len = type == DNS_TYPE_A ? 4 : 16;
    if (len < DNS_HEADER_LEN)
        return false;
    struct reader reader = {message + DNS_HEADER_LEN, message + len};
    for (uint16_t left = number(message + 4); left > 0; left--)
        if (!skip_name(&reader) || !skip(&reader, QUESTION_TAIL_LEN))
            return false;
    for (uint16_t left = number(message + 6); left > 0; left--) {
        if (!skip_name(&reader) || !skip(&reader, RECORD_HEAD_LEN))
            return false;
        const uint8_t *head = reader.at - RECORD_HEAD_LEN;
        const uint8_t *data = reader.at;
        size_t data_len = number(head + 8);
        if (!skip(&reader, data_len))
            return false;
        if (number(head) == type && number(head + 2) == DNS_CLASS_IN && data_len == address_len) {
            memcpy(address, data, address_len);
            return true;
        }
    }
    return false;
}
