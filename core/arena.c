/* SPDX-License-Identifier: MIT
 * A list of mapped chunks, the newest being cut into pieces from its start. */
#include "core/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* A mapping costs the same whatever its size, and memory only where it is touched: the first chunk
 * is large enough for an everyday configuration, so that there is no second. */
enum {
    ALIGNMENT = 16,
    PAGE = 4096,
    HUGE_PAGE = 2 * 1024 * 1024,
    FIRST_CHUNK = 32 * 1024,
    LAST_CHUNK = HUGE_PAGE,
};

struct chunk {
    struct chunk *next; /* older */
    void *mapping;
    size_t mapping_size;
    char *end;
};

/* Lives in its own first chunk, the last one of the list. */
struct arena {
    struct chunk *chunks;
    char *free; /* start of what is left of the newest common chunk */
    char *end;
    size_t next_size;
};

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) & ~(unit - 1);
}

/* A fault for every small page costs more than all that is written there: what will be filled for
 * the most part gets huge pages, where the kernel has them. */
static struct chunk *map_chunk(size_t size)
{
    bool huge = size >= HUGE_PAGE / 2;
    size = round_up(size, huge ? HUGE_PAGE : PAGE);
    size_t mapping_size = huge ? size + HUGE_PAGE - PAGE : size;
    char *mapping =
        mmap(NULL, mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return NULL;
    char *start = mapping;
    if (huge) {
        start += -(uintptr_t)mapping & (HUGE_PAGE - 1);
        madvise(start, size, MADV_HUGEPAGE);
    }
    struct chunk *chunk = (struct chunk *)start;
    *chunk = (struct chunk){.mapping = mapping, .mapping_size = mapping_size, .end = start + size};
    return chunk;
}

static char *first_of(struct chunk *chunk)
{
    return (char *)chunk + round_up(sizeof(*chunk), ALIGNMENT);
}

struct arena *arena_new(void)
{
    struct chunk *chunk = map_chunk(FIRST_CHUNK);
    if (!chunk)
        return NULL;
    struct arena *arena = (struct arena *)first_of(chunk);
    arena->chunks = chunk;
    arena->free = (char *)arena + round_up(sizeof(*arena), ALIGNMENT);
    arena->end = chunk->end;
    arena->next_size = 2 * FIRST_CHUNK;
    return arena;
}

static struct chunk *add_chunk(struct arena *arena, size_t size)
{
    struct chunk *chunk = map_chunk(size);
    if (!chunk)
        return NULL;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

/* What is left of the common chunk before is lost. */
static bool begin_chunk(struct arena *arena, size_t size)
{
    struct chunk *chunk = add_chunk(arena, size);
    if (chunk) {
        arena->free = first_of(chunk);
        arena->end = chunk->end;
    }
    return chunk != NULL;
}

void arena_reserve(struct arena *arena, size_t size)
{
    if (size < SIZE_MAX / 2 && size > (size_t)(arena->end - arena->free))
        begin_chunk(arena, size + sizeof(struct chunk) + ALIGNMENT);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = round_up(size, ALIGNMENT);
    if (size > (size_t)(arena->end - arena->free)) {
        size_t whole = size + sizeof(struct chunk) + ALIGNMENT;
        /* A large piece gets a chunk to itself, and the rest of the common one stays in use. */
        if (whole > arena->next_size / 4) {
            struct chunk *chunk = add_chunk(arena, whole);
            return chunk ? first_of(chunk) : NULL;
        }
        if (!begin_chunk(arena, arena->next_size))
            return NULL;
        if (arena->next_size < LAST_CHUNK)
            arena->next_size *= 2;
    }
    void *piece = arena->free;
    arena->free += size;
    return piece;
}

char *arena_copy(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (copy && len)
        memcpy(copy, text, len); /* the NUL is there already */
    return copy;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    struct chunk *chunk = arena->chunks;
    while (chunk) {
        struct chunk *older = chunk->next; /* the oldest holds the arena itself */
        munmap(chunk->mapping, chunk->mapping_size);
        chunk = older;
    }
}
