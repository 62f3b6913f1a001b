/* SPDX-License-Identifier: MIT
 * A socket of another family in the place of the first: what it keeps, and what stays when it
 * cannot be made. */
#include "core/replace.h"

#include "tests/unit/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

static int get_int(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
    return cookie;
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static int tcp_socket(int family, int flags)
{
    int fd = socket(family, SOCK_STREAM | flags, 0);
    ck_assert_int_ge(fd, 0);
    return fd;
}

START_TEST(replace_puts_a_new_socket_of_the_family_behind_the_number)
{
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < COUNT(families); i++) {
        int fd = tcp_socket(families[i], 0);
        uint64_t cookie = cookie_of(fd);
        size_t before = open_descriptors();
        ck_assert(replace_socket(fd, families[1 - i]));
        ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_DOMAIN), families[1 - i]);
        ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
        ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
        ck_assert_uint_ne(cookie_of(fd), cookie);
        ck_assert_uint_eq(open_descriptors(), before);
        close(fd);
    }
}
END_TEST

START_TEST(replace_keeps_flags)
{
    static const int flags[] = {0, SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC};
    for (size_t i = 0; i < COUNT(flags); i++) {
        int fd = tcp_socket(AF_INET, flags[i]);
        int descriptor_flags = fcntl(fd, F_GETFD), status_flags = fcntl(fd, F_GETFL);
        ck_assert(replace_socket(fd, AF_INET6));
        ck_assert_int_eq(fcntl(fd, F_GETFD), descriptor_flags);
        ck_assert_int_eq(fcntl(fd, F_GETFL), status_flags);
        close(fd);
    }
}
END_TEST

START_TEST(replace_keeps_the_receiver_of_signals)
{
    int fd = tcp_socket(AF_INET, 0);
    signal(SIGUSR1, SIG_IGN);
    ck_assert_int_eq(fcntl(fd, F_SETOWN, getpid()), 0);
    ck_assert_int_eq(fcntl(fd, F_SETSIG, SIGUSR1), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK), 0);
    int status_flags = fcntl(fd, F_GETFL);
    ck_assert(replace_socket(fd, AF_INET6));
    ck_assert_int_eq(fcntl(fd, F_GETFL), status_flags);
    ck_assert_int_eq(fcntl(fd, F_GETOWN), getpid());
    ck_assert_int_eq(fcntl(fd, F_GETSIG), SIGUSR1);
    close(fd);
}
END_TEST

static const struct {
    int level, name, value;
} options[] = {
    {SOL_SOCKET, SO_KEEPALIVE, 1},    {SOL_SOCKET, SO_REUSEADDR, 1},
    {SOL_SOCKET, SO_OOBINLINE, 1},    {SOL_SOCKET, SO_RCVLOWAT, 3},
    {SOL_SOCKET, SO_PRIORITY, 5},     {IPPROTO_TCP, TCP_NODELAY, 1},
    {IPPROTO_TCP, TCP_KEEPIDLE, 123}, {IPPROTO_TCP, TCP_KEEPINTVL, 45},
    {IPPROTO_TCP, TCP_KEEPCNT, 7},    {IPPROTO_TCP, TCP_USER_TIMEOUT, 8910},
};

START_TEST(replace_keeps_options)
{
    int fd = tcp_socket(AF_INET6, 0);
    for (size_t i = 0; i < COUNT(options); i++) {
        ck_assert_int_ne(get_int(fd, options[i].level, options[i].name), options[i].value);
        ck_assert_int_eq(setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                                    sizeof(options[i].value)),
                         0);
    }
    ck_assert(replace_socket(fd, AF_INET));
    for (size_t i = 0; i < COUNT(options); i++)
        ck_assert_int_eq(get_int(fd, options[i].level, options[i].name), options[i].value);
    close(fd);
}
END_TEST

START_TEST(replace_keeps_linger_and_timeouts)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 9}, kept_linger = {0};
    struct timeval receive = {.tv_sec = 3}, send = {.tv_sec = 4}, kept = {0};
    socklen_t len;
    int fd = tcp_socket(AF_INET, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive)), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof(send)), 0);
    ck_assert(replace_socket(fd, AF_INET6));
    len = sizeof(kept_linger);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_LINGER, &kept_linger, &len), 0);
    ck_assert_mem_eq(&kept_linger, &linger, sizeof(linger));
    len = sizeof(kept);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kept, &len), 0);
    ck_assert_mem_eq(&kept, &receive, sizeof(receive));
    len = sizeof(kept);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kept, &len), 0);
    ck_assert_mem_eq(&kept, &send, sizeof(send));
    close(fd);
}
END_TEST

