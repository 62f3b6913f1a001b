/* SPDX-License-Identifier: MIT
 * Reading the answer to a DNS query of our own, as far as it is addresses that we ask for. Whatever
 * the octets, nothing is read beyond their end. Source: RFC 1035 section 4. */
#ifndef SOCKSIFY_CORE_DNS_ANSWER_H
#define SOCKSIFY_CORE_DNS_ANSWER_H

#include "core/dns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first address of a reply (dns_is_reply) of len octets: type is DNS_TYPE_A, and address gets 4
 * octets, or DNS_TYPE_AAAA, and it gets 16. Aliases in front of it are passed over. False, with
 * address untouched, when there is none.
 */
bool dns_answer_address(const uint8_t *message, size_t len, enum dns_type type,
                        uint8_t address[static 16]);

#endif
