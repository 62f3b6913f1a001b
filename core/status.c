/* SPDX-License-Identifier: MIT
 * Codes to errno and words: see the list in status.h. */
#include "core/status.h"

#include <errno.h>
#include <string.h>

int status_errno(enum status status)
{
    static const int numbers[] = {
#define X(code, number, text) [STATUS_##code] = (number),
        STATUS_LIST(X)
#undef X
    };
    return numbers[status];
}

const char *status_errno_name(enum status status)
{
    static const char *const names[] = {
#define X(code, number, text) [STATUS_##code] = #number,
        STATUS_LIST(X)
#undef X
    };
    return names[status];
}

const char *status_text(enum status status)
{
    static const char *const texts[] = {
#define X(code, number, text) [STATUS_##code] = (text),
        STATUS_LIST(X)
#undef X
    };
    return texts[status];
}

const char *status_errno_text(int number)
{
#ifdef __GLIBC__
    const char *words = strerrordesc_np(number);
#else
    const char *words = strerror(number);
#endif
    return words ? words : "unknown error";
}
