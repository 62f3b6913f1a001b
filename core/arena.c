/* SPDX-License-Identifier: MIT
 * A list of mapped chunks, the newest being cut into pieces from its start. */
#include "core/arena.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* A mapping costs the same whatever its size, and memory only where it is touched: the first chunk
 * is large enough for an everyday configuration, so that there is no second. */
enum {
    ALIGNMENT = 16,
    PAGE = 4096,
    FIRST_CHUNK = 32 * 1024,
    POPULATED_CHUNK = 256 * 1024,
    LAST_CHUNK = 1024 * 1024,
};

struct chunk {
    struct chunk *next; /* older */
    size_t size;
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

static struct chunk *map_chunk(size_t size)
{
    /* Who comes that far fills it: one call in place of a fault for every page. */
    int populate = size >= POPULATED_CHUNK ? MAP_POPULATE : 0;
    struct chunk *chunk =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0);
    if (chunk == MAP_FAILED)
        return NULL;
    chunk->size = size;
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
    arena->end = (char *)chunk + FIRST_CHUNK;
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

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = round_up(size, ALIGNMENT);
    if (size > (size_t)(arena->end - arena->free)) {
        size_t whole = size + sizeof(struct chunk) + ALIGNMENT;
        /* A large piece gets a chunk to itself, and the rest of the common one stays in use. */
        if (whole > arena->next_size / 4) {
            struct chunk *chunk = add_chunk(arena, round_up(whole, PAGE));
            return chunk ? first_of(chunk) : NULL;
        }
        struct chunk *chunk = add_chunk(arena, arena->next_size);
        if (!chunk)
            return NULL;
        arena->free = first_of(chunk);
        arena->end = (char *)chunk + chunk->size;
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
        munmap(chunk, chunk->size);
        chunk = older;
    }
}
