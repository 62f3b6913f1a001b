/* SPDX-License-Identifier: MIT
 * The table of descriptors: a fixed directory of pieces that are made when first needed. */
#include "preload/fdtable.h"

#include <stddef.h>
#include <sys/mman.h>

static struct slot *pieces[FDTABLE_MAX / FDTABLE_PIECE];

static struct slot *make_piece(struct slot **place)
{
    const size_t size = FDTABLE_PIECE * sizeof(struct slot);
    struct slot *made =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED)
        return NULL;
    struct slot *there = NULL;
    if (__atomic_compare_exchange_n(place, &there, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    munmap(made, size);
    return there;
}

struct slot *fdtable_slot(int fd, bool make)
{
    if (fd < 0 || fd >= FDTABLE_MAX)
        return NULL;
    struct slot **place = &pieces[fd / FDTABLE_PIECE];
    struct slot *piece = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    if (!piece && make)
        piece = make_piece(place);
    return piece ? &piece[fd % FDTABLE_PIECE] : NULL;
}
