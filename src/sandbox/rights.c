// SPDX-License-Identifier: Apache-2.0
/*
 * Root, or root of a user namespace. The maps are written by newuidmap(1) and newgidmap(1), which
 * check them against /etc/subuid and /etc/subgid: a worker, still outside, calls them. See
 * user_namespaces(7).
 */
#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "base/worker.h"
#include "sandbox/internal.h"

bool sandbox_exists(struct err *err) {
    (void)err;
    return true;
}

enum sandbox_rights sandbox_rights(void) {
    struct idmaps m;
    if (geteuid() != 0) {
        return SANDBOX_NOT_ROOT;
    }
    if (!idmaps_load(&m, NULL) || (idmap_is_whole(&m.uids) && idmap_is_whole(&m.gids))) {
        return SANDBOX_ROOT;
    }
    return idmap_is_single(&m.uids) || idmap_is_single(&m.gids) ? SANDBOX_SINGLE : SANDBOX_RANGE;
}

static bool has_tools(void) {
    AUTO_ARENA scratch = arena_new();
    return proc_find(scratch, "newuidmap") != NULL && proc_find(scratch, "newgidmap") != NULL;
}

static enum sandbox_rights foresee(const struct idmaps *m, const char **ret_lacks) {
    *ret_lacks = m->uids.len == 1   ? "/etc/subuid has no range for this user"
                 : m->gids.len == 1 ? "/etc/subgid has no range for this user"
                 : !has_tools()     ? "newuidmap and newgidmap are not installed"
                                    : NULL;
    return *ret_lacks == NULL ? SANDBOX_RANGE : SANDBOX_SINGLE;
}

enum sandbox_rights sandbox_foresee_rights(const char **ret_lacks) {
    struct idmaps m;
    subids_load(&m);
    return foresee(&m, ret_lacks);
}

/* ---- with a range ---- */

struct mapping {
    const struct idmaps *maps;
    pid_t pid;   /* whose maps they become */
    int readyfd; /* an eventfd: it is in its namespace */
};

static bool call_tool(const char *tool, pid_t pid, const struct idmap *m, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const char **argv = ARENA_ARRAY(scratch, const char *, 3 * m->len + 3);
    size_t argc = 0;
    argv[argc++] = tool;
    argv[argc++] = str_fmt(scratch, "%d", (int)pid).ptr;
    for (size_t i = 0; i < m->len; i++) {
        const struct idmap_range *r = &m->ranges[i];
        argv[argc++] = str_fmt(scratch, "%u", r->inside).ptr;
        argv[argc++] = str_fmt(scratch, "%u", r->outside).ptr;
        argv[argc++] = str_fmt(scratch, "%u", r->count).ptr;
    }
    struct proc_spec spec = { .argv = argv };
    if (proc_check(&spec, err)) {
        return true;
    }
    err_wrap(err, "map the ids of /etc/subuid and /etc/subgid");
    return err_help(err, "newuidmap and newgidmap need the permissions that the package 'uidmap' "
                         "sets: sudo apt-get install --reinstall uidmap");
}

/* A worker_function, outside. */
static bool map_range(void *self, int outfd, struct err *err) {
    const struct mapping *m = self;
    uint64_t ready;
    (void)outfd;
    if (read(m->readyfd, &ready, sizeof ready) != sizeof ready) {
        return err_sys(err, errno, "wait for the user namespace");
    }
    return call_tool("newuidmap", m->pid, &m->maps->uids, err) &&
           call_tool("newgidmap", m->pid, &m->maps->gids, err);
}

/* ---- what may forbid it ---- */

static const struct {
    const char *path;
    char value;
    const char *fix;
} forbidding[] = {
    { "/proc/sys/kernel/unprivileged_userns_clone", '0', "kernel.unprivileged_userns_clone=1" },
    { "/proc/sys/user/max_user_namespaces", '0', "user.max_user_namespaces=10000" },
    { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
      "kernel.apparmor_restrict_unprivileged_userns=0" },
};

static bool is_forbidden(struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(forbidding); i++) {
        char value;
        AUTO_FD fd = open(forbidding[i].path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, &value, 1) == 1 && value == forbidding[i].value) {
            return err_help(err,
                            "'sudo sysctl %s' allows it for unprivileged users; or build with sudo",
                            forbidding[i].fix);
        }
    }
    return err_help(err, "this machine does not allow one for unprivileged users: build with sudo");
}

static bool enter_namespace(struct err *err) {
    if (unshare(CLONE_NEWUSER) == 0) {
        return true;
    }
    err_sys(err, errno, "create a user namespace");
    return is_forbidden(err);
}

/* ---- with one id ---- */

static bool write_map(const char *path, str text, struct err *err) {
    AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len) {
        err_sys(err, errno, "write '%s'", path);
        return is_forbidden(err);
    }
    return true;
}

/* user_namespaces(7): groups can be mapped by the user alone once none can be dropped. */
static bool map_single(struct err *err) {
    AUTO_ARENA scratch = arena_new();
    str uid = str_fmt(scratch, "0 %u 1\n", getuid());
    str gid = str_fmt(scratch, "0 %u 1\n", getgid());
    return enter_namespace(err) && write_map("/proc/self/uid_map", uid, err) &&
           write_map("/proc/self/setgroups", S("deny"), err) &&
           write_map("/proc/self/gid_map", gid, err);
}

static bool become(const struct idmaps *maps, struct err *err) {
    const char *lacks;
    if (foresee(maps, &lacks) == SANDBOX_SINGLE) {
        return map_single(err);
    }
    AUTO_FD readyfd = eventfd(0, EFD_CLOEXEC);
    AUTO_WORKER worker = WORKER_INIT;
    struct mapping m = { maps, getpid(), readyfd };
    if (readyfd < 0) {
        return err_sys(err, errno, "create an event");
    }
    if (!worker_start(map_range, &m, &worker, err) || !enter_namespace(err)) {
        return false;
    }
    uint64_t one = 1;
    if (write(readyfd, &one, sizeof one) != sizeof one) {
        return err_sys(err, errno, "signal the worker");
    }
    return worker_finish(&worker, NULL, NULL, err);
}

bool sandbox_become_root(struct err *err) {
    struct idmaps maps;
    if (sandbox_rights() != SANDBOX_NOT_ROOT) {
        return true;
    }
    subids_load(&maps);
    return become(&maps, err) || err_wrap(err, "become root of a user namespace");
}

bool sandbox_check_root(struct err *err) {
    if (geteuid() == 0) {
        return true;
    }
    err_sys(err, EPERM, "start a step");
    return err_help(err, "the embedded engine needs root: run it with sudo");
}

bool sandbox_devices_help(struct err *err) {
    return err_help(
        err, "an unprivileged user cannot create devices: leave them out or build with sudo");
}
