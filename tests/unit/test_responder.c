/* SPDX-License-Identifier: MIT
 * The supervisor's name server, asked over loopback by the test, which turns its loop. */
#include "cli/supervise/responder.h"

#include "cli/supervise/dns_clients.h"
#include "cli/supervise/errand.h"
#include "core/dns.h"
#include "core/log.h"
#include "core/names_address.h"
#include "tests/unit/scope.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 20000, TYPE_MX = 15 };

/* Nobody listens at the proxy's port, so that whatever takes the network fails at once. */
#define CONFIG "proxy p socks5://127.0.0.1:1\ndefault p\n"

static struct supervisor supervisor;
static struct responder *responder;

static void set_up_with(const char *config)
{
    static const uint32_t delays[DELAY_COUNT] = {[DELAY_HANDSHAKE] = 60000};
    log_setup(LOG_QUIET, NULL, NULL);
    scope_open(config, "10.0.0.9 known.lan\n");
    ck_assert(loop_init(&supervisor.loop, delays));
    supervisor.errands = errands_new(&supervisor.loop);
    responder = responder_new(&supervisor);
    ck_assert_ptr_nonnull(responder);
}

static void setup(void)
{
    set_up_with(CONFIG);
}

static void set_up_slow(void)
{
    set_up_with(CONFIG "dns-server 192.0.2.53\n");
}

static union endpoint ipv4(const char *address)
{
    union endpoint out = {.in = {.sin_family = AF_INET, .sin_port = htons(53)}};
    ck_assert_int_eq(inet_pton(AF_INET, address, &out.in.sin_addr), 1);
    return out;
}

static union endpoint ipv6(const char *address)
{
    union endpoint out = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)}};
    ck_assert_int_eq(inet_pton(AF_INET6, address, &out.in6.sin6_addr), 1);
    return out;
}

static union endpoint seat_for(union endpoint server, bool tcp)
{
    union endpoint ours;
    ck_assert(
        responder_for(responder, &scope, 0, &server, server.any.sa_family, false, tcp, &ours));
    return ours;
}

static int connect_to(const union endpoint *address, int type)
{
    int fd = socket(address->any.sa_family, type, 0);
    ck_assert_int_eq(connect(fd, &address->any, endpoint_len(address)), 0);
    return fd;
}

/* Turn the loop until fd can be read from. */
static void await(int fd)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                               {.fd = supervisor.loop.epoll_fd, .events = POLLIN}};
        ck_assert_int_ge(poll(fds, COUNT(fds), PATIENCE_MS), 1);
        if (fds[0].revents)
            return;
        loop_turn(&supervisor.loop);
    }
}

/* Turn the loop as long as there is something to do. */
static void settle(void)
{
    struct pollfd something = {.fd = supervisor.loop.epoll_fd, .events = POLLIN};
    while (poll(&something, 1, 0) == 1)
        loop_turn(&supervisor.loop);
}

/* --- Messages --- */

static struct octets question(uint16_t id, const char *name, uint16_t type)
{
    struct octets out;
    out.len = dns_build_query(out.at, id, name, DNS_CLASS_IN, type, false);
    ck_assert_uint_gt(out.len, 0);
    return out;
}

static struct octets framed(struct octets message)
{
    struct octets out = {0};
    const uint8_t head[] = {(uint8_t)(message.len >> 8), (uint8_t)message.len};
    octets_add(&out, head, sizeof(head));
    octets_add(&out, message.at, message.len);
    return out;
}

static uint16_t id_of(const struct octets *answer)
{
    return (uint16_t)(answer->at[0] << 8 | answer->at[1]);
}

/* The address at the end of an answer with one record and no EDNS. */
static bool gives_standin(const struct octets *answer, const char *name)
{
    uint32_t index;
    char found[256];
    return answer->len > 16 && dns_rcode(answer->at) == DNS_NOERROR &&
           dns_answer_count(answer->at) == 1 &&
           names_is_ipv4(answer->at + answer->len - 4, &index) &&
           names_lookup(scope.names, index, found) == strlen(name) && strcmp(found, name) == 0;
}

