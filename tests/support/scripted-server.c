/* SPDX-License-Identifier: MIT
 * A TCP server that does to every client what its command line says, step by step, and prints what
 * the client sent: proxies that stall, lie, split, close early, and the targets behind them.
 *
 * scripted-server ADDRESS:PORT STEP... [-- STEP...]...
 *
 * Each "--" begins another script, for the clients of the next port.
 *
 *   read N          read exactly N octets
 *   expect HEX      read exactly these octets; others end the connection, and are told on stderr
 *   frame KIND      read one frame of a SOCKS client, exactly: greeting, auth, request, request4
 *   head            read up to an empty line (a request of HTTP)
 *   any             read what one recv(2) gives
 *   drain           read until the client closes
 *   send HEX        send octets: "05 00", "78*63" repeats one 63 times
 *   text TEXT       send text; \r, \n and \\ are understood
 *   drip MS HEX     send octets one by one, MS milliseconds between them
 *   urgent HEX      send octets, the last of them out of band
 *   delay MS        wait
 *   echo            send back whatever comes, until the client closes
 *   relay ADDR:PORT carry octets to and from another server, until both sides have closed
 *   hold            neither read nor write until the client is gone
 *   shutdown        end our direction
 *   reset           end with a reset in place of the orderly close that comes after the last step
 *
 * The first lines on stdout are "listening on ADDRESS:PORT" (port 0 asks for a free one), one for
 * each script; then each connection prints "NUMBER: HEX" for what each step read, and "NUMBER:
 * end". */
#include "octets.h"

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_MAX = 1 << 23,
    SCRIPTS_MAX = 2000,
    CONNECTION_SECONDS = 120, /* longer than any test: a forgotten client ends by itself */
};

static uint8_t buffer[BUFFER_MAX];
static unsigned connection; /* number of this one, from 1 */

static struct pollfd listeners[SCRIPTS_MAX];
static char **scripts[SCRIPTS_MAX]; /* the first step of each; the last is before "--" or NULL */
static size_t script_count;

/* Open a socket for "ADDRESS:PORT" or "[ADDRESS]:PORT" and bind or connect it. */
static int open_socket(const char *text, bool listening)
{
    char host[256];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof(host))
        errx(2, "%s: expected ADDRESS:PORT", text);
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    memcpy(host, text, len);
    host[len] = '\0';

    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
    int error = getaddrinfo(host, colon + 1, &hints, &found);
    if (error)
        errx(2, "%s: %s", host, gai_strerror(error));
    int fd = socket(found->ai_family, SOCK_STREAM | (listening ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0)
        err(2, "socket");
    int one = 1;
    if (!listening) {
        if (connect(fd, found->ai_addr, found->ai_addrlen))
            err(1, "connect to %s", host);
    } else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
               bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 1024)) {
        err(2, "listen on %s", host);
    }
    freeaddrinfo(found);
    return fd;
}

static void print_listening(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    char host[128], port[16];
    if (getsockname(fd, (struct sockaddr *)&addr, &len) ||
        getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        err(2, "getsockname");
    printf(strchr(host, ':') ? "listening on [%s]:%s\n" : "listening on %s:%s\n", host, port);
    fflush(stdout);
}

/* One line, one write: lines of several connections do not mix. */
static void print_octets(const uint8_t *octets, size_t len)
{
    char *line = malloc(len * 2 + 32);
    if (!line)
        err(1, "malloc");
    int at = sprintf(line, "%u: ", connection);
    for (size_t i = 0; i < len; i++)
        at += sprintf(line + at, "%02x", octets[i]);
    line[at++] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)at) != at)
        err(1, "write");
    free(line);
}

/* The client went away before the script was through: no fault of the script's. */
static _Noreturn void client_gone(size_t read_so_far)
{
    if (read_so_far)
        print_octets(buffer, read_so_far);
    exit(0);
}

static void send_octets(int fd, const uint8_t *octets, size_t len, int flags)
{
    while (len) {
        ssize_t sent = send(fd, octets, len, flags | MSG_NOSIGNAL);
        if (sent < 0)
            client_gone(0);
        octets += sent;
        len -= (size_t)sent;
    }
}

