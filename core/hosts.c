/* SPDX-License-Identifier: MIT
 * Snapshots of the hosts file: read, parsed and hashed at once, then never changed; a newer one
 * takes the place of an older one by a single store. */
#include "core/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/arena.h"
#include "core/sys.h"
#include "core/text.h"

enum {
    CHECK_MS = 1000,
    FILE_MAX = 64 << 20, /* octets: far beyond any hosts file; keeps offsets within 32 bits */
    NAME_LEN_MAX = 255,
};

/* What tells one state of the file from another; all zeros when there is none. */
struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

struct line {
    struct hosts_address address;
    uint32_t canonical; /* offset in the text */
    uint8_t canonical_len;
};

struct alias {
    uint32_t hash;
    uint32_t name; /* offset in the text */
    uint32_t line;
    uint32_t next; /* of the same bucket, further down in the file: number + 1; 0: none */
    uint8_t name_len;
};

struct hosts_table {
    struct arena *arena;
    struct hosts_table *older; /* atomic: superseded, but somebody may have been reading it */
    struct identity identity;
    const char *text;
    struct line *lines;
    struct alias *aliases;
    uint32_t *buckets; /* the first alias of each: number + 1; 0: none */
    uint32_t bucket_mask;
    uint32_t line_count;
    uint32_t alias_count;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

/* FNV-1a: the names come from the administrator, who does not attack himself. */
static uint32_t hash_name(const char *name, size_t len)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)text_lower(name[i])) * 16777619U;
    return hash ^ hash >> 15;
}

