/* SPDX-License-Identifier: MIT
 * Destinations: the input is the text of one, a host, and a socket address. */
#include "core/target.h"

#include "fuzz.h"

static void check_whole(const struct target *target)
{
    MUST(target->kind == TARGET_IPV4 || target->kind == TARGET_IPV6 || target->kind == TARGET_NAME);
    if (target->kind == TARGET_IPV6)
        MUST(memcmp(target->ipv6, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) != 0);
    if (target->kind != TARGET_NAME)
        return;
    MUST(target->name_len > 0 && strlen(target->name) == target->name_len);
    MUST(target->name[target->name_len - 1] != '.');
    for (const char *c = target->name; *c; c++)
        MUST((unsigned char)*c > ' ' && *c != 0x7f && !(*c >= 'A' && *c <= 'Z'));
}

/* Written out it is the same target again, unless its name has a colon in it, which a text cannot
 * say. */
static void check_text(const struct target *target)
{
    char text[TARGET_TEXT_MAX];
    struct target again;
    MUST(target_to_text(target, text) == text && strlen(text) < sizeof(text));
    if (target->port == 0 || (target->kind == TARGET_NAME && strpbrk(target->name, ":[")))
        return;
    MUST(target_from_text(&again, text, strlen(text), 0) == STATUS_OK);
    MUST(target_equal(&again, target));
}

static void check_sockaddr(const struct target *target)
{
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < COUNT(families); i++) {
        struct sockaddr_storage address;
        struct target again;
        socklen_t len = target_to_sockaddr(target, families[i], &address);
        bool can = target->kind == TARGET_IPV4 || (target->kind == TARGET_IPV6 && i == 1);
        MUST((len > 0) == can && (len == 0 || address.ss_family == families[i]));
        MUST(len == 0 || (target_from_sockaddr(&again, (struct sockaddr *)&address, len) &&
                          target_equal(&again, target)));
    }
}

static void check(const struct target *target)
{
    check_whole(target);
    check_text(target);
    check_sockaddr(target);
    MUST(!target_is_this_host(target) || target->kind != TARGET_NAME);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *copy = copy_exactly(data, len);
    struct target untouched, target;
    memset(&untouched, 0x5a, sizeof(untouched));
    enum status (*const readers[])(struct target *, const char *, size_t,
                                   uint16_t) = {target_from_text, target_set_host};
    for (size_t i = 0; i < 2 * COUNT(readers); i++) {
        target = untouched;
        enum status status = readers[i / 2](&target, copy, len, i % 2 ? 53 : 0);
        MUST(status == STATUS_OK || status == STATUS_BAD_INPUT);
        if (status == STATUS_OK)
            check(&target);
        else
            MUST(same_octets(&target, &untouched, sizeof(target)));
    }
    target = untouched;
    if (target_from_sockaddr(&target, (struct sockaddr *)copy, (socklen_t)len))
        check(&target);
    else
        MUST(same_octets(&target, &untouched, sizeof(target)));
    free(copy);
    return 0;
}
