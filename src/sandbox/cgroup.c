// SPDX-License-Identifier: Apache-2.0
/*
 * A control group for each step: a limit on processes and on memory so that a step gone wild is
 * killed before the host suffers, and an account of what the kernel killed. Where the machine does
 * not let us make one (no root, not mounted), steps run without.
 */
#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "sandbox/internal.h"

enum { ROOTS = 2 };

static const char *const version1[ROOTS] = { "memory", "pids" };

static bool write_text(const char *dir, const char *name, const char *text) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static size_t read_text(const char *path, char *out, size_t size) {
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    out[n < 0 ? 0 : n] = '\0';
    return n < 0 ? 0 : (size_t)n;
}

/* The line "NAME 3" of /proc/vmstat, memory.events, memory.oom_control or pids.events. */
static bool read_count(const char *path, str name, uint64_t *ret) {
    static char text[64 * 1024]; /* only the parent calls this; too large for a stack */
    size_t len = read_text(path, text, sizeof text);
    str rest = { text, len };
    while (rest.len > 0) {
        str line = str_cut(&rest, '\n');
        if (str_eq(str_cut(&line, ' '), name)) {
            return str_to_u64(line, ret);
        }
    }
    return false;
}

static bool read_oom_kills(const char *path, uint64_t *ret) {
    return read_count(path, S("oom_kill"), ret);
}

/* How often the kernel refused the step a process. */
static bool refused_processes(const struct cgroup *g) {
    const char *dir = g->paths[cgroup_is_unified() ? 0 : 1];
    char path[PATH_MAX + 64];
    uint64_t count = 0;
    snprintf(path, sizeof path, "%s/pids.events", dir);
    return g->limits_pids && read_count(path, S("max"), &count) && count > 0;
}

/* Of the group when it counts them itself, else of the whole machine since the start. */
static bool killed_for_memory(const struct cgroup *g) {
    static const char *const counters[] = { "memory.events", "memory.oom_control" };
    uint64_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(counters) && g->paths[0][0] != '\0'; i++) {
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/%s", g->paths[0], counters[i]);
        if (read_oom_kills(path, &count)) {
            return count > 0;
        }
    }
    return read_oom_kills("/proc/vmstat", &count) && count > g->oom_kills;
}

