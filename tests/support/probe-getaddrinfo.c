/* SPDX-License-Identifier: MIT
 * probe-getaddrinfo NODE SERVICE FAMILY SOCKTYPE PROTOCOL FLAGS: one getaddrinfo, and its whole
 * answer as text, an entry a line; without arguments the same for every line of stdin, below the
 * line itself. "-" as NODE or SERVICE is NULL, "empty" is ""; "-" in place of FLAGS is no hints at
 * all. FAMILY is inet, inet6, unspec or a number; SOCKTYPE stream, dgram, raw or a number; FLAGS a
 * list like canonname,passive, or 0. */
#include <err.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { WORDS = 6 };

struct word {
    const char *text;
    int value;
};

static const struct word families[] = {
    {"unspec", AF_UNSPEC}, {"inet", AF_INET}, {"inet6", AF_INET6}, {NULL, 0}};
static const struct word socktypes[] = {
    {"stream", SOCK_STREAM}, {"dgram", SOCK_DGRAM}, {"raw", SOCK_RAW}, {NULL, 0}};
static const struct word flags[] = {{"passive", AI_PASSIVE},
                                    {"canonname", AI_CANONNAME},
                                    {"numerichost", AI_NUMERICHOST},
                                    {"numericserv", AI_NUMERICSERV},
                                    {"v4mapped", AI_V4MAPPED},
                                    {"all", AI_ALL},
                                    {"addrconfig", AI_ADDRCONFIG},
                                    {"idn", AI_IDN},
                                    {NULL, 0}};
static const struct word errors[] = {{"0", 0},
                                     {"EAI_AGAIN", EAI_AGAIN},
                                     {"EAI_BADFLAGS", EAI_BADFLAGS},
                                     {"EAI_FAIL", EAI_FAIL},
                                     {"EAI_FAMILY", EAI_FAMILY},
                                     {"EAI_NODATA", EAI_NODATA},
                                     {"EAI_ADDRFAMILY", EAI_ADDRFAMILY},
                                     {"EAI_NONAME", EAI_NONAME},
                                     {"EAI_SERVICE", EAI_SERVICE},
                                     {"EAI_SOCKTYPE", EAI_SOCKTYPE},
                                     {"EAI_SYSTEM", EAI_SYSTEM},
                                     {NULL, 0}};

static int value_of(const struct word *words, const char *text)
{
    for (; words->text; words++)
        if (!strcmp(words->text, text))
            return words->value;
    return atoi(text);
}

static const char *text_of(const struct word *words, int value)
{
    for (; words->text; words++)
        if (words->value == value)
            return words->text;
    return "other";
}

static void print_entry(const struct addrinfo *entry)
{
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    getnameinfo(entry->ai_addr, entry->ai_addrlen, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV |
                    (entry->ai_socktype == SOCK_DGRAM ? NI_DGRAM : 0));
    printf("%s %s protocol=%d flags=%#x len=%u sa_family=%d %s %s canonname=%s\n",
           text_of(families, entry->ai_family), text_of(socktypes, entry->ai_socktype),
           entry->ai_protocol, (unsigned)entry->ai_flags, (unsigned)entry->ai_addrlen,
           entry->ai_addr->sa_family, host, port,
           entry->ai_canonname ? entry->ai_canonname : "NULL");
}

static const char *string_of(const char *word)
{
    if (!strcmp(word, "-"))
        return NULL;
    return strcmp(word, "empty") ? word : "";
}

static int flags_of(char *list)
{
    int result = 0;
    char *rest;
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        result |= value_of(flags, word);
    return result;
}

/* The six words of the usage; the last is modified. */
static int look_up(char **words)
{
    bool no_hints = !strcmp(words[5], "-");
    struct addrinfo hints = {.ai_family = value_of(families, words[2]),
                             .ai_socktype = value_of(socktypes, words[3]),
                             .ai_protocol = atoi(words[4]),
                             .ai_flags = flags_of(words[5])};
    struct addrinfo *list = NULL;
    int error =
        getaddrinfo(string_of(words[0]), string_of(words[1]), no_hints ? NULL : &hints, &list);
    printf("%s\n", text_of(errors, error));
    if (error)
        return 1;
    for (const struct addrinfo *entry = list; entry; entry = entry->ai_next)
        print_entry(entry);
    freeaddrinfo(list);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == WORDS + 1)
        return look_up(argv + 1);
    if (argc != 1)
        errx(2, "usage: probe-getaddrinfo [NODE SERVICE FAMILY SOCKTYPE PROTOCOL FLAGS]");
    char line[1024], *words[WORDS], *rest;
    while (fgets(line, sizeof(line), stdin)) {
        printf("%s", line);
        for (int i = 0; i < WORDS; i++)
            if (!(words[i] = strtok_r(i ? NULL : line, " \n", &rest)))
                errx(2, "expected %d words a line", WORDS);
        look_up(words);
    }
    return 0;
}
