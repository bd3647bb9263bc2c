// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guestbin/elf.h"
#include "guestbin/internal.h"
#include <cmocka.h>

struct program {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    char interpreter[16];
};

/* The smallest that is good. Written by casting: the tests run on the byte order of the files. */
static struct program program(uint16_t machine) {
    struct program p = {
        .header = { .e_type = ET_EXEC,
                    .e_machine = machine,
                    .e_phoff = offsetof(struct program, segments),
                    .e_phentsize = sizeof(Elf64_Phdr),
                    .e_phnum = 2 },
        .segments = { { .p_type = PT_LOAD }, { .p_type = PT_NOTE } },
        .interpreter = "/lib/ld.so",
    };
    memcpy(p.header.e_ident, ELFMAG, SELFMAG);
    p.header.e_ident[EI_CLASS] = ELFCLASS64;
    p.header.e_ident[EI_DATA] = ELFDATA2LSB;
    return p;
}

static bool check(const void *bytes, size_t len, const char *target, struct buf *why) {
    char path[] = "/tmp/capsem-elf-test-XXXXXX";
    struct err err = ERR_INIT;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
    bool ok = elf_check(path, str_from_c(target), &err);
    unlink(path);
    if (!ok) {
        err_text(&err, why);
    }
    return ok;
}

static void assert_refused(const struct program *p, size_t len, const char *wanted) {
    AUTO_BUF why = BUF_INIT(4096);
    assert_false(check(p, len, "x86_64-unknown-linux-musl", &why));
    assert_non_null(strstr(why.ptr, wanted));
}

static void static_programs_pass(void **state) {
    (void)state;
    AUTO_BUF why = BUF_INIT(4096);
    struct program p = program(EM_X86_64);
    assert_true(check(&p, sizeof p, "x86_64-unknown-linux-musl", &why));
    p.header.e_type = ET_DYN; /* at any address, still without a loader */
    assert_true(check(&p, sizeof p, "x86_64-unknown-linux-gnu", &why));
    p.header.e_machine = EM_AARCH64;
    assert_true(check(&p, sizeof p, "aarch64-unknown-linux-musl", &why));
}

static void others_are_refused(void **state) {
    (void)state;
    struct program p = program(EM_AARCH64);
    assert_refused(&p, sizeof p, "is a program for aarch64, not for x86_64");
    p = program(EM_386);
    assert_refused(&p, sizeof p, "is a program for another machine");
    p = program(EM_X86_64);
    p.header.e_type = ET_REL;
    assert_refused(&p, sizeof p, "is not a program");
    p = program(EM_X86_64);
    p.header.e_ident[EI_CLASS] = ELFCLASS32;
    assert_refused(&p, sizeof p, "is not a program");
    p = program(EM_X86_64);
    p.header.e_ident[0] = '#';
    assert_refused(&p, sizeof p, "is not a program");
}

static void a_loader_is_named(void **state) {
    (void)state;
    struct program p = program(EM_X86_64);
    p.segments[1] =
        (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = offsetof(struct program, interpreter) };
    assert_refused(&p, sizeof p, "is not static: it needs '/lib/ld.so'");
    p.segments[1].p_offset = UINT64_MAX;
    assert_refused(&p, sizeof p, "is not static");
}

static void damaged_headers_are_refused(void **state) {
    (void)state;
    struct program p = program(EM_X86_64);
    assert_refused(&p, 0, "is not a program");
    assert_refused(&p, sizeof p.header - 1, "is not a program");
    assert_refused(&p, sizeof p.header + sizeof p.segments[0], "is truncated");
    p.segments[0].p_type = PT_NOTE;
    assert_refused(&p, sizeof p, "no loadable segments");
    p = program(EM_X86_64);
    p.header.e_phnum = UINT16_MAX;
    assert_refused(&p, sizeof p, "its headers are damaged");
    p = program(EM_X86_64);
    p.header.e_phoff = UINT64_MAX - 8;
    assert_refused(&p, sizeof p, "its headers are damaged");
    p = program(EM_X86_64);
    p.header.e_phentsize = 1;
    assert_refused(&p, sizeof p, "its headers are damaged");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_programs_pass),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(a_loader_is_named),
        cmocka_unit_test(damaged_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
