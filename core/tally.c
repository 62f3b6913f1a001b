/* SPDX-License-Identifier: MIT
 * A hash table in a file. An entry is claimed, written, and only then to be seen; one whose writer
 * died stays claimed for ever. Two that are first at the same moment may each make an entry for one
 * destination: whoever reads adds them up. */
#include "core/tally.h"

#include "core/printable.h"
#include "core/sys.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES_MAX = 64 };

enum { ENTRY_FREE, ENTRY_CLAIMED, ENTRY_WHOLE };

struct entry {
    uint32_t state; /* atomic, as all numbers here */
    uint32_t hash;
    uint32_t connected, failed, decided;
    uint32_t min_ms, max_ms;
    uint32_t padding;
    _Alignas(8) uint64_t sum_ms;
    _Alignas(8) uint64_t failure; /* packed: so that it is always of one piece */
    char target[TARGET_TEXT_MAX];
    char route[TALLY_ROUTE_MAX];
};

struct tally {
    char head[16];
    uint32_t lost, lost_failed;
    struct entry entries[TALLY_LINES_MAX];
};

static const char head[16] = "socksify tally1";

/* --- The file --- */

static struct tally *map(int fd)
{
    struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return tally == MAP_FAILED ? NULL : tally;
}

struct tally *tally_make(int fd)
{
    struct rlimit limit;
    /* Growing a file beyond the limit would draw SIGXFSZ. */
    bool fits = getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur >= sizeof(struct tally);
    /* All of it at once, so that no later access can fail for lack of space. */
    int error = fits ? posix_fallocate(fd, 0, sizeof(struct tally)) : EFBIG;
    if (error != 0) {
        errno = error;
        return NULL;
    }
    struct tally *tally = map(fd);
    if (tally)
        memcpy(tally->head, head, sizeof(head));
    return tally;
}

struct tally *tally_open(const char *path)
{
    int saved = errno;
    struct tally *tally = NULL;
    struct stat st;
    /* O_NONBLOCK: opening a FIFO or a device must not wait for anybody. */
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        errno = saved;
        return NULL;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        st.st_size == (off_t)sizeof(struct tally))
        tally = map(fd);
    sys_close(fd);
    if (tally && memcmp(tally->head, head, sizeof(head)) != 0) {
        tally_close(tally);
        tally = NULL;
    }
    errno = saved;
    return tally;
}

void tally_close(struct tally *tally)
{
    munmap(tally, sizeof(*tally));
}

/* --- Counting --- */

struct key {
    uint32_t hash;
    char target[TARGET_TEXT_MAX];
    char route[TALLY_ROUTE_MAX];
};

/* FNV-1a. */
static uint32_t hash_of(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619;
    return hash;
}

static struct key key_of(const struct target *to, const char *route)
{
    struct key key;
    target_to_text(to, key.target);
    text_join(key.route, sizeof(key.route), route, NULL);
    key.hash = hash_of(hash_of(2166136261, key.target), key.route);
    return key;
}

static bool is_for(const struct entry *entry, const struct key *key)
{
    return entry->hash == key->hash && strcmp(entry->target, key->target) == 0 &&
           strcmp(entry->route, key->route) == 0;
}

static void write_entry(struct entry *entry, const struct key *key)
{
    entry->hash = key->hash;
    entry->min_ms = UINT32_MAX;
    memcpy(entry->target, key->target, strlen(key->target) + 1);
    memcpy(entry->route, key->route, strlen(key->route) + 1);
    __atomic_store_n(&entry->state, ENTRY_WHOLE, __ATOMIC_RELEASE);
}

