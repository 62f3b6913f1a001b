/* SPDX-License-Identifier: MIT
 * The older look-ups, one call a run, and their whole answer as text:
 *   probe-netdb gethostbyname NAME           probe-netdb gethostbyname2 NAME inet|inet6
 *   probe-netdb gethostbyname_r NAME SIZE    probe-netdb gethostbyname2_r NAME SIZE inet|inet6
 *   probe-netdb gethostbyaddr ADDRESS        probe-netdb gethostbyaddr_r ADDRESS SIZE
 *   probe-netdb getnameinfo ADDRESS FLAGS    (a number: NI_...)
 * SIZE is that of the buffer; a call that answers ERANGE is tried again with twice as much. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { SIZE_MAX_TRIED = 1 << 16 };

static void print_hostent(const struct hostent *host, int error)
{
    if (!host) {
        printf("h_errno=%d\n", error);
        return;
    }
    printf("%s family=%d length=%d", host->h_name, host->h_addrtype, host->h_length);
    for (char **alias = host->h_aliases; *alias; alias++)
        printf(" alias=%s", *alias);
    for (char **addr = host->h_addr_list; *addr; addr++) {
        char text[INET6_ADDRSTRLEN];
        printf(" %s", inet_ntop(host->h_addrtype, *addr, text, sizeof(text)));
    }
    printf("\n");
}

/* AF_INET or AF_INET6, and the octets in addr. */
static int parse_address(const char *text, unsigned char addr[static 16])
{
    if (inet_pton(AF_INET, text, addr) == 1)
        return AF_INET;
    if (inet_pton(AF_INET6, text, addr) == 1)
        return AF_INET6;
    errx(2, "%s: no address", text);
}

static int family_of(const char *text)
{
    return !strcmp(text, "inet6") ? AF_INET6 : AF_INET;
}

static void reentrant(const char *call, const char *what, size_t size, int family)
{
    unsigned char addr[16];
    for (; size <= SIZE_MAX_TRIED; size = size ? size * 2 : 1) {
        char *buffer = malloc(size + 1);
        struct hostent host, *found = NULL;
        int error = 0, result;
        if (!buffer)
            err(2, "malloc");
        if (!strcmp(call, "gethostbyname_r")) {
            result = gethostbyname_r(what, &host, buffer, size, &found, &error);
        } else if (!strcmp(call, "gethostbyname2_r")) {
            result = gethostbyname2_r(what, family, &host, buffer, size, &found, &error);
        } else {
            int kind = parse_address(what, addr);
            result = gethostbyaddr_r(addr, kind == AF_INET ? 4 : 16, kind, &host, buffer, size,
                                     &found, &error);
        }
        if (result == ERANGE) {
            printf("ERANGE found=%s h_errno=%d\n", found ? "something" : "NULL", error);
        } else {
            printf("%s ", result ? strerrorname_np(result) : "0");
            print_hostent(found, error);
            size = SIZE_MAX_TRIED;
        }
        free(buffer);
    }
}

static void name_of(const char *text, int flags)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    unsigned char addr[16];
    char host[NI_MAXHOST], service[NI_MAXSERV];
    int result;
    if (parse_address(text, addr) == AF_INET) {
        memcpy(&v4.sin_addr, addr, 4);
        result = getnameinfo((struct sockaddr *)&v4, sizeof(v4), host, sizeof(host), service,
                             sizeof(service), flags);
    } else {
        memcpy(&v6.sin6_addr, addr, 16);
        result = getnameinfo((struct sockaddr *)&v6, sizeof(v6), host, sizeof(host), service,
                             sizeof(service), flags);
    }
    if (result)
        printf("error %d\n", result);
    else
        printf("%s %s\n", host, service);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(2, "usage: probe-netdb CALL ARGUMENT...");
    const char *call = argv[1], *what = argv[2], *more = argc > 3 ? argv[3] : "0";
    size_t size = strtoul(more, NULL, 10);
    unsigned char addr[16];
    if (!strcmp(call, "gethostbyname")) {
        const struct hostent *host = gethostbyname(what);
        print_hostent(host, h_errno);
    } else if (!strcmp(call, "gethostbyname2")) {
        const struct hostent *host = gethostbyname2(what, family_of(more));
        print_hostent(host, h_errno);
    } else if (!strcmp(call, "gethostbyaddr")) {
        int family = parse_address(what, addr);
        const struct hostent *host = gethostbyaddr(addr, family == AF_INET ? 4 : 16, family);
        print_hostent(host, h_errno);
    } else if (!strcmp(call, "getnameinfo")) {
        name_of(what, atoi(more));
    } else {
        reentrant(call, what, size, argc > 4 ? family_of(argv[4]) : AF_INET);
    }
    return 0;
}
