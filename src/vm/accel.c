// SPDX-License-Identifier: Apache-2.0
/*
 * Which accelerator is worth trying. That /dev/kvm opens says little: in a nested or filtered KVM
 * guests hang or die at once. The first run finds out (run.c watches for progress), later ones read
 * what it noted: one line of boot id, QEMU program with its size and time, and verdict. It is
 * believed for a day, on the same boot of the host, with the same QEMU.
 */
#include <errno.h>
#include <string.h>

#include "machine/machine.h"
#include "vm/internal.h"

enum { NOTE_MAX = 4096 };

#define NOTE_LIFE_S (24 * 3600)

static const char *const verdict_words[] = {
    [ACCEL_WORKS] = "works",
    [ACCEL_BROKEN] = "broken",
};

const char *vm_accel_name(enum vm_accel accel) {
    static const char *const names[] = { "auto", "kvm", "tcg" };
    return names[accel];
}

bool accel_is_possible(const char *arch, const char **ret_why) {
    const struct machine *m = machine_find(str_from_c(arch));
    if (m == NULL || m != machine_host()) {
        *ret_why = "the host has another architecture";
        return false;
    }
    AUTO_FD fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        *ret_why = errno == ENOENT ? "/dev/kvm does not exist" : "/dev/kvm cannot be opened";
        return false;
    }
    return true;
}

bool vm_kvm_usable(const char *arch, const char *cache_dir, const char **ret_why) {
    AUTO_ARENA scratch = arena_new();
    const char *name = vm_qemu_program(arch);
    const char *program = name == NULL ? NULL : proc_find(scratch, name);
    if (!accel_is_possible(arch, ret_why)) {
        return false;
    }
    if (program != NULL && accel_recall(cache_dir, program) == ACCEL_BROKEN) {
        *ret_why = "guests hung under it in an earlier run";
        return false;
    }
    return true;
}

/* What the verdict depends on; empty when it cannot be told. */
static str fingerprint(struct arena *a, const char *program) {
    str boot_id;
    struct stat st;
    if (!fs_load(a, AT_FDCWD, "/proc/sys/kernel/random/boot_id", 100, &boot_id, NULL) ||
        stat(program, &st) != 0) {
        return (str){ 0 };
    }
    str id = str_trim(boot_id);
    return str_fmt(a, "%.*s %s %lld %lld", STR_FMT(id), program, (long long)st.st_size,
                   (long long)st.st_mtime);
}

static const char *note_path(struct arena *a, const char *cache_dir) {
    return path_join(a, cache_dir, "kvm-verdict");
}

enum accel_verdict accel_recall(const char *cache_dir, const char *program) {
    if (cache_dir == NULL) {
        return ACCEL_UNKNOWN;
    }
    AUTO_ARENA scratch = arena_new();
    const char *path = note_path(scratch, cache_dir);
    struct stat st;
    str note;
    if (stat(path, &st) != 0 || st.st_mtime + NOTE_LIFE_S < time_now_epoch_s() ||
        !fs_load(scratch, AT_FDCWD, path, NOTE_MAX, &note, NULL)) {
        return ACCEL_UNKNOWN;
    }
    str print = fingerprint(scratch, program);
    str verdict = str_trim(note);
    if (print.len == 0 || !str_starts(verdict, print)) {
        return ACCEL_UNKNOWN;
    }
    verdict = str_trim(str_slice(verdict, print.len, verdict.len));
    for (size_t i = ACCEL_WORKS; i < ARRAY_LEN(verdict_words); i++) {
        if (str_eq(verdict, str_from_c(verdict_words[i]))) {
            return (enum accel_verdict)i;
        }
    }
    return ACCEL_UNKNOWN;
}

void accel_remember(const char *cache_dir, const char *program, enum accel_verdict verdict) {
    if (cache_dir == NULL || verdict == ACCEL_UNKNOWN) {
        return;
    }
    AUTO_ARENA scratch = arena_new();
    str print = fingerprint(scratch, program);
    str note = str_fmt(scratch, "%.*s %s\n", STR_FMT(print), verdict_words[verdict]);
    if (print.len == 0 || !fs_mkdir_p(AT_FDCWD, cache_dir, 0755, NULL) ||
        !fs_store(AT_FDCWD, note_path(scratch, cache_dir), note, 0644, NULL)) {
        return;
    }
}