/* The entry of a key; NULL when there is no room. */
static struct entry *find(struct tally *tally, const struct key *key)
{
    for (uint32_t i = 0; i < TRIES_MAX; i++) {
        struct entry *entry = &tally->entries[(key->hash + i) % TALLY_LINES_MAX];
        uint32_t state = __atomic_load_n(&entry->state, __ATOMIC_ACQUIRE);
        if (state == ENTRY_FREE &&
            __atomic_compare_exchange_n(&entry->state, &state, ENTRY_CLAIMED, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
            write_entry(entry, key);
            return entry;
        }
        if (state == ENTRY_WHOLE && is_for(entry, key))
            return entry;
    }
    __atomic_add_fetch(&tally->lost, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void lower(uint32_t *least, uint32_t number)
{
    uint32_t so_far = __atomic_load_n(least, __ATOMIC_RELAXED);
    while (number < so_far && !__atomic_compare_exchange_n(least, &so_far, number, true,
                                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static void raise_to(uint32_t *most, uint32_t number)
{
    uint32_t so_far = __atomic_load_n(most, __ATOMIC_RELAXED);
    while (number > so_far && !__atomic_compare_exchange_n(most, &so_far, number, true,
                                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

void tally_add_success(struct tally *tally, const struct target *to, const char *route,
                       int64_t milliseconds)
{
    struct key key = key_of(to, route);
    struct entry *entry = find(tally, &key);
    if (!entry)
        return;
    uint32_t ms = milliseconds < 0 ? 0 : (uint32_t)milliseconds;
    lower(&entry->min_ms, ms);
    raise_to(&entry->max_ms, ms);
    __atomic_add_fetch(&entry->sum_ms, ms, __ATOMIC_RELAXED);
    __atomic_add_fetch(&entry->connected, 1, __ATOMIC_RELAXED);
}

static uint64_t pack(const struct failure *failure)
{
    return (uint64_t)(uint16_t)failure->sys_errno << 48 | (uint64_t)(uint16_t)failure->code << 32 |
           (uint64_t)failure->hop << 16 | (uint64_t)failure->stage << 8 | (uint64_t)failure->status;
}

static struct failure unpack(uint64_t packed)
{
    enum { LAST_STATUS = STATUS_NO_MEMORY };
    unsigned status = packed & 0xff, stage = packed >> 8 & 0xff;
    return (struct failure){
        .status = status <= LAST_STATUS ? (enum status)status : STATUS_BAD_INPUT,
        .stage = stage <= STAGE_DONE ? (enum stage)stage : STAGE_DONE,
        .hop = (uint8_t)(packed >> 16),
        .code = (int16_t)(packed >> 32),
        .sys_errno = (int)(packed >> 48),
    };
}

void tally_add_failure(struct tally *tally, const struct target *to, const char *route,
                       const struct failure *failure)
{
    struct key key = key_of(to, route);
    struct entry *entry = find(tally, &key);
    if (!entry) {
        __atomic_add_fetch(&tally->lost_failed, 1, __ATOMIC_RELAXED);
        return;
    }
    __atomic_store_n(&entry->failure, pack(failure), __ATOMIC_RELAXED);
    __atomic_add_fetch(&entry->failed, 1, __ATOMIC_RELAXED);
}

void tally_add_decision(struct tally *tally, const struct target *to, const char *decision)
{
    struct key key = key_of(to, decision);
    struct entry *entry = find(tally, &key);
    if (entry)
        __atomic_add_fetch(&entry->decided, 1, __ATOMIC_RELAXED);
}

/* --- Reading --- */

static void copy_text(char *to, const char *from, size_t size)
{
    memcpy(to, from, size);
    to[size - 1] = '\0';
    printable_make(to, strlen(to));
}

static void add_line(struct tally_line *line, const struct tally_line *other)
{
    line->connected += other->connected;
    line->failed += other->failed;
    line->decided += other->decided;
    line->sum_ms += other->sum_ms;
    line->min_ms = other->min_ms < line->min_ms ? other->min_ms : line->min_ms;
    line->max_ms = other->max_ms > line->max_ms ? other->max_ms : line->max_ms;
    if (line->failure.status == STATUS_OK)
        line->failure = other->failure;
}

static void read_entry(const struct entry *entry, struct tally_line *line)
{
    copy_text(line->target, entry->target, sizeof(line->target));
    copy_text(line->route, entry->route, sizeof(line->route));
    line->connected = __atomic_load_n(&entry->connected, __ATOMIC_RELAXED);
    line->failed = __atomic_load_n(&entry->failed, __ATOMIC_RELAXED);
    line->decided = __atomic_load_n(&entry->decided, __ATOMIC_RELAXED);
    line->min_ms = __atomic_load_n(&entry->min_ms, __ATOMIC_RELAXED);
    line->max_ms = __atomic_load_n(&entry->max_ms, __ATOMIC_RELAXED);
    line->sum_ms = __atomic_load_n(&entry->sum_ms, __ATOMIC_RELAXED);
    line->failure = unpack(__atomic_load_n(&entry->failure, __ATOMIC_RELAXED));
}

static struct tally_line *find_line(struct tally_line *lines, size_t count,
                                    const struct tally_line *line)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(lines[i].target, line->target) == 0 && strcmp(lines[i].route, line->route) == 0)
            return &lines[i];
    return NULL;
}

size_t tally_read(const struct tally *tally, struct tally_line lines[static TALLY_LINES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < TALLY_LINES_MAX; i++) {
        const struct entry *entry = &tally->entries[i];
        if (__atomic_load_n(&entry->state, __ATOMIC_ACQUIRE) != ENTRY_WHOLE)
            continue;
        read_entry(entry, &lines[count]);
        struct tally_line *same = find_line(lines, count, &lines[count]);
        if (same)
            add_line(same, &lines[count]);
        else
            count++;
    }
    return count;
}

uint32_t tally_lost(const struct tally *tally)
{
    return __atomic_load_n(&tally->lost, __ATOMIC_RELAXED);
}

uint32_t tally_lost_failed(const struct tally *tally)
{
    return __atomic_load_n(&tally->lost_failed, __ATOMIC_RELAXED);
}
