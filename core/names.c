/* SPDX-License-Identifier: MIT
 * The map between host names and stand-ins: its layout, and what is done to it without a lock.
 *
 * A record in the heap holds a name; a slot, one for each stand-in, refers to a record; an index
 * entry leads from a name's hash to its slot. Slots and heap are rings: counters that only grow say
 * what has been claimed, so that the age of everything can be told and the oldest makes room.
 * Whatever is read from the map is bounded before use: a damaged map gives wrong names, no more. */
#include "core/names.h"

#include "core/sys.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* "scknames" in the file of a little-endian host */
#define NAMES_MAGIC UINT64_C(0x73656d616e6b6373)

enum {
    NAMES_VERSION = 1,
    NAME_MAX_LEN = 255,
    NAME_WORDS_MAX = 32, /* of 8 octets, the last one padded with zeros */

    SLOT_COUNT = NAMES_POOL,
    INDEX_COUNT = 1 << 18, /* at most half full, so that probes stay short */
    HEAP_WORDS = 3 << 18,  /* 6 MiB */
    WINDOW = 128,          /* index positions a name may lie in; at half load runs stay below 70 */
    SLOT_MASK = SLOT_COUNT - 1,
    INDEX_MASK = INDEX_COUNT - 1,

    /* A name in the last sixteenth of its life is given a new stand-in: one that was just given out
     * must not pass to another name before the program has connected to it. */
    SLOT_LIFE = SLOT_COUNT - SLOT_COUNT / 16,
    HEAP_LIFE = HEAP_WORDS - HEAP_WORDS / 16,

    ATTEMPTS = 64, /* bounds every retry; needed only by a map that is damaged */
};

typedef uint64_t shared_word __attribute__((aligned(8))); /* i386 would align it to 4 */

/*
 * slot      0: none; else generation (15 bits) | length of the name (8) | heap position (41).
 *           A heap position counts words since the map was made. There lies the record: a seal that
 *           binds the name's hash to its slot and position, and then the name.
 * index     0: never used; else tag of the hash (11 bits) | ENTRY_CONFIRMED (1) | place of the
 *           record in the heap (20) | sequence (32). A sequence number counts slots since the map
 *           was made: generation and slot number. With the record's place in the entry, a name that
 *           is known costs two cache misses and never touches its slot.
 */
struct names {
    uint64_t magic;
    uint32_t version;
    uint32_t size;
    uint64_t seed[2]; /* random, so that nobody can choose names that share a window */
    _Alignas(64) shared_word slot_next;
    shared_word heap_next;
    _Alignas(4096) shared_word slot[SLOT_COUNT];
    shared_word index[INDEX_COUNT];
    shared_word heap[HEAP_WORDS];
};

_Static_assert(sizeof(struct names) == NAMES_SIZE, "one layout for every process");

#define REF_POSITION_BITS 41
#define REF_POSITION_MASK ((UINT64_C(1) << REF_POSITION_BITS) - 1)
#define REF_GENERATION_SHIFT (REF_POSITION_BITS + 8)

#define ENTRY_PLACE_SHIFT 32
#define ENTRY_PLACE_MASK ((1U << 20) - 1)
#define ENTRY_CONFIRMED (UINT64_C(1) << 52)
#define ENTRY_TAG_MASK (UINT64_MAX << 53)
#define ENTRY_DEAD ENTRY_CONFIRMED /* slot 0, which no name has */

/* A name, ready to be compared and stored. */
struct key {
    uint64_t hash;
    uint32_t home; /* first position of its window */
    size_t len;
    size_t words;
    uint64_t word[NAME_WORDS_MAX];
};

/* A slot of our own with its record, before the index knows it. */
struct draft {
    uint64_t ref;       /* 0: none claimed */
    uint64_t entry;     /* for the index */
    shared_word *place; /* where it was entered in the index; NULL: nowhere yet */
};

/* What one pass over a window found; positions are offsets in the window. */
struct scan {
    uint64_t confirmed; /* the name's entry; 0: none */
    int twin;           /* the first entry of the name that is not confirmed; -1: none */
    uint64_t twin_entry;
    unsigned room; /* where an entry can go, and what lies there now */
    uint64_t room_entry;
};

