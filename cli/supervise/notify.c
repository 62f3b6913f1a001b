/* SPDX-License-Identifier: MIT
 * The listener's ioctls. */
#include "cli/supervise/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

bool notify_receive(int listener, struct seccomp_notif *notification)
{
    /* A later kernel's notification may be longer than ours, and has to find zeros. */
    union {
        struct seccomp_notif notification;
        char room[512];
    } buffer;
    memset(&buffer, 0, sizeof(buffer));
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer) != 0)
        return false;
    *notification = buffer.notification;
    return true;
}

bool notify_is_waiting(int listener, uint64_t id)
{
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static bool respond(int listener, const struct seccomp_notif_resp *response)
{
    union {
        struct seccomp_notif_resp response;
        char room[512];
    } buffer;
    memset(&buffer, 0, sizeof(buffer));
    buffer.response = *response;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer) == 0;
}

bool notify_answer(int listener, uint64_t id, int64_t value)
{
    const struct seccomp_notif_resp response = {
        .id = id, .val = value < 0 ? 0 : value, .error = value < 0 ? (int32_t)value : 0};
    return respond(listener, &response);
}

void notify_pass(int listener, uint64_t id)
{
    const struct seccomp_notif_resp response = {.id = id,
                                                .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    respond(listener, &response);
}

bool notify_put(int listener, uint64_t id, int fd, int number, bool close_on_exec)
{
    struct seccomp_notif_addfd addition = {
        .id = id,
        .flags = SECCOMP_ADDFD_FLAG_SETFD,
        .srcfd = (uint32_t)fd,
        .newfd = (uint32_t)number,
        .newfd_flags = close_on_exec ? O_CLOEXEC : 0,
    };
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addition) >= 0;
}

void notify_setup(int listener)
{
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}
