/* SPDX-License-Identifier: MIT
 * The embedded SOCKS server: SOCKS4, SOCKS4a and SOCKS5, CONNECT only, one process, one loop. */
#ifndef SOCKSIFY_CLI_SERVE_H
#define SOCKSIFY_CLI_SERVE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SERVE_HANDSHAKE_MS = 30000, /* from accept to a whole request */
    SERVE_CONNECT_MS = 20000,   /* from the request to the reply: look-up and connects together */
};

struct serve_options {
    const char *listen;   /* "ADDR:PORT", "[ADDR]:PORT" or "PORT"; port 0 lets the kernel choose;
                             NULL: 127.0.0.1:1080 */
    const char *user;     /* NULL: nobody is asked for a password */
    const char *password; /* needed with user, 0 to 255 octets */
    const char *hosts; /* path of a file like /etc/hosts, asked before the resolver; NULL: none */
    uint32_t handshake_ms; /* 0: SERVE_HANDSHAKE_MS */
    uint32_t connect_ms;   /* 0: SERVE_CONNECT_MS */
    bool verbose;          /* one line a request, with log_info: log_setup is the caller's */
    int ready_fd; /* >= 0: gets "ADDR:PORT\n" once connections are accepted, is then closed */
    int stop_fd;  /* >= 0: when it turns readable or at its end (a pipe whose writers are
                     gone, a pidfd whose process has ended) the server ends as soon as no
                     connection is left. SIGINT, SIGQUIT and SIGHUP, which a terminal sends
                     to the program served as well, are then ignored. */
};

/*
 * Serve until SIGTERM or SIGINT, or until stop_fd says so. Takes the process over: raises its soft
 * limit of descriptors, ignores SIGPIPE, blocks the signals it waits for, starts threads for name
 * look-ups. Descriptors 0 to 2 stay as they are.
 * Returns the exit status: 0 after a clean end, 78 for options that cannot be used, 1 when a
 * listening socket or the loop cannot be had; the reason has been logged.
 */
int serve(const struct serve_options *options);

#endif
