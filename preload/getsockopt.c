/* SPDX-License-Identifier: MIT
 * getsockopt(2): SO_ERROR of a socket whose handshake is pending or has failed. */
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"

#include <string.h>
#include <sys/socket.h>

EXPORT int getsockopt(int fd, int level, int name, void *__restrict value,
                      socklen_t *__restrict len)
{
    int error = 0;
    if (pending_any() && level == SOL_SOCKET && name == SO_ERROR) {
        pending_wait(fd); /* who asks believes that the connect has ended */
        error = pending_take_error(fd);
    }
    int result = real(getsockopt)(fd, level, name, value, len);
    if (error != 0 && result == 0 && *len >= sizeof(int))
        memcpy(value, &error, sizeof(error));
    return result;
}
