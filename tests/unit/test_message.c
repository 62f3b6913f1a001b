/* SPDX-License-Identifier: MIT
 * Message headers in a caller's memory: that of this test, laid out as 64-bit and as 32-bit
 * programs have it. */
#include "cli/supervise/message.h"

#include "tests/unit/support.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/uio.h>

/* Where 32-bit programs can point: the lower 4 GiB. */
enum { LOW_SIZE = 1 << 20 };

static struct caller caller;
static uint8_t *low;

static void setup(void)
{
    ck_assert_int_eq(caller_open(&caller, getpid()), 0);
    for (uintptr_t at = 0x10000000; at < 0x70000000; at += LOW_SIZE) {
        void *got = mmap((void *)at, LOW_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (got != MAP_FAILED) {
            low = got;
            return;
        }
    }
    ck_abort_msg("no memory below 4 GiB");
}

static void teardown(void)
{
    munmap(low, LOW_SIZE);
    caller_close(&caller);
}

static uint64_t at(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* A 32-bit program's words, from low + offset on. */
static void put_words(size_t offset, size_t count, const uint32_t *words)
{
    memcpy(low + offset, words, count * sizeof(*words));
}

static uint32_t word(size_t offset)
{
    uint32_t value;
    memcpy(&value, low + offset, sizeof(value));
    return value;
}

static uint32_t low_at(size_t offset)
{
    return (uint32_t)(at(low) + offset);
}

#define PUT_WORDS(offset, ...)                                                                     \
    do {                                                                                           \
        const uint32_t words[] = {__VA_ARGS__};                                                    \
        put_words(offset, COUNT(words), words);                                                    \
    } while (0)

START_TEST(native_header_is_read_as_it_is)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(53)};
    char data[] = "abc";
    struct iovec pieces[] = {{data, 1}, {data + 1, 2}};
    uint8_t control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr header = {
        .msg_name = &name,
        .msg_namelen = sizeof(name),
        .msg_iov = pieces,
        .msg_iovlen = 2,
        .msg_control = control,
        .msg_controllen = sizeof(control),
        .msg_flags = 5,
    };
    struct message message;
    struct message_name read_name;
    struct piece read_pieces[MESSAGE_PIECES_MAX];
    uint64_t total;
    char gathered[4] = "";
    ck_assert_int_eq(message_read(&caller, false, at(&header), &message), 0);
    ck_assert_uint_eq(message.control, at(control));
    ck_assert_uint_eq(message.control_len, sizeof(control));
    ck_assert_uint_eq(message.flags, 5);
    ck_assert_int_eq(message_read_name(&caller, &message, &read_name), 0);
    ck_assert_uint_eq(read_name.len, sizeof(name));
    ck_assert_mem_eq(&read_name.addr, &name, sizeof(name));
    ck_assert_int_eq(message_read_pieces(&caller, false, &message, read_pieces, &total), 0);
    ck_assert_uint_eq(total, 3);
    ck_assert_int_eq(message_gather(&caller, read_pieces, gathered, total), 0);
    ck_assert_str_eq(gathered, "abc");
    ck_assert_uint_eq(message_stride(false), sizeof(struct mmsghdr));
}
END_TEST

START_TEST(header_of_32_bits_is_read_by_its_layout)
{
    struct message message;
    struct piece pieces[MESSAGE_PIECES_MAX];
    uint64_t total;
    char gathered[6] = "";
    PUT_WORDS(0, low_at(100), 16, low_at(200), 2, low_at(300), 12, 7);
    PUT_WORDS(200, low_at(400), 2, low_at(410), 3);
    memcpy(low + 400, "ab", 2);
    memcpy(low + 410, "cde", 3);
    ck_assert_int_eq(message_read(&caller, true, at(low), &message), 0);
    ck_assert_uint_eq(message.name, at(low) + 100);
    ck_assert_int_eq(message.name_len, 16);
    ck_assert_uint_eq(message.control, at(low) + 300);
    ck_assert_uint_eq(message.control_len, 12);
    ck_assert_uint_eq(message.flags, 7);
    ck_assert_int_eq(message_read_pieces(&caller, true, &message, pieces, &total), 0);
    ck_assert_uint_eq(total, 5);
    ck_assert_int_eq(message_gather(&caller, pieces, gathered, total), 0);
    ck_assert_str_eq(gathered, "abcde");
    ck_assert_uint_eq(message_stride(true), 32);
    ck_assert_uint_eq(message_len_offset(true), 28);
}
END_TEST

