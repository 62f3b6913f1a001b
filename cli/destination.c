/* SPDX-License-Identifier: MIT
 * Words for a destination. */
#include "cli/destination.h"

#include "core/proxy.h"
#include "core/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* 0 for a scheme that is not known here. */
static uint16_t port_of_scheme(const char *scheme, size_t len)
{
    static const struct {
        const char *scheme;
        uint16_t port;
    } schemes[] = {
        {"http", 80},    {"https", 443}, {"ws", 80},      {"wss", 443},   {"ftp", 21},
        {"ftps", 990},   {"ssh", 22},    {"sftp", 22},    {"git", 9418},  {"smtp", 25},
        {"smtps", 465},  {"imap", 143},  {"imaps", 993},  {"pop3", 110},  {"pop3s", 995},
        {"ldap", 389},   {"ldaps", 636}, {"irc", 6667},   {"ircs", 6697}, {"rsync", 873},
        {"telnet", 23},  {"gopher", 70}, {"redis", 6379}, {"mqtt", 1883}, {"postgresql", 5432},
        {"mysql", 3306},
    };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (text_is_word(scheme, len, schemes[i].scheme))
            return schemes[i].port;
    return 0;
}

/* [USER[:PASSWORD]@]HOST[:PORT][/...] */
static void cut_authority(const char **text, size_t *len)
{
    *len = strcspn(*text, "/?#");
    const char *at = memrchr(*text, '@', *len);
    if (at) {
        *len -= (size_t)(at + 1 - *text);
        *text = at + 1;
    }
}

/* "127.1", "0x7f000001", "2130706433": what a C library takes for an address. */
static void read_old_forms(struct target *target)
{
    struct in_addr address;
    if (target->kind != TARGET_NAME || target->name[0] < '0' || target->name[0] > '9' ||
        !inet_aton(target->name, &address))
        return;
    *target = (struct target){.kind = TARGET_IPV4, .port = target->port};
    memcpy(target->ipv4, &address, sizeof(target->ipv4));
}

const char *destination_read(const char *text, struct target *target, bool *has_port)
{
    static const uint16_t some_port = 1;
    static const char no_port[] = "expected :PORT, for this scheme stands for none known here";
    const char *scheme_end = strstr(text, "://");
    uint16_t port = 0;
    size_t len = strlen(text);
    if (scheme_end) {
        port = port_of_scheme(text, (size_t)(scheme_end - text));
        text = scheme_end + 3;
        cut_authority(&text, &len);
    } else if (memchr(text, '/', len)) {
        return "expected HOST, HOST:PORT or a URL";
    }
    if (len == 0)
        return "expected a host name or an address";
    if (target_from_text(target, text, len, 0) == STATUS_OK) {
        *has_port = true;
    } else if (target_from_text(target, text, len, port ? port : some_port) == STATUS_OK) {
        if (scheme_end && port == 0)
            return no_port;
        *has_port = port != 0;
        target->port = port;
    } else {
        return "expected a host name or an address, with :PORT from 1 to 65535 (an IPv6 address "
               "in brackets then)";
    }
    read_old_forms(target);
    return NULL;
}

const char *destination_shown(const char *text, char buf[static DESTINATION_SHOWN_MAX])
{
    if (strchr(text, '@'))
        proxy_hide_secret(text, strlen(text), buf, DESTINATION_SHOWN_MAX);
    else
        text_join(buf, DESTINATION_SHOWN_MAX, text, NULL);
    return buf;
}
