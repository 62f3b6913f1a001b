/* SPDX-License-Identifier: MIT
 * The tally of connections in a file that others write to: the input is what they wrote over it,
 * piece by piece, and what is added then. */
#include "core/tally.c"

#include "fuzz.h"

enum { ADDITIONS_MAX = 32 };

static const char *const hosts[] = {"target.test", "192.0.2.1", "2001:db8::1", "a", "\x01"};
static const char *const routes[] = {"home", "home,tor", "direct", "\x7f\n"};

static void check_text(const char *text, size_t size)
{
    MUST(memchr(text, '\0', size));
    for (; *text; text++)
        MUST((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void check_lines(const struct tally *tally)
{
    static struct tally_line lines[TALLY_LINES_MAX];
    size_t count = tally_read(tally, lines);
    MUST(count <= TALLY_LINES_MAX);
    for (size_t i = 0; i < count; i++) {
        check_text(lines[i].target, sizeof(lines[i].target));
        check_text(lines[i].route, sizeof(lines[i].route));
        char why[FAILURE_TEXT_MAX];
        if (lines[i].failed > 0)
            MUST(strlen(failure_text(&lines[i].failure, why)) < sizeof(why));
    }
    tally_lost(tally);
    tally_lost_failed(tally);
}

static void add(struct tally *tally, struct input *input)
{
    struct target to;
    const char *host = hosts[take_octet(input) % COUNT(hosts)];
    const char *route = routes[take_octet(input) % COUNT(routes)];
    const struct failure failure = {.status = STATUS_TIMED_OUT, .code = -1};
    if (target_set_host(&to, host, strlen(host), 80) != STATUS_OK)
        return;
    switch (take_octet(input) % 3) {
    case 0:
        tally_add_success(tally, &to, route, take_16(input));
        break;
    case 1:
        tally_add_failure(tally, &to, route, &failure);
        break;
    default:
        tally_add_decision(tally, &to, route);
    }
}

/* Some octets of the input, somewhere in an entry that is in use or in the head. */
static void write_over(struct tally *tally, struct input *input)
{
    struct target to;
    const char *host = hosts[take_octet(input) % COUNT(hosts)];
    const char *route = routes[take_octet(input) % COUNT(routes)];
    uint16_t choice = take_16(input);
    struct input octets = take_part(input, take_octet(input));
    if (target_set_host(&to, host, strlen(host), 80) != STATUS_OK)
        return;
    struct key key = key_of(&to, route);
    struct entry *entry = &tally->entries[key.hash % TALLY_LINES_MAX];
    char *at = choice & 0x8000 ? tally->head : (char *)entry + choice % sizeof(*entry);
    size_t room = (size_t)((char *)(tally + 1) - at);
    if (octets.left > 0)
        memcpy(at, octets.at, octets.left < room ? octets.left : room);
}

/* Zeros, between two pages that cannot be touched. */
static struct tally *fresh_tally(void)
{
    enum { PAGE = 4096, SIZE = (sizeof(struct tally) + PAGE - 1) / PAGE * PAGE };
    static char *pages;
    if (!pages) {
        pages = mmap(NULL, SIZE + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        MUST(pages != MAP_FAILED && mprotect(pages + PAGE, SIZE, PROT_READ | PROT_WRITE) == 0);
    }
    MUST(madvise(pages + PAGE, SIZE, MADV_DONTNEED) == 0);
    return (struct tally *)(pages + PAGE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input input = {data, len};
    struct tally *tally = fresh_tally();
    for (int i = 0; i < ADDITIONS_MAX && input.left > 0; i++) {
        if (take_octet(&input) % 2)
            write_over(tally, &input);
        else
            add(tally, &input);
    }
    check_lines(tally);
    return 0;
}