static struct octets ask(int fd, struct octets query)
{
    struct octets answer;
    ck_assert_int_eq(send(fd, query.at, query.len, 0), (ssize_t)query.len);
    await(fd);
    ssize_t len = recv(fd, answer.at, sizeof(answer.at), MSG_DONTWAIT);
    ck_assert_int_ge(len, DNS_HEADER_LEN);
    answer.len = (size_t)len;
    return answer;
}

static void receive_octets(int fd, uint8_t *into, size_t len)
{
    for (size_t done = 0; done < len;) {
        await(fd);
        ssize_t more = recv(fd, into + done, len - done, MSG_DONTWAIT);
        ck_assert_int_gt(more, 0);
        done += (size_t)more;
    }
}

/* One answer over TCP. */
static struct octets receive_framed(int fd)
{
    uint8_t head[2];
    struct octets answer;
    receive_octets(fd, head, sizeof(head));
    answer.len = (size_t)(head[0] << 8 | head[1]);
    ck_assert_uint_le(answer.len, sizeof(answer.at));
    receive_octets(fd, answer.at, answer.len);
    return answer;
}

static void send_framed(int fd, struct octets query)
{
    struct octets frame = framed(query);
    ck_assert_int_eq(send(fd, frame.at, frame.len, MSG_NOSIGNAL), (ssize_t)frame.len);
}

/* --- Seats --- */

START_TEST(one_address_for_each_name_server_protocol_and_scope)
{
    static const struct scope other_scope;
    union endpoint server = ipv4("192.0.2.1"), other = ipv4("192.0.2.2"), ours;
    union endpoint first = seat_for(server, false);
    union endpoint again = seat_for(server, false);
    union endpoint of_other = seat_for(other, false);
    union endpoint of_tcp = seat_for(server, true);
    ck_assert(endpoint_equal(&first, &again));
    ck_assert(!endpoint_equal(&first, &of_other));
    ck_assert(!endpoint_equal(&first, &of_tcp));
    ck_assert(responder_for(responder, &other_scope, 0, &server, AF_INET, false, false, &ours));
    ck_assert(!endpoint_equal(&first, &ours));
}
END_TEST

START_TEST(an_address_tells_whose_place_it_has)
{
    union endpoint server = ipv4("192.0.2.1"), server6 = ipv6("2001:db8::1"), original, mapped;
    union endpoint ours = seat_for(server, false);
    union endpoint ours6 = seat_for(server6, false);
    ck_assert(responder_original(responder, &ours, &original));
    ck_assert(endpoint_equal(&original, &server));
    ck_assert_uint_gt(endpoint_for_family(&ours, AF_INET6, &mapped), 0);
    ck_assert(responder_original(responder, &mapped, &original));
    ck_assert(endpoint_equal(&original, &server));
    ck_assert(responder_original(responder, &ours6, &original));
    ck_assert(endpoint_equal(&original, &server6));
    ck_assert(!responder_original(responder, &server, &original));
}
END_TEST

START_TEST(the_address_is_one_that_the_asking_socket_can_say)
{
    union endpoint server = ipv6("2001:db8::1"), ours;
    ck_assert(responder_for(responder, &scope, 0, &server, AF_INET6, false, false, &ours));
    ck_assert_int_eq(ours.any.sa_family, AF_INET6);
    ck_assert(IN6_IS_ADDR_V4MAPPED(&ours.in6.sin6_addr));
    ck_assert(responder_for(responder, &scope, 0, &server, AF_INET6, true, false, &ours));
    ck_assert(IN6_IS_ADDR_LOOPBACK(&ours.in6.sin6_addr));
}
END_TEST

