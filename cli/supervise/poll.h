/* SPDX-License-Identifier: MIT
 * poll(2), select(2) and their kin on sockets whose connect is under way: such a socket shows
 * nothing of itself until the tunnel has ended. */
#ifndef SOCKSIFY_CLI_SUPERVISE_POLL_H
#define SOCKSIFY_CLI_SUPERVISE_POLL_H

#include <stdint.h>

/* No tunnel is under way any more on the socket of that cookie: look again for those who wait for
 * it. */
void polls_wake(uint64_t cookie);

#endif
