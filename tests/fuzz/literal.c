/* SPDX-License-Identifier: MIT
 * Addresses from text, beside libc's inet_pton: the input is the text. */
#include "core/literal.h"

#include "fuzz.h"

#include <arpa/inet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input input = {data, len};
    uint8_t address[16], right[16];
    bool has_nul = len > 0 && memchr(data, '\0', len);
    char *text = copy_exactly(data, len), *string = take_string(&input, len);
    bool is_ipv4 = literal_ipv4(text, len, address);
    MUST(is_ipv4 == (!has_nul && inet_pton(AF_INET, string, right) == 1));
    MUST(!is_ipv4 || memcmp(address, right, 4) == 0);
    bool is_ipv6 = literal_ipv6(text, len, address);
    MUST(is_ipv6 == (!has_nul && inet_pton(AF_INET6, string, right) == 1));
    MUST(!is_ipv6 || memcmp(address, right, 16) == 0);
    free(text);
    free(string);
    return 0;
}
