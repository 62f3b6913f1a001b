/* SPDX-License-Identifier: MIT
 * One capability, and one digit in /proc. */
#include "core/tracing.h"

#include "core/capability.h"
#include "core/sys.h"

#include <fcntl.h>
#include <unistd.h>

bool tracing_is_privileged(void)
{
    struct capability_header header = {.version = CAPABILITY_VERSION};
    struct capability_word words[CAPABILITY_WORDS];
    return capget(&header, words) == 0 && words[0].effective >> CAPABILITY_SYS_PTRACE & 1;
}

/* A kernel without the file is as one where it says 0. */
static char read_scope(void)
{
    char digit = '0';
    int fd = open(TRACING_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return digit;
    if (sys_read(fd, &digit, 1) != 1)
        digit = '0';
    sys_close(fd);
    return digit;
}

enum tracing tracing_reach(void)
{
    char scope = read_scope();
    if (scope == '0' || (scope != '3' && tracing_is_privileged()))
        return TRACING_OF_USER;
    return scope == '1' ? TRACING_OF_DESCENDANTS : TRACING_OF_NONE;
}
