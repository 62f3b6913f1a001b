/* SPDX-License-Identifier: MIT
 * close(2), close_range(2) and closefrom(3): they cancel what was pending, and leave our own
 * descriptors alone. */
#include "preload/descriptors.h"
#include "preload/fdtable.h"
#include "preload/own.h"
#include "preload/pending.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

EXPORT int close(int fd)
{
    if (own_is(fd)) {
        errno = EBADF; /* the program has none of that number */
        return -1;
    }
    descriptors_closing(fd);
    return real(close)(fd);
}

/* Those of a range that are pending; numbers without a slot are passed over quickly. */
static void range_closing(unsigned first, unsigned last)
{
    if (!pending_any())
        return;
    for (unsigned fd = first; fd <= last && fd < FDTABLE_MAX; fd++) {
        if (fdtable_slot((int)fd, false))
            descriptors_closing((int)fd);
        else
            fd |= FDTABLE_PIECE - 1;
    }
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if (!own_any() || flags & CLOSE_RANGE_CLOEXEC || first > last)
        return real(close_range)(first, last, flags);
    range_closing(first, last);
    int result = 0;
    while (result == 0 && first <= last) {
        int own = first < FDTABLE_MAX ? own_next((int)first) : -1;
        if (own < 0 || (unsigned)own > last)
            return real(close_range)(first, last, flags);
        if ((unsigned)own > first)
            result = real(close_range)(first, (unsigned)own - 1, flags);
        first = (unsigned)own + 1;
    }
    return result;
}

EXPORT void closefrom(int first)
{
    if (!own_any()) {
        real(closefrom)(first);
        return;
    }
    range_closing(first > 0 ? (unsigned)first : 0, UINT_MAX);
    for (int own = own_next(first); own >= 0; own = own_next(first)) {
        if (own > first)
            real(close_range)((unsigned)first, (unsigned)own - 1, 0);
        first = own + 1;
    }
    real(closefrom)(first);
}
