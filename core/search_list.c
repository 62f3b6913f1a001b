/* SPDX-License-Identifier: MIT
 * The file is short and seldom asked for: it is read anew each time, without state or malloc. */
#include "core/search_list.h"

#include "core/sys.h"
#include "core/text.h"

#include <fcntl.h>
#include <stdbool.h>

enum { NDOTS_MAX = 15 }; /* where resolvers cap it */

/* --- One line --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word at or after *at; its length, 0 when there is none. */
static size_t next_word(const char *line, size_t *at, size_t len)
{
    size_t word = 0;
    while (*at < len && is_blank(line[*at]))
        ++*at;
    while (*at + word < len && !is_blank(line[*at + word]))
        word++;
    return word;
}

/* The last such line holds. */
static void take_domains(struct search_list *list, const char *line, size_t at, size_t len)
{
    list->count = 0;
    memcpy(list->text, line, len);
    for (size_t word; (word = next_word(list->text, &at, len)) > 0; at += word) {
        size_t dots = list->text[at + word - 1] == '.';
        if (word > dots && list->count < SEARCH_LIST_DOMAINS_MAX)
            list->domains[list->count++] =
                (struct search_domain){(unsigned short)at, (unsigned short)(word - dots)};
    }
}

static void take_options(struct search_list *list, const char *line, size_t at, size_t len)
{
    static const char ndots[] = "ndots:";
    const size_t head = sizeof(ndots) - 1;
    for (size_t word; (word = next_word(line, &at, len)) > 0; at += word) {
        unsigned long number;
        if (word > head && memcmp(line + at, ndots, head) == 0 &&
            text_to_number(line + at + head, word - head, ~0U, &number))
            list->ndots = number < NDOTS_MAX ? (unsigned)number : NDOTS_MAX;
    }
}

static void take_line(struct search_list *list, const char *line, size_t len)
{
    size_t at = 0;
    size_t word = next_word(line, &at, len);
    if (text_is_word(line + at, word, "search") || text_is_word(line + at, word, "domain"))
        take_domains(list, line, at + word, len);
    else if (text_is_word(line + at, word, "options"))
        take_options(list, line, at + word, len);
}

/* --- The file --- */

void search_list_read(struct search_list *list, const char *path)
{
    char line[SEARCH_LIST_TEXT_MAX];
    char part[256];
    size_t len = 0;
    list->ndots = 1;
    list->count = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    for (ssize_t got; (got = sys_read(fd, part, sizeof(part))) > 0;) {
        for (size_t i = 0; i < (size_t)got; i++) {
            if (part[i] != '\n' && len < sizeof(line))
                line[len++] = part[i];
            if (part[i] != '\n')
                continue;
            take_line(list, line, len);
            len = 0;
        }
    }
    take_line(list, line, len);
    sys_close(fd);
}

/* --- Names --- */

static bool ends_in(const char *name, size_t len, const char *domain, size_t domain_len)
{
    if (len <= domain_len + 1 || name[len - domain_len - 1] != '.')
        return false;
    for (size_t i = 0; i < domain_len; i++)
        if (text_lower(name[len - domain_len + i]) != text_lower(domain[i]))
            return false;
    return true;
}

size_t search_list_base(const struct search_list *list, size_t i, const char *name, size_t len)
{
    const struct search_domain *domain = &list->domains[i];
    if (!ends_in(name, len, list->text + domain->at, domain->len))
        return 0;
    size_t base = len - domain->len - 1;
    size_t dots = 0;
    for (size_t at = 0; at < base; at++)
        dots += name[at] == '.';
    return dots < list->ndots ? base : 0;
}
