/* SPDX-License-Identifier: MIT
 * Reading an ELF file of either class and this machine's byte order: the header, program headers
 * and sections, those of 32 bits widened to those of 64. Files may be cut or damaged anywhere. */
#ifndef SOCKSIFY_CORE_ELF_FILE_H
#define SOCKSIFY_CORE_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ELF_FILE_HEAD = 1024 }; /* octets: one read that has all that counts of most programs */

/* What a program and a library must have in common. */
struct elf_kind {
    uint8_t class; /* ELFCLASS32, ELFCLASS64 */
    uint16_t machine;
};

/* A file, of whatever kind, with its beginning. */
struct elf_file {
    int fd;     /* borrowed */
    size_t len; /* of head */
    char head[ELF_FILE_HEAD];
};

/* Begin with a file that is open for reading. */
void elf_file_start(struct elf_file *file, int fd);

/* The len octets at offset. False when the file does not hold them all. */
bool elf_file_copy(const struct elf_file *file, uint64_t offset, void *to, size_t len);

/* The first octets of the file that say whether it is one. */
bool elf_file_has_magic(const struct elf_file *file);

/* Its kind, and in *swapped whether it is of the other byte order, so that nothing else can be
 * read. False when it has none. */
bool elf_file_kind(const struct elf_file *file, struct elf_kind *kind, bool *swapped);

/* These want a file whose elf_file_kind was taken, and not swapped; i is below the header's e_phnum
 * or e_shnum. False: the file does not hold it, or holds it in a size that is not the class's. */
bool elf_file_header(const struct elf_file *file, Elf64_Ehdr *header);
bool elf_file_segment(const struct elf_file *file, const Elf64_Ehdr *header, unsigned i,
                      Elf64_Phdr *segment);
bool elf_file_section(const struct elf_file *file, const Elf64_Ehdr *header, unsigned i,
                      Elf64_Shdr *section);

/* The kind of the running program, and of the library that is in it. */
struct elf_kind elf_our_kind(void);

static inline bool elf_is_kind(const struct elf_kind *a, const struct elf_kind *b)
{
    return a->class == b->class && a->machine == b->machine;
}

/* The loader of this process: what a program must name to get the same C library. Empty when the
 * running program does not say. */
const char *elf_our_loader(void);

#endif
