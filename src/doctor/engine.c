// SPDX-License-Identifier: Apache-2.0
/* What the embedded engine needs of the kernel. */
#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "doctor/internal.h"

enum {
    TEXT_BYTES_MAX = 64 * 1024,
    KERNEL_MAJOR = 5, /* 5.10: overlayfs without sync calls, the youngest thing we ask for */
    KERNEL_MINOR = 10,
};

static bool has_rights(void) {
    cap_t caps = cap_get_proc();
    cap_flag_value_t value = CAP_CLEAR;
    bool has = caps != NULL && cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &value) == 0 &&
               value == CAP_SET;
    cap_free(caps);
    return has && geteuid() == 0;
}

static void refused_rights(struct doctor *d) {
    AUTO_BUF text = BUF_INIT(TEXT_BYTES_MAX);
    err_text(&d->rights_err, &text);
    struct doctor_finding *f = doctor_report(d, FINDING_FAIL, NULL, "not root: %s", text.ptr);
    doctor_fix(d, f, "sudo capsem-builder build %s # or: %s", d->request->guest_dir,
               d->rights_err.help);
}

/* Most images have files of more than one owner. */
static void single_rights(struct doctor *d) {
    struct doctor_finding *f =
        doctor_report(d, FINDING_WARN, NULL,
                      "an unprivileged user with one ID, so files cannot have other owners: %s",
                      d->lacks == NULL ? "this namespace has only one" : d->lacks);
    doctor_fix(d, f,
               "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER "
               "&& sudo apt-get install -y --no-install-recommends uidmap");
}

void doctor_check_rights(struct doctor *d) {
    if (err_is_set(&d->rights_err)) {
        refused_rights(d);
    } else if (d->rights == SANDBOX_SINGLE) {
        single_rights(d);
    } else if (d->rights == SANDBOX_RANGE) {
        doctor_report(d, FINDING_PASS, NULL, "an unprivileged user with a range of IDs");
    } else if (has_rights()) {
        doctor_report(d, FINDING_PASS, NULL, "root, with permission to mount");
    } else {
        struct doctor_finding *f =
            doctor_report(d, FINDING_FAIL, NULL, "root without CAP_SYS_ADMIN: steps need mounts");
        doctor_fix(d, f, "docker run --privileged ... # when this is a container");
    }
}

/* "6.12.1-amd64" is at least major.minor. */
static bool is_recent(str release) {
    uint64_t major = 0;
    uint64_t minor = 0;
    return str_to_version(release, &major, &minor) &&
           (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR));
}

void doctor_check_kernel(struct doctor *d) {
    struct utsname u;
    if (uname(&u) != 0) {
        doctor_report(d, FINDING_FAIL, NULL, "cannot read the kernel version: %s", strerror(errno));
    } else if (is_recent(str_from_c(u.release))) {
        doctor_report(d, FINDING_PASS, NULL, "Linux %s, %s", u.release, u.machine);
    } else {
        struct doctor_finding *f =
            doctor_report(d, FINDING_FAIL, NULL, "Linux %s is older than %d.%d", u.release,
                          KERNEL_MAJOR, KERNEL_MINOR);
        doctor_fix_packages(d, f, "linux-image-$(dpkg --print-architecture) && reboot");
    }
}