START_TEST(it_is_used_once_a_datagram_may_come_from_it)
{
    ck_assert(!responder_is_used(responder));
    seat_for(ipv4("192.0.2.1"), true);
    ck_assert(!responder_is_used(responder));
    seat_for(ipv4("192.0.2.1"), false);
    ck_assert(responder_is_used(responder));
}
END_TEST

START_TEST(the_seat_asked_for_longest_ago_makes_room)
{
    union endpoint server = ipv4("10.0.0.0"), original, first = {0}, second = {0};
    for (uint32_t i = 0; i < RESPONDER_SEATS; i++) {
        server.in.sin_addr.s_addr = htonl(0x0a000000 + i);
        union endpoint ours = seat_for(server, false);
        if (i == 0)
            first = ours;
        if (i == 1)
            second = ours;
    }
    seat_for(ipv4("10.0.0.0"), false); /* the first is asked for again */
    union endpoint last = seat_for(ipv4("192.0.2.1"), false);
    ck_assert(responder_original(responder, &first, &original));
    ck_assert(responder_original(responder, &last, &original));
    ck_assert(!responder_original(responder, &second, &original) || endpoint_equal(&second, &last));
    int fd = connect_to(&first, SOCK_DGRAM);
    struct octets answer = ask(fd, question(7, "page.example", DNS_TYPE_A));
    ck_assert(gives_standin(&answer, "page.example"));
}
END_TEST

/* --- Datagrams --- */

START_TEST(questions_by_datagram_are_answered)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), false);
    int fd = connect_to(&ours, SOCK_DGRAM);
    struct octets answer = ask(fd, question(0x1234, "page.example", DNS_TYPE_A));
    ck_assert_uint_eq(id_of(&answer), 0x1234);
    ck_assert(gives_standin(&answer, "page.example"));
    answer = ask(fd, question(1, "known.lan", DNS_TYPE_A));
    const uint8_t address[] = {10, 0, 0, 9};
    ck_assert_mem_eq(answer.at + answer.len - 4, address, 4);
}
END_TEST

START_TEST(more_questions_than_a_batch_are_all_answered)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), false);
    int fd = connect_to(&ours, SOCK_DGRAM);
    struct octets query = question(1, "page.example", DNS_TYPE_A);
    for (int i = 0; i < 150; i++)
        ck_assert_int_eq(send(fd, query.at, query.len, 0), (ssize_t)query.len);
    for (int i = 0; i < 150; i++) {
        struct octets answer;
        await(fd);
        ck_assert_int_gt(recv(fd, answer.at, sizeof(answer.at), MSG_DONTWAIT), DNS_HEADER_LEN);
    }
}
END_TEST

START_TEST(what_is_no_question_is_met_with_silence)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), false);
    int fd = connect_to(&ours, SOCK_DGRAM);
    struct octets reply = question(2, "page.example", DNS_TYPE_A);
    reply.at[2] |= 0x80;
    ck_assert_int_eq(send(fd, "", 0, 0), 0);
    ck_assert_int_eq(send(fd, "x", 1, 0), 1);
    ck_assert_int_eq(send(fd, reply.at, reply.len, 0), (ssize_t)reply.len);
    struct octets answer = ask(fd, question(3, "page.example", DNS_TYPE_A));
    ck_assert_uint_eq(id_of(&answer), 3);
    ck_assert_int_lt(recv(fd, answer.at, sizeof(answer.at), MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(all_questions_that_the_network_fails_get_servfail)
{
    enum { MANY = 200 };
    static bool seen[MANY];
    union endpoint ours = seat_for(ipv4("192.0.2.1"), false);
    int fd = connect_to(&ours, SOCK_DGRAM);
    for (int i = 0; i < MANY; i++) {
        struct octets query = question((uint16_t)i, "page.example", TYPE_MX);
        ck_assert_int_eq(send(fd, query.at, query.len, 0), (ssize_t)query.len);
        if (i % 50 == 0)
            settle();
    }
    for (int i = 0; i < MANY; i++) {
        struct octets answer;
        await(fd);
        ssize_t len = recv(fd, answer.at, sizeof(answer.at), MSG_DONTWAIT);
        ck_assert_int_ge(len, DNS_HEADER_LEN);
        ck_assert_int_eq(dns_rcode(answer.at), DNS_SERVFAIL);
        ck_assert_uint_lt(id_of(&answer), MANY);
        ck_assert(!seen[id_of(&answer)]);
        seen[id_of(&answer)] = true;
    }
}
END_TEST

/* --- TCP --- */

START_TEST(a_question_over_tcp_is_answered_in_whatever_pieces_it_comes)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), true);
    int fd = connect_to(&ours, SOCK_STREAM);
    struct octets frame = framed(question(5, "page.example", DNS_TYPE_A));
    for (size_t i = 0; i < frame.len; i++) {
        ck_assert_int_eq(send(fd, frame.at + i, 1, 0), 1);
        settle();
    }
    struct octets answer = receive_framed(fd);
    ck_assert_uint_eq(id_of(&answer), 5);
    ck_assert(gives_standin(&answer, "page.example"));
}
END_TEST

