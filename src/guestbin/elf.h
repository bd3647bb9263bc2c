// SPDX-License-Identifier: Apache-2.0
/* The parts of an ELF file that elf.c looks at, for systems whose own files are of another kind.
 * System V ABI, "ELF Header" and "Program Header"; 64 bits. */
#pragma once

#include <stdint.h>

#define ELFMAG  "\177ELF"
#define SELFMAG 4

enum { EI_CLASS = 4, EI_DATA = 5, ELFCLASS32 = 1, ELFCLASS64 = 2, ELFDATA2LSB = 1 };
enum { ET_REL = 1, ET_EXEC = 2, ET_DYN = 3 };
enum { EM_386 = 3, EM_X86_64 = 62, EM_AARCH64 = 183 };
enum { PT_LOAD = 1, PT_INTERP = 3, PT_NOTE = 4 };

typedef struct {
    unsigned char e_ident[16];
    uint16_t e_type;
    uint16_t e_machine;
    uint32_t e_version;
    uint64_t e_entry;
    uint64_t e_phoff;
    uint64_t e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize;
    uint16_t e_phentsize;
    uint16_t e_phnum;
    uint16_t e_shentsize;
    uint16_t e_shnum;
    uint16_t e_shstrndx;
} Elf64_Ehdr;

typedef struct {
    uint32_t p_type;
    uint32_t p_flags;
    uint64_t p_offset;
    uint64_t p_vaddr;
    uint64_t p_paddr;
    uint64_t p_filesz;
    uint64_t p_memsz;
    uint64_t p_align;
} Elf64_Phdr;
