/* SPDX-License-Identifier: MIT
 * Socket addresses: made, shown, compared, put in order. */
#include "cli/address.h"

#include <string.h>

bool address_from_sockaddr(struct address *address, const struct sockaddr *from, socklen_t len)
{
    if (from->sa_family == AF_INET && len >= sizeof(address->ipv4))
        address->len = sizeof(address->ipv4);
    else if (from->sa_family == AF_INET6 && len >= sizeof(address->ipv6))
        address->len = sizeof(address->ipv6);
    else
        return false;
    memcpy(&address->any, from, address->len);
    return true;
}

bool address_from_target(struct address *address, const struct target *target)
{
    struct sockaddr_storage storage;
    int family = target->kind == TARGET_IPV6 ? AF_INET6 : AF_INET;
    socklen_t len = target_to_sockaddr(target, family, &storage);
    return len > 0 && address_from_sockaddr(address, (struct sockaddr *)&storage, len);
}

const char *address_text(const struct address *address, char buf[static TARGET_TEXT_MAX])
{
    struct target target;
    if (!target_from_sockaddr(&target, &address->any, address->len))
        return strcpy(buf, "?");
    return target_to_text(&target, buf);
}

bool address_same_host(const struct address *a, const struct address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->ipv4.sin_addr.s_addr == b->ipv4.sin_addr.s_addr;
    return memcmp(&a->ipv6.sin6_addr, &b->ipv6.sin6_addr, sizeof(a->ipv6.sin6_addr)) == 0;
}

/* The first of list[from...] that is of another family; count when there is none. */
static size_t find_other_family(const struct address *list, size_t from, size_t count,
                                sa_family_t family)
{
    while (from < count && list[from].any.sa_family == family)
        from++;
    return from;
}

void address_interleave(struct address *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        size_t other = find_other_family(list, i, count, list[i - 1].any.sa_family);
        if (other == count)
            return;
        struct address moved = list[other];
        memmove(list + i + 1, list + i, (other - i) * sizeof(*list));
        list[i] = moved;
    }
}
