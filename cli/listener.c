/* SPDX-License-Identifier: MIT
 * The listening socket. */
#include "cli/listener.h"

#include "core/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
    char host[TARGET_NAME_MAX + 1];
    char port[sizeof("65535")];
};

static bool parse_port(struct place *place, const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len || atoi(text) > 65535)
        return false;
    memcpy(place->port, text, len + 1);
    return true;
}

static bool set_host(struct place *place, const char *host, size_t len)
{
    if (len == 0 || len >= sizeof(place->host))
        return false;
    memcpy(place->host, host, len);
    place->host[len] = '\0';
    return true;
}

static bool parse_place(struct place *place, const char *text)
{
    *place = (struct place){.host = "127.0.0.1"};
    snprintf(place->port, sizeof(place->port), "%d", LISTENER_PORT);
    if (!text || parse_port(place, text))
        return true;
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        return end && set_host(place, text + 1, (size_t)(end - text - 1)) &&
               (end[1] == '\0' || (end[1] == ':' && parse_port(place, end + 2)));
    }
    const char *colon = strchr(text, ':');
    if (!colon || strchr(colon + 1, ':')) /* an IPv6 address by itself has more than one */
        return set_host(place, text, strlen(text));
    return set_host(place, text, (size_t)(colon - text)) && parse_port(place, colon + 1);
}

/* What accepted sockets inherit is set here once. */
static void set_options(int fd, int family)
{
    const int on = 1;
    const int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
}

static int listen_at(const struct addrinfo *place)
{
    int fd = socket(place->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_options(fd, place->ai_family);
    if (bind(fd, place->ai_addr, place->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static const char *advice_on_listening(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "; --serve ADDR:PORT takes another port";
    case EADDRNOTAVAIL:
        return "; it must be an address of this machine";
    case EACCES:
        return "; ports below 1024 may take root";
    default:
        return "";
    }
}

static int listen_at_first(const struct place *place)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(place->host, place->port, &hints, &found);
    if (code != 0) {
        log_error("serve: %s: %s", place->host, gai_strerror(code));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = listen_at(a);
    if (fd < 0)
        log_error("serve: cannot listen on %s port %s: %s%s", place->host, place->port,
                  strerror(errno), advice_on_listening(errno));
    freeaddrinfo(found);
    return fd;
}

enum listener_result listener_open(const char *text, int *fd, struct address *bound)
{
    struct place place;
    if (!parse_place(&place, text)) {
        log_error("serve: %s: expected ADDR:PORT, [ADDR]:PORT or PORT", text);
        return LISTENER_BAD_TEXT;
    }
    int listener = listen_at_first(&place);
    if (listener < 0)
        return LISTENER_FAILED;
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    if (getsockname(listener, (struct sockaddr *)&name, &len) < 0 ||
        !address_from_sockaddr(bound, (struct sockaddr *)&name, len)) {
        close(listener);
        return LISTENER_FAILED;
    }
    *fd = listener;
    return LISTENER_OPEN;
}
