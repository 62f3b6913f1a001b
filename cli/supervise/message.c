/* SPDX-License-Identifier: MIT
 * Message headers in other processes' memory. The layouts are the kernel's: that of 64-bit programs
 * is ours where we are one, that of 32-bit ones has pointers and lengths of 4 octets. */
#include "cli/supervise/message.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

struct compat_msghdr {
    uint32_t name;
    int32_t name_len;
    uint32_t pieces;
    uint32_t piece_count;
    uint32_t control;
    uint32_t control_len;
    uint32_t flags;
};

struct compat_iovec {
    uint32_t at;
    uint32_t len;
};

struct compat_cmsghdr {
    uint32_t len;
    int32_t level;
    int32_t type;
};

size_t message_stride(bool is_compat)
{
    return is_compat ? sizeof(struct compat_msghdr) + sizeof(uint32_t) : sizeof(struct mmsghdr);
}

size_t message_len_offset(bool is_compat)
{
    return is_compat ? sizeof(struct compat_msghdr) : offsetof(struct mmsghdr, msg_len);
}

int message_read(const struct caller *caller, bool is_compat, uint64_t at, struct message *message)
{
    if (is_compat) {
        struct compat_msghdr theirs;
        int error = caller_read(caller, at, &theirs, sizeof(theirs));
        if (error != 0)
            return error;
        *message = (struct message){
            .name = theirs.name,
            .name_len = theirs.name_len,
            .pieces = theirs.pieces,
            .piece_count = theirs.piece_count,
            .control = theirs.control,
            .control_len = theirs.control_len,
            .flags = theirs.flags,
        };
        return 0;
    }
    struct msghdr theirs;
    int error = caller_read(caller, at, &theirs, sizeof(theirs));
    if (error != 0)
        return error;
    *message = (struct message){
        .name = (uintptr_t)theirs.msg_name,
        .name_len = (int32_t)theirs.msg_namelen,
        .pieces = (uintptr_t)theirs.msg_iov,
        .piece_count = theirs.msg_iovlen,
        .control = (uintptr_t)theirs.msg_control,
        .control_len = theirs.msg_controllen,
        .flags = (uint32_t)theirs.msg_flags,
    };
    return 0;
}

/* Only these fields: the others may be in use by another thread, as the kernel leaves them alone.
 */
int message_write(const struct caller *caller, bool is_compat, uint64_t at,
                  const struct message *message)
{
    uint32_t short_len = (uint32_t)message->control_len;
    const void *len = is_compat ? (const void *)&short_len : (const void *)&message->control_len;
    size_t len_at = is_compat ? offsetof(struct compat_msghdr, control_len)
                              : offsetof(struct msghdr, msg_controllen);
    size_t flags_at =
        is_compat ? offsetof(struct compat_msghdr, flags) : offsetof(struct msghdr, msg_flags);
    size_t name_len_at =
        is_compat ? offsetof(struct compat_msghdr, name_len) : offsetof(struct msghdr, msg_namelen);
    int error = 0;
    if (message->name != 0)
        error = caller_write(caller, at + name_len_at, &message->name_len, sizeof(int32_t));
    if (error == 0)
        error = caller_write(caller, at + flags_at, &message->flags, sizeof(uint32_t));
    if (error == 0)
        error =
            caller_write(caller, at + len_at, len, is_compat ? sizeof(uint32_t) : sizeof(size_t));
    return error;
}

int message_read_name(const struct caller *caller, const struct message *message,
                      struct message_name *name)
{
    memset(name, 0, sizeof(*name));
    if (message->name == 0)
        return 0;
    if (message->name_len < 0)
        return EINVAL;
    socklen_t len = (socklen_t)message->name_len;
    name->len = len < sizeof(name->addr) ? len : sizeof(name->addr);
    return caller_read(caller, message->name, &name->addr, name->len);
}

/* --- Pieces --- */

