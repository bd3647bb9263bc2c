// SPDX-License-Identifier: Apache-2.0
/* What a guest binary must be: a program for the guest's machine that needs no loader and no
 * library of the image. Follows the System V ABI, "Object Files" and "Program Loading". */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "guestbin/elf.h"
#include "guestbin/internal.h"
#include "machine/machine.h"

enum { HEADERS_MAX = 256, INTERPRETER_BYTES_MAX = 200 };

static const char *machine_name(uint16_t number) {
    for (size_t i = 0; i < machine_count; i++) {
        if (machines[i].elf_number == number) {
            return machines[i].name;
        }
    }
    return "another machine";
}

/* The interpreter that a program header names, as far as it is text. */
static bool refuse_interpreter(int fd, const unsigned char *header, const char *path,
                               struct err *err) {
    char name[INTERPRETER_BYTES_MAX + 1] = "";
    uint64_t offset = load_le64(header + offsetof(Elf64_Phdr, p_offset));
    ssize_t len = offset > INT64_MAX ? -1 : pread(fd, name, INTERPRETER_BYTES_MAX, (off_t)offset);
    for (ssize_t i = 0; i < len; i++) {
        if (name[i] != '\0' && (name[i] < ' ' || name[i] > '~')) {
            name[i] = '?';
        }
    }
    return err_set(err, "'%s' is not static: it needs '%s'", path, name);
}

static bool check_headers(int fd, const unsigned char *start, const char *path, struct err *err) {
    uint64_t at = load_le64(start + offsetof(Elf64_Ehdr, e_phoff));
    uint16_t size = load_le16(start + offsetof(Elf64_Ehdr, e_phentsize));
    uint16_t count = load_le16(start + offsetof(Elf64_Ehdr, e_phnum));
    bool loads = false;
    if (size != sizeof(Elf64_Phdr) || count > HEADERS_MAX || at > INT32_MAX) {
        return err_set(err, "'%s' is not a program: its headers are damaged", path);
    }
    for (uint16_t i = 0; i < count; i++) {
        unsigned char header[sizeof(Elf64_Phdr)];
        if (pread(fd, header, sizeof header, (off_t)(at + (uint64_t)i * size)) != sizeof header) {
            return err_set(err, "'%s' is truncated", path);
        }
        uint32_t type = load_le32(header + offsetof(Elf64_Phdr, p_type));
        loads = loads || type == PT_LOAD;
        if (type == PT_INTERP) {
            return refuse_interpreter(fd, header, path, err);
        }
    }
    return loads ? true : err_set(err, "'%s' is not a program: it has no loadable segments", path);
}

bool elf_check(const char *path, str target, struct err *err) {
    unsigned char start[sizeof(Elf64_Ehdr)];
    str rest = target;
    str machine = str_cut(&rest, '-');
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open '%s'", path);
    }
    if (pread(fd, start, sizeof start, 0) != sizeof start || memcmp(start, ELFMAG, SELFMAG) != 0 ||
        start[EI_CLASS] != ELFCLASS64 || start[EI_DATA] != ELFDATA2LSB) {
        return err_set(err, "'%s' is not a program", path);
    }
    uint16_t type = load_le16(start + offsetof(Elf64_Ehdr, e_type));
    const char *made_for = machine_name(load_le16(start + offsetof(Elf64_Ehdr, e_machine)));
    if (type != ET_EXEC && type != ET_DYN) {
        return err_set(err, "'%s' is not a program", path);
    }
    if (!str_eq(machine, str_from_c(made_for))) {
        return err_set(err, "'%s' is a program for %s, not for %.*s", path, made_for,
                       STR_FMT(machine));
    }
    return check_headers(fd, start, path, err);
}
