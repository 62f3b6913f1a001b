/* SPDX-License-Identifier: MIT
 * The names map between hostile hands: the input is a list of operations, some of which are the
 * module's own and some another process's, that claims without storing, or writes what it likes.
 * The map lies between two pages that cannot be touched. */
#include "core/names.c"

#include "fuzz.h"

#include <sys/mman.h>

enum { PAGE = 4096, NAMES = 8, OPERATIONS_MAX = 64 };

static const char *const known[NAMES] = {"a",         "b.example", "exactly8", "seventeen.letters",
                                         "localhost", "x.y.z",     "\xff\xfe", "host-1"};
static char longest[256];

/* The map as it is before each input: zeros, and a head without chance in it. */
static struct names *fresh_map(void)
{
    static struct names *map;
    if (!map) {
        char *pages =
            mmap(NULL, NAMES_SIZE + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        MUST(pages != MAP_FAILED);
        map = (struct names *)(pages + PAGE);
        MUST(mprotect(map, NAMES_SIZE, PROT_READ | PROT_WRITE) == 0);
        memset(longest, 'n', NAME_MAX_LEN);
    }
    MUST(madvise(map, NAMES_SIZE, MADV_DONTNEED) == 0);
    names_init(map);
    MUST(names_is_map(map));
    map->seed[0] = 0x0123456789abcdef;
    map->seed[1] = 0xfedcba9876543211;
    return map;
}

static const char *name_of(unsigned number)
{
    return number % (NAMES + 1) < NAMES ? known[number % (NAMES + 1)] : longest;
}

static uint64_t take_word(struct input *input)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word = word << 8 | take_octet(input);
    return word;
}

/* A word of the map that matters: in some name's window of the index, its record or its slot, the
 * counters or the seed. */
static shared_word *choose_word(struct names *map, struct input *input)
{
    uint8_t choice = take_octet(input), number = take_octet(input), at = take_octet(input);
    struct key key;
    key_init(&key, map, name_of(number), strlen(name_of(number)));
    uint64_t entry = *window_place(map, &key, at % 4);
    switch (choice % 8) {
    case 0:
        return &map->slot_next;
    case 1:
        return &map->heap_next;
    case 2:
    case 3:
        return window_place(map, &key, at % WINDOW);
    case 4:
        return &map->slot[(entry + at % 2) & SLOT_MASK];
    case 5:
    case 6:
        return &map->heap[((entry >> ENTRY_PLACE_SHIFT & ENTRY_PLACE_MASK) + at % 34) % HEAP_WORDS];
    default:
        return at % 4 ? &map->heap[HEAP_WORDS - 1 - at] : (shared_word *)&map->seed[number % 2];
    }
}

/* What somebody writes there. */
static void damage(struct names *map, struct input *input)
{
    shared_word *place = choose_word(map, input);
    uint8_t how = take_octet(input);
    switch (how % 4) {
    case 0:
        *place = take_word(input);
        break;
    case 1:
        *place ^= UINT64_C(1) << take_octet(input) % 64;
        break;
    case 2:
        *place = *choose_word(map, input);
        break;
    default:
        *place += (uint64_t)(int8_t)take_octet(input);
        break;
    }
}

/* Others claim slots and room, and are gone before they use them. */
static void age(struct names *map, struct input *input)
{
    unsigned shift = take_octet(input) % 33;
    map->slot_next += (uint64_t)take_octet(input) << shift;
    map->heap_next += (uint64_t)take_octet(input) << shift;
}

/* A name that is found was one that was put in. */
static void check_lookup(struct names *map, uint32_t index, bool seeds_changed)
{
    char name[256];
    memset(name, 'x', sizeof(name));
    size_t len = names_lookup(map, index, name);
    MUST(len <= NAME_MAX_LEN && (len == 0 || name[len] == '\0'));
    MUST(len == 0 || (index > 0 && index < NAMES_POOL));
    bool is_known = len == 0;
    for (unsigned i = 0; i <= NAMES; i++)
        is_known |= len == strlen(name_of(i)) && memcmp(name, name_of(i), len) == 0;
    MUST(is_known || seeds_changed);
}

static uint32_t check_standin(struct names *map, const char *name, bool whole)
{
    char found[256];
    char *copy = copy_exactly(name, strlen(name));
    uint32_t index = names_standin(map, copy, strlen(name));
    MUST(index < NAMES_POOL);
    if (whole) {
        MUST(index > 0 && names_lookup(map, index, found) == strlen(name));
        MUST(strcmp(found, name) == 0 && names_standin(map, copy, strlen(name)) == index);
    }
    free(copy);
    return index;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input input = {data, len};
    struct names *map = fresh_map();
    const uint64_t seeds[2] = {map->seed[0], map->seed[1]};
    bool whole = true; /* nobody has written what he should not */
    uint32_t index = 0;
    for (unsigned i = 0; i < OPERATIONS_MAX && input.left > 0; i++) {
        bool seeds_changed = memcmp(seeds, map->seed, sizeof(seeds)) != 0;
        switch (take_octet(&input) % 4) {
        case 0:
            index = check_standin(map, name_of(take_octet(&input)), whole);
            break;
        case 1:
            check_lookup(map, index + (uint32_t)(int8_t)take_octet(&input), seeds_changed);
            break;
        case 2:
            damage(map, &input);
            whole = false;
            break;
        default:
            age(map, &input);
        }
    }
    return 0;
}
