/* SPDX-License-Identifier: MIT
 * Addresses from text: what inet_pton reads, without its copies, for text that does not end in NUL.
 */
#ifndef SOCKSIFY_CORE_LITERAL_H
#define SOCKSIFY_CORE_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Four numbers from 0 to 255, without needless zeros: all of text. False, with address undefined,
 * for anything else. */
bool literal_ipv4(const char *text, size_t len, uint8_t address[static 4]);

/* RFC 4291 section 2.2, all three forms, without a zone. */
bool literal_ipv6(const char *text, size_t len, uint8_t address[static 16]);

#endif
