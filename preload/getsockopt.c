/* SPDX-License-Identifier: MIT
 * getsockopt(2): SO_ERROR of a socket whose handshake is pending or has failed. */
#include "preload/lock.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"

#include <string.h>
#include <sys/socket.h>

/* Who asks believes that the connect has ended: wait until it has. Its error, once; 0: none. */
static int fetch_error(int fd)
{
    pending_wait(fd);
    int error = 0;
    struct held held;
    lock_acquire(&held);
    struct pending *entry = pending_find(fd);
    if (entry && entry->state == PENDING_FAILED)
        error = pending_fetch_error(entry);
    lock_release(&held);
    return error;
}

EXPORT int getsockopt(int fd, int level, int name, void *__restrict value,
                      socklen_t *__restrict len)
{
    int error = 0;
    if (pending_any() && level == SOL_SOCKET && name == SO_ERROR)
        error = fetch_error(fd);
    int result = real(getsockopt)(fd, level, name, value, len);
    /* The kernel's error is the one it was given so as to be reported at all (connector.c). */
    if (error != 0 && result == 0 && *len >= sizeof(int))
        memcpy(value, &error, sizeof(error));
    return result;
}
