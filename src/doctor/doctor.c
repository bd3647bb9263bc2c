// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>

#include "doctor/internal.h"

/* In the order in which they run and are shown. */
static const struct check {
    const char *group;
    const char *name;
    void (*run)(struct doctor *d);
    bool needs_guest;
} checks[] = {
    { "Engine", "rights", doctor_check_rights },
    { "Engine", "kernel", doctor_check_kernel },
    { "Engine", "overlayfs", doctor_check_overlayfs },
    { "Engine", "seccomp", doctor_check_seccomp },
    { "Engine", "cgroups", doctor_check_cgroups },
    { "Engine", "store", doctor_check_store },
    { "Engine", "disk space", doctor_check_space },
    { "Engine", "sandbox", doctor_check_step },
    { "Docker", "docker", doctor_check_docker },
    { "Docker", "memory", doctor_check_docker_memory },
    { "Docker", "clock", doctor_check_docker_clock },
    { "Docker", "docker's disk", doctor_check_docker_space },
    { "Docker", "platform", doctor_check_docker_platforms },
    { "Docker", "leftovers", doctor_check_docker_leftovers },
    { "Toolchain", "musl", doctor_check_musl },
    { "Tools", "mmdebstrap", doctor_check_mmdebstrap },
    { "Tools", "qemu", doctor_check_qemu },
    { "Tools", "kvm", doctor_check_kvm },
    { "Tools", "qemu-user", doctor_check_foreign },
    { "Guest config", "config", doctor_check_config },
    { "Source files", "kernel configurations", doctor_check_kernel_configs, true },
    { "Source files", "artifacts", doctor_check_artifacts, true },
    { "Source files", "agent", doctor_check_agent_sources, true },
};

/* --- what the checks report with -------------------------------------------------------------- */

static str format(struct arena *a, const char *fmt, va_list args) {
    AUTO_BUF text = BUF_INIT(16 * 1024);
    buf_vaddf(&text, fmt, args);
    return str_dup(a, buf_str(&text));
}

struct doctor_finding *doctor_report(struct doctor *d, enum doctor_status status, const char *about,
                                     const char *fmt, ...) {
    struct arena *a = d->arena;
    va_list args;
    va_start(args, fmt);
    struct doctor_finding f = {
        .group = d->group,
        .name = about == NULL ? d->check : str_fmt(a, "%s %s", d->check, about).ptr,
        .status = status,
        .detail = format(a, fmt, args),
    };
    va_end(args);
    ARENA_PUSH(a, d->found->items, d->found->len, d->found->cap, f);
    d->found->counts[status]++;
    return &d->found->items[d->found->len - 1];
}

void doctor_fix(struct doctor *d, struct doctor_finding *f, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    f->fix = format(d->arena, fmt, args);
    va_end(args);
}

/* What macOS's package manager calls Debian's packages. */
static const struct {
    const char *debian;
    const char *brew;
} brewed[] = {
    { "docker.io", "docker docker-buildx colima && colima start --cpu 4 --memory 8" },
    { "qemu-system-x86", "qemu" },
    { "qemu-system-arm", "qemu" },
};

static bool is_mac(void) {
    struct utsname host;
    return uname(&host) == 0 && strcmp(host.sysname, "Darwin") == 0;
}

void doctor_fix_packages(struct doctor *d, struct doctor_finding *f, const char *packages) {
    for (size_t i = 0; i < ARRAY_LEN(brewed) && is_mac(); i++) {
        if (strcmp(packages, brewed[i].debian) == 0) {
            doctor_fix(d, f, "brew install %s", brewed[i].brew);
            return;
        }
    }
    doctor_fix(d, f, "%sapt-get install -y --no-install-recommends %s", d->is_root ? "" : "sudo ",
               packages);
}

str doctor_host_machine(struct doctor *d) {
    struct utsname host;
    return uname(&host) == 0 ? str_dup(d->arena, str_from_c(host.machine)) : S("");
}

str doctor_machine_of(const struct config_architecture *arch) {
    str rest = arch->rust_target.text;
    return str_cut(&rest, '-');
}

/* --- all of them ------------------------------------------------------------------------------ */

static void load_config(struct doctor *d, struct sources *sources) {
    struct arena *a = d->arena;
    sources_init(sources, a);
    diag_sink_init(&d->sink, a, sources);
    d->has_guest = fs_is_dir(AT_FDCWD, d->request->guest_dir);
    if (!d->has_guest) {
        return; /* the machine can be looked at all the same */
    }
    (void)config_load(a, sources, &d->sink, d->request->guest_dir, NULL, &d->config);
    diag_sort(&d->sink);
}

static void find_rights(struct doctor *d) {
    (void)sandbox_foresee_rights(&d->lacks);
    if (sandbox_exists(NULL) && sandbox_become_root(&d->rights_err)) {
        d->rights = sandbox_rights();
    }
}

void doctor_run(struct arena *a, const struct doctor_request *request,
                struct doctor_findings *ret) {
    struct sources sources;
    struct doctor d = {
        .arena = a,
        .request = request,
        .found = ret,
        .is_root = geteuid() == 0,
        .rights_err = ERR_INIT,
        .store_err = ERR_INIT,
    };
    *ret = (struct doctor_findings){ 0 };
    load_config(&d, &sources);
    AUTO_STORE store = NULL;
    find_rights(&d);
    if (!err_is_set(&d.rights_err) && store_open(request->cache_dir, &store, &d.store_err)) {
        d.store = store;
    }
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        d.group = checks[i].group;
        d.check = checks[i].name;
        if (d.has_guest || !checks[i].needs_guest) {
            checks[i].run(&d);
        }
    }
}