START_TEST(questions_in_one_segment_are_answered_in_order)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), true);
    int fd = connect_to(&ours, SOCK_STREAM);
    struct octets all = {0};
    for (uint16_t id = 1; id <= 20; id++) {
        struct octets frame = framed(question(id, "page.example", DNS_TYPE_A));
        octets_add(&all, frame.at, frame.len);
    }
    ck_assert_int_eq(send(fd, all.at, all.len, 0), (ssize_t)all.len);
    shutdown(fd, SHUT_WR);
    for (uint16_t id = 1; id <= 20; id++) {
        struct octets answer = receive_framed(fd);
        ck_assert_uint_eq(id_of(&answer), id);
    }
    uint8_t octet;
    await(fd);
    ck_assert_int_eq(recv(fd, &octet, 1, MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(a_flood_of_questions_is_answered_while_others_get_their_turn)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), true);
    int flood = connect_to(&ours, SOCK_STREAM);
    int fd = connect_to(&ours, SOCK_STREAM);
    struct octets frame = framed(question(1, "page.example", DNS_TYPE_A));
    for (int i = 0; i < 400; i++)
        ck_assert_int_eq(send(flood, frame.at, frame.len, 0), (ssize_t)frame.len);
    send_framed(fd, question(2, "page.example", DNS_TYPE_A));
    struct octets answer = receive_framed(fd);
    ck_assert_uint_eq(id_of(&answer), 2);
    for (int i = 0; i < 400; i++) {
        answer = receive_framed(flood);
        ck_assert(gives_standin(&answer, "page.example"));
    }
}
END_TEST

START_TEST(a_slow_question_over_tcp_is_answered_before_the_next)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), true);
    int fd = connect_to(&ours, SOCK_STREAM);
    send_framed(fd, question(1, "page.example", TYPE_MX));
    send_framed(fd, question(2, "page.example", DNS_TYPE_A));
    struct octets answer = receive_framed(fd);
    ck_assert_uint_eq(id_of(&answer), 1);
    ck_assert_int_eq(dns_rcode(answer.at), DNS_SERVFAIL);
    answer = receive_framed(fd);
    ck_assert_uint_eq(id_of(&answer), 2);
    ck_assert(gives_standin(&answer, "page.example"));
}
END_TEST

START_TEST(a_client_that_leaves_during_a_slow_question_is_missed_by_nobody)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), true);
    for (int i = 0; i < 100; i++) {
        int fd = connect_to(&ours, SOCK_STREAM);
        send_framed(fd, question(1, "page.example", TYPE_MX));
        if (i % 3 != 0)
            settle();
        close(fd);
    }
    int fd = connect_to(&ours, SOCK_STREAM);
    send_framed(fd, question(2, "page.example", DNS_TYPE_A));
    struct octets answer = receive_framed(fd);
    ck_assert_uint_eq(id_of(&answer), 2);
}
END_TEST