bool cgroup_is_unified(void) {
    struct statfs fs;
    return statfs(CGROUP_ROOT, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* ---- where: below our own group, so that its limits are the steps' too ---- */

/* The lines of this process: read once, for every step asks for each controller. */
static str own_groups(void) {
    static char text[16 * 1024];
    static size_t len;
    if (len == 0) {
        len = read_text("/proc/self/cgroup", text, sizeof text);
    }
    return (str){ text, len };
}

str cgroup_own(struct arena *a, const char *controller) {
    str text = own_groups();
    while (text.len > 0) {
        str path = str_cut(&text, '\n');
        str_cut(&path, ':');
        str controllers = str_cut(&path, ':');
        bool found = controllers.len == 0 && controller[0] == '\0';
        while (controllers.len > 0) {
            found = str_eq(str_cut(&controllers, ','), str_from_c(controller)) || found;
        }
        if (found) {
            return str_dup(a, path);
        }
    }
    return S("/");
}

const char *cgroup_version1_parent(struct arena *a, const char *controller) {
    const char *root = path_join(a, CGROUP_ROOT, controller);
    const char *own = str_fmt(a, "%s%.*s", root, STR_FMT(cgroup_own(a, controller))).ptr;
    return fs_is_dir(AT_FDCWD, own) ? own : root;
}

static bool hands_on_memory(struct arena *a, const char *dir) {
    str text;
    if (!fs_load(a, AT_FDCWD, path_join(a, dir, "cgroup.subtree_control"), 4096, &text, NULL)) {
        return false;
    }
    str words = str_trim(text);
    while (words.len > 0) {
        if (str_eq(str_cut(&words, ' '), S("memory"))) {
            return true;
        }
    }
    return false;
}

/* Under version 2 a group with processes, as ours is, hands no controllers on: go up to one that
 * does. */
static const char *unified_parent(struct arena *a) {
    str path = cgroup_own(a, "");
    while (path.len > 1) {
        const char *dir = str_fmt(a, "%s%.*s", CGROUP_ROOT, STR_FMT(path)).ptr;
        if (hands_on_memory(a, dir)) {
            return dir;
        }
        path = path_dir(path);
    }
    return CGROUP_ROOT;
}

/* "capsem-builder-PID-N" */
static const char prefix[] = "capsem-builder-";

static bool is_stale(const char *name) {
    str rest = str_from_c(name);
    if (!str_starts(rest, str_from_c(prefix))) {
        return false;
    }
    uint64_t pid;
    rest = str_slice(rest, strlen(prefix), rest.len);
    return str_to_u64(str_cut(&rest, '-'), &pid) && pid > 0 && pid <= INT32_MAX &&
           kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* What a killed builder left: rmdir fails while something lives in it. */
static void sweep(struct arena *a, const char *parent) {
    const char **names;
    size_t count;
    if (!fs_list(a, AT_FDCWD, parent, &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_stale(names[i])) {
            rmdir(path_join(a, parent, names[i]));
        }
    }
}

static bool make_group(struct arena *a, char path[PATH_MAX], const char *parent) {
    static unsigned counter;
    if (counter < ROOTS) {
        sweep(a, parent);
    }
    snprintf(path, PATH_MAX, "%s/%s%d-%u", parent, prefix, (int)getpid(), counter++);
    if (mkdir(path, 0755) < 0) {
        path[0] = '\0';
        return false;
    }
    return true;
}

void cgroup_open(struct cgroup *g, const struct quota *quota) {
    *g = (struct cgroup){ .quota = *quota, .kmsgfd = -1 };
    (void)!read_oom_kills("/proc/vmstat", &g->oom_kills);
    g->kmsgfd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (g->kmsgfd >= 0) {
        lseek(g->kmsgfd, 0, SEEK_END);
    }
    AUTO_ARENA scratch = arena_new();
    const char *memory = str_fmt(scratch, "%llu", (unsigned long long)quota->memory_bytes).ptr;
    const char *pids = str_fmt(scratch, "%llu", (unsigned long long)quota->pids).ptr;
    if (cgroup_is_unified()) {
        if (make_group(scratch, g->paths[0], unified_parent(scratch))) {
            g->limits_memory = write_text(g->paths[0], "memory.max", memory);
            write_text(g->paths[0], "memory.oom.group", "0");
            g->limits_pids = write_text(g->paths[0], "pids.max", pids);
        }
        return;
    }
    g->limits_memory =
        make_group(scratch, g->paths[0], cgroup_version1_parent(scratch, version1[0])) &&
        write_text(g->paths[0], "memory.limit_in_bytes", memory);
    g->limits_pids =
        make_group(scratch, g->paths[1], cgroup_version1_parent(scratch, version1[1])) &&
        write_text(g->paths[1], "pids.max", pids);
}

void cgroup_add(const struct cgroup *g, pid_t pid) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    for (size_t i = 0; i < ROOTS; i++) {
        if (g->paths[i][0] != '\0') {
            write_text(g->paths[i], "cgroup.procs", text);
        }
    }
}

/* "..., Killed process 123 (name) total-vm:..., anon-rss:2097152kB, ..." of the kernel's log. */
static void parse_victim(const char *record, char victim[96]) {
    const char *name = strstr(record, "Killed process ");
    const char *open = name == NULL ? NULL : strchr(name, '(');
    const char *end = open == NULL ? NULL : strchr(open, ')');
    if (end == NULL) {
        return;
    }
    uint64_t kilobytes = 0;
    const char *rss = strstr(end, "anon-rss:");
    if (rss != NULL) {
        str number = str_from_c(rss + strlen("anon-rss:"));
        (void)!str_to_u64(str_cut(&number, 'k'), &kilobytes);
    }
    snprintf(victim, 96, "%.*s (%llu MB)", (int)(end - open - 1), open + 1,
             (unsigned long long)kilobytes / 1024);
}

static void find_victim(int kmsgfd, char victim[96]) {
    char record[8192];
    ssize_t n;
    while ((n = read(kmsgfd, record, sizeof record - 1)) > 0 || (n < 0 && errno == EPIPE)) {
        if (n > 0) {
            record[n] = '\0';
            parse_victim(record, victim);
        }
    }
}

/* Processes leave their group a moment after they were waited for. */
static void remove_group(const char *path) {
    enum { TRIES = 100, WAIT_MS = 10 };
    for (int i = 0; i < TRIES && rmdir(path) < 0 && errno == EBUSY; i++) {
        poll(NULL, 0, WAIT_MS);
    }
}

void cgroup_close(struct cgroup *g, struct sandbox_result *result) {
    if (killed_for_memory(g)) {
        if (g->kmsgfd >= 0) {
            find_victim(g->kmsgfd, result->victim);
        }
        result->out_of_memory = true;
    }
    result->out_of_pids = refused_processes(g);
    result->memory_limit_bytes = g->limits_memory ? g->quota.memory_bytes : 0;
    result->pids_limit = g->limits_pids ? g->quota.pids : 0;
    fd_close_auto(&g->kmsgfd);
    for (size_t i = 0; i < ROOTS; i++) {
        if (g->paths[i][0] != '\0') {
            remove_group(g->paths[i]);
        }
    }
}

bool sandbox_limits_steps(void) {
    struct cgroup g;
    struct quota quota;
    struct sandbox_spec spec = { 0 };
    struct sandbox_result ignored = { 0 };
    AUTO_ARENA scratch = arena_new();
    quota_find(scratch, &spec, &quota);
    cgroup_open(&g, &quota);
    bool limits = g.limits_memory && g.limits_pids;
    cgroup_close(&g, &ignored);
    return limits;
}