static int read_compat_pieces(const struct caller *caller, const struct message *message,
                              struct piece *pieces)
{
    struct compat_iovec theirs[MESSAGE_PIECES_MAX];
    int error =
        caller_read(caller, message->pieces, theirs, message->piece_count * sizeof(*theirs));
    for (size_t i = 0; error == 0 && i < message->piece_count; i++) {
        if (theirs[i].len > INT32_MAX)
            error = EINVAL;
        pieces[i] = (struct piece){theirs[i].at, theirs[i].len};
    }
    return error;
}

static int read_native_pieces(const struct caller *caller, const struct message *message,
                              struct piece *pieces)
{
    struct iovec theirs[MESSAGE_PIECES_MAX];
    int error =
        caller_read(caller, message->pieces, theirs, message->piece_count * sizeof(*theirs));
    for (size_t i = 0; error == 0 && i < message->piece_count; i++) {
        if (theirs[i].iov_len > SSIZE_MAX)
            error = EINVAL;
        pieces[i] = (struct piece){(uintptr_t)theirs[i].iov_base, theirs[i].iov_len};
    }
    return error;
}

int message_read_pieces(const struct caller *caller, bool is_compat, const struct message *message,
                        struct piece pieces[static MESSAGE_PIECES_MAX], uint64_t *total)
{
    if (message->piece_count > MESSAGE_PIECES_MAX)
        return EMSGSIZE;
    int error = is_compat ? read_compat_pieces(caller, message, pieces)
                          : read_native_pieces(caller, message, pieces);
    uint64_t sum = 0;
    for (size_t i = 0; error == 0 && i < message->piece_count; i++) {
        uint64_t left = INT32_MAX - sum; /* where the kernel stops counting, too */
        if (pieces[i].len > left)
            pieces[i].len = left;
        sum += pieces[i].len;
    }
    *total = sum;
    return error;
}

/* Those that hold the first len octets. Returns how many they are. */
static size_t cut_pieces(const struct piece *pieces, size_t len,
                         struct iovec cut[static MESSAGE_PIECES_MAX])
{
    size_t count = 0;
    for (; len > 0; pieces++) {
        size_t part = pieces->len < len ? pieces->len : len;
        cut[count++] = (struct iovec){(void *)(uintptr_t)pieces->at, part};
        len -= part;
    }
    return count;
}

int message_gather(const struct caller *caller, const struct piece *pieces, void *into, size_t len)
{
    struct iovec cut[MESSAGE_PIECES_MAX];
    return caller_gather(caller, cut, cut_pieces(pieces, len, cut), into, len);
}

int message_scatter(const struct caller *caller, const struct piece *pieces, const void *from,
                    size_t len)
{
    struct iovec cut[MESSAGE_PIECES_MAX];
    return caller_scatter(caller, cut, cut_pieces(pieces, len, cut), from, len);
}

/* --- Control messages --- */

static size_t compat_align(size_t len)
{
    return (len + sizeof(uint32_t) - 1) & ~(sizeof(uint32_t) - 1);
}

/* From the layout of 32-bit programs to ours; the octets in use, or 0 for what is malformed or
 * finds no room. */
static size_t widen(const uint8_t *from, size_t len, uint8_t *into, size_t room)
{
    size_t used = 0;
    size_t at = 0;
    while (len - at >= sizeof(struct compat_cmsghdr)) {
        struct compat_cmsghdr theirs;
        memcpy(&theirs, from + at, sizeof(theirs));
        if (theirs.len < sizeof(theirs) || theirs.len > len - at)
            return 0;
        size_t data_len = theirs.len - sizeof(theirs);
        if (CMSG_SPACE(data_len) > room - used)
            return 0;
        struct cmsghdr ours = {
            .cmsg_len = CMSG_LEN(data_len), .cmsg_level = theirs.level, .cmsg_type = theirs.type};
        memset(into + used, 0, CMSG_SPACE(data_len));
        memcpy(into + used, &ours, sizeof(ours));
        memcpy(into + used + CMSG_LEN(0), from + at + sizeof(theirs), data_len);
        used += CMSG_SPACE(data_len);
        size_t step = compat_align(theirs.len);
        at = step < len - at ? at + step : len;
    }
    return used;
}