static struct identity identity_of(const struct stat *st)
{
    return (struct identity){st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool identity_equal(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* As glibc reads it: no zone after an IPv6 address, no short forms of IPv4. */
static bool read_address(const char *word, size_t len, struct hosts_address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char literal[INET6_ADDRSTRLEN];

    if (len >= sizeof(literal))
        return false;
    memcpy(literal, word, len);
    literal[len] = '\0';
    *address = (struct hosts_address){.family = AF_INET};
    if (inet_pton(AF_INET, literal, address->bytes) == 1)
        return true;
    if (inet_pton(AF_INET6, literal, address->bytes) != 1)
        return false;
    address->family = AF_INET6;
    if (memcmp(address->bytes, mapped, sizeof(mapped)) == 0) {
        address->family = AF_INET;
        memmove(address->bytes, address->bytes + 12, 4);
        memset(address->bytes + 4, 0, 12);
    }
    return true;
}

/* The next word at or after *at, before end; its length, 0 when there is none. */
static size_t next_word(const char *text, size_t *at, size_t end)
{
    size_t len = 0;

    while (*at < end && is_space(text[*at]))
        ++*at;
    while (*at + len < end && !is_space(text[*at + len]))
        len++;
    return len;
}

static void add_alias(struct hosts_table *table, size_t name, size_t len)
{
    struct alias *alias = &table->aliases[table->alias_count++];

    alias->hash = hash_name(table->text + name, len);
    alias->name = (uint32_t)name;
    alias->name_len = (uint8_t)len;
    alias->line = table->line_count;
}

/* One line without its end and without a comment: an address, a canonical name, aliases. */
static void read_line(struct hosts_table *table, size_t at, size_t end)
{
    struct line *line = &table->lines[table->line_count];
    bool first = true;

    size_t len = next_word(table->text, &at, end);
    if (len == 0 || !read_address(table->text + at, len, &line->address))
        return;
    for (at += len; (len = next_word(table->text, &at, end)) != 0; at += len) {
        size_t name_len = len > 1 && table->text[at + len - 1] == '.' ? len - 1 : len;
        if (name_len > NAME_LEN_MAX)
            continue;
        if (first) {
            line->canonical = (uint32_t)at;
            line->canonical_len = (uint8_t)name_len;
            first = false;
        }
        add_alias(table, at, name_len);
    }
    table->line_count += !first;
}

/* Give the arrays their sizes: how many lines and words there are at most. */
static bool make_room(struct hosts_table *table, size_t size)
{
    size_t lines = 1, words = 0, buckets = 1;
    bool in_word = false, in_comment = false;

    for (size_t i = 0; i < size; i++) {
        char c = table->text[i];
        if (c == '\n') {
            lines++;
            in_comment = false;
        }
        in_comment |= c == '#';
        bool is_word = !in_comment && !is_space(c);
        words += is_word && !in_word;
        in_word = is_word;
    }
    while (buckets < words)
        buckets *= 2;
    table->bucket_mask = (uint32_t)buckets - 1;
    table->lines = arena_alloc(table->arena, lines * sizeof(*table->lines));
    table->aliases = arena_alloc(table->arena, words * sizeof(*table->aliases));
    table->buckets = arena_alloc(table->arena, buckets * sizeof(*table->buckets));
    return table->lines && table->aliases && table->buckets;
}

static bool parse(struct hosts_table *table, size_t size)
{
    if (!make_room(table, size))
        return false;
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(table->text + at, '\n', size - at);
        size_t line_end = newline ? (size_t)(newline - table->text) : size;
        const char *comment = memchr(table->text + at, '#', line_end - at);
        read_line(table, at, comment ? (size_t)(comment - table->text) : line_end);
        at = line_end + 1;
    }
    /* From the last to the first, each at the head of its bucket: so they stand in file order. */
    for (uint32_t i = table->alias_count; i-- > 0;) {
        uint32_t *bucket = &table->buckets[table->aliases[i].hash & table->bucket_mask];
        table->aliases[i].next = *bucket;
        *bucket = i + 1;
    }
    return true;
}

/* False when memory is short. A file that cannot be read to its end counts up to there. */
static bool read_file(struct hosts_table *table, int fd)
{
    struct stat st;
    size_t size = 0;

    if (fstat(fd, &st) != 0)
        return parse(table, 0);
    table->identity = identity_of(&st);
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
        return parse(table, 0);

    char *text = arena_alloc(table->arena, (size_t)st.st_size + 1);
    if (!text)
        return false;
    while (size < (size_t)st.st_size) {
        ssize_t got = sys_read(fd, text + size, (size_t)st.st_size - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    table->text = text;
    return parse(table, size);
}

/* A snapshot of the file as it is now, an empty one when there is none; NULL when it could not be
 * had for want of memory or descriptors. */
static struct hosts_table *table_new(const char *path)
{
    struct arena *arena = arena_new();
    struct hosts_table *table = arena ? arena_alloc(arena, sizeof(*table)) : NULL;
    bool made;

    if (!table) {
        arena_free(arena);
        return NULL;
    }
    table->arena = arena;
    table->text = "";
    /* O_NONBLOCK: a FIFO in its place must not make us wait. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) {
        made = read_file(table, fd);
        sys_close(fd);
    } else {
        made = errno != EMFILE && errno != ENFILE && errno != ENOMEM && parse(table, 0);
    }
    if (made)
        return table;
    arena_free(arena);
    return NULL;
}

/* Put a new snapshot in the place of the newest, and free what nobody reads any more. */
static void supersede(struct hosts *hosts, struct hosts_table *table)
{
    struct hosts_table *older = __atomic_exchange_n(&hosts->table, table, __ATOMIC_SEQ_CST);

    __atomic_store_n(&table->older, older, __ATOMIC_SEQ_CST);
    /* The one reader is this thread: whoever comes now finds the new snapshot. When there are
     * others the old ones wait for the next edit; in a child forked while another thread was
     * reading, where the count stays up, for ever. */
    if (__atomic_load_n(&hosts->readers, __ATOMIC_SEQ_CST) != 1)
        return;
    older = __atomic_exchange_n(&table->older, NULL, __ATOMIC_SEQ_CST);
    while (older) {
        struct hosts_table *next = older->older;
        arena_free(older->arena);
        older = next;
    }
}

static uint32_t now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)now.tv_sec * 1000 + (uint32_t)(now.tv_nsec / 1000000);
}

static bool file_has_changed(const char *path, const struct hosts_table *table)
{
    struct identity identity = {0};
    struct stat st;

    if (stat(path, &st) == 0)
        identity = identity_of(&st);
    return !identity_equal(&identity, &table->identity);
}

/* The newest snapshot, brought up to date first when a second has passed. Nobody waits for another:
 * while one thread reads the file anew, the others go on with what there is. */
static const struct hosts_table *current_table(struct hosts *hosts)
{
    struct hosts_table *table = __atomic_load_n(&hosts->table, __ATOMIC_SEQ_CST);
    uint32_t checked = __atomic_load_n(&hosts->checked_ms, __ATOMIC_RELAXED), now = now_ms();

    if (!table) {
        __atomic_store_n(&hosts->checked_ms, now, __ATOMIC_RELAXED);
        struct hosts_table *first = table_new(hosts->path);
        if (!first)
            return NULL;
        if (__atomic_compare_exchange_n(&hosts->table, &table, first, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return first;
        arena_free(first->arena);
        return table;
    }
    if (now - checked >= CHECK_MS &&
        __atomic_compare_exchange_n(&hosts->checked_ms, &checked, now, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED) &&
        file_has_changed(hosts->path, table)) {
        struct hosts_table *newer = table_new(hosts->path);
        if (newer) {
            supersede(hosts, newer);
            return newer;
        }
    }
    return table;
}

static bool alias_is(const struct hosts_table *table, const struct alias *alias, uint32_t hash,
                     const char *name, size_t len)
{
    if (alias->hash != hash || alias->name_len != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text_lower(table->text[alias->name + i]) != name[i])
            return false;
    return true;
}

static size_t table_find(const struct hosts_table *table, const char *name, size_t len,
                         struct hosts_address *list, size_t max, char canonical[static 256])
{
    uint32_t hash = hash_name(name, len);
    size_t count = 0;

    for (uint32_t i = table->buckets[hash & table->bucket_mask]; i != 0 && count < max;
         i = table->aliases[i - 1].next) {
        const struct line *line = &table->lines[table->aliases[i - 1].line];
        if (!alias_is(table, &table->aliases[i - 1], hash, name, len))
            continue;
        if (count == 0) {
            memcpy(canonical, table->text + line->canonical, line->canonical_len);
            canonical[line->canonical_len] = '\0';
        }
        size_t same = 0;
        while (same < count && (list[same].family != line->address.family ||
                                memcmp(list[same].bytes, line->address.bytes, 16) != 0))
            same++;
        if (same == count)
            list[count++] = line->address;
    }
    return count;
}

/* RFC 6761 section 6.3 */
static size_t find_localhost(const char *name, size_t len, struct hosts_address *list, size_t max,
                             char canonical[static 256])
{
    static const struct hosts_address loopback[2] = {
        {.family = AF_INET, .bytes = {127, 0, 0, 1}},
        {.family = AF_INET6, .bytes = {[15] = 1}},
    };
    static const char localhost[] = "localhost";
    size_t suffix = sizeof(localhost) - 1;

    if (len < suffix || len > NAME_LEN_MAX || memcmp(name + len - suffix, localhost, suffix) != 0 ||
        (len > suffix && name[len - suffix - 1] != '.'))
        return 0;
    memcpy(canonical, name, len);
    canonical[len] = '\0';
    max = max < 2 ? max : 2;
    memcpy(list, loopback, max * sizeof(*list));
    return max;
}

size_t hosts_find(struct hosts *hosts, const char *name, size_t len, struct hosts_address *list,
                  size_t max, char canonical[static 256])
{
    int saved_errno = errno;
    size_t count = 0;

    __atomic_add_fetch(&hosts->readers, 1, __ATOMIC_SEQ_CST);
    const struct hosts_table *table = current_table(hosts);
    if (table)
        count = table_find(table, name, len, list, max, canonical);
    __atomic_sub_fetch(&hosts->readers, 1, __ATOMIC_SEQ_CST);
    errno = saved_errno;
    return count != 0 ? count : find_localhost(name, len, list, max, canonical);
}
