// SPDX-License-Identifier: Apache-2.0
#include "assets/assets.h"
#include "pack/internal.h"

enum { CLOCK_TICK_MS = 10 }; /* the times of files are those of the kernel's last tick */

/* A file that a step made has the time at which the step ran, which may be long before the epoch
 * when the step is cached. */
void pack_forget_times(const struct pack_options *options, struct tree *t) {
    for (struct tree_entry *e = tree_root(t); e != NULL && options->time_count > 0;
         e = tree_next(tree_root(t), e)) {
        for (size_t i = 0; i < options->time_count; i++) {
            const struct build_time *time = &options->times[i];
            int64_t mtime_ms = e->inode->mtime_s * 1000 + e->inode->mtime_ns / 1000000;
            if (mtime_ms + CLOCK_TICK_MS >= time->began_ms && mtime_ms <= time->ended_ms) {
                e->inode->mtime_s = options->source_date_epoch;
                e->inode->mtime_ns = 0;
                break;
            }
        }
    }
}

/* A guest's root filesystem: nothing in it runs with another's rights. */
static bool check_gates(const struct tree *t, struct err *err) {
    static const char *const forbidden[] = { "/run/capsem" };
    const struct asset_gates gates = { .forbidden = forbidden,
                                       .forbidden_count = ARRAY_LEN(forbidden) };
    AUTO_ARENA scratch = arena_new();
    struct asset_finding *findings;
    size_t count;
    assets_check_tree(t, &gates, scratch, &findings, &count);
    if (count == 0) {
        return true;
    }
    return err_set(err, "'%s' is not allowed in the image: %s%s", findings[0].name,
                   findings[0].what, count > 1 ? ", and others" : "");
}

/* The guest mounts a devtmpfs there. Which devices a base image has, an engine leaves or an
 * ordinary user can make is then nobody's business. */
static void empty_dev(struct tree *t) {
    struct tree_entry *dev = tree_find(t, S("/dev"), TREE_LITERAL);
    size_t count = 0;
    while (dev != NULL && tree_is_dir(dev)) {
        struct tree_entry *const *children = tree_children(dev, &count);
        if (count == 0) {
            break;
        }
        tree_remove(t, children[0]);
    }
}

/* Whatever made it, a guest has these folders to mount on, and nothing that says it is a
 * container. */
static bool normalise_names(struct tree *t, int64_t epoch_s, struct err *err) {
    static const str mounted_on[] = { S_INIT("/dev"), S_INIT("/proc"), S_INIT("/sys") };
    static const str of_containers = S_INIT("/.dockerenv");
    const struct tree_meta meta = { .mode = 0755, .mtime_s = epoch_s };
    struct tree_entry *e = tree_find(t, of_containers, TREE_LITERAL);
    if (e != NULL) {
        tree_remove(t, e);
    }
    for (size_t i = 0; i < ARRAY_LEN(mounted_on); i++) {
        if (tree_find(t, mounted_on[i], TREE_LITERAL) == NULL &&
            !tree_put_dir(t, mounted_on[i], &meta, &e, err)) {
            return false;
        }
    }
    empty_dev(t);
    return true;
}

/* A folder's time tells when something came or went in it, and engines put their mounts into them:
 * without it the same files are the same bytes, whatever engine made them. */
static void normalise_times(struct tree *t, int64_t epoch_s) {
    for (struct tree_entry *e = tree_root(t); e != NULL; e = tree_next(tree_root(t), e)) {
        if (tree_is_dir(e)) {
            e->inode->mtime_s = epoch_s;
            e->inode->mtime_ns = 0;
        }
    }
}

bool pack_normalise(struct tree *t, int64_t epoch_s, struct err *err) {
    if (!check_gates(t, err) || !normalise_names(t, epoch_s, err)) {
        return false;
    }
    normalise_times(t, epoch_s);
    return true;
}
