// SPDX-License-Identifier: Apache-2.0
/* Programs that a build, or `run`, calls. */
#include "doctor/internal.h"
#include "guestbin/guestbin.h"
#include "vm/vm.h"

static bool is_host(struct doctor *d, const struct config_architecture *arch) {
    return str_eq(doctor_machine_of(arch), doctor_host_machine(d));
}

/* A target that is missing or not text is the config's business. */
static bool is_loaded(const struct config_architecture *arch) {
    return doctor_machine_of(arch).len > 0;
}

static const char *arch_name(struct doctor *d, const struct config_architecture *arch) {
    return str_to_c(d->arena, arch->head.key);
}

static void check_cargo(struct doctor *d, const struct config_architecture *arch) {
    struct err err = ERR_INIT;
    struct arena *a = d->arena;
    const char *name = arch_name(d, arch);
    if (guestbin_find_cargo(a, d->config.agent_dir, arch->rust_target.text, &err)) {
        doctor_report(d, FINDING_PASS, name, "cargo, and Rust for %.*s",
                      STR_FMT(arch->rust_target.text));
        return;
    }
    AUTO_BUF why = BUF_INIT(4096);
    err_text(&err, &why);
    struct doctor_finding *f = doctor_report(d, FINDING_FAIL, name, "%s", why.ptr);
    if (err.help[0] != '\0') {
        doctor_fix(d, f, "%s", err.help);
    }
}

void doctor_check_musl(struct doctor *d) {
    const struct config_build *build = &d->config.build;
    if (build->guest_binaries.len == 0) {
        doctor_report(d, FINDING_PASS, NULL, "not needed: the image has no guest binaries");
        return;
    }
    bool cargo = d->config.agent_dir != NULL && guestbin_is_cargo(d->arena, d->config.agent_dir);
    for (size_t i = 0; i < build->architectures.len; i++) {
        const struct config_architecture *arch = &build->architectures.items[i];
        if (!is_loaded(arch)) {
            continue;
        }
        if (cargo) {
            check_cargo(d, arch);
            continue;
        }
        const char *name = arch_name(d, arch);
        const char *help = NULL;
        const char *const *compiler =
            guestbin_find_compiler(d->arena, arch->rust_target.text, &help);
        if (compiler != NULL) {
            doctor_report(d, FINDING_PASS, name, "%s", compiler[0]);
            continue;
        }
        if (!is_host(d, arch)) {
            doctor_report(d, FINDING_PASS, name, "an image with a compiler is built when needed");
            continue;
        }
        struct doctor_finding *f =
            doctor_report(d, FINDING_WARN, name,
                          "no compiler for %.*s: an image with one is built, which takes longer",
                          STR_FMT(arch->rust_target.text));
        doctor_fix(d, f, "%s", help);
    }
}

void doctor_check_mmdebstrap(struct doctor *d) {
    const char *path = proc_find(d->arena, "mmdebstrap");
    if (!sandbox_exists(NULL)) { /* the engine that makes them is not there */
        return;
    }
    if (path != NULL) {
        doctor_report(d, FINDING_PASS, NULL, "%s", path);
        return;
    }
    struct doctor_finding *f =
        doctor_report(d, FINDING_FAIL, NULL, "not installed: needed to bootstrap base images");
    doctor_fix_packages(d, f, "mmdebstrap");
}

void doctor_check_qemu(struct doctor *d) {
    const struct config_build *build = &d->config.build;
    for (size_t i = 0; i < build->architectures.len; i++) {
        const struct config_architecture *arch = &build->architectures.items[i];
        if (!is_loaded(arch)) {
            continue;
        }
        const char *vm = str_to_c(d->arena, doctor_machine_of(arch));
        const char *program = vm_qemu_program(vm);
        const char *name = arch_name(d, arch);
        if (program == NULL) {
            struct doctor_finding *f = doctor_report(
                d, FINDING_WARN, name, "'run' supports x86_64 and arm64, not '%s'", vm);
            doctor_fix(d, f, "capsem-builder build %s --arch %s # builds all the same",
                       d->request->guest_dir, name);
            continue;
        }
        const char *path = proc_find(d->arena, program);
        if (path != NULL) {
            doctor_report(d, FINDING_PASS, name, "%s", path);
            continue;
        }
        struct doctor_finding *f =
            doctor_report(d, FINDING_WARN, name, "%s is not installed: 'run' needs it", program);
        doctor_fix_packages(d, f, vm_qemu_package(vm));
    }
}

/* What would make it usable; else what goes without it. */
static const char *kvm_fix(void) {
    if (access("/dev/kvm", F_OK) != 0) {
        return "sudo modprobe kvm_intel || sudo modprobe kvm_amd # virtualization must be enabled "
               "in "
               "the firmware, and in a virtual machine by its host";
    }
    return access("/dev/kvm", R_OK | W_OK) != 0
               ? "sudo usermod -aG kvm \"$USER\" # then log in again"
               : "capsem-builder run --accel tcg # the same, without trying KVM first";
}

void doctor_check_kvm(struct doctor *d) {
    const char *why = NULL;
    const char *host = str_to_c(d->arena, doctor_host_machine(d));
    if (vm_kvm_usable(host, d->request->cache_dir, &why)) {
        doctor_report(d, FINDING_PASS, NULL, "/dev/kvm can be opened");
        return;
    }
    struct doctor_finding *f =
        doctor_report(d, FINDING_WARN, NULL, "%s: 'run' emulates, which is slower", why);
    doctor_fix(d, f, "%s", kvm_fix());
}

/* --- programs of another architecture --------------------------------------------------------- */

/* With the flag F the kernel holds the interpreter open: it works inside every root. */
static bool is_registered(struct arena *a, const char *path, bool *ret_fixed) {
    str text;
    if (!fs_load(a, AT_FDCWD, path, 64 * 1024, &text, NULL) || !str_starts(text, S("enabled"))) {
        return false;
    }
    *ret_fixed = false;
    while (text.len > 0) {
        str line = str_cut(&text, '\n');
        if (str_starts(line, S("flags:"))) {
            *ret_fixed = str_find_char(line, 'F', S("flags:").len) != STR_NONE;
        }
    }
    return true;
}

void doctor_check_foreign(struct doctor *d) {
    const struct config_build *build = &d->config.build;
    for (size_t i = 0; i < build->architectures.len && sandbox_exists(NULL); i++) {
        const struct config_architecture *arch = &build->architectures.items[i];
        if (!is_loaded(arch) || is_host(d, arch)) {
            continue;
        }
        const char *name = arch_name(d, arch);
        const char *path = str_fmt(d->arena, "/proc/sys/fs/binfmt_misc/qemu-%.*s",
                                   STR_FMT(doctor_machine_of(arch)))
                               .ptr;
        bool fixed = false;
        if (is_registered(d->arena, path, &fixed) && fixed) {
            doctor_report(d, FINDING_PASS, name, "the kernel runs its programs with QEMU");
            continue;
        }
        struct doctor_finding *f = doctor_report(
            d, FINDING_WARN, name,
            "the kernel cannot run its programs, so its root filesystem cannot be built here");
        doctor_fix_packages(d, f, "qemu-user-static binfmt-support");
    }
}
