/* SPDX-License-Identifier: MIT
 * The hosts file: the input is the file. Every name in it, and some that are not, are looked up,
 * and the answers compared with those of a reader that goes through the text line by line. */
#include "core/hosts.c"

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

enum { LIST_MAX = 8, NAMES_MAX = 24, TEXT_LEN_MAX = 4096 };

/* The file, in memory only. */
static int make_file(const uint8_t *text, size_t len)
{
    int fd = memfd_create("hosts", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    return fd;
}

/* One line of the file as words; their number. */
static size_t split(char *line, char *words[], size_t max)
{
    size_t count = 0;
    line[strcspn(line, "#")] = '\0';
    for (char *rest, *word = strtok_r(line, " \t\v\f\r", &rest); word && count < max;
         word = strtok_r(NULL, " \t\v\f\r", &rest))
        words[count++] = word;
    return count;
}

static bool same_name(const char *word, const char *name)
{
    size_t len = strlen(word);
    len -= len > 1 && word[len - 1] == '.';
    return strlen(name) == len && strncasecmp(word, name, len) == 0;
}

/* The file's own answer. */
static size_t find(const uint8_t *text, size_t len, const char *name, struct hosts_address *list,
                   char canonical[static 256])
{
    size_t count = 0;
    char *copy = calloc(1, len + 1), *words[TEXT_LEN_MAX / 2 + 1];
    for (size_t i = 0; i < len; i++)
        copy[i] = text[i] ? (char)text[i] : ' ';
    for (char *rest, *line = strtok_r(copy, "\n", &rest); line && count < LIST_MAX;
         line = strtok_r(NULL, "\n", &rest)) {
        size_t word_count = split(line, words, COUNT(words));
        struct hosts_address address;
        if (word_count < 2 || !read_address(words[0], strlen(words[0]), &address))
            continue;
        const char *first = NULL;
        for (size_t i = 1; i < word_count; i++) {
            size_t word_len = strlen(words[i]);
            word_len -= word_len > 1 && words[i][word_len - 1] == '.';
            if (!first && word_len <= NAME_LEN_MAX)
                first = words[i];
            if (word_len > NAME_LEN_MAX || !same_name(words[i], name))
                continue;
            if (count == 0) {
                size_t first_len = strlen(first);
                snprintf(canonical, 256, "%.*s",
                         (int)(first_len - (first_len > 1 && first[first_len - 1] == '.')), first);
            }
            bool is_there = false;
            for (size_t j = 0; j < count; j++)
                is_there |= memcmp(&list[j], &address, sizeof(address)) == 0;
            if (!is_there && count < LIST_MAX)
                list[count++] = address;
        }
    }
    free(copy);
    return count;
}

static void check_name(struct hosts *hosts, const uint8_t *text, size_t len, const char *name)
{
    struct hosts_address list[LIST_MAX], right[LIST_MAX];
    char canonical[256], right_canonical[256];
    size_t name_len = strlen(name);
    char *copy = copy_exactly(name, name_len);
    size_t count = hosts_find(hosts, copy, name_len, list, LIST_MAX, canonical);
    size_t right_count = find(text, len, name, right, right_canonical);
    bool is_localhost = name_len >= 9 && strcmp(name + name_len - 9, "localhost") == 0 &&
                        (name_len == 9 || name[name_len - 10] == '.');
    if (right_count == 0 && is_localhost) {
        MUST(count == 2 && strcmp(canonical, name) == 0);
    } else {
        MUST(count == right_count && memcmp(list, right, count * sizeof(*list)) == 0);
        MUST(count == 0 || strcmp(canonical, right_canonical) == 0);
    }
    MUST(hosts_find(hosts, copy, name_len, list, 1, canonical) == (count > 0));
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const more[] = {"localhost", "a.localhost", "b", "."};
    len = len < TEXT_LEN_MAX ? len : TEXT_LEN_MAX;
    char path[32];
    int fd = make_file(data, len);
    sprintf(path, "/proc/self/fd/%d", fd);
    struct hosts hosts = {.path = path};
    unsigned names = 0;
    for (size_t at = 0, word_len; names < NAMES_MAX; at += word_len, names++) {
        word_len = next_word((const char *)data, &at, len);
        if (word_len == 0)
            break;
        char name[NAME_LEN_MAX + 1];
        size_t kept = word_len - (word_len > 1 && data[at + word_len - 1] == '.');
        if (kept > NAME_LEN_MAX)
            continue;
        for (size_t i = 0; i < kept; i++)
            name[i] = text_lower((char)data[at + i]);
        name[kept] = '\0';
        check_name(&hosts, data, len, name);
    }
    for (size_t i = 0; i < COUNT(more); i++)
        check_name(&hosts, data, len, more[i]);
    close(fd);
    arena_free(hosts.table->arena);
    return 0;
}
