// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "machine/machine.h"
#include <cmocka.h>

static void any_name_finds_it(void **state) {
    static const struct {
        const char *name, *found;
    } cases[] = {
        { "x86_64", "x86_64" }, { "amd64", "x86_64" },  { "x86-64", "x86_64" },
        { "AMD64", "x86_64" },  { "arm64", "aarch64" }, { "aarch64", "aarch64" },
        { "arm", NULL },        { "x86", NULL },        { "", NULL },
        { "x64", NULL },        { "riscv", NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct machine *m = machine_find(str_from_c(cases[i].name));
        print_message("%s\n", cases[i].name);
        assert_int_equal(m == NULL, cases[i].found == NULL);
        assert_true(m == NULL || strcmp(m->name, cases[i].found) == 0);
    }
}

static void a_triple_has_its_own_name(void **state) {
    (void)state;
    assert_string_equal(machine_of_triple(S("x86_64-unknown-linux-musl"))->oci, "amd64");
    assert_string_equal(machine_of_triple(S("aarch64"))->kernel, "arm64");
    assert_null(machine_of_triple(S("amd64-unknown-linux-musl")));
    assert_null(machine_of_triple(S("-unknown")));
    assert_null(machine_of_triple(S("")));
}

/* A row with a hole is an image with a hole. */
static void rows_are_complete(void **state) {
    (void)state;
    for (size_t i = 0; i < machine_count; i++) {
        const struct machine *m = &machines[i];
        const char *const needed[] = { m->name,         m->assets,       m->oci,
                                       m->debian,       m->node,         m->kernel,
                                       m->kernel_image, m->qemu.program, m->qemu.package,
                                       m->qemu.machine, m->qemu.cpu_tcg, m->qemu.console };
        for (size_t k = 0; k < ARRAY_LEN(needed); k++) {
            assert_true(needed[k] != NULL && needed[k][0] != '\0');
        }
        assert_int_not_equal(m->elf_number, 0);
        for (size_t k = 0; k < machine_count; k++) {
            assert_true(k == i || machine_find(str_from_c(m->oci)) != &machines[k]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_name_finds_it),
        cmocka_unit_test(a_triple_has_its_own_name),
        cmocka_unit_test(rows_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
