/* SPDX-License-Identifier: MIT
 * Which options and control messages reach out by themselves. */
#include "core/outreach.h"

#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>

START_TEST(joining_is_told_from_other_options)
{
    ck_assert(outreach_is_join(IPPROTO_IP, IP_ADD_MEMBERSHIP));
    ck_assert(outreach_is_join(IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP));
    ck_assert(outreach_is_join(IPPROTO_IP, MCAST_JOIN_GROUP));
    ck_assert(outreach_is_join(IPPROTO_IPV6, IPV6_JOIN_GROUP));
    ck_assert(outreach_is_join(IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP));
    ck_assert(!outreach_is_join(IPPROTO_IP, IP_DROP_MEMBERSHIP));
    ck_assert(!outreach_is_join(IPPROTO_TCP, IP_ADD_MEMBERSHIP));
    ck_assert(!outreach_is_join(SOL_SOCKET, MCAST_JOIN_GROUP));
}
END_TEST

START_TEST(a_route_is_set_but_not_taken_back)
{
    ck_assert(outreach_is_route(IPPROTO_IP, IP_OPTIONS, 8));
    ck_assert(!outreach_is_route(IPPROTO_IP, IP_OPTIONS, 0));
    ck_assert(!outreach_is_route(IPPROTO_IP, IP_TTL, 4));
    ck_assert(outreach_is_route(IPPROTO_IPV6, IPV6_RTHDR, 24));
    ck_assert(!outreach_is_route(IPPROTO_IPV6, IPV6_RTHDR, 0));
    ck_assert(!outreach_is_route(IPPROTO_IPV6, IPV6_V6ONLY, 4));
    ck_assert(!outreach_is_route(IPPROTO_TCP, IP_OPTIONS, 8));
}
END_TEST

/* By address and by index: the index, where there is one, decides. */
START_TEST(an_ipv4_group_is_read_with_its_interface)
{
    static const struct {
        const char *interface;
        int index;
        bool is_local;
    } cases[] = {
        {"127.0.0.1", 0, true}, {"0.0.0.0", 0, false},   {"10.0.0.1", 0, false},
        {"10.0.0.1", 1, true},  {"127.0.0.1", 2, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip_mreqn request = {.imr_multiaddr.s_addr = inet_addr("239.1.2.3"),
                                   .imr_address.s_addr = inet_addr(cases[i].interface),
                                   .imr_ifindex = cases[i].index};
        socklen_t len = cases[i].index ? sizeof(request) : sizeof(struct ip_mreq);
        struct join join;
        ck_assert(outreach_read_join(IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, len, &join));
        ck_assert_msg(join.is_local == cases[i].is_local, "case %zu", i);
        ck_assert_int_eq(join.group.kind, TARGET_IPV4);
        ck_assert_mem_eq(join.group.ipv4, "\357\1\2\3", 4);
    }
}
END_TEST

/* ip_mreq_source has the source's address where ip_mreqn has the index. */
START_TEST(a_source_is_no_index)
{
    struct ip_mreq_source request = {.imr_multiaddr.s_addr = inet_addr("232.1.2.3"),
                                     .imr_interface.s_addr = inet_addr("10.0.0.1"),
                                     .imr_sourceaddr.s_addr = htonl(1)};
    struct join join;
    ck_assert(
        outreach_read_join(IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &request, sizeof(request), &join));
    ck_assert(!join.is_local);
}
END_TEST

START_TEST(an_ipv6_group_is_read_with_its_interface)
{
    struct ipv6_mreq request = {.ipv6mr_interface = 1};
    struct join join;
    inet_pton(AF_INET6, "ff02::5", &request.ipv6mr_multiaddr);
    ck_assert(outreach_read_join(IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request), &join));
    ck_assert(join.is_local);
    ck_assert_int_eq(join.group.kind, TARGET_IPV6);
    request.ipv6mr_interface = 2;
    ck_assert(outreach_read_join(IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request), &join));
    ck_assert(!join.is_local);
}
END_TEST

START_TEST(a_group_of_either_family_is_read)
{
    struct group_req request = {.gr_interface = 3};
    struct sockaddr_in *group = (struct sockaddr_in *)(void *)&request.gr_group;
    struct join join;
    *group = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(7)};
    group->sin_addr.s_addr = inet_addr("239.1.2.3");
    ck_assert(outreach_read_join(IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request), &join));
    ck_assert(!join.is_local);
    ck_assert_uint_eq(join.group.port, 0);
}
END_TEST

START_TEST(what_is_too_short_is_no_group)
{
    const struct group_req request = {0};
    struct join join;
    ck_assert(!outreach_read_join(IPPROTO_IP, IP_ADD_MEMBERSHIP, &request,
                                  sizeof(struct ip_mreq) - 1, &join));
    ck_assert(!outreach_read_join(IPPROTO_IPV6, IPV6_JOIN_GROUP, &request,
                                  sizeof(struct ipv6_mreq) - 1, &join));
    ck_assert(
        !outreach_read_join(IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request) - 1, &join));
    ck_assert(!outreach_read_join(IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request), &join));
}
END_TEST

static bool is_routed(int level, int type)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4)] = {0};
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = level;
    part->cmsg_type = type;
    part->cmsg_len = CMSG_LEN(4);
    return outreach_message_is_routed(&message);
}

START_TEST(a_message_with_a_route_is_found)
{
    const struct msghdr plain = {0};
    ck_assert(!outreach_message_is_routed(&plain));
    ck_assert(is_routed(IPPROTO_IP, IP_RETOPTS));
    ck_assert(is_routed(IPPROTO_IPV6, IPV6_RTHDR));
    ck_assert(!is_routed(IPPROTO_IP, IP_TTL));
    ck_assert(!is_routed(SOL_SOCKET, SCM_RIGHTS));
}
END_TEST

/* Two parts, the first of which has that length. */
static bool is_routed_behind(size_t len)
{
    _Alignas(struct cmsghdr) uint8_t control[2 * CMSG_SPACE(0)] = {0};
    struct cmsghdr parts[] = {
        {.cmsg_len = len, .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL},
        {.cmsg_len = CMSG_LEN(0), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_RETOPTS},
    };
    memcpy(control, &parts[0], sizeof(parts[0]));
    memcpy(control + CMSG_SPACE(0), &parts[1], sizeof(parts[1]));
    const struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
    return outreach_message_is_routed(&message);
}

/* The kernel refuses messages with such lengths; nobody may go in circles over one. */
START_TEST(a_message_of_malformed_parts_comes_to_an_end)
{
    ck_assert(is_routed_behind(CMSG_LEN(0)));
    for (size_t less = 0; less <= 4 * CMSG_SPACE(0); less++)
        ck_assert(!is_routed_behind(SIZE_MAX - less));
    ck_assert(!is_routed_behind(0));
    ck_assert(!is_routed_behind(2 * CMSG_SPACE(0) + 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outreach");
    TCase *tests = tcase_create("outreach");
    tcase_add_test(tests, joining_is_told_from_other_options);
    tcase_add_test(tests, a_route_is_set_but_not_taken_back);
    tcase_add_test(tests, an_ipv4_group_is_read_with_its_interface);
    tcase_add_test(tests, a_source_is_no_index);
    tcase_add_test(tests, an_ipv6_group_is_read_with_its_interface);
    tcase_add_test(tests, a_group_of_either_family_is_read);
    tcase_add_test(tests, what_is_too_short_is_no_group);
    tcase_add_test(tests, a_message_with_a_route_is_found);
    tcase_add_test(tests, a_message_of_malformed_parts_comes_to_an_end);
    suite_add_tcase(suite, tests);
    return run(suite);
}