START_TEST(replace_leaves_duplicates_the_old_socket)
{
    int fd = tcp_socket(AF_INET, 0), other = dup(fd);
    uint64_t cookie = cookie_of(fd);
    ck_assert(replace_socket(fd, AF_INET6));
    ck_assert_uint_eq(cookie_of(other), cookie);
    ck_assert_int_eq(get_int(other, SOL_SOCKET, SO_DOMAIN), AF_INET);
    close(fd);
    close(other);
}
END_TEST

START_TEST(replace_that_cannot_be_done_leaves_the_socket)
{
    int fd = tcp_socket(AF_INET, SOCK_NONBLOCK);
    uint64_t cookie = cookie_of(fd);
    size_t before = open_descriptors();

    errno = 0;
    ck_assert(!replace_socket(fd, AF_UNIX)); /* TCP knows no such family */
    ck_assert_int_ne(errno, 0);
    ck_assert_uint_eq(cookie_of(fd), cookie);
    ck_assert_uint_eq(open_descriptors(), before);

    struct rlimit old, none;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    errno = 0;
    bool replaced = replace_socket(fd, AF_INET6);
    int error = errno;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    ck_assert(!replaced);
    ck_assert_int_eq(error, EMFILE);
    ck_assert_uint_eq(cookie_of(fd), cookie);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
    close(fd);
}
END_TEST

START_TEST(replace_of_no_descriptor_is_an_error)
{
    size_t before = open_descriptors();
    int fd = tcp_socket(AF_INET, 0);
    close(fd);
    errno = 0;
    ck_assert(!replace_socket(fd, AF_INET6));
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

static const struct {
    int family;
    bool ipv6_only;
    int endpoints[3]; /* their families, closed by a 0 */
    int becomes;
} fits[] = {
    {AF_INET, false, {AF_INET}, AF_INET},
    {AF_INET, false, {AF_INET6}, AF_INET6},
    {AF_INET, false, {AF_INET6, AF_INET}, AF_INET},
    {AF_INET, false, {AF_INET6, AF_INET6}, AF_INET6},
    {AF_INET6, false, {AF_INET6}, AF_INET6},
    {AF_INET6, false, {AF_INET}, AF_INET6}, /* as an IPv4-mapped address */
    {AF_INET6, true, {AF_INET}, AF_INET},
    {AF_INET6, true, {AF_INET, AF_INET6}, AF_INET6},
    {AF_INET6, true, {AF_INET6}, AF_INET6},
};

START_TEST(replace_changes_only_a_socket_that_reaches_no_endpoint)
{
    static const int on = 1;
    int fd = tcp_socket(fits[_i].family, 0), family = fits[_i].family;
    struct endpoints endpoints = {0};
    for (size_t i = 0; fits[_i].endpoints[i]; i++, endpoints.count++)
        endpoints.list[i].any.sa_family = (sa_family_t)fits[_i].endpoints[i];
    if (fits[_i].ipv6_only)
        ck_assert_int_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
    uint64_t cookie = cookie_of(fd);
    ck_assert(replace_unfit_socket(fd, &family, &endpoints));
    ck_assert_int_eq(family, fits[_i].becomes);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_DOMAIN), fits[_i].becomes);
    ck_assert_int_eq(cookie_of(fd) != cookie, fits[_i].becomes != fits[_i].family);
    close(fd);
}
END_TEST

static Suite *replace_suite(void)
{
    Suite *suite = suite_create("replace");
    TCase *tcase = tcase_create("socket");
    tcase_add_test(tcase, replace_puts_a_new_socket_of_the_family_behind_the_number);
    tcase_add_test(tcase, replace_keeps_flags);
    tcase_add_test(tcase, replace_keeps_the_receiver_of_signals);
    tcase_add_test(tcase, replace_keeps_options);
    tcase_add_test(tcase, replace_keeps_linger_and_timeouts);
    tcase_add_test(tcase, replace_leaves_duplicates_the_old_socket);
    tcase_add_test(tcase, replace_that_cannot_be_done_leaves_the_socket);
    tcase_add_test(tcase, replace_of_no_descriptor_is_an_error);
    tcase_add_loop_test(tcase, replace_changes_only_a_socket_that_reaches_no_endpoint, 0,
                        COUNT(fits));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run(replace_suite());
}
