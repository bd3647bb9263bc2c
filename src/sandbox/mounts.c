// SPDX-License-Identifier: Apache-2.0
/* What is mounted onto the merged root: the system's own file systems and what the step wants. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "sandbox/internal.h"

static const char *fd_path(struct arena *a, int fd) {
    return str_fmt(a, "/proc/self/fd/%d", fd).ptr;
}

/*
 * A step keeps CAP_MKNOD, and a node of the host's disk is one mknod away: nothing that it can
 * write to may open devices. Those that it needs are made in the staging tmpfs, which it never
 * sees, and bound onto their names.
 */

/* --- a table of the system's mounts, run by one loop ---------------------------------------- */

struct system_mount {
    const char *target;
    const char *type;
    unsigned long flags;
    const char *options;
};

static const struct system_mount system_mounts[] = {
    { "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
    { "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL },
    { "/dev", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=755,size=64k" },
};

/* Below /dev, once it is there. */
static const struct system_mount device_mounts[] = {
    { "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620" },
    { "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m" },
    { "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
};

static const struct {
    const char *name;
    unsigned major, minor;
} devices[] = {
    { "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
    { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
    const char *name, *target;
} device_links[] = {
    { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
    { "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
    { "ptmx", "pts/ptmx" },
};

/* It belongs to the network: a user namespace that shares the host's has to share this too. */
static bool bind_sysfs(struct inside *in, int target) {
    struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                               MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
    if (mount("/sys", fd_path(in->arena, target), NULL, MS_BIND | MS_REC, NULL) < 0) {
        return false;
    }
    AUTO_FD mounted = fs_open_in_root(in->rootfd, "/sys", O_PATH | O_DIRECTORY, 0);
    return mounted >= 0 && syscall(SYS_mount_setattr, mounted, "", AT_EMPTY_PATH | AT_RECURSIVE,
                                   &readonly, sizeof readonly) == 0;
}

static bool mount_at(struct inside *in, const struct system_mount *m, bool required,
                     struct err *err) {
    AUTO_FD fd = -1;
    if (!stub_open(in, m->target, true, &fd, err)) {
        return false;
    }
    if (mount(m->type, fd_path(in->arena, fd), m->type, m->flags, m->options) == 0 || !required) {
        return true;
    }
    int why = errno;
    if (why == EPERM && strcmp(m->type, "sysfs") == 0 && bind_sysfs(in, fd)) {
        return true;
    }
    err_sys(err, why, "mount %s on '%s'", m->type, m->target);
    return why == EPERM && in->rights != SANDBOX_ROOT &&
           err_help(err, "an unprivileged user cannot mount /proc where it is partly hidden, such "
                         "as in a container: build outside the container or as root");
}

/* The host's own: in a user namespace no node can be made, and on its file systems none opens. */
static bool borrow_node(struct inside *in, int dirfd, const char *name) {
    const char *path = path_join(in->arena, "/dev", name);
    AUTO_FD fd = openat(dirfd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    return fd >= 0 && mount(path, fd_path(in->arena, fd), NULL, MS_BIND, NULL) == 0;
}

static bool make_node(struct inside *in, int dirfd, size_t i) {
    const char *name = devices[i].name;
    dev_t number = makedev(devices[i].major, devices[i].minor);
    return in->rights == SANDBOX_ROOT ? mknodat(dirfd, name, S_IFCHR | 0666, number) == 0 &&
                                            fchmodat(dirfd, name, 0666, 0) == 0
                                      : borrow_node(in, dirfd, name);
}

/* Nodes in the staging tmpfs. */
static bool make_nodes(struct inside *in, int *ret_fd, struct err *err) {
    const char *dir = path_join(in->arena, in->spec->staging, "devices");
    AUTO_FD fd = mkdir(dir, 0755) < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "create '%s'", dir);
    }
    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        if (!make_node(in, fd, i)) {
            return err_sys(err, errno, "make the device '%s'", devices[i].name);
        }
    }
    *ret_fd = take_fd(&fd);
    return true;
}

static bool bind_device(struct inside *in, int nodes, int dev, const char *name, struct err *err) {
    AUTO_FD source = openat(nodes, name, O_PATH | O_CLOEXEC);
    AUTO_FD made = openat(dev, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    AUTO_FD target = openat(dev, name, O_PATH | O_CLOEXEC);
    if (source < 0 || made < 0 || target < 0 ||
        mount(fd_path(in->arena, source), fd_path(in->arena, target), NULL, MS_BIND, NULL) < 0) {
        return err_sys(err, errno, "make '/dev/%s'", name);
    }
    return true;
}

static bool make_devices(struct inside *in, struct err *err) {
    AUTO_FD nodes = -1;
    if (!make_nodes(in, &nodes, err)) {
        return false;
    }
    AUTO_FD dev = fs_open_in_root(in->rootfd, "/dev", O_RDONLY | O_DIRECTORY, 0);
    if (dev < 0) {
        return err_sys(err, errno, "open '/dev'");
    }
    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        if (!bind_device(in, nodes, dev, devices[i].name, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(device_links); i++) {
        if (symlinkat(device_links[i].target, dev, device_links[i].name) < 0) {
            return err_sys(err, errno, "make '/dev/%s'", device_links[i].name);
        }
    }
    static const char *const folders[] = { "pts", "shm", "mqueue" };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(dev, folders[i], 0755) < 0) {
            return err_sys(err, errno, "make '/dev/%s'", folders[i]);
        }
    }
    return true;
}

bool mount_system(struct inside *in, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(system_mounts); i++) {
        if (!mount_at(in, &system_mounts[i], true, err)) {
            return false;
        }
    }
    if (!make_devices(in, err)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(device_mounts); i++) {
        if (!mount_at(in, &device_mounts[i], i == 0, err)) {
            return false;
        }
    }
    return true;
}

/* --- what a container may not see or change of the host's kernel ----------------------------- */

static const char *const masked_files[] = {
    "/proc/kcore",       "/proc/keys",          "/proc/timer_list", "/proc/sched_debug",
    "/proc/timer_stats", "/proc/latency_stats", "/proc/kmsg",       "/proc/interrupts",
};
static const char *const masked_folders[] = {
    "/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
};
static const char *const readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* Binds a path of the root onto itself, read-only. */
static bool make_readonly(struct inside *in, int fd, const char *path) {
    if (mount(fd_path(in->arena, fd), fd_path(in->arena, fd), NULL, MS_BIND | MS_REC, NULL) < 0) {
        return false;
    }
    AUTO_FD mounted = fs_open_in_root(in->rootfd, path, O_PATH, 0);
    return mounted >= 0 &&
           mount(NULL, fd_path(in->arena, mounted), NULL,
                 MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

bool mask_system(struct inside *in, struct err *err) {
    const char *null = path_join(in->arena, in->spec->staging, "devices/null");
    for (size_t i = 0; i < ARRAY_LEN(masked_files); i++) {
        AUTO_FD fd = fs_open_in_root(in->rootfd, masked_files[i], O_PATH, 0);
        if (fd >= 0 && mount(null, fd_path(in->arena, fd), NULL, MS_BIND, NULL) < 0) {
            return err_sys(err, errno, "mask '%s'", masked_files[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(masked_folders); i++) {
        AUTO_FD fd = fs_open_in_root(in->rootfd, masked_folders[i], O_PATH | O_DIRECTORY, 0);
        if (fd >= 0 && mount("tmpfs", fd_path(in->arena, fd), "tmpfs", MS_RDONLY, "size=4k") < 0) {
            return err_sys(err, errno, "mask '%s'", masked_folders[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(readonly_paths); i++) {
        AUTO_FD fd = fs_open_in_root(in->rootfd, readonly_paths[i], O_PATH, 0);
        if (fd >= 0 && !make_readonly(in, fd, readonly_paths[i])) {
            return err_sys(err, errno, "make '%s' read-only", readonly_paths[i]);
        }
    }
    return true;
}

/* --- what the step wants ---------------------------------------------------------------------- */

static const char *file_path(const struct inside *in, size_t index) {
    return path_join(in->arena, in->spec->staging, str_fmt(in->arena, "file-%zu", index).ptr);
}

bool write_files(struct inside *in, struct err *err) {
    for (size_t i = 0; i < in->spec->mount_count; i++) {
        const struct sandbox_mount *m = &in->spec->mounts[i];
        if (m->kind != SANDBOX_FILE) {
            continue;
        }
        const char *path = file_path(in, i);
        AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || fchown(fd, m->uid, m->gid) < 0 || fchmod(fd, m->mode) < 0) {
            int why = errno;
            err_sys(err, why, "create '%s'", m->target);
            return why == EINVAL && idmaps_help(err);
        }
        if (!fs_write_all(fd, m->content.ptr, m->content.len, err)) {
            return err_wrap(err, "write '%s'", m->target);
        }
    }
    return true;
}

int mount_source_open(const struct inside *in, size_t index) {
    const struct sandbox_mount *m = &in->spec->mounts[index];
    switch (m->kind) {
    case SANDBOX_BIND_ROOT:
        return fs_open_in_root(in->rootfds[index], m->source, O_PATH, 0);
    case SANDBOX_FILE:
        return open(file_path(in, index), O_PATH | O_CLOEXEC);
    case SANDBOX_BIND:
    case SANDBOX_TMPFS:
        break;
    }
    return open(m->source, O_PATH | O_CLOEXEC);
}

static const char *shown_source(const struct sandbox_mount *m) {
    return m->kind == SANDBOX_FILE ? "a generated file" : m->source;
}

static bool mount_bind(struct inside *in, size_t index, struct err *err) {
    const struct sandbox_mount *m = &in->spec->mounts[index];
    AUTO_FD source = mount_source_open(in, index);
    struct stat st;
    if (source < 0 || fstat(source, &st) < 0) {
        return err_sys(err, errno, "mount '%s' on '%s'", shown_source(m), m->target);
    }
    AUTO_FD target = -1;
    if (!stub_open(in, m->target, S_ISDIR(st.st_mode), &target, err)) {
        return false;
    }
    if (mount(fd_path(in->arena, source), fd_path(in->arena, target), NULL, MS_BIND, NULL) < 0) {
        return err_sys(err, errno, "mount '%s' on '%s'", shown_source(m), m->target);
    }
    /* The target's fd still names what is below the mount: open what is now on top. */
    AUTO_FD mounted = fs_open_in_root(in->rootfd, m->target, O_PATH, 0);
    bool readonly = m->readonly || m->kind == SANDBOX_FILE;
    /* A folder never opens the devices in it. */
    bool is_device = m->device && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
    unsigned long flags = MS_NOSUID | (is_device ? 0 : MS_NODEV) | (readonly ? MS_RDONLY : 0);
    if (mounted < 0 || !restrict_mount(fd_path(in->arena, mounted), flags)) {
        return err_sys(err, errno, "restrict the mount on '%s'", m->target);
    }
    return true;
}

static size_t tmpfs_percent(const struct inside *in) {
    enum { KERNELS_DEFAULT = 50 };
    size_t count = 0;
    for (size_t i = 0; i < in->spec->mount_count; i++) {
        count += in->spec->mounts[i].kind == SANDBOX_TMPFS && in->spec->mounts[i].size_bytes == 0;
    }
    return count > KERNELS_DEFAULT ? 1 : KERNELS_DEFAULT / count;
}

static bool mount_tmpfs(struct inside *in, const struct sandbox_mount *m, struct err *err) {
    AUTO_FD target = -1;
    if (!stub_open(in, m->target, true, &target, err)) {
        return false;
    }
    str options = str_fmt(in->arena, "mode=%o", m->mode != 0 ? m->mode : 01777U);
    if (m->size_bytes > 0) {
        options =
            str_fmt(in->arena, "%s,size=%llu", options.ptr, (unsigned long long)m->size_bytes);
    } else if (!in->cgroup->limits_memory) {
        /* Nothing else counts what is in them: together they get what the kernel gives each. */
        options = str_fmt(in->arena, "%s,size=%zu%%", options.ptr, tmpfs_percent(in));
    }
    if (mount("tmpfs", fd_path(in->arena, target), "tmpfs", MS_NOSUID | MS_NODEV, options.ptr) <
        0) {
        return err_sys(err, errno, "mount a tmpfs on '%s'", m->target);
    }
    return true;
}

bool mount_wanted(struct inside *in, struct err *err) {
    for (size_t i = 0; i < in->spec->mount_count; i++) {
        const struct sandbox_mount *m = &in->spec->mounts[i];
        bool ok = m->kind == SANDBOX_TMPFS ? mount_tmpfs(in, m, err) : mount_bind(in, i, err);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* pivot_root(".", "."): the old root ends up on top of the new one and is detached from there. */
bool enter_root(struct inside *in, struct err *err) {
    if (chdir(in->rootpath) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) {
        return err_sys(err, errno, "enter the root");
    }
    return true;
}
