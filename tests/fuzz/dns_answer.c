/* SPDX-License-Identifier: MIT
 * The answer to a query of ours: the input is the message. An address that is found in it stands
 * there, behind its own length. */
#include "core/dns_answer.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const enum dns_type types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
    uint8_t *message = malloc(len ? len : 1); /* it ends where its memory ends */
    if (len > 0)
        memcpy(message, data, len);
    for (size_t i = 0; i < COUNT(types); i++) {
        uint8_t record[2 + 16];
        size_t address_len = types[i] == DNS_TYPE_A ? 4 : 16;
        record[0] = 0;
        record[1] = (uint8_t)address_len;
        if (dns_answer_address(message, len, types[i], record + 2))
            MUST(memmem(message + DNS_HEADER_LEN, len - DNS_HEADER_LEN, record, 2 + address_len));
    }
    free(message);
    return 0;
}