static bool file_has_word(struct arena *a, const char *path, str word) {
    str text;
    if (!fs_load(a, AT_FDCWD, path, TEXT_BYTES_MAX, &text, NULL)) {
        return false;
    }
    while (text.len > 0) {
        str line = str_cut(&text, '\n');
        while (line.len > 0) {
            str cell = str_cut(&line, '\t');
            while (cell.len > 0) {
                if (str_eq(str_cut(&cell, ' '), word)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* The kernel loads it at the first mount. */
static bool is_module(const char *name) {
    const char *const argv[] = { "modprobe", "--dry-run", "--quiet", name, NULL };
    struct proc_spec spec = { .argv = argv, .timeout_ms = 10000 };
    return proc_check(&spec, NULL);
}

void doctor_check_overlayfs(struct doctor *d) {
    if (file_has_word(d->arena, "/proc/filesystems", S("overlay")) || is_module("overlay")) {
        doctor_report(d, FINDING_PASS, NULL, "the kernel supports it");
        return;
    }
    struct doctor_finding *f =
        doctor_report(d, FINDING_FAIL, NULL, "the kernel does not support it");
    doctor_fix(d, f, "grep CONFIG_OVERLAY_FS /boot/config-$(uname -r) # must be =y or =m");
}

void doctor_check_seccomp(struct doctor *d) {
    if (file_has_word(d->arena, "/proc/sys/kernel/seccomp/actions_avail", S("errno"))) {
        doctor_report(d, FINDING_PASS, NULL, "steps run with a list of denied system calls");
        return;
    }
    struct doctor_finding *f =
        doctor_report(d, FINDING_FAIL, NULL, "the kernel does not support system call filters");
    doctor_fix(d, f, "grep CONFIG_SECCOMP_FILTER /boot/config-$(uname -r) # must be =y");
}

void doctor_check_cgroups(struct doctor *d) {
    if (sandbox_limits_steps()) {
        doctor_report(d, FINDING_PASS, NULL, "memory and process limits are available");
        return;
    }
    struct doctor_finding *f = doctor_report(
        d, FINDING_WARN, NULL, "cannot create a cgroup: a runaway step can exhaust memory");
    if (d->is_root) {
        doctor_fix(d, f, "mount -o remount,rw /sys/fs/cgroup");
    } else {
        doctor_fix(d, f, "systemd-run --user --scope capsem-builder build %s",
                   d->request->guest_dir);
    }
}

/* --- one step, for real ----------------------------------------------------------------------- */

/* Of these a root filesystem is made; the programs in it are the host's. */
static const char *const host_folders[] = { "usr", "bin", "lib", "lib32", "lib64", "sbin" };

struct trial {
    struct arena *arena;
    struct store_work work;
    struct sandbox_mount mounts[ARRAY_LEN(host_folders)];
    size_t mount_count;
    struct buf output;
};

static void on_output(void *self, str piece) {
    struct trial *t = self;
    buf_add(&t->output, str_slice(piece, 0, t->output.max - t->output.len));
}

/* Links as the host has them, and its folders to be bound. */
static bool make_root(struct trial *t, struct err *err) {
    static const char *const folders[] = { "root", "upper", "work", "staging" };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(t->work.fd, folders[i], 0755) < 0) {
            return err_sys(err, errno, "create a work folder");
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(host_folders); i++) {
        char target[PATH_MAX];
        const char *path = path_join(t->arena, "/", host_folders[i]);
        const char *link = path_join(t->arena, "root", host_folders[i]);
        ssize_t len = readlink(path, target, sizeof target - 1);
        if (len > 0) {
            target[len] = '\0';
            if (symlinkat(target, t->work.fd, link) < 0) {
                return err_sys(err, errno, "link '%s'", link);
            }
        } else if (fs_is_dir(AT_FDCWD, path)) {
            t->mounts[t->mount_count++] = (struct sandbox_mount){
                .kind = SANDBOX_BIND, .source = path, .target = path, .readonly = true
            };
        }
    }
    return true;
}

/* A command that writes a file, as a RUN does; the file must be in the upper folder afterwards. */
static bool run_step(struct trial *t, struct err *err) {
    static const char *const argv[] = { "sh", "-c", "echo capsem >/written", NULL };
    static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
    const char *layers[] = { store_work_path(&t->work, t->arena, "root") };
    struct sandbox_spec spec = {
        .root = { layers, 1 },
        .upper = store_work_path(&t->work, t->arena, "upper"),
        .work = store_work_path(&t->work, t->arena, "work"),
        .staging = store_work_path(&t->work, t->arena, "staging"),
        .mounts = t->mounts,
        .mount_count = t->mount_count,
        .network = SANDBOX_NETWORK_NONE,
        .argv = argv,
        .env = env,
        .cwd = "/",
        .on_output = on_output,
        .self = t,
    };
    struct sandbox_result result;
    if (!sandbox_run(&spec, &result, err)) {
        return false;
    }
    if (result.exit_code != 0) {
        return err_set(err, "a command exited with status %d: %.*s", result.exit_code,
                       STR_FMT(str_trim(buf_str(&t->output))));
    }
    str text;
    return fs_load(t->arena, t->work.fd, "upper/written", TEXT_BYTES_MAX, &text, err) &&
           (str_eq(text, S("capsem\n")) || err_set(err, "a file written by a command is missing"));
}

/* Where the kernel's parts are not there the rows above have said so. */
static bool is_worth_trying(const struct doctor *d) {
    for (size_t i = 0; i < d->found->len; i++) {
        if (d->found->items[i].status == FINDING_FAIL) {
            return false;
        }
    }
    return true;
}

void doctor_check_step(struct doctor *d) {
    if (!is_worth_trying(d)) {
        return;
    }
    struct trial t = { .arena = d->arena,
                       .work = STORE_WORK_INIT,
                       .output = BUF_INIT(TEXT_BYTES_MAX) };
    struct err err = ERR_INIT;
    uint64_t start_ms = time_now_ms();
    bool ok =
        store_work_begin(d->store, &t.work, &err) && make_root(&t, &err) && run_step(&t, &err);
    if (ok) {
        doctor_report(d, FINDING_PASS, NULL, "a command ran in one, in %s",
                      unit_duration_ms(time_now_ms() - start_ms).text);
    } else {
        AUTO_BUF text = BUF_INIT(TEXT_BYTES_MAX);
        err_text(&err, &text);
        struct doctor_finding *f = doctor_report(d, FINDING_FAIL, NULL, "%s", text.ptr);
        doctor_fix(d, f,
                   "export CAPSEM_CACHE_DIR=/var/tmp/capsem-builder "
                   "# a disk that overlayfs can write on");
    }
    store_work_done(&t.work);
    buf_done(&t.output);
}
