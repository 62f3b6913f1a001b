/* SPDX-License-Identifier: MIT
 * What sockets of all kinds, and what is none, say of themselves. */
#include "core/sockopt.h"

#include "support.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const struct {
    int domain, type, protocol;
    bool is_tcp;
} sockets[] = {
    {AF_INET, SOCK_STREAM, IPPROTO_TCP, true},
    {AF_INET6, SOCK_STREAM, IPPROTO_TCP, true},
    {AF_INET, SOCK_DGRAM, IPPROTO_UDP, false},
    {AF_UNIX, SOCK_STREAM, 0, false},
};

START_TEST(a_socket_says_its_domain_and_protocol)
{
    int fd = socket(sockets[_i].domain, sockets[_i].type, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(sockopt_domain(fd), sockets[_i].domain);
    ck_assert_int_eq(sockopt_protocol(fd), sockets[_i].protocol);
    ck_assert(sockopt_is_tcp(fd) == sockets[_i].is_tcp);
    ck_assert(!sockopt_is_ipv6_only(fd));
    close(fd);
}
END_TEST

START_TEST(ipv6_alone_is_told)
{
    int on = 1, fd = socket(AF_INET6, SOCK_STREAM, 0);
    ck_assert_int_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
    ck_assert(sockopt_is_ipv6_only(fd));
    close(fd);
}
END_TEST

START_TEST(what_is_no_socket_has_none_of_it_and_errno_is_kept)
{
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    const int none[] = {pipes[0], -1};
    for (size_t i = 0; i < COUNT(none); i++) {
        errno = EDOM;
        ck_assert_int_eq(sockopt_domain(none[i]), -1);
        ck_assert_int_eq(sockopt_protocol(none[i]), -1);
        ck_assert(!sockopt_is_tcp(none[i]) && !sockopt_is_ipv6_only(none[i]));
        ck_assert_int_eq(errno, EDOM);
    }
    close(pipes[0]);
    close(pipes[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sockopt");
    TCase *group = tcase_create("sockopt");
    suite_add_tcase(suite, group);
    tcase_add_loop_test(group, a_socket_says_its_domain_and_protocol, 0, COUNT(sockets));
    tcase_add_test(group, ipv6_alone_is_told);
    tcase_add_test(group, what_is_no_socket_has_none_of_it_and_errno_is_kept);
    return run(suite);
}
