// SPDX-License-Identifier: Apache-2.0
/*
 * The user namespace of a virtiofsd. Every id of the host means there what it means here, so that
 * files belong to whom the guest gives them, but its root has no privilege over the machine. That
 * is what takes the setuid bit from a program that the guest writes into: the kernel leaves it to
 * those with CAP_FSETID in the machine's first namespace (fs/attr.c, setattr_should_drop_suidgid),
 * which no option of either virtiofsd has to renounce. An ordinary user is root there, and nobody
 * else.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/idmap.h"
#include "vm/internal.h"

/* user_namespaces(7): a map is less than a page, in one write. */
enum { MAP_BYTES_MAX = 4095, PATH_BYTES = 64 };

static bool write_file(pid_t pid, const char *name, str text, struct err *err) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "open '%s'", path)
                  : fs_write_all(fd, text.ptr, text.len, err) || err_wrap(err, "write '%s'", path);
}

static bool write_map(pid_t pid, const char *name, const struct idmap *map, struct err *err) {
    AUTO_BUF text = BUF_INIT(MAP_BYTES_MAX);
    for (size_t i = 0; i < map->len; i++) {
        const struct idmap_range *r = &map->ranges[i];
        buf_addf(&text, "%u %u %u\n", r->inside, r->outside, r->count);
    }
    if (text.full) {
        return err_set(err, "more IDs than '%s' allows", name);
    }
    return write_file(pid, name, buf_str(&text), err);
}

/* Outside of the new namespace is inside of the one that we are in. */
static void keep_ids(struct idmap *map) {
    for (size_t i = 0; i < map->len; i++) {
        map->ranges[i].outside = map->ranges[i].inside;
    }
}

static void only_root(struct idmap *map, uint32_t id) {
    *map = (struct idmap){ .len = 1, .ranges = { { 0, id, 1 } } };
}

static bool write_maps(pid_t pid, struct err *err) {
    struct idmaps maps;
    if (geteuid() == 0) {
        if (!idmaps_load(&maps, err)) {
            return false;
        }
        keep_ids(&maps.uids);
        keep_ids(&maps.gids);
    } else {
        only_root(&maps.uids, geteuid());
        only_root(&maps.gids, getegid());
        /* A group is mapped by the user alone once none can be dropped. */
        if (!write_file(pid, "setgroups", S("deny"), err)) {
            return false;
        }
    }
    return write_map(pid, "uid_map", &maps.uids, err) && write_map(pid, "gid_map", &maps.gids, err);
}

bool virtiofs_fork(struct virtiofs_child *c, pid_t *ret_pid, struct err *err) {
    struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
    int mapped[2];
    if (pipe2(mapped, O_CLOEXEC) != 0) {
        return err_sys(err, errno, "create a pipe");
    }
    AUTO_FD mapped_in = mapped[0], mapped_out = mapped[1];
    c->mapped_fd = mapped_in;
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0) {
        return err_sys(err, errno, "create a user namespace for virtiofsd");
    }
    if (pid == 0) {
        close(mapped_out); /* its end has to be the parent's alone */
        virtiofs_exec(c);
    }
    if (!write_maps(pid, err) || !fs_write_all(mapped_out, "", 1, err)) {
        virtiofs_end(pid);
        return err_wrap(err, "create a user namespace for virtiofsd");
    }
    *ret_pid = pid;
    return true;
}
