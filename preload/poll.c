/* SPDX-License-Identifier: MIT
 * poll(2) and ppoll(2). */
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/wait.h"

#include <poll.h>
#include <stdint.h>

/* glibc declares the array write-only, which it is not: as a number, and behind an instruction that
 * gcc does not look into, it is not mistaken for one that has nothing to be read yet. */
static bool concerns(uintptr_t array, nfds_t count)
{
    const struct pollfd *fds;
    __asm__("" : "=r"(fds) : "0"(array));
    return pending_any() && fds && wait_concerns(fds, count);
}

static int poll_pending(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                                     .tv_nsec = timeout_ms % 1000 * 1000000L};
    return wait_poll(fds, count, timeout_ms >= 0 ? &timeout : NULL, NULL);
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (concerns((uintptr_t)fds, count))
        return poll_pending(fds, count, timeout_ms);
    return real(poll)(fds, count, timeout_ms);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    if (concerns((uintptr_t)fds, count))
        return wait_poll(fds, count, timeout, mask);
    return real(ppoll)(fds, count, timeout, mask);
}

#ifdef __GLIBC__
/* What -D_FORTIFY_SOURCE makes of them; the check is libc's. */

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t size);

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size)
{
    if (size / sizeof(*fds) >= count && concerns((uintptr_t)fds, count))
        return poll_pending(fds, count, timeout_ms);
    return real(__poll_chk)(fds, count, timeout_ms, size);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t size)
{
    if (size / sizeof(*fds) >= count && concerns((uintptr_t)fds, count))
        return wait_poll(fds, count, timeout, mask);
    return real(__ppoll_chk)(fds, count, timeout, mask, size);
}
#endif
