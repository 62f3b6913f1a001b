/* SPDX-License-Identifier: MIT
 * Reads with pread, every offset checked against what could be read. */
#include "core/elf_file.h"

#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_DATA ELFDATA2LSB
#else
#define OUR_DATA ELFDATA2MSB
#endif

/* The beginning of our own file, wrapper or library, mapped with it; the link editor defines the
 * name. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* pread that goes on after a short read; returns how many octets there were. */
static size_t read_at(int fd, void *buf, size_t len, uint64_t offset)
{
    size_t done = 0;
    if (offset > (uint64_t)INT64_MAX - len)
        return 0;
    while (done < len) {
        ssize_t got = pread(fd, (char *)buf + done, len - done, (off_t)(offset + done));
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

void elf_file_start(struct elf_file *file, int fd)
{
    file->fd = fd;
    file->len = read_at(fd, file->head, sizeof(file->head), 0);
}

bool elf_file_copy(const struct elf_file *file, uint64_t offset, void *to, size_t len)
{
    if (len <= file->len && offset <= file->len - len) {
        memcpy(to, file->head + offset, len);
        return true;
    }
    return read_at(file->fd, to, len, offset) == len;
}

bool elf_file_has_magic(const struct elf_file *file)
{
    return file->len >= SELFMAG && memcmp(file->head, ELFMAG, SELFMAG) == 0;
}

bool elf_file_kind(const struct elf_file *file, struct elf_kind *kind, bool *swapped)
{
    /* It stands at the same place in both classes. */
    const size_t machine_at = offsetof(Elf64_Ehdr, e_machine);
    if (file->len < machine_at + sizeof(kind->machine) || !elf_file_has_magic(file))
        return false;
    kind->class = (uint8_t)file->head[EI_CLASS];
    memcpy(&kind->machine, file->head + machine_at, sizeof(kind->machine));
    *swapped = file->head[EI_DATA] != OUR_DATA;
    return kind->class == ELFCLASS32 || kind->class == ELFCLASS64;
}

static bool is_wide(const unsigned char *ident)
{
    return ident[EI_CLASS] == ELFCLASS64;
}

/* What of each is looked at. */

static Elf64_Ehdr widen_header(const Elf32_Ehdr *narrow)
{
    Elf64_Ehdr wide = {
        .e_type = narrow->e_type,
        .e_machine = narrow->e_machine,
        .e_phoff = narrow->e_phoff,
        .e_shoff = narrow->e_shoff,
        .e_phentsize = narrow->e_phentsize,
        .e_phnum = narrow->e_phnum,
        .e_shentsize = narrow->e_shentsize,
        .e_shnum = narrow->e_shnum,
        .e_shstrndx = narrow->e_shstrndx,
    };
    memcpy(wide.e_ident, narrow->e_ident, sizeof(wide.e_ident));
    return wide;
}

static Elf64_Phdr widen_segment(const Elf32_Phdr *narrow)
{
    return (Elf64_Phdr){
        .p_type = narrow->p_type,
        .p_flags = narrow->p_flags,
        .p_offset = narrow->p_offset,
        .p_filesz = narrow->p_filesz,
    };
}

static Elf64_Shdr widen_section(const Elf32_Shdr *narrow)
{
    return (Elf64_Shdr){
        .sh_name = narrow->sh_name,
        .sh_type = narrow->sh_type,
        .sh_offset = narrow->sh_offset,
        .sh_size = narrow->sh_size,
    };
}

bool elf_file_header(const struct elf_file *file, Elf64_Ehdr *header)
{
    Elf32_Ehdr narrow;
    if (is_wide((const unsigned char *)file->head))
        return elf_file_copy(file, 0, header, sizeof(*header));
    if (!elf_file_copy(file, 0, &narrow, sizeof(narrow)))
        return false;
    *header = widen_header(&narrow);
    return true;
}

bool elf_file_segment(const struct elf_file *file, const Elf64_Ehdr *header, unsigned i,
                      Elf64_Phdr *segment)
{
    Elf32_Phdr narrow;
    uint64_t at = header->e_phoff + (uint64_t)i * header->e_phentsize;
    if (is_wide(header->e_ident))
        return header->e_phentsize == sizeof(*segment) &&
               elf_file_copy(file, at, segment, sizeof(*segment));
    if (header->e_phentsize != sizeof(narrow) || !elf_file_copy(file, at, &narrow, sizeof(narrow)))
        return false;
    *segment = widen_segment(&narrow);
    return true;
}

bool elf_file_section(const struct elf_file *file, const Elf64_Ehdr *header, unsigned i,
                      Elf64_Shdr *section)
{
    Elf32_Shdr narrow;
    uint64_t at = header->e_shoff + (uint64_t)i * header->e_shentsize;
    if (is_wide(header->e_ident))
        return header->e_shentsize == sizeof(*section) &&
               elf_file_copy(file, at, section, sizeof(*section));
    if (header->e_shentsize != sizeof(narrow) || !elf_file_copy(file, at, &narrow, sizeof(narrow)))
        return false;
    *section = widen_section(&narrow);
    return true;
}

struct elf_kind elf_our_kind(void)
{
    const ElfW(Ehdr) *header = (const void *)__ehdr_start; /* needs no checks */
    return (struct elf_kind){.class = header->e_ident[EI_CLASS], .machine = header->e_machine};
}

const char *elf_our_loader(void)
{
    const ElfW(Phdr) *header = (const void *)getauxval(AT_PHDR);
    unsigned long count = header ? getauxval(AT_PHNUM) : 0;
    const char *base = NULL;
    for (unsigned long i = 0; i < count; i++)
        if (header[i].p_type == PT_PHDR)
            base = (const char *)header - header[i].p_vaddr;
    for (unsigned long i = 0; base && i < count; i++)
        if (header[i].p_type == PT_INTERP)
            return base + header[i].p_vaddr;
    return "";
}
