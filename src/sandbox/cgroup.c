// SPDX-License-Identifier: Apache-2.0
/*
 * A control group for each step: a limit on processes and on memory so that a step gone wild is
 * killed before the host suffers, and an account of what the kernel killed. Where the machine does
 * not let us make one (no root, not mounted), steps run without.
 */
#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>

#include "sandbox/internal.h"

enum { PIDS_MAX = 32768, ROOTS = 2 };

static const char unified_root[] = "/sys/fs/cgroup";
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

/* The line "oom_kill 3" of /proc/vmstat, memory.events or memory.oom_control. */
static bool read_oom_kills(const char *path, uint64_t *ret) {
    static char text[64 * 1024]; /* only the parent calls this; too large for a stack */
    size_t len = read_text(path, text, sizeof text);
    str rest = { text, len };
    while (rest.len > 0) {
        str line = str_cut(&rest, '\n');
        if (str_starts(line, S("oom_kill "))) {
            return str_to_u64(str_slice(line, strlen("oom_kill "), line.len), ret);
        }
    }
    return false;
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

static bool is_unified(void) {
    struct statfs fs;
    return statfs(unified_root, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Nine tenths of the machine's memory. */
static void memory_limit(char *out, size_t size) {
    struct sysinfo info;
    uint64_t total = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
    snprintf(out, size, "%llu", (unsigned long long)(total / 10 * 9));
}

/* ---- where: below our own group, so that its limits are the steps' too ---- */

/* Our group in the hierarchy of a controller, or of version 2 when it is "": proc(5). */
static str own_group(struct arena *a, const char *controller) {
    str text;
    if (!fs_load(a, AT_FDCWD, "/proc/self/cgroup", 64 * 1024, &text, NULL)) {
        return S("/");
    }
    while (text.len > 0) {
        str path = str_cut(&text, '\n');
        str_cut(&path, ':');
        str controllers = str_cut(&path, ':');
        bool found = controllers.len == 0 && controller[0] == '\0';
        while (controllers.len > 0) {
            found = str_eq(str_cut(&controllers, ','), str_from_c(controller)) || found;
        }
        if (found) {
            return path;
        }
    }
    return S("/");
}

/* In a container our group may lie outside what is mounted: then its root has to do. */
static const char *version1_parent(struct arena *a, const char *controller) {
    const char *root = path_join(a, unified_root, controller);
    const char *own = str_fmt(a, "%s%.*s", root, STR_FMT(own_group(a, controller))).ptr;
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
    str path = own_group(a, "");
    while (path.len > 1) {
        const char *dir = str_fmt(a, "%s%.*s", unified_root, STR_FMT(path)).ptr;
        if (hands_on_memory(a, dir)) {
            return dir;
        }
        path = path_dir(path);
    }
    return unified_root;
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

/* What a killed program of ours left: rmdir fails while something lives in it. */
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

void cgroup_open(struct cgroup *g) {
    *g = (struct cgroup){ .kmsgfd = -1 };
    (void)!read_oom_kills("/proc/vmstat", &g->oom_kills);
    g->kmsgfd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (g->kmsgfd >= 0) {
        lseek(g->kmsgfd, 0, SEEK_END);
    }
    AUTO_ARENA scratch = arena_new();
    char limit[32];
    char pids[16];
    memory_limit(limit, sizeof limit);
    snprintf(pids, sizeof pids, "%d", PIDS_MAX);
    if (is_unified()) {
        if (make_group(scratch, g->paths[0], unified_parent(scratch))) {
            g->active = true;
            write_text(g->paths[0], "memory.max", limit);
            write_text(g->paths[0], "memory.oom.group", "0");
            write_text(g->paths[0], "pids.max", pids);
        }
        return;
    }
    if (make_group(scratch, g->paths[0], version1_parent(scratch, version1[0]))) {
        g->active = true;
        write_text(g->paths[0], "memory.limit_in_bytes", limit);
    }
    if (make_group(scratch, g->paths[1], version1_parent(scratch, version1[1]))) {
        g->active = true;
        write_text(g->paths[1], "pids.max", pids);
    }
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

void cgroup_close(struct cgroup *g, struct sandbox_result *result) {
    if (killed_for_memory(g)) {
        if (g->kmsgfd >= 0) {
            find_victim(g->kmsgfd, result->victim);
        }
        result->out_of_memory = true;
    }
    fd_close_auto(&g->kmsgfd);
    for (size_t i = 0; i < ROOTS; i++) {
        if (g->paths[i][0] != '\0') {
            rmdir(g->paths[i]);
        }
    }
}

bool sandbox_limits_steps(void) {
    struct cgroup g;
    struct sandbox_result ignored = { 0 };
    cgroup_open(&g);
    bool limits = g.active;
    cgroup_close(&g, &ignored);
    return limits;
}
