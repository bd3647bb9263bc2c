// SPDX-License-Identifier: Apache-2.0
#include "machine/machine.h"

#include <sys/utsname.h>

const struct machine machines[] = {
    {
        .name = "x86_64",
        .assets = "x86_64",
        .oci = "amd64",
        .debian = "amd64",
        .node = "x64",
        .kernel = "x86_64",
        .kernel_image = "arch/x86_64/boot/bzImage",
        .other_name = "x86-64",
        .elf_number = 62,
        .qemu = { "qemu-system-x86_64", "qemu-system-x86", "q35,vmport=off,smbus=off,sata=off",
                  /* What few real machines have is emulated the least well: a kernel with five
                   * levels of page tables was seen to die of a page fault in its own memory while
                   * it booted. */
                  "max,la57=off,pku=off", "ttyS0" },
    },
    {
        .name = "aarch64",
        .assets = "arm64",
        .oci = "arm64",
        .debian = "arm64",
        .node = "arm64",
        .kernel = "arm64",
        .kernel_image = "arch/arm64/boot/Image.gz",
        .elf_number = 183,
        .qemu = { "qemu-system-aarch64", "qemu-system-arm", "virt",
                  /* The architected pointer authentication costs most of the time under emulation.
                   */
                  "max,pauth-impdef=on", "ttyAMA0" },
    },
};
const size_t machine_count = ARRAY_LEN(machines);

static bool has_name(const struct machine *m, str name) {
    const char *const names[] = { m->name, m->assets, m->oci, m->debian, m->other_name };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i] != NULL && str_eq_nocase(name, str_from_c(names[i]))) {
            return true;
        }
    }
    return false;
}

const struct machine *machine_find(str name) {
    for (size_t i = 0; i < machine_count; i++) {
        if (has_name(&machines[i], name)) {
            return &machines[i];
        }
    }
    return NULL;
}

const struct machine *machine_of_triple(str triple) {
    str rest = triple;
    str name = str_cut(&rest, '-');
    for (size_t i = 0; i < machine_count; i++) {
        if (str_eq(name, str_from_c(machines[i].name))) {
            return &machines[i];
        }
    }
    return NULL;
}

const struct machine *machine_host(void) {
    struct utsname host;
    return uname(&host) == 0 ? machine_find(str_from_c(host.machine)) : NULL;
}
