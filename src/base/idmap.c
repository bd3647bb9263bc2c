// SPDX-License-Identifier: Apache-2.0
#include "base/idmap.h"

#include <errno.h>

#include "base/base.h"

enum { MAP_BYTES_MAX = 64 * 1024 };

/* The kernel fills the columns of its own files with spaces. */
static bool next_number(str *line, uint32_t *ret) {
    *line = str_trim_left(*line);
    uint64_t number;
    if (!str_to_u64(str_cut(line, ' '), &number) || number > UINT32_MAX) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

bool idmap_parse(str text, struct idmap *ret) {
    ret->len = 0;
    while (text.len > 0) {
        str line = str_cut(&text, '\n');
        if (ret->len == IDMAP_RANGES_MAX) {
            return false;
        }
        struct idmap_range *r = &ret->ranges[ret->len++];
        if (!next_number(&line, &r->inside) || !next_number(&line, &r->outside) ||
            !next_number(&line, &r->count)) {
            return false;
        }
    }
    return true;
}

static bool load_one(const char *path, struct idmap *ret, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    str text = S("0 0 4294967295\n");
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) {
        return err_sys(err, errno, "open '%s'", path);
    }
    if (fd >= 0 && !fs_load_fd(scratch, fd, path, MAP_BYTES_MAX, &text, err)) {
        return false;
    }
    return idmap_parse(text, ret) || err_set(err, "'%s' is not an ID map", path);
}

bool idmaps_load(struct idmaps *ret, struct err *err) {
    return load_one("/proc/self/uid_map", &ret->uids, err) &&
           load_one("/proc/self/gid_map", &ret->gids, err);
}

bool idmap_is_whole(const struct idmap *m) {
    return m->len == 1 && m->ranges[0].inside == 0 && m->ranges[0].outside == 0 &&
           m->ranges[0].count == UINT32_MAX;
}

bool idmap_is_single(const struct idmap *m) {
    return m->len == 1 && m->ranges[0].count == 1;
}

bool idmap_has(const struct idmap *m, uint32_t id) {
    for (size_t i = 0; i < m->len; i++) {
        if (id >= m->ranges[i].inside && id - m->ranges[i].inside < m->ranges[i].count) {
            return true;
        }
    }
    return false;
}

bool idmaps_are_whole(void) {
    struct idmaps m;
    return !idmaps_load(&m, NULL) || (idmap_is_whole(&m.uids) && idmap_is_whole(&m.gids));
}

static void describe(const char *kind, const struct idmap *m, struct buf *out) {
    for (size_t i = 0; i < m->len; i++) {
        const struct idmap_range *r = &m->ranges[i];
        buf_addf(out, "%s %u %u %u\n", kind, r->inside, r->outside, r->count);
    }
}

void idmaps_describe(const struct idmaps *m, struct buf *out) {
    if (idmap_is_whole(&m->uids) && idmap_is_whole(&m->gids)) {
        buf_add_c(out, "all\n");
        return;
    }
    describe("uid", &m->uids, out);
    describe("gid", &m->gids, out);
}

bool idmaps_help(struct err *err) {
    return err_help(
        err,
        "add subordinate IDs for the user: 'sudo usermod --add-subuids 100000-165535 --add-subgids "
        "100000-165535 $USER', and install the package 'uidmap'; or build with sudo");
}

bool idmaps_refuse(const char *path, int64_t uid, int64_t gid, struct err *err) {
    err_set(
        err,
        "'%s' cannot belong to %lld:%lld: these IDs are not available to an unprivileged user here",
        path, (long long)uid, (long long)gid);
    return idmaps_help(err);
}
