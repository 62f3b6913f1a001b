/* SPDX-License-Identifier: MIT
 * Reading the dynamic symbol tables of loaded objects (ELF specification, and its GNU hash table).
 */
#include "preload/symbols.h"

#include "preload/state.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#define MUSL "ld-musl-" /* loader and libc in one */

enum { VERSION_HIDDEN = 0x8000 }; /* an older version, kept for programs that ask for it */

struct object {
    const char *strings;
    const ElfW(Sym) * symbols;
    const ElfW(Versym) * versions; /* NULL: has none */
    const uint32_t *hash;
    uintptr_t base;
};

static struct {
    bool found; /* atomic; all threads would find the same */
    struct object ours;
    const char *path; /* of our file, as the loader opened it */
    struct libc_functions libc;
} symbols STARTUP_DATA;

/* glibc makes absolute addresses of them when it loads an object, but not in a dynamic section that
 * is read-only. */
static const void *at(uintptr_t base, uintptr_t address)
{
    return (const void *)(address < base ? base + address : address);
}

static bool read_object(const struct dl_phdr_info *info, struct object *object)
{
    const ElfW(Dyn) *entry = NULL;
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    *object = (struct object){.base = info->dlpi_addr};
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_STRTAB:
            object->strings = at(object->base, entry->d_un.d_ptr);
            break;
        case DT_SYMTAB:
            object->symbols = at(object->base, entry->d_un.d_ptr);
            break;
        case DT_VERSYM:
            object->versions = at(object->base, entry->d_un.d_ptr);
            break;
        case DT_GNU_HASH:
            object->hash = at(object->base, entry->d_un.d_ptr);
            break;
        default:
            break;
        }
    }
    return object->strings && object->symbols && object->hash;
}

static bool contains(const struct dl_phdr_info *info, const void *address)
{
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD &&
            (uintptr_t)address - (info->dlpi_addr + part->p_vaddr) < part->p_memsz)
            return true;
    }
    return false;
}

/* What comes after start in text; NULL when text does not start so. By hand, as all of this: each
 * libc function that a program's start calls has to be looked up first, which costs far more. */
static const char *after(const char *text, const char *start)
{
    for (; *start; text++, start++)
        if (*text != *start)
            return NULL;
    return text;
}

/* What other objects call it, mostly. */
static const char *base_name(const struct dl_phdr_info *info)
{
    const char *base = info->dlpi_name;
    for (const char *c = base; *c; c++)
        if (*c == '/')
            base = c + 1;
    return base;
}

static bool is_definition(const struct object *object, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = &object->symbols[index];
    const char *rest = after(object->strings + symbol->st_name, name);
    return rest && !*rest && symbol->st_shndx != SHN_UNDEF &&
           (!object->versions || !(object->versions[index] & VERSION_HIDDEN));
}

/*
 * The table: four words (buckets, index of the first symbol, words of the filter, shift), the
 * filter, the buckets, and for each symbol from the first one on its hash, the lowest bit of which
 * says that it ends its bucket.
 */
static void *find(const struct object *object, const char *name)
{
    enum { BITS = 8 * sizeof(ElfW(Addr)) };
    uint32_t hash = 5381;
    for (const char *c = name; *c; c++)
        hash = hash * 33 + (unsigned char)*c;

    const uint32_t *table = object->hash;
    const ElfW(Addr) *filter = (const void *)(table + 4);
    const uint32_t *buckets = (const void *)(filter + table[2]);
    ElfW(Addr) word = filter[hash / BITS % table[2]];
    if (!(word >> hash % BITS & word >> (hash >> table[3]) % BITS & 1))
        return NULL;
    uint32_t index = buckets[hash % table[0]];
    const uint32_t *chain = buckets + table[0];
    for (; index >= table[1]; index++) {
        uint32_t entry = chain[index - table[1]];
        if ((entry | 1) == (hash | 1) && is_definition(object, index, name))
            return (void *)(object->base + object->symbols[index].st_value);
        if (entry & 1)
            break;
    }
    return NULL;
}

/* Takes from each object what it has of what is wanted; true ends the walk. */
static int take(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    bool ours = !symbols.ours.hash && contains(info, &symbols);
    /* Before 2.34 dlsym was in libdl. */
    const char *name = ours ? "" : base_name(info);
    bool libc = after(name, "libc.so") || after(name, "libdl.so.") || after(name, MUSL);
    struct object object;
    if ((!ours && !libc) || !read_object(info, &object))
        return 0;
    if (ours) {
        symbols.ours = object;
        symbols.path = info->dlpi_name;
    } else {
        void *function = find(&object, "dlsym");
        if (function)
            symbols.libc.dlsym = (__typeof__(&dlsym))function;
        function = find(&object, "syscall");
        if (function)
            symbols.libc.syscall = (__typeof__(&syscall))function;
    }
    return symbols.ours.hash && symbols.libc.dlsym && symbols.libc.syscall;
}

static void find_all(void)
{
    if (__builtin_expect(__atomic_load_n(&symbols.found, __ATOMIC_ACQUIRE), 1))
        return;
    dl_iterate_phdr(take, NULL);
    __atomic_store_n(&symbols.found, true, __ATOMIC_RELEASE);
}

const struct libc_functions *symbols_libc(void)
{
    find_all();
    return &symbols.libc;
}

const char *symbols_own_path(void)
{
    find_all();
    return symbols.path ? symbols.path : "";
}

void *symbols_exported(const char *name)
{
    find_all();
    return find(&symbols.ours, name);
}

struct question {
    const void *address;
    bool is_libc;
};

static int judge(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct question *question = data;
    if (!contains(info, question->address))
        return 0;
    static const char names[][16] = {"libc.so", "libpthread.so.", "libresolv.so.", "libanl.so.",
                                     MUSL};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        question->is_libc |= after(base_name(info), names[i]) != NULL;
    return 1;
}

bool symbols_is_libc(const void *address)
{
    struct question question = {.address = address};
    dl_iterate_phdr(judge, &question);
    return question.is_libc;
}