START_TEST(what_recvmsg_changes_is_written_and_nothing_else)
{
    struct msghdr header = {.msg_name = low, .msg_iovlen = 77};
    struct message message = {
        .name = at(low), .name_len = 16, .control_len = 24, .flags = MSG_TRUNC};
    ck_assert_int_eq(message_write(&caller, false, at(&header), &message), 0);
    ck_assert_ptr_eq(header.msg_name, low);
    ck_assert_uint_eq(header.msg_namelen, 16);
    ck_assert_uint_eq(header.msg_iovlen, 77);
    ck_assert_uint_eq(header.msg_controllen, 24);
    ck_assert_int_eq(header.msg_flags, MSG_TRUNC);
    PUT_WORDS(0, 1, 2, 3, 4, 5, 6, 7, 8);
    ck_assert_int_eq(message_write(&caller, true, at(low), &message), 0);
    const uint32_t expected[] = {1, 16, 3, 4, 5, 24, MSG_TRUNC, 8};
    for (size_t i = 0; i < COUNT(expected); i++)
        ck_assert_uint_eq(word(i * 4), expected[i]);
}
END_TEST

START_TEST(without_a_name_its_length_stays)
{
    struct msghdr header = {.msg_namelen = 99};
    const struct message message = {.name_len = 16};
    ck_assert_int_eq(message_write(&caller, false, at(&header), &message), 0);
    ck_assert_uint_eq(header.msg_namelen, 99);
}
END_TEST

START_TEST(bad_addresses_and_lengths_are_the_kernels_errors)
{
    struct message message = {.name = 1, .name_len = 16, .pieces = 1, .piece_count = 1};
    struct message_name name;
    struct piece pieces[MESSAGE_PIECES_MAX];
    uint64_t total;
    uint8_t control[64];
    size_t len = sizeof(control);
    ck_assert_int_eq(message_read(&caller, false, 1, &message), EFAULT);
    ck_assert_int_eq(message_read(&caller, true, 1, &message), EFAULT);
    ck_assert_int_eq(message_read_name(&caller, &message, &name), EFAULT);
    ck_assert_int_eq(message_read_pieces(&caller, false, &message, pieces, &total), EFAULT);
    message.name_len = -1;
    ck_assert_int_eq(message_read_name(&caller, &message, &name), EINVAL);
    message.piece_count = MESSAGE_PIECES_MAX + 1;
    ck_assert_int_eq(message_read_pieces(&caller, false, &message, pieces, &total), EMSGSIZE);
    message = (struct message){.control = 1, .control_len = 16};
    ck_assert_int_eq(message_read_control(&caller, false, &message, control, &len), EFAULT);
    len = sizeof(control);
    message.control_len = sizeof(control) + 1;
    ck_assert_int_eq(message_read_control(&caller, false, &message, control, &len), ENOBUFS);
    struct iovec bad = {low, SIZE_MAX};
    message = (struct message){.pieces = at(&bad), .piece_count = 1};
    ck_assert_int_eq(message_read_pieces(&caller, false, &message, pieces, &total), EINVAL);
}
END_TEST

START_TEST(long_name_is_cut_and_none_is_none)
{
    struct message message = {.name = at(low), .name_len = 5000};
    struct message_name name;
    ck_assert_int_eq(message_read_name(&caller, &message, &name), 0);
    ck_assert_uint_eq(name.len, sizeof(struct sockaddr_storage));
    message.name = 0;
    ck_assert_int_eq(message_read_name(&caller, &message, &name), 0);
    ck_assert_uint_eq(name.len, 0);
}
END_TEST