START_TEST(a_question_that_is_too_long_ends_the_connection)
{
    static const uint8_t too_long[5000] = {0xff, 0xff};
    union endpoint ours = seat_for(ipv4("192.0.2.1"), true);
    int fd = connect_to(&ours, SOCK_STREAM);
    uint8_t octet;
    ck_assert_int_eq(send(fd, too_long, sizeof(too_long), 0), sizeof(too_long));
    await(fd);
    ck_assert_int_le(recv(fd, &octet, 1, MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(the_client_that_was_silent_longest_makes_room)
{
    union endpoint ours = seat_for(ipv4("192.0.2.1"), true);
    int clients[DNS_CLIENTS_MAX + 1];
    uint8_t octet;
    for (size_t i = 0; i < DNS_CLIENTS_MAX; i++) {
        clients[i] = connect_to(&ours, SOCK_STREAM);
        settle();
    }
    send_framed(clients[0], question(1, "page.example", DNS_TYPE_A));
    receive_framed(clients[0]);
    clients[DNS_CLIENTS_MAX] = connect_to(&ours, SOCK_STREAM);
    await(clients[1]);
    ck_assert_int_le(recv(clients[1], &octet, 1, MSG_DONTWAIT), 0);
    send_framed(clients[0], question(2, "page.example", DNS_TYPE_A));
    receive_framed(clients[0]);
    send_framed(clients[DNS_CLIENTS_MAX], question(3, "page.example", DNS_TYPE_A));
    struct octets answer = receive_framed(clients[DNS_CLIENTS_MAX]);
    ck_assert_uint_eq(id_of(&answer), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("responder");
    TCase *seats = tcase_create("seats");
    tcase_add_checked_fixture(seats, setup, scope_close);
    tcase_add_test(seats, one_address_for_each_name_server_protocol_and_scope);
    tcase_add_test(seats, an_address_tells_whose_place_it_has);
    tcase_add_test(seats, the_address_is_one_that_the_asking_socket_can_say);
    tcase_add_test(seats, it_is_used_once_a_datagram_may_come_from_it);
    tcase_add_test(seats, the_seat_asked_for_longest_ago_makes_room);
    suite_add_tcase(suite, seats);
    TCase *datagrams = tcase_create("datagrams");
    tcase_set_timeout(datagrams, 60);
    tcase_add_checked_fixture(datagrams, setup, scope_close);
    tcase_add_test(datagrams, questions_by_datagram_are_answered);
    tcase_add_test(datagrams, more_questions_than_a_batch_are_all_answered);
    tcase_add_test(datagrams, what_is_no_question_is_met_with_silence);
    suite_add_tcase(suite, datagrams);
    TCase *tcp = tcase_create("TCP");
    tcase_set_timeout(tcp, 60);
    tcase_add_checked_fixture(tcp, setup, scope_close);
    tcase_add_test(tcp, a_question_over_tcp_is_answered_in_whatever_pieces_it_comes);
    tcase_add_test(tcp, questions_in_one_segment_are_answered_in_order);
    tcase_add_test(tcp, a_flood_of_questions_is_answered_while_others_get_their_turn);
    tcase_add_test(tcp, a_question_that_is_too_long_ends_the_connection);
    tcase_add_test(tcp, the_client_that_was_silent_longest_makes_room);
    suite_add_tcase(suite, tcp);
    TCase *slow = tcase_create("slow questions");
    tcase_set_timeout(slow, 60);
    tcase_add_checked_fixture(slow, set_up_slow, scope_close);
    tcase_add_test(slow, all_questions_that_the_network_fails_get_servfail);
    tcase_add_test(slow, a_slow_question_over_tcp_is_answered_before_the_next);
    tcase_add_test(slow, a_client_that_leaves_during_a_slow_question_is_missed_by_nobody);
    suite_add_tcase(suite, slow);
    return run(suite);
}
