/* SPDX-License-Identifier: MIT
 * probe-bare PROGRAM [ARG...]: become that program by a bare system call, with no environment at
 * all: nobody puts anything back. PROGRAM is a path. */
#include "raw.h"

#include <stddef.h>

int main(int argc, char **argv)
{
    char *nothing[] = {NULL};
    if (argc < 2)
        errx(2, "usage: probe-bare PROGRAM [ARG...]");
    errno = (int)-raw_native(SYS_execve, (long)argv[1], (long)(argv + 1), (long)nothing, 0, 0, 0);
    err(2, "%s", argv[1]);
}