START_TEST(sum_of_pieces_ends_where_the_kernels_does)
{
    struct iovec pieces[] = {{low, INT32_MAX - 5}, {low, 100}, {low, 100}};
    const struct message message = {.pieces = at(pieces), .piece_count = 3};
    struct piece read_pieces[MESSAGE_PIECES_MAX];
    uint64_t total;
    ck_assert_int_eq(message_read_pieces(&caller, false, &message, read_pieces, &total), 0);
    ck_assert_uint_eq(total, INT32_MAX);
    ck_assert_uint_eq(read_pieces[1].len, 5);
    ck_assert_uint_eq(read_pieces[2].len, 0);
}
END_TEST

START_TEST(scattered_octets_end_with_the_data)
{
    char first[3] = "--", second[6] = "-----";
    const struct piece pieces[] = {{at(first), 2}, {0, 0}, {at(second), 5}};
    ck_assert_int_eq(message_scatter(&caller, pieces, "abcd", 4), 0);
    ck_assert_str_eq(first, "ab");
    ck_assert_str_eq(second, "cd---");
}
END_TEST

/* --- Control messages --- */

START_TEST(native_control_messages_are_copied)
{
    const struct cmsghdr part = {.cmsg_len = CMSG_LEN(0), .cmsg_level = 1, .cmsg_type = 2};
    const struct message message = {.control = at(&part), .control_len = sizeof(part)};
    struct cmsghdr read_part;
    size_t len = sizeof(read_part);
    ck_assert_int_eq(message_read_control(&caller, false, &message, &read_part, &len), 0);
    ck_assert_uint_eq(len, sizeof(part));
    ck_assert_mem_eq(&read_part, &part, sizeof(part));
}
END_TEST

START_TEST(control_messages_of_32_bits_get_our_layout)
{
    _Alignas(struct cmsghdr) uint8_t control[256];
    struct message message = {.control = at(low), .control_len = 16 + 20};
    size_t len = sizeof(control);
    PUT_WORDS(0, 13, IPPROTO_IP, IP_TOS, 0x11, 20, IPPROTO_IPV6, IPV6_TCLASS, 7, 8);
    ck_assert_int_eq(message_read_control(&caller, true, &message, control, &len), 0);
    ck_assert_uint_eq(len, CMSG_SPACE(1) + CMSG_SPACE(8));
    struct msghdr header = {.msg_control = control, .msg_controllen = len};
    struct cmsghdr *part = CMSG_FIRSTHDR(&header);
    ck_assert_uint_eq(part->cmsg_len, CMSG_LEN(1));
    ck_assert_int_eq(part->cmsg_level, IPPROTO_IP);
    ck_assert_int_eq(part->cmsg_type, IP_TOS);
    ck_assert_uint_eq(*CMSG_DATA(part), 0x11);
    part = CMSG_NXTHDR(&header, part);
    ck_assert_uint_eq(part->cmsg_len, CMSG_LEN(8));
    ck_assert_int_eq(part->cmsg_type, IPV6_TCLASS);
    const uint32_t data[] = {7, 8};
    ck_assert(memcmp(CMSG_DATA(part), data, sizeof(data)) == 0);
    ck_assert_ptr_null(CMSG_NXTHDR(&header, part));
}
END_TEST

START_TEST(malformed_control_messages_of_32_bits_are_refused)
{
    static const uint32_t lengths[] = {0, 11, 17, 0xffffffff};
    _Alignas(struct cmsghdr) uint8_t control[256];
    const struct message message = {.control = at(low), .control_len = 16};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        size_t len = sizeof(control);
        PUT_WORDS(0, lengths[i], IPPROTO_IP, IP_TOS, 0);
        ck_assert_int_eq(message_read_control(&caller, true, &message, control, &len), EINVAL);
    }
    size_t len = CMSG_SPACE(0); /* too little room for what is longer here */
    PUT_WORDS(0, 16, IPPROTO_IP, IP_TOS, 0);
    ck_assert_int_eq(message_read_control(&caller, true, &message, control, &len), EINVAL);
}
END_TEST

