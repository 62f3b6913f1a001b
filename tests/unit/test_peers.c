/* SPDX-License-Identifier: MIT
 * The bounded memory of whom sockets were connected to. */
#include "cli/supervise/peers.h"

#include "tests/unit/support.h"

#include <netinet/in.h>

static struct peers *peers;

static void setup(void)
{
    peers = peers_new();
    ck_assert_ptr_nonnull(peers);
}

static void teardown(void)
{
    free(peers);
}

static struct peer peer_of(uint16_t port)
{
    struct peer peer = {.target_len = sizeof(peer.target.in)};
    peer.target.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    return peer;
}

START_TEST(what_was_set_is_found)
{
    struct peer peer = peer_of(80);
    ck_assert_ptr_null(peers_get(peers, 5));
    peers_set(peers, 5, &peer);
    ck_assert_uint_eq(ntohs(peers_get(peers, 5)->target.in.sin_port), 80);
    peer = peer_of(81);
    peers_set(peers, 5, &peer);
    ck_assert_uint_eq(ntohs(peers_get(peers, 5)->target.in.sin_port), 81);
    peers_remove(peers, 5);
    ck_assert_ptr_null(peers_get(peers, 5));
}
END_TEST

START_TEST(a_socket_without_a_cookie_has_no_entry)
{
    ck_assert_ptr_null(peers_get(peers, 0));
    peers_remove(peers, 0);
}
END_TEST

/* The kernel counts cookies up: the newest twenty thousand are known, whatever came before. */
START_TEST(the_newest_are_kept)
{
    enum { ALL = 200000, KEPT = 20000 };
    for (uint64_t cookie = 1; cookie <= ALL; cookie++) {
        struct peer peer = peer_of((uint16_t)cookie);
        peers_set(peers, cookie, &peer);
    }
    ck_assert_ptr_null(peers_get(peers, 1));
    for (uint64_t cookie = ALL - KEPT; cookie <= ALL; cookie++) {
        const struct peer *found = peers_get(peers, cookie);
        ck_assert_ptr_nonnull(found);
        ck_assert_uint_eq(ntohs(found->target.in.sin_port), (uint16_t)cookie);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("peers");
    TCase *tests = tcase_create("peers");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_set_is_found);
    tcase_add_test(tests, a_socket_without_a_cookie_has_no_entry);
    tcase_add_test(tests, the_newest_are_kept);
    suite_add_tcase(suite, tests);
    return run(suite);
}
