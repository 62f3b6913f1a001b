/* SPDX-License-Identifier: MIT
 * The three tests: each does what a program would do, and judges by what it gets to see. */
#include "cli/check/containment.h"

#include "cli/check/line.h"
#include "core/dns.h"
#include "core/log.h"
#include "core/names_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_PROGRAM "socksify-check"
#define LOOKED_UP_HERE "looked-up-here" /* its argument: what it cannot see */
#define TEST_ADDRESS "192.0.2.1"        /* RFC 5737: nobody's address */
#define TEST_NAMESERVER "192.0.2.53"

enum {
    DISCARD_PORT = 9,
    DNS_PORT = 53,
    QUERY_ID = 4711,
    ADDRESS_RECORD_LEN = 16, /* name (a pointer), type, class, TTL, length, address */
    PATIENCE_MS = 2000,      /* an answer from inside takes far less */
};

static bool is_standin(const void *address)
{
    uint32_t index;
    return names_is_ipv4(address, &index);
}

static struct sockaddr_in to_address(const char *text, uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, text, &addr.sin_addr);
    return addr;
}

static bool test_name(bool is_looked_up_here)
{
    line_begin("host name");
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
    char text[INET_ADDRSTRLEN];
    struct in_addr address = {0};
    int error = getaddrinfo(CONTAINMENT_NAME, NULL, &hints, &list);
    if (!error) {
        address = ((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_addr;
        freeaddrinfo(list);
    }
    inet_ntop(AF_INET, &address, text, sizeof(text));
    if (!error && is_standin(&address) && is_looked_up_here) {
        line_end(VERDICT_LEAVES, LINE_ELAPSED,
                 "%s is %s here, a stand-in; but it is looked up on this machine when a program "
                 "connects (resolve=local)",
                 CONTAINMENT_NAME, text);
        return false;
    }
    if (!error && is_standin(&address)) {
        line_end(VERDICT_INSIDE, LINE_ELAPSED, "%s is %s here, a stand-in; only the proxy is told",
                 CONTAINMENT_NAME, text);
        return true;
    }
    line_end(VERDICT_LEAVES, LINE_ELAPSED,
             "%s is looked up by this machine's own resolver, which says: %s", CONTAINMENT_NAME,
             error ? gai_strerror(error) : text);
    return false;
}

static bool test_datagram(void)
{
    line_begin("datagram");
    const struct sockaddr_in to = to_address(TEST_ADDRESS, DISCARD_PORT);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t sent = sendto(fd, "", 0, 0, (const struct sockaddr *)&to, sizeof(to));
    int error = sent < 0 ? errno : 0;
    close(fd);
    if (error == EACCES) {
        line_end(VERDICT_INSIDE, LINE_ELAPSED, "one to %s is refused: %s", TEST_ADDRESS,
                 strerror(error));
        return true;
    }
    line_end(VERDICT_LEAVES, LINE_ELAPSED, "one to %s is sent beside the proxy%s%s", TEST_ADDRESS,
             error ? ", were it not for: " : "", error ? strerror(error) : "");
    return false;
}

/* The answer's length; negative, with errno: none. */
static ssize_t ask(const uint8_t *query, size_t len, uint8_t *answer, size_t size)
{
    const struct sockaddr_in to = to_address(TEST_NAMESERVER, DNS_PORT);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    ssize_t received = -1;
    if (sendto(fd, query, len, 0, (const struct sockaddr *)&to, sizeof(to)) >= 0) {
        errno = ETIMEDOUT;
        if (poll(&readable, 1, PATIENCE_MS) == 1)
            received = recv(fd, answer, size, 0);
    }
    int error = errno;
    close(fd);
    errno = error;
    return received;
}

static bool test_query(void)
{
    line_begin("DNS query");
    uint8_t query[DNS_QUERY_MAX], answer[DNS_DATAGRAM_MAX];
    char text[INET_ADDRSTRLEN];
    size_t len =
        dns_build_query(query, QUERY_ID, CONTAINMENT_NAME, DNS_CLASS_IN, DNS_TYPE_A, false);
    ssize_t received = ask(query, len, answer, sizeof(answer));
    int error = errno;
    /* The question comes back, and after it the one record, which ends in the address. */
    if (received == (ssize_t)len + ADDRESS_RECORD_LEN &&
        dns_is_reply(answer, (size_t)received, QUERY_ID) && is_standin(answer + received - 4)) {
        inet_ntop(AF_INET, answer + received - 4, text, sizeof(text));
        line_end(VERDICT_INSIDE, LINE_ELAPSED, "one to %s is answered in the program, with %s",
                 TEST_NAMESERVER, text);
        return true;
    }
    if (received < 0 && error == EACCES) {
        line_end(VERDICT_INSIDE, LINE_ELAPSED, "one to %s is refused: %s", TEST_NAMESERVER,
                 strerror(error));
        return true;
    }
    line_end(VERDICT_LEAVES, LINE_ELAPSED, "one to %s goes to the network, which says: %s",
             TEST_NAMESERVER, received < 0 ? strerror(error) : "no such name");
    return false;
}

bool containment_is_test_program(const char *name)
{
    return name && strcmp(name, TEST_PROGRAM) == 0;
}

int containment_run_tests(char **argv)
{
    bool inside = test_name(argv[1] && strcmp(argv[1], LOOKED_UP_HERE) == 0);
    inside &= test_datagram();
    inside &= test_query();
    if (fflush(stdout) != 0) {
        log_error("standard output: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    return inside ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool containment_check(const char *path, bool is_looked_up_here)
{
    static char name[] = TEST_PROGRAM, looked_up[] = LOOKED_UP_HERE;
    char *argv[] = {name, is_looked_up_here ? looked_up : NULL, NULL};
    int status = -1;
    pid_t pid = fork();
    if (pid < 0) {
        log_error("%s: %s", path, strerror(errno));
        return false;
    }
    if (pid == 0) {
        execv(path, argv);
        log_error("%s: %s", path, strerror(errno));
        _exit(EXIT_FAILURE);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}