/* Read until buffer holds len octets; have of them are there. Returns len. */
static size_t fill(int fd, size_t have, size_t len)
{
    if (len > BUFFER_MAX)
        errx(2, "cannot read %zu octets", len);
    while (have < len) {
        ssize_t got = recv(fd, buffer + have, len - have, 0);
        if (got <= 0)
            client_gone(have);
        have += (size_t)got;
    }
    return len;
}

/* Read up to and including the octets of end. */
static size_t fill_until(int fd, size_t have, const char *end, size_t end_len)
{
    do
        have = fill(fd, have, have + 1);
    while (have < end_len || memcmp(buffer + have - end_len, end, end_len) != 0);
    return have;
}

static size_t read_frame(int fd, const char *kind)
{
    if (!strcmp(kind, "greeting")) {
        fill(fd, 0, 2);
        return fill(fd, 2, 2u + buffer[1]);
    }
    if (!strcmp(kind, "auth")) {
        fill(fd, 0, 2);
        size_t user = fill(fd, 2, 3u + buffer[1]);
        return fill(fd, user, user + buffer[user - 1]);
    }
    if (!strcmp(kind, "request")) {
        fill(fd, 0, 5);
        size_t address = buffer[3] == 1 ? 4 : buffer[3] == 4 ? 16 : 1u + buffer[4];
        return fill(fd, 5, 4 + address + 2);
    }
    if (!strcmp(kind, "request4")) {
        size_t len = fill_until(fd, fill(fd, 0, 8), "", 1);
        bool by_name = !buffer[4] && !buffer[5] && !buffer[6] && buffer[7];
        return by_name ? fill_until(fd, len, "", 1) : len;
    }
    errx(2, "no such frame: %s", kind);
}

/* Into buffer; their number. */
static size_t from_hex(const char *text)
{
    return octets_from_hex(text, buffer, BUFFER_MAX);
}

static size_t from_text(const char *text)
{
    size_t len = 0;
    for (; *text && len < BUFFER_MAX; text++) {
        if (*text == '\\' && text[1]) {
            text++;
            buffer[len++] = *text == 'r' ? '\r' : *text == 'n' ? '\n' : (uint8_t)*text;
        } else {
            buffer[len++] = (uint8_t)*text;
        }
    }
    return len;
}

/* --- Steps: each has its argument as a text, and an empty one where there is none --- */

static void step_read(int fd, const char *count)
{
    print_octets(buffer, fill(fd, 0, strtoul(count, NULL, 10)));
}

static void step_expect(int fd, const char *hex)
{
    static uint8_t wanted[4096];
    size_t len = octets_from_hex(hex, wanted, sizeof(wanted));
    print_octets(buffer, fill(fd, 0, len));
    if (memcmp(buffer, wanted, len) != 0)
        errx(1, "connection %u: expected %s", connection, hex);
}

static void step_frame(int fd, const char *kind)
{
    print_octets(buffer, read_frame(fd, kind));
}

static void step_head(int fd, const char *unused)
{
    (void)unused;
    print_octets(buffer, fill_until(fd, 0, "\r\n\r\n", 4));
}

static void step_any(int fd, const char *unused)
{
    (void)unused;
    ssize_t got = recv(fd, buffer, BUFFER_MAX, 0);
    if (got <= 0)
        client_gone(0);
    print_octets(buffer, (size_t)got);
}

static void step_drain(int fd, const char *unused)
{
    (void)unused;
    while (recv(fd, buffer, BUFFER_MAX, 0) > 0)
        ;
}

static void step_send(int fd, const char *hex)
{
    send_octets(fd, buffer, from_hex(hex), 0);
}

static void step_text(int fd, const char *text)
{
    send_octets(fd, buffer, from_text(text), 0);
}

static void step_urgent(int fd, const char *hex)
{
    send_octets(fd, buffer, from_hex(hex), MSG_OOB);
}

static void step_drip(int fd, const char *argument)
{
    char *hex;
    unsigned long wait_ms = strtoul(argument, &hex, 10);
    size_t len = from_hex(hex);
    for (size_t i = 0; i < len; i++) {
        if (i)
            usleep((useconds_t)wait_ms * 1000);
        send_octets(fd, buffer + i, 1, 0);
    }
}

static void step_delay(int fd, const char *ms)
{
    (void)fd;
    usleep((useconds_t)strtoul(ms, NULL, 10) * 1000);
}

