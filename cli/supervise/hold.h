/* SPDX-License-Identifier: MIT
 * Calls that are answered later, when a socket of theirs is ready: the caller waits, nobody else
 * does. */
#ifndef SOCKSIFY_CLI_SUPERVISE_HOLD_H
#define SOCKSIFY_CLI_SUPERVISE_HOLD_H

#include "cli/supervise/supervisor.h"

/*
 * Wait until fd (ours, taken from the caller; owned from here on) has one of events (EPOLLIN,
 * EPOLLOUT), then call again(request) anew with the same call and a caller opened anew: it takes
 * the socket again, and may hold again. After timeout_ms (0: never) the call is answered with
 * -EAGAIN; for a call that is held again the first timeout goes on. A caller that was interrupted
 * or killed meanwhile is forgotten, within a quarter of a second.
 */
void hold_until_ready(struct request *request, int fd, uint32_t events, int64_t timeout_ms,
                      void (*again)(struct request *request));

/*
 * The same for a call that found its socket not ready, with the patience that socket and call have:
 * answered with -EAGAIN at once when the socket does not block or flags have MSG_DONTWAIT.
 */
void hold_as_told(struct request *request, int fd, uint32_t events, int flags,
                  void (*again)(struct request *request));

#endif