int message_read_control(const struct caller *caller, bool is_compat, const struct message *message,
                         void *into, size_t *len)
{
    uint8_t theirs[MESSAGE_CONTROL_MAX];
    size_t room = *len;
    *len = 0;
    if (message->control_len == 0)
        return 0;
    if (message->control_len > (is_compat ? sizeof(theirs) : room))
        return ENOBUFS;
    if (!is_compat) {
        *len = message->control_len;
        return caller_read(caller, message->control, into, *len);
    }
    int error = caller_read(caller, message->control, theirs, message->control_len);
    if (error != 0)
        return error;
    *len = widen(theirs, message->control_len, into, room);
    return *len > 0 || message->control_len < sizeof(struct compat_cmsghdr) ? 0 : EINVAL;
}

/* Time stamps of the old kind consist of long words, which 32-bit programs have shorter. */
static bool is_of_longs(const struct cmsghdr *part)
{
    return sizeof(long) != sizeof(int32_t) && part->cmsg_level == SOL_SOCKET &&
           (part->cmsg_type == SO_TIMESTAMP || part->cmsg_type == SO_TIMESTAMPNS ||
            part->cmsg_type == SO_TIMESTAMPING);
}

/* Add one part in the layout of 32-bit programs; false when it had to be cut. */
static bool narrow(const struct cmsghdr *part, uint8_t *into, size_t room, size_t *used)
{
    const uint8_t *data = CMSG_DATA(part);
    size_t data_len = part->cmsg_len - CMSG_LEN(0);
    int32_t words[8];
    if (is_of_longs(part) && data_len <= 2 * sizeof(words)) {
        for (size_t i = 0; i < data_len / sizeof(int64_t); i++) {
            int64_t word;
            memcpy(&word, data + i * sizeof(word), sizeof(word));
            words[i] = (int32_t)word;
        }
        data = (const uint8_t *)words;
        data_len /= 2;
    }
    size_t left = room - *used;
    size_t whole = sizeof(struct compat_cmsghdr) + data_len;
    size_t len = whole < left ? whole : left;
    struct compat_cmsghdr head = {(uint32_t)len, part->cmsg_level, part->cmsg_type};
    if (len < sizeof(head))
        return false;
    memcpy(into + *used, &head, sizeof(head));
    memcpy(into + *used + sizeof(head), data, len - sizeof(head));
    *used += compat_align(whole) < left ? compat_align(whole) : left;
    return len == whole;
}

static int write_compat_control(const struct caller *caller, struct message *message,
                                const void *from, size_t len)
{
    uint8_t theirs[MESSAGE_CONTROL_MAX] = {0};
    struct msghdr ours = {.msg_control = (void *)(uintptr_t)from, .msg_controllen = len};
    size_t room = message->control_len < sizeof(theirs) ? message->control_len : sizeof(theirs);
    size_t used = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&ours); part; part = CMSG_NXTHDR(&ours, part))
        if (!narrow(part, theirs, room, &used))
            message->flags |= MSG_CTRUNC;
    message->control_len = used;
    return caller_write(caller, message->control, theirs, used);
}

int message_write_control(const struct caller *caller, bool is_compat, struct message *message,
                          const void *from, size_t len)
{
    if (message->control == 0)
        message->control_len = 0;
    if (is_compat)
        return write_compat_control(caller, message, from, len);
    if (len > message->control_len) {
        message->flags |= MSG_CTRUNC;
        len = message->control_len;
    }
    message->control_len = len;
    return caller_write(caller, message->control, from, len);
}
