/* SPDX-License-Identifier: MIT
 * Message headers of a supervised program that lies: the input is its memory, from BASE on, with a
 * header at the start, in the layout of 64-bit programs and in that of 32-bit ones. What is read of
 * it has the bounds that senders rely on; what is written lies within it. */
#include "cli/supervise/message.c"

#include "fuzz.h"

enum { BASE = 0x100 };

static uint8_t *memory;
static size_t memory_len;

/* Where len octets of it are, or NULL. */
static uint8_t *find(uint64_t address, size_t len)
{
    if (len == 0)
        return memory;
    bool is_there = address >= BASE && address - BASE <= memory_len &&
                    len <= memory_len - (size_t)(address - BASE);
    return is_there ? memory + (address - BASE) : NULL;
}

int caller_gather(const struct caller *caller, const struct iovec *pieces, size_t count, void *into,
                  size_t len)
{
    uint8_t *at = into;
    (void)caller;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *there = find((uintptr_t)pieces[i].iov_base, pieces[i].iov_len);
        MUST(pieces[i].iov_len <= len);
        if (!there)
            return EFAULT;
        memcpy(at, there, pieces[i].iov_len);
        at += pieces[i].iov_len;
        len -= pieces[i].iov_len;
    }
    return 0;
}

int caller_scatter(const struct caller *caller, const struct iovec *pieces, size_t count,
                   const void *from, size_t len)
{
    const uint8_t *at = from;
    (void)caller;
    for (size_t i = 0; i < count; i++) {
        uint8_t *there = find((uintptr_t)pieces[i].iov_base, pieces[i].iov_len);
        MUST(pieces[i].iov_len <= len);
        if (!there)
            return EFAULT;
        memcpy(there, at, pieces[i].iov_len);
        at += pieces[i].iov_len;
        len -= pieces[i].iov_len;
    }
    return 0;
}

int caller_read(const struct caller *caller, uint64_t address, void *into, size_t len)
{
    return caller_gather(caller, &(struct iovec){(void *)(uintptr_t)address, len}, 1, into, len);
}

int caller_write(const struct caller *caller, uint64_t address, const void *from, size_t len)
{
    return caller_scatter(caller, &(struct iovec){(void *)(uintptr_t)address, len}, 1, from, len);
}

static void check_name(const struct message *message)
{
    struct message_name name;
    if (message_read_name(NULL, message, &name) == 0)
        MUST(name.len <= sizeof(name.addr) && (message->name != 0 || name.len == 0));
}

/* What is gathered and put back leaves the memory as it was, but where pieces overlap. */
static void check_pieces(const struct message *message, bool is_compat)
{
    static struct piece pieces[MESSAGE_PIECES_MAX];
    uint64_t total, sum = 0;
    if (message_read_pieces(NULL, is_compat, message, pieces, &total) != 0)
        return;
    MUST(message->piece_count <= MESSAGE_PIECES_MAX && total <= INT32_MAX);
    for (size_t i = 0; i < message->piece_count; i++)
        sum += pieces[i].len;
    MUST(sum == total);
    size_t len = total < MESSAGE_DATA_MAX ? (size_t)total : MESSAGE_DATA_MAX;
    uint8_t *octets = malloc(len + 1);
    if (message_gather(NULL, pieces, octets, len) == 0)
        MUST(message_scatter(NULL, pieces, octets, len) == 0);
    free(octets);
}

/* Every part that a sender walks over lies within what was read, and that within its buffer. */
static void check_control(const struct message *message, bool is_compat, size_t room)
{
    size_t len = room;
    uint8_t *control = malloc(room + 1);
    MUST(control);
    if (message_read_control(NULL, is_compat, message, control, &len) != 0)
        len = 0;
    MUST(len <= room);
    struct msghdr ours = {.msg_control = control, .msg_controllen = len};
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&ours); part; part = CMSG_NXTHDR(&ours, part)) {
        if (!is_compat && part->cmsg_len < sizeof(*part))
            break; /* a 64-bit program's are for the kernel to judge */
        size_t at = (size_t)((uint8_t *)part - control);
        MUST(part->cmsg_len >= sizeof(*part) && (!is_compat || part->cmsg_len <= len - at));
    }
    free(control);
}

/* A 32-bit program that walks over what it got finds parts that are there. */
static void check_narrowed(const struct message *message)
{
    const uint8_t *at = find(message->control, message->control_len);
    size_t left = message->control_len;
    MUST(at);
    while (left >= sizeof(struct compat_cmsghdr)) {
        struct compat_cmsghdr part;
        memcpy(&part, at, sizeof(part));
        MUST(part.len >= sizeof(part) && part.len <= left);
        size_t step = compat_align(part.len) < left ? compat_align(part.len) : left;
        at += step;
        left -= step;
    }
}

/* Well-formed control messages, of the kinds and sizes that the input says, on their way back. */
static void check_received(struct message message, bool is_compat, struct input input)
{
    static _Alignas(struct cmsghdr) uint8_t control[4096];
    size_t len = 0;
    memset(control, 0, sizeof(control));
    while (input.left > 0) {
        size_t data_len = take_octet(&input);
        if (CMSG_SPACE(data_len) > sizeof(control) - len)
            break;
        struct cmsghdr head = {.cmsg_len = CMSG_LEN(data_len),
                               .cmsg_level = SOL_SOCKET,
                               .cmsg_type = take_octet(&input)};
        memcpy(control + len, &head, sizeof(head));
        len += CMSG_SPACE(data_len);
    }
    uint64_t room = message.control_len;
    if (message_write_control(NULL, is_compat, &message, control, len) == 0) {
        MUST(message.control_len <= room);
        MUST(is_compat || message.control_len == len || message.flags & MSG_CTRUNC);
        if (is_compat)
            check_narrowed(&message);
    }
    message_write(NULL, is_compat, BASE, &message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    for (int is_compat = 0; is_compat < 2; is_compat++) {
        struct message message;
        memory = copy_exactly(data, len);
        memory_len = len;
        if (message_read(NULL, is_compat, BASE, &message) == 0) {
            check_name(&message);
            check_pieces(&message, is_compat);
            check_control(&message, is_compat, 8 * (size_t)data[len - 1]);
            check_received(message, is_compat, (struct input){data, len});
        }
        free(memory);
    }
    return 0;
}
