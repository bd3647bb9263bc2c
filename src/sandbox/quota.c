// SPDX-License-Identifier: Apache-2.0
/*
 * What a step may take of memory and processes: by the machine, and by the control groups that we
 * are in. A step's own limit is reached before theirs, so the kernel looks for a victim in the step
 * and leaves us alone.
 */
#include <string.h>
#include <sys/sysinfo.h>

#include "sandbox/internal.h"

enum {
    PIDS_MAX = 32768,
    PIDS_MIN = 16,
    PIDS_SHARE = 4, /* a step gets one of so many parts of what the machine has */
};

/* The rest is ours, and of all else that runs here. */
static uint64_t nine_tenths(uint64_t of) {
    return of / 10 * 9;
}

/* A file with a number, as the only word or after `name`; anything else, as "max", is no limit. */
static uint64_t read_limit(struct arena *a, const char *dir, const char *file, str name) {
    str text;
    uint64_t limit;
    if (!fs_load(a, AT_FDCWD, path_join(a, dir, file), 64 * 1024, &text, NULL)) {
        return UINT64_MAX;
    }
    while (text.len > 0) {
        str line = str_cut(&text, '\n');
        if (name.len > 0 && !str_eq(str_cut(&line, ' '), name)) {
            continue;
        }
        return str_to_u64(str_trim(line), &limit) ? limit : UINT64_MAX;
    }
    return UINT64_MAX;
}

static uint64_t lower(uint64_t x, uint64_t y) {
    return x < y ? x : y;
}

/* The lowest limit of our group and of those above it; UINT64_MAX: there is none. */
static uint64_t unified_limit(struct arena *a, const char *file) {
    str path = cgroup_own(a, "");
    uint64_t limit = read_limit(a, CGROUP_ROOT, file, S(""));
    while (path.len > 1) {
        const char *dir = str_fmt(a, CGROUP_ROOT "%.*s", STR_FMT(path)).ptr;
        limit = lower(limit, read_limit(a, dir, file, S("")));
        path = path_dir(path);
    }
    return limit;
}

static uint64_t version1_pids(struct arena *a) {
    const char *dir = cgroup_version1_parent(a, "pids");
    size_t root = strlen(CGROUP_ROOT "/pids");
    uint64_t limit = UINT64_MAX;
    for (str path = str_from_c(dir); path.len >= root; path = path_dir(path)) {
        limit = lower(limit, read_limit(a, str_to_c(a, path), "pids.max", S("")));
    }
    return limit;
}

static uint64_t group_memory(struct arena *a) {
    return cgroup_is_unified() ? unified_limit(a, "memory.max")
                               : read_limit(a, cgroup_version1_parent(a, "memory"), "memory.stat",
                                            S("hierarchical_memory_limit"));
}

static uint64_t machine_memory(void) {
    struct sysinfo info;
    return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : UINT64_MAX;
}

static uint64_t machine_pids(struct arena *a) {
    return lower(read_limit(a, "/proc/sys/kernel", "pid_max", S("")),
                 read_limit(a, "/proc/sys/kernel", "threads-max", S("")));
}

void quota_find(struct arena *a, const struct sandbox_spec *spec, struct quota *ret) {
    uint64_t group = group_memory(a);
    uint64_t pids = cgroup_is_unified() ? unified_limit(a, "pids.max") : version1_pids(a);
    ret->memory_bytes = nine_tenths(lower(group, machine_memory()));
    if (spec->memory_bytes > 0) {
        ret->memory_bytes = lower(spec->memory_bytes, nine_tenths(group));
    }
    ret->pids = spec->pids > 0 ? spec->pids : lower(machine_pids(a) / PIDS_SHARE, PIDS_MAX);
    ret->pids = lower(ret->pids, nine_tenths(pids));
    if (ret->pids < PIDS_MIN) {
        ret->pids = PIDS_MIN;
    }
}