static size_t add_part(void *into, size_t len, int level, int type, const void *data,
                       size_t data_len)
{
    const struct cmsghdr part = {CMSG_LEN(data_len), level, type};
    memset((uint8_t *)into + len, 0, CMSG_SPACE(data_len));
    memcpy((uint8_t *)into + len, &part, sizeof(part));
    memcpy((uint8_t *)into + len + CMSG_LEN(0), data, data_len);
    return len + CMSG_SPACE(data_len);
}

START_TEST(received_control_messages_get_the_callers_layout)
{
    _Alignas(struct cmsghdr) uint8_t control[256];
    const int64_t stamp[] = {12, 34};
    const int ttl = 64;
    size_t len = add_part(control, 0, SOL_SOCKET, SO_TIMESTAMP, stamp, sizeof(stamp));
    len = add_part(control, len, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    struct message message = {.control = at(low), .control_len = 100};
    ck_assert_int_eq(message_write_control(&caller, true, &message, control, len), 0);
    const uint32_t expected[] = {20, SOL_SOCKET, SO_TIMESTAMP, 12, 34, 16, IPPROTO_IP, IP_TTL, 64};
    ck_assert_uint_eq(message.control_len, sizeof(expected));
    ck_assert_mem_eq(low, expected, sizeof(expected));
    ck_assert_uint_eq(message.flags, 0);

    message = (struct message){.control = at(low), .control_len = len};
    ck_assert_int_eq(message_write_control(&caller, false, &message, control, len), 0);
    ck_assert_uint_eq(message.control_len, len);
    ck_assert_mem_eq(low, control, len);
}
END_TEST

START_TEST(received_control_messages_without_room_are_cut_and_it_is_told)
{
    _Alignas(struct cmsghdr) uint8_t control[256];
    const int ttl = 64;
    size_t len = add_part(control, 0, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    len = add_part(control, len, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    struct message message = {.control = at(low), .control_len = 16 + 14};
    memset(low, 0xee, 64);
    ck_assert_int_eq(message_write_control(&caller, true, &message, control, len), 0);
    ck_assert_uint_eq(message.control_len, 30);
    ck_assert_uint_eq(message.flags, MSG_CTRUNC);
    ck_assert_uint_eq(word(16), 14);
    ck_assert_uint_eq(low[30], 0xee);

    message = (struct message){.control = at(low), .control_len = 5};
    ck_assert_int_eq(message_write_control(&caller, true, &message, control, len), 0);
    ck_assert_uint_eq(message.control_len, 0);
    ck_assert_uint_eq(message.flags, MSG_CTRUNC);

    message = (struct message){.control_len = 100};
    ck_assert_int_eq(message_write_control(&caller, false, &message, control, 0), 0);
    ck_assert_uint_eq(message.control_len, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *layouts = tcase_create("layouts");
    tcase_add_checked_fixture(layouts, setup, teardown);
    tcase_add_test(layouts, native_header_is_read_as_it_is);
    tcase_add_test(layouts, header_of_32_bits_is_read_by_its_layout);
    tcase_add_test(layouts, what_recvmsg_changes_is_written_and_nothing_else);
    tcase_add_test(layouts, without_a_name_its_length_stays);
    tcase_add_test(layouts, bad_addresses_and_lengths_are_the_kernels_errors);
    tcase_add_test(layouts, long_name_is_cut_and_none_is_none);
    tcase_add_test(layouts, sum_of_pieces_ends_where_the_kernels_does);
    tcase_add_test(layouts, scattered_octets_end_with_the_data);
    suite_add_tcase(suite, layouts);
    TCase *control = tcase_create("control messages");
    tcase_add_checked_fixture(control, setup, teardown);
    tcase_add_test(control, native_control_messages_are_copied);
    tcase_add_test(control, control_messages_of_32_bits_get_our_layout);
    tcase_add_test(control, malformed_control_messages_of_32_bits_are_refused);
    tcase_add_test(control, received_control_messages_get_the_callers_layout);
    tcase_add_test(control, received_control_messages_without_room_are_cut_and_it_is_told);
    suite_add_tcase(suite, control);
    return run(suite);
}