static uint64_t load(const shared_word *place)
{
    return __atomic_load_n(place, __ATOMIC_SEQ_CST);
}

static bool replace(shared_word *place, uint64_t *expected, uint64_t value)
{
    return __atomic_compare_exchange_n(place, expected, value, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* Both halves of the 128-bit product, folded. */
static uint64_t mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t low = al * bl, cross = ah * bl + (low >> 32), other = al * bh + (uint32_t)cross;
    uint64_t high = ah * bh + (cross >> 32) + (other >> 32);
    return (other << 32 | (uint32_t)low) ^ high;
#endif
}

static uint64_t hash_words(const struct names *names, const uint64_t *word, size_t words,
                           size_t len)
{
    uint64_t hash = names->seed[0] ^ len;

    for (size_t i = 0; i < words; i++)
        hash = mix(hash ^ word[i], names->seed[1]);
    return mix(hash ^ names->seed[0], UINT64_C(0x9e3779b97f4a7c15));
}

static void key_init(struct key *key, const struct names *names, const char *name, size_t len)
{
    key->len = len;
    key->words = (len + 7) / 8;
    key->word[key->words - 1] = 0;
    memcpy(key->word, name, len);
    key->hash = hash_words(names, key->word, key->words, len);
    key->home = key->hash & INDEX_MASK;
}

/* The first word of a record: the name's hash and length, bound to one slot and one position. A
 * writer that was stopped for a whole round of the heap may still write its record over a newer
 * one, which then must not pass. */
static uint64_t record_seal(uint64_t hash, size_t len, uint64_t position, uint32_t sequence)
{
    return hash + position * UINT64_C(0xd6e8feb86659fd93) +
           ((uint64_t)sequence << 8 | len) * UINT64_C(0xa0761d6478bd642f);
}

static size_t ref_len(uint64_t ref)
{
    return (ref >> REF_POSITION_BITS) & 0xff;
}

/* The sequence number of the slot at index that holds ref. */
static uint32_t ref_sequence(uint64_t ref, uint32_t index)
{
    return (uint32_t)(ref >> REF_GENERATION_SHIFT) * SLOT_COUNT + index;
}

/* False when the record is gone: others have claimed the room since. */
static bool ref_position(const struct names *names, uint64_t ref, uint64_t *position)
{
    uint64_t next = load(&names->heap_next);
    uint64_t distance = (next - ref) & REF_POSITION_MASK;

    *position = next - distance;
    return distance != 0 && distance <= HEAP_WORDS;
}

static shared_word *window_place(struct names *names, const struct key *key, unsigned offset)
{
    return &names->index[(key->home + offset) & INDEX_MASK];
}

/* How many slots have been claimed since this entry's, its own included. The counter is read after
 * the entry, hence never older than it. */
static uint32_t entry_age(const struct names *names, uint64_t entry)
{
    return (entry & SLOT_MASK) == 0 ? UINT32_MAX : (uint32_t)(load(&names->slot_next) - entry);
}

/* True when the entry leads to a whole record of just this name, and both are not past their life.
 */
static bool entry_has_name(const struct names *names, uint64_t entry, const struct key *key)
{
    if (((entry ^ key->hash) & ENTRY_TAG_MASK) != 0)
        return false;

    uint64_t next = load(&names->heap_next);
    size_t at = (entry >> ENTRY_PLACE_SHIFT) & ENTRY_PLACE_MASK;
    size_t distance = (size_t)(next % HEAP_WORDS) + HEAP_WORDS - at;
    if (at >= HEAP_WORDS)
        return false;
    if (distance > HEAP_WORDS)
        distance -= HEAP_WORDS;
    if (distance > HEAP_LIFE || entry_age(names, entry) > SLOT_LIFE)
        return false;

    if (__atomic_load_n(&names->heap[at], __ATOMIC_RELAXED) !=
        record_seal(key->hash, key->len, next - distance, (uint32_t)entry))
        return false;
    for (size_t i = 0; i < key->words; i++) {
        at = at + 1 == HEAP_WORDS ? 0 : at + 1;
        if (__atomic_load_n(&names->heap[at], __ATOMIC_RELAXED) != key->word[i])
            return false;
    }
    return true;
}

/* Positions go from unused to used and never back, and entries go to the first position that can
 * take one: behind an unused position there is nothing to find. */
static void scan_window(struct names *names, const struct key *key, struct scan *scan)
{
    uint32_t oldest = 0;

    *scan = (struct scan){.twin = -1};
    for (unsigned i = 0; i < WINDOW; i++) {
        uint64_t entry = load(window_place(names, key, i));

        if (entry_has_name(names, entry, key)) {
            if ((entry & ENTRY_CONFIRMED) != 0) {
                scan->confirmed = entry;
                return;
            }
            if (scan->twin < 0) {
                scan->twin = (int)i;
                scan->twin_entry = entry;
            }
        }
        /* Entries past their life are all alike: the first of them is taken. When there is none,
         * the oldest name of the window makes room. */
        if (oldest <= SLOT_LIFE) {
            uint32_t age = entry_age(names, entry);
            if (age > oldest) {
                oldest = age;
                scan->room = i;
                scan->room_entry = entry;
            }
        }
        if (entry == 0)
            return;
    }
}

/*
 * Confirm an unconfirmed entry unless the name has another one; true when it stands confirmed.
 *
 * Two entries of one name can arise because what counts as room changes while threads look. Only
 * one gets confirmed: the pass over the window begins after the entry was seen in it, so of two
 * entries at least one pass meets the other, and meeting an unconfirmed one means killing it
 * before one's own may be confirmed. Only the nearer to home kills, so that two never kill each
 * other. Anybody may do this for an entry whose owner has died.
 */
static bool entry_settle(struct names *names, const struct key *key, unsigned at, uint64_t entry)
{
    uint64_t seen = entry;

    for (unsigned i = 0; i < WINDOW; i++) {
        shared_word *place = window_place(names, key, i);
        uint64_t other = load(place);

        if (other == 0)
            break;
        if (i == at || !entry_has_name(names, other, key))
            continue;
        if ((other & ENTRY_CONFIRMED) == 0) {
            if (i < at)
                return false;
            uint64_t confirmed = other | ENTRY_CONFIRMED;
            if (replace(place, &other, ENTRY_DEAD) || other != confirmed)
                continue;
        }
        return false;
    }
    return replace(window_place(names, key, at), &seen, entry | ENTRY_CONFIRMED) ||
           seen == (entry | ENTRY_CONFIRMED);
}

/* Claim a slot and room in the heap, write the record and let the slot refer to it. False when so
 * many others came in between that the claim is void. */
static bool draft_publish(struct draft *draft, struct names *names, const struct key *key)
{
    uint64_t sequence = __atomic_fetch_add(&names->slot_next, 1, __ATOMIC_SEQ_CST);
    if ((sequence & SLOT_MASK) == 0)
        sequence = __atomic_fetch_add(&names->slot_next, 1, __ATOMIC_SEQ_CST);
    if ((sequence & SLOT_MASK) == 0)
        return false;

    uint64_t position = __atomic_fetch_add(&names->heap_next, key->words + 1, __ATOMIC_SEQ_CST);
    /* Whoever reads a word of ours in place of an older record's must find heap_next advanced. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    size_t at = position % HEAP_WORDS;
    uint64_t entry =
        (key->hash & ENTRY_TAG_MASK) | (uint64_t)at << ENTRY_PLACE_SHIFT | (uint32_t)sequence;
    __atomic_store_n(&names->heap[at],
                     record_seal(key->hash, key->len, position, (uint32_t)sequence),
                     __ATOMIC_RELAXED);
    for (size_t i = 0; i < key->words; i++) {
        at = at + 1 == HEAP_WORDS ? 0 : at + 1;
        __atomic_store_n(&names->heap[at], key->word[i], __ATOMIC_RELAXED);
    }

    uint64_t generation = (uint32_t)sequence / SLOT_COUNT;
    uint64_t ref = generation << REF_GENERATION_SHIFT | (uint64_t)key->len << REF_POSITION_BITS |
                   (position & REF_POSITION_MASK);
    shared_word *place = &names->slot[sequence & SLOT_MASK];
    uint64_t old = load(place);
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        if (load(&names->slot_next) - sequence > SLOT_COUNT ||
            load(&names->heap_next) - position > HEAP_WORDS)
            return false;
        if (replace(place, &old, ref)) {
            *draft = (struct draft){.ref = ref, .entry = entry};
            return true;
        }
    }
    return false;
}

/* Another entry of the name was confirmed: leave nothing of ours behind. */
static void draft_drop(struct draft *draft, struct names *names)
{
    uint64_t entry = draft->entry;

    if (draft->place)
        replace(draft->place, &entry, ENTRY_DEAD);
    if (draft->ref != 0)
        replace(&names->slot[draft->entry & SLOT_MASK], &draft->ref, 0);
    *draft = (struct draft){0};
}

void names_init(struct names *names)
{
    if (sys_getrandom(names->seed, sizeof(names->seed), GRND_NONBLOCK) != sizeof(names->seed)) {
        struct timespec now = {0};
        clock_gettime(CLOCK_REALTIME, &now);
        names->seed[0] = mix((uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec, NAMES_MAGIC);
        names->seed[1] = mix(names->seed[0] ^ (uintptr_t)names, (uint64_t)getpid() << 32 | 1);
    }
    names->seed[1] |= 1;
    names->magic = NAMES_MAGIC;
    names->version = NAMES_VERSION;
    names->size = sizeof(*names);
    names->slot_next = 1;
}

bool names_is_map(const struct names *names)
{
    return names->magic == NAMES_MAGIC && names->version == NAMES_VERSION &&
           names->size == sizeof(*names);
}

uint32_t names_standin(struct names *names, const char *name, size_t len)
{
    struct key key;
    struct scan scan;
    struct draft draft = {0};
    uint64_t entry = 0;

    if (len == 0 || len > NAME_MAX_LEN)
        return 0;
    key_init(&key, names, name, len);

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        scan_window(names, &key, &scan);
        entry = scan.confirmed;
        if (entry != 0)
            break;
        if (scan.twin >= 0) {
            entry = scan.twin_entry;
            if (entry_settle(names, &key, (unsigned)scan.twin, entry))
                break;
            continue;
        }
        /* An entry that was in the index and was killed must not come back with the same value:
         * somebody who judged it in its first life may be about to confirm it. */
        if (draft.place)
            draft_drop(&draft, names);
        if (draft.ref == 0 && !draft_publish(&draft, names, &key))
            continue;
        entry = draft.entry;
        shared_word *place = window_place(names, &key, scan.room);
        if (!replace(place, &scan.room_entry, entry))
            continue;
        draft.place = place;
        if (entry_settle(names, &key, scan.room, entry))
            break;
    }

    /* Only a damaged map gets here without a confirmed entry; its last one is as good as any. */
    if ((entry & SLOT_MASK) != (draft.entry & SLOT_MASK))
        draft_drop(&draft, names);
    return (uint32_t)entry & SLOT_MASK;
}

size_t names_lookup(struct names *names, uint32_t index, char name[static 256])
{
    if (index == 0 || index >= NAMES_POOL)
        return 0;

    /* A second look when the slot changed under the first. */
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        uint64_t word[NAME_WORDS_MAX];
        uint64_t position;
        uint64_t ref = load(&names->slot[index]);
        size_t len = ref_len(ref), words = (len + 7) / 8;

        if (len == 0 || !ref_position(names, ref, &position))
            continue;
        size_t at = position % HEAP_WORDS;
        uint64_t seal = __atomic_load_n(&names->heap[at], __ATOMIC_RELAXED);
        for (size_t i = 0; i < words; i++) {
            at = at + 1 == HEAP_WORDS ? 0 : at + 1;
            word[i] = __atomic_load_n(&names->heap[at], __ATOMIC_RELAXED);
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (load(&names->slot[index]) == ref && ref_position(names, ref, &position) &&
            seal == record_seal(hash_words(names, word, words, len), len, position,
                                ref_sequence(ref, index))) {
            memcpy(name, word, len);
            name[len] = '\0';
            return len;
        }
    }
    return 0;
}
