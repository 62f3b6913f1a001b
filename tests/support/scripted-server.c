/* SPDX-License-Identifier: MIT
 * A TCP server that does to every client what its command line says, step by step, and prints what
 * the client sent: proxies that stall, lie, split, close early, and the targets behind them.
 *
 * scripted-server ADDRESS:PORT STEP...
 *
 *   read N          read exactly N octets
 *   frame KIND      read one frame of a SOCKS client, exactly: greeting, auth, request, request4
 *   head            read up to an empty line (a request of HTTP)
 *   any             read what one recv(2) gives
 *   drain           read until the client closes
 *   send HEX        send octets: "05 00", "78*63" repeats one 63 times
 *   text TEXT       send text; \r, \n and \\ are understood
 *   drip MS HEX     send octets one by one, MS milliseconds between them
 *   delay MS        wait
 *   echo            send back whatever comes, until the client closes
 *   relay ADDR:PORT carry octets to and from another server, until both sides have closed
 *   hold            neither read nor write until the client is gone
 *   shutdown        end our direction
 *   reset           end with a reset in place of the orderly close that comes after the last step
 *
 * The first line on stdout is "listening on ADDRESS:PORT" (port 0 asks for a free one); then each
 * connection prints "NUMBER: HEX" for what each step read, and "NUMBER: end". */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
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
    BUFFER_MAX = 1 << 20,
    CONNECTION_SECONDS = 120, /* longer than any test: a forgotten client ends by itself */
};

static uint8_t buffer[BUFFER_MAX];
static unsigned connection; /* number of this one, from 1 */

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
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

static void send_octets(int fd, const uint8_t *octets, size_t len)
{
    while (len) {
        ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);
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

/* Octets of "05 00 78*3" into buffer; their number. */
static size_t from_hex(const char *text)
{
    size_t len = 0;
    while (*text) {
        if (isspace((unsigned char)*text)) {
            text++;
            continue;
        }
        unsigned octet;
        int used;
        if (sscanf(text, "%2x%n", &octet, &used) != 1 || used != 2)
            errx(2, "%s: expected hexadecimal octets", text);
        text += 2;
        unsigned long times = 1;
        if (*text == '*')
            times = strtoul(text + 1, (char **)&text, 10);
        if (times > BUFFER_MAX - len)
            errx(2, "too many octets");
        memset(buffer + len, (int)octet, times);
        len += times;
    }
    return len;
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

static void echo(int fd)
{
    ssize_t got;
    while ((got = recv(fd, buffer, BUFFER_MAX, 0)) > 0)
        send_octets(fd, buffer, (size_t)got);
}

static void relay(int client, const char *address)
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
                send_octets(to, buffer, (size_t)got);
            } else {
                shutdown(to, SHUT_WR);
                ends[i].fd = -1;
            }
        }
    }
    close(server);
}

static void drip(int fd, const char *argument)
{
    char *hex;
    unsigned long wait_ms = strtoul(argument, &hex, 10);
    size_t len = from_hex(hex);
    for (size_t i = 0; i < len; i++) {
        if (i)
            usleep((useconds_t)wait_ms * 1000);
        send_octets(fd, buffer + i, 1);
    }
}

static void run_step(int fd, const char *step)
{
    size_t word = strcspn(step, " ");
    const char *argument = step[word] ? step + word + 1 : "";
    char name[16] = "";
    if (word < sizeof(name))
        memcpy(name, step, word);

    if (!strcmp(name, "read")) {
        print_octets(buffer, fill(fd, 0, strtoul(argument, NULL, 10)));
    } else if (!strcmp(name, "frame")) {
        print_octets(buffer, read_frame(fd, argument));
    } else if (!strcmp(name, "head")) {
        print_octets(buffer, fill_until(fd, 0, "\r\n\r\n", 4));
    } else if (!strcmp(name, "any")) {
        ssize_t got = recv(fd, buffer, BUFFER_MAX, 0);
        if (got <= 0)
            client_gone(0);
        print_octets(buffer, (size_t)got);
    } else if (!strcmp(name, "drain")) {
        while (recv(fd, buffer, BUFFER_MAX, 0) > 0)
            ;
    } else if (!strcmp(name, "send")) {
        send_octets(fd, buffer, from_hex(argument));
    } else if (!strcmp(name, "text")) {
        send_octets(fd, buffer, from_text(argument));
    } else if (!strcmp(name, "drip")) {
        drip(fd, argument);
    } else if (!strcmp(name, "delay")) {
        usleep((useconds_t)strtoul(argument, NULL, 10) * 1000);
    } else if (!strcmp(name, "echo")) {
        echo(fd);
    } else if (!strcmp(name, "relay")) {
        relay(fd, argument);
    } else if (!strcmp(name, "hold")) {
        /* events 0 leaves POLLHUP and POLLERR; POLLRDHUP tells of a client that closed */
        poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, -1);
    } else if (!strcmp(name, "shutdown")) {
        shutdown(fd, SHUT_WR);
    } else if (!strcmp(name, "reset")) {
        struct linger none = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    } else {
        errx(2, "no such step: %s", step);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        errx(2, "usage: scripted-server ADDRESS:PORT STEP...");
    int listener = open_socket(argv[1], true);
    signal(SIGCHLD, SIG_IGN);
    print_listening(listener);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            err(2, "accept");
        connection++;
        pid_t child = fork();
        if (child < 0)
            err(2, "fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            alarm(CONNECTION_SECONDS);
            close(listener);
            for (int i = 2; i < argc; i++)
                run_step(fd, argv[i]);
            close(fd);
            printf("%u: end\n", connection);
            exit(0);
        }
        close(fd);
    }
}
