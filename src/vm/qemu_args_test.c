// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/internal.h"

static const struct vm_spec example = {
    .arch = "x86_64",
    .kernel = "/a/vmlinuz",
    .initrd = "/a/initrd.img",
    .rootfs = "/a folder, with a comma/rootfs.squashfs",
    .cpus = 3,
    .memory_mb = 1500,
};

static bool has(const char *const *args, const char *word) {
    for (; *args != NULL; args++) {
        if (strcmp(*args, word) == 0) {
            return true;
        }
    }
    return false;
}

/* The word after an option; the test ends when it is not there. */
static const char *value_of(const char *const *args, const char *option) {
    for (; *args != NULL; args++) {
        if (strcmp(*args, option) == 0 && args[1] != NULL) {
            return args[1];
        }
    }
    fail_msg("no %s", option);
    return "";
}

static void machine_and_limits(void **state) {
    AUTO_ARENA a = arena_new();
    const char **args = qemu_args(a, &example, VM_ACCEL_TCG, false);
    assert_string_equal(args[0], "qemu-system-x86_64");
    assert_string_equal(value_of(args, "-accel"), "tcg");
    assert_string_equal(value_of(args, "-cpu"), "max,la57=off,pku=off");
    assert_string_equal(value_of(args, "-smp"), "3");
    assert_string_equal(value_of(args, "-m"), "1500M");
    assert_true(has(args, "-no-reboot"));
    assert_string_equal(value_of(args, "-sandbox"), "on,obsolete=deny,elevateprivileges=deny,"
                                                    "spawn=deny,resourcecontrol=deny");
    assert_string_equal(value_of(qemu_args(a, &example, VM_ACCEL_KVM, false), "-cpu"), "host");
}

static void commas_in_paths_are_doubled(void **state) {
    AUTO_ARENA a = arena_new();
    const char *drive = value_of(qemu_args(a, &example, VM_ACCEL_TCG, false), "-blockdev");
    assert_non_null(strstr(drive, "file.filename=/a folder,, with a comma/rootfs.squashfs"));
    assert_non_null(strstr(drive, "read-only=on"));
}

static void no_disk_without_a_root(void **state) {
    AUTO_ARENA a = arena_new();
    struct vm_spec spec = example;
    spec.rootfs = NULL;
    assert_false(has(qemu_args(a, &spec, VM_ACCEL_TCG, false), "-blockdev"));
}

static void nothing_leads_to_the_network(void **state) {
    AUTO_ARENA a = arena_new();
    const char **args = qemu_args(a, &example, VM_ACCEL_TCG, false);
    assert_true(has(args, "-nodefaults"));
    for (size_t i = 0; args[i] != NULL; i++) {
        assert_null(strstr(args[i], "-net"));
    }
}

static void command_line_of_the_kernel(void **state) {
    AUTO_ARENA a = arena_new();
    struct vm_spec spec = example;
    assert_string_equal(value_of(qemu_args(a, &spec, VM_ACCEL_TCG, false), "-append"),
                        "console=ttyS0 panic=-1 page_alloc.shuffle=1 quiet loglevel=4");
    spec.append = "capsem.x=1";
    assert_string_equal(value_of(qemu_args(a, &spec, VM_ACCEL_KVM, true), "-append"),
                        "console=ttyS0 panic=-1 page_alloc.shuffle=1 loglevel=7 capsem.x=1");
    spec.arch = "arm64";
    const char **args = qemu_args(a, &spec, VM_ACCEL_TCG, false);
    assert_string_equal(args[0], "qemu-system-aarch64");
    assert_non_null(strstr(value_of(args, "-append"), "console=ttyAMA0"));
    assert_string_equal(value_of(args, "-machine"), "virt");
}

static void unknown_architectures(void **state) {
    assert_null(vm_qemu_program("riscv64"));
    assert_null(vm_qemu_package(""));
    assert_string_equal(vm_qemu_package("arm64"), "qemu-system-arm");
}

/* What is asked for, and nothing of it otherwise. */
static void net_scratch_and_volumes(void **state) {
    AUTO_ARENA a = arena_new();
    const struct vm_volume volumes[] = { { .tag = "one" }, { .tag = "two", .image_fd = 51 } };
    struct vm_spec spec = example;
    const char **args = qemu_args(a, &spec, VM_ACCEL_TCG, false);
    assert_false(has(args, "virtserialport,chardev=net,name=capsem.net"));
    assert_false(has(args, "virtserialport,chardev=mcp,name=capsem.mcp"));
    assert_false(has(args, "-add-fd") || has(args, "-object"));
    spec.net_fd = 40;
    spec.mcp_fd = 42;
    spec.scratch_fd = 41;
    spec.volumes = volumes;
    spec.volume_count = 2;
    args = qemu_args(a, &spec, VM_ACCEL_TCG, false);
    assert_true(has(args, "virtserialport,chardev=net,name=capsem.net"));
    assert_true(has(args, "virtserialport,chardev=mcp,name=capsem.mcp"));
    assert_true(has(args, "socket,id=mcp,fd=16"));
    assert_true(has(args, "socket,id=net,fd=6") && has(args, "fd=7,set=1"));
    assert_true(has(args, "socket,id=one,fd=8") && has(args, "fd=9,set=9"));
    assert_true(has(args, "vhost-user-fs-pci,chardev=one,tag=one"));
    assert_true(has(args, "virtio-blk-pci,drive=two,serial=two"));
    assert_true(has(args, "memory-backend-memfd,id=memory,share=on,size=1500M"));
    assert_non_null(strstr(value_of(args, "-machine"), "memory-backend=memory"));
    spec.volumes = volumes + 1;
    spec.volume_count = 1;
    args = qemu_args(a, &spec, VM_ACCEL_TCG, false);
    assert_true(has(args, "fd=8,set=8") && !has(args, "-object"));
    assert_null(strstr(value_of(args, "-machine"), "memory-backend"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_and_limits),
        cmocka_unit_test(commas_in_paths_are_doubled),
        cmocka_unit_test(no_disk_without_a_root),
        cmocka_unit_test(net_scratch_and_volumes),
        cmocka_unit_test(nothing_leads_to_the_network),
        cmocka_unit_test(command_line_of_the_kernel),
        cmocka_unit_test(unknown_architectures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
