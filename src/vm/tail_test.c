// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/internal.h"

static void assert_str(str got, const char *want) {
    if (!str_eq(got, str_from_c(want))) {
        fail_msg("got '%.*s', want '%s'", STR_FMT(got), want);
    }
}

static void keeps_the_end(void **state) {
    struct tail *tail = calloc(1, sizeof *tail);
    tail_add(tail, S("start "));
    assert_str(tail_str(tail), "start ");
    for (int i = 0; i < VM_CONSOLE_MAX; i++) {
        tail_add(tail, S("x"));
    }
    assert_int_equal(tail->len, VM_CONSOLE_MAX);
    assert_int_equal(tail->total, VM_CONSOLE_MAX + 6);
    assert_true(str_find(tail_str(tail), S("start"), 0) == STR_NONE);
    tail_add(tail, S("the end"));
    assert_true(str_ends(tail_str(tail), S("xthe end")));
    char *big = malloc(VM_CONSOLE_MAX + 100);
    memset(big, 'y', VM_CONSOLE_MAX + 100);
    big[VM_CONSOLE_MAX + 99] = 'z';
    tail_add(tail, (str){ big, VM_CONSOLE_MAX + 100 });
    assert_int_equal(tail->len, VM_CONSOLE_MAX);
    assert_true(str_ends(tail_str(tail), S("yz")));
    free(big);
    free(tail);
}

static const struct {
    const char *text;
    const char *stage;
} stage_cases[] = {
    { "", "" },
    { "capsem-init: squashfs: 12 ms\n", "squashfs" },
    { "capsem-init: squashfs: 12 ms\r\ncapsem-init: overlayfs: 3 ms\r\n[ 1.0] noise", "overlayfs" },
    { "[    1.2] capsem-init: network: 12 ms", "network" },
    { "capsem-init: squashfs: 12 ms\ncapsem-init: no resolver: the image has no dnsmasq",
      "squashfs" },
    { "capsem-init: a name of words: 12 ms", "" },
    { "capsem-init: x: ms", "" },
    { "capsem-init: x: many ms", "" },
    { "capsem-init: : 3 ms", "" },
    { "capsem-init: ", "" },
    { "capsem-init: an-overlong-name-that-is-no-stage-of-ours: 3 ms", "" },
};

static void last_stage(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(stage_cases); i++) {
        assert_str(tail_last_stage(str_from_c(stage_cases[i].text)), stage_cases[i].stage);
    }
}

static void last_line(void **state) {
    assert_str(tail_last_line(S("")), "");
    assert_str(tail_last_line(S("one\ntwo\n\n")), "two");
    assert_str(tail_last_line(S("qemu-system-x86_64: no such option")), "no such option");
    assert_str(tail_last_line(S("qemu-system-x86_64 no colon")), "qemu-system-x86_64 no colon");
}

static const struct {
    const char *console;
    size_t count;
    const char *lines;
} line_cases[] = {
    { "", 3, "" },
    { "one", 3, "one" },
    { "one\r\ntwo\r\nthree\r\n\r\n", 2, "two\nthree" },
    { "one\ntwo", 2, "one\ntwo" },
    { "one\ntwo", 1, "two" },
    { "\x1b[31mred\x1b[0m \x1b"
      "7and\x07 plain\ttab",
      1, "red and plain\ttab" },
    { "cut \x1b[3", 1, "cut" },
    { "cut \x1b", 1, "cut" },
};

static void console_lines(void **state) {
    struct vm_report *report = calloc(1, sizeof *report);
    for (size_t i = 0; i < ARRAY_LEN(line_cases); i++) {
        AUTO_ARENA scratch = arena_new();
        report->console_len = strlen(line_cases[i].console);
        memcpy(report->console, line_cases[i].console, report->console_len);
        assert_str(vm_console_lines(scratch, report, line_cases[i].count), line_cases[i].lines);
    }
    free(report);
}

#define PANIC                                                                                      \
    "[    0.9] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n"        \
    "[    0.9] CPU: 0 UID: 0 PID: 1 Comm: init\r\n[    0.9] Call Trace:\r\n[    0.9]  "            \
    "panic+0x1\r\n"
static const struct {
    const char *console;
    const char *cause;
} cause_cases[] = {
    { "", "" },
    { "[    0.1] Linux version\ncapsem-init: squashfs: 3 ms\n", "" },
    { "[    0.1] Linux\r\n" PANIC,
      "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100" },
    { "FATAL: overlayfs mount failed\r\n" PANIC, "FATAL: overlayfs mount failed" },
    { "[   12.345678] FATAL: no root\n" PANIC, "FATAL: no root" },
    { "modprobe: FATAL: Module x not found\n" PANIC,
      "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100" },
    { "capsem-init: squashfs: 3 ms\ncapsem-init: cannot mount the overlay\n"
      "capsem-init: the guest cannot start and powers off\n[    1.0] reboot: Power down\n",
      "capsem-init: cannot mount the overlay" },
    { "[    0.5] Initramfs unpacking failed: compression method zstd not configured\n"
      "[    0.8] VFS: Unable to mount root fs on unknown-block(0,0)\n"
      "[    0.8] Kernel panic - not syncing: VFS: Unable to mount root fs\n",
      "Initramfs unpacking failed: compression method zstd not configured" },
    { "[    0.8] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n",
      "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)" },
};

static void cause(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(cause_cases); i++) {
        assert_str(tail_cause(str_from_c(cause_cases[i].console)), cause_cases[i].cause);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_end), cmocka_unit_test(last_stage), cmocka_unit_test(last_line),
        cmocka_unit_test(console_lines), cmocka_unit_test(cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