static void step_echo(int fd, const char *unused)
{
    (void)unused;
    ssize_t got;
    while ((got = recv(fd, buffer, BUFFER_MAX, 0)) > 0)
        send_octets(fd, buffer, (size_t)got, 0);
}

static void step_relay(int client, const char *address)
{
    int server = open_socket(address, false);
    struct pollfd ends[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        if (poll(ends, 2, -1) < 0)
            err(1, "poll");
        for (int i = 0; i < 2; i++) {
            if (!ends[i].revents)
                continue;
            int to = i == 0 ? server : client;
            ssize_t got = recv(ends[i].fd, buffer, BUFFER_MAX, 0);
            if (got > 0) {
                send_octets(to, buffer, (size_t)got, 0);
            } else {
                shutdown(to, SHUT_WR);
                ends[i].fd = -1;
            }
        }
    }
    close(server);
}

static void step_hold(int fd, const char *unused)
{
    (void)unused;
    /* events 0 leaves POLLHUP and POLLERR; POLLRDHUP tells of a client that closed */
    poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, -1);
}

static void step_shutdown(int fd, const char *unused)
{
    (void)unused;
    shutdown(fd, SHUT_WR);
}

static void step_reset(int fd, const char *unused)
{
    (void)unused;
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static void run_step(int fd, const char *step)
{
    static const struct {
        const char *name;
        void (*run)(int fd, const char *argument);
    } steps[] = {
        {"read", step_read},   {"expect", step_expect}, {"frame", step_frame},
        {"head", step_head},   {"any", step_any},       {"drain", step_drain},
        {"send", step_send},   {"text", step_text},     {"drip", step_drip},
        {"delay", step_delay}, {"urgent", step_urgent}, {"echo", step_echo},
        {"relay", step_relay}, {"hold", step_hold},     {"shutdown", step_shutdown},
        {"reset", step_reset},
    };
    size_t word = strcspn(step, " ");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strlen(steps[i].name) == word && !memcmp(steps[i].name, step, word)) {
            steps[i].run(fd, step[word] ? step + word + 1 : "");
            return;
        }
    }
    errx(2, "no such step: %s", step);
}

/* --- Scripts --- */

/* Serve one client in a process of its own. */
static void serve(int fd, char *const *script)
{
    connection++;
    pid_t child = fork();
    if (child < 0)
        err(2, "fork");
    if (child > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    alarm(CONNECTION_SECONDS);
    close_range((unsigned)listeners[0].fd, (unsigned)listeners[script_count - 1].fd, 0);
    /* What is sent in two steps is two segments. */
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (; *script && strcmp(*script, "--") != 0; script++)
        run_step(fd, *script);
    close(fd);
    printf("%u: end\n", connection);
    exit(0);
}

/* A listener for each script of the command line, on ports that follow one another. */
static void listen_for_scripts(const char *address, char **script)
{
    const char *colon = strrchr(address, ':');
    int port = colon ? atoi(colon + 1) : 0;
    for (;; script++) {
        if (script_count == SCRIPTS_MAX)
            errx(2, "more than %d scripts", SCRIPTS_MAX);
        char text[512];
        snprintf(text, sizeof(text), "%.*s:%d", colon ? (int)(colon - address) : 0, address,
                 port ? port + (int)script_count : 0);
        listeners[script_count] = (struct pollfd){.fd = open_socket(text, true), .events = POLLIN};
        scripts[script_count] = script;
        print_listening(listeners[script_count++].fd);
        while (*script && strcmp(*script, "--") != 0)
            script++;
        if (!*script)
            return;
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        errx(2, "usage: scripted-server ADDRESS:PORT STEP... [-- STEP...]...");
    signal(SIGCHLD, SIG_IGN);
    listen_for_scripts(argv[1], argv + 2);
    for (;;) {
        if (poll(listeners, script_count, -1) < 0)
            err(2, "poll");
        for (size_t i = 0; i < script_count; i++) {
            if (!listeners[i].revents)
                continue;
            int fd = accept(listeners[i].fd, NULL, NULL);
            if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED)
                err(2, "accept");
            if (fd < 0)
                continue; /* that client has left already */
            serve(fd, scripts[i]);
            close(fd);
        }
    }
}
