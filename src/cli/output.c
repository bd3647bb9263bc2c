// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "assets/assets.h"
#include "cli/layout.h"
#include "image/image.h"
#include "store/blocks.h"
#include "tree/tree.h"

/* ---- options ---- */

static const struct {
    const char *word;
    enum output_type type;
} types[] = { { "tar", OUTPUT_TAR },
              { "dir", OUTPUT_DIR },
              { "oci", OUTPUT_OCI },
              { "squashfs", OUTPUT_SQUASHFS } };

static bool find_type(struct cli *cli, str word, enum output_type *ret) {
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq(word, str_from_c(types[i].word))) {
            *ret = types[i].type;
            return true;
        }
    }
    print_error(cli, "image build: --output type is tar, dir, oci or squashfs, not '%.*s'",
                STR_FMT(word));
    return false;
}

/* "type=T,dest=PATH"; a PATH alone is a folder, as in docker build. */
static bool parse_one(struct cli *cli, const char *text, struct output_spec *ret) {
    str rest = str_from_c(text);
    bool has_type = false;
    if (str_find_char(rest, '=', 0) == STR_NONE) {
        *ret = (struct output_spec){ OUTPUT_DIR, text };
        return true;
    }
    while (rest.len > 0) {
        str value = str_cut(&rest, ',');
        str key = str_cut(&value, '=');
        if (str_eq(key, S("type"))) {
            has_type = true;
            if (!find_type(cli, value, &ret->type)) {
                return false;
            }
        } else if (str_eq(key, S("dest"))) {
            ret->dest = str_to_c(cli->arena, value);
        } else {
            print_error(cli, "image build: --output takes type= and dest=, not '%.*s'",
                        STR_FMT(key));
            return false;
        }
    }
    if (!has_type || ret->dest == NULL || ret->dest[0] == '\0') {
        print_error(cli, "image build: --output needs type=tar,dest=PATH or the like, not '%s'",
                    text);
        return false;
    }
    return true;
}

bool output_parse(struct cli *cli, const struct option_list *list, struct output_spec **ret) {
    *ret = ARENA_ARRAY(cli->arena, struct output_spec, list->len);
    for (size_t i = 0; i < list->len; i++) {
        if (!parse_one(cli, list->items[i], &(*ret)[i])) {
            return false;
        }
    }
    return true;
}

/* ---- a worker process ---- */

/* Shared with the worker: how far it is, and at its end what became of it. */
struct worker_board {
    volatile uint64_t done_bytes;
    volatile uint64_t total_bytes;
    bool ok;
    struct err err;
    struct image_squashfs_stats stats;
};

struct worker {
    struct store *store;
    const char *const *layers;
    size_t layer_count;
    output_fill *fill; /* in place of layers; may be NULL */
    void *fill_self;
    enum output_type type;
    const struct pack_options *pack;
    int64_t epoch_s;
    const struct oci_config *config; /* OCI */
    bool is_file;
    int fd; /* the file, or the folder */
    struct worker_board *board;
};

static void on_progress(void *self, uint64_t done_bytes, uint64_t total_bytes) {
    struct worker_board *board = self;
    board->done_bytes = done_bytes;
    board->total_bytes = total_bytes;
}

enum { CLOCK_TICK_MS = 10 }; /* the times of files are those of the kernel's last tick */

/* A file that a step made has the time at which the step ran, which may be long before the epoch
 * when the step is cached. */
static void forget_times(const struct worker *w, struct tree *t) {
    for (struct tree_entry *e = tree_root(t); e != NULL && w->pack->time_count > 0;
         e = tree_next(tree_root(t), e)) {
        for (size_t i = 0; i < w->pack->time_count; i++) {
            const struct build_time *time = &w->pack->times[i];
            int64_t mtime_ms = e->inode->mtime_s * 1000 + e->inode->mtime_ns / 1000000;
            if (mtime_ms + CLOCK_TICK_MS >= time->began_ms && mtime_ms <= time->ended_ms) {
                e->inode->mtime_s = w->epoch_s;
                e->inode->mtime_ns = 0;
                break;
            }
        }
    }
}

static bool pack(const struct worker *w, struct tree *t, const struct image_progress *progress,
                 struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const struct image_codec_row *codec = image_codec_find(str_from_c(w->pack->codec));
    ASSERT(codec != NULL);
    struct blocks *cache = NULL;
    struct image_squashfs_options options = {
        .codec = codec->codec,
        .level = w->pack->level,
        .epoch_s = w->epoch_s,
        .progress = progress,
    };
    const char *folder = path_join(scratch, store_path(w->store), "blocks");
    if (!blocks_open(AT_FDCWD, folder, &cache, err)) {
        return false;
    }
    options.cache = cache;
    forget_times(w, t);
    bool ok = image_write_squashfs(t, &options, w->fd, &w->board->stats, err);
    struct err ignored = ERR_INIT; /* a cache that cannot be written costs time, not the image */
    if (ok) {
        (void)!blocks_commit(cache, &ignored);
    }
    blocks_close(cache);
    return ok;
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
    return err_set(err, "'%s' may not be in the image: %s%s", findings[0].name, findings[0].what,
                   count > 1 ? ", and there is more" : "");
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

static bool write_layout(const struct worker *w, const struct image_progress *progress,
                         struct err *err) {
    struct image_oci_options options = {
        .layers = w->layers,
        .layer_count = w->layer_count,
        .config = w->config,
        .epoch_s = w->epoch_s,
        .progress = progress,
    };
    return layout_write_fd(w->store, &options, w->is_file, w->fd, err);
}

static bool work(const struct worker *w, struct err *err) {
    AUTO_TREE t = NULL;
    struct image_progress progress = { on_progress, w->board };
    if (w->type == OUTPUT_OCI) {
        return write_layout(w, &progress, err);
    }
    if (w->fill != NULL) {
        t = tree_new();
    }
    if (w->fill != NULL ? !w->fill(w->fill_self, t, err)
                        : !tree_open_layers(w->layers, w->layer_count, &t, err)) {
        return false;
    }
    if (w->type == OUTPUT_SQUASHFS && w->pack->gated) {
        if (!check_gates(t, err) || !normalise_names(t, w->epoch_s, err)) {
            return false;
        }
        normalise_times(t, w->epoch_s);
    }
    switch (w->type) {
    case OUTPUT_SQUASHFS:
        return pack(w, t, &progress, err);
    case OUTPUT_TAR: {
        struct image_tar_options options = { .epoch_s = w->epoch_s, .progress = &progress };
        return image_write_tar(t, &options, w->fd, err);
    }
    case OUTPUT_DIR: {
        struct image_dir_options options = { .epoch_s = w->epoch_s, .progress = &progress };
        return image_write_dir(t, &options, w->fd, err);
    }
    case OUTPUT_OCI:
        break; /* has no merged tree */
    }
    ASSERT(false);
    return false;
}

/* Until the worker has ended; draws progress, passes Ctrl-C on. */
static bool watch(struct worker *w, pid_t pid, struct progress *p, const char *what,
                  struct err *err) {
    int status;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (interrupted) {
            kill(pid, SIGKILL);
        }
        progress_phase_tick(p, what, w->board->done_bytes, w->board->total_bytes);
        poll(NULL, 0, 50);
    }
    if (interrupted) {
        return err_sys(err, EINTR, "stopped");
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return err_set(err, "the packing process was killed by signal %d", WTERMSIG(status));
    }
    if (!w->board->ok && err != NULL) {
        *err = w->board->err;
    }
    return w->board->ok;
}

static bool run_worker(struct worker *w, struct progress *p, const char *what, struct err *err) {
    struct worker_board *board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) {
        return err_sys(err, errno, "share memory with a worker");
    }
    w->board = board;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        os_die_with_parent();
        signal(SIGINT, SIG_IGN); /* the parent decides */
        if (getppid() == parent) {
            board->ok = work(w, &board->err);
        }
        _exit(0);
    }
    bool ok = pid > 0 ? watch(w, pid, p, what, err) : err_sys(err, errno, "start a worker");
    munmap(board, sizeof *board);
    return ok;
}

/* ---- results ---- */

static bool write_file(struct worker *w, const char *dest, struct progress *p, const char *what,
                       struct err *err) {
    AUTO_FS_REPLACE file = FS_REPLACE_INIT;
    struct stat st;
    if (!fs_replace_open(&file, AT_FDCWD, dest, 0644, err)) {
        return false;
    }
    w->fd = file.fd;
    progress_phase_begin(p, what);
    if (!run_worker(w, p, what, err) || fstat(file.fd, &st) < 0 ||
        !fs_replace_commit(&file, false, err)) {
        return err_wrap(err, "write '%s'", dest);
    }
    progress_phase_end(p, what, format_bytes((uint64_t)st.st_size));
    return true;
}

/* Half a tree is worth nothing. */
static void empty_folder(const char *dest) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    struct err ignored = ERR_INIT;
    if (!fs_list(scratch, AT_FDCWD, dest, &names, &count, &ignored)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        (void)!fs_remove_tree(AT_FDCWD, path_join(scratch, dest, names[i]), &ignored);
    }
}

/* Into a fresh folder, or an empty one that is there. */
static bool write_folder(struct worker *w, const char *dest, struct progress *p, struct err *err) {
    AUTO_FD fd = -1;
    if (!fs_open_empty_dir(dest, &fd, err)) {
        return false;
    }
    w->fd = fd;
    progress_phase_begin(p, "copy");
    if (!run_worker(w, p, "copy", err)) {
        empty_folder(dest);
        return err_wrap(err, "write '%s'", dest);
    }
    progress_phase_end(p, "copy", dest);
    return true;
}

static bool pack_into(struct worker *w, struct progress *p, struct err *err) {
    struct stat st;
    progress_phase_begin(p, "pack");
    if (!run_worker(w, p, "pack", err) || fstat(w->fd, &st) < 0) {
        return false;
    }
    progress_phase_end(p, "pack", format_bytes((uint64_t)st.st_size));
    return true;
}

bool output_pack_squashfs(struct store *store, const char *const *layers, size_t layer_count,
                          int fd, const struct pack_options *options, struct progress *p,
                          struct err *err) {
    struct worker w = {
        .store = store,
        .layers = layers,
        .layer_count = layer_count,
        .type = OUTPUT_SQUASHFS,
        .pack = options,
        .epoch_s = options->source_date_epoch,
        .fd = fd,
    };
    return pack_into(&w, p, err);
}

bool output_pack_tree(struct store *store, output_fill *fill, void *self, int fd,
                      const struct pack_options *options, struct progress *p, struct err *err) {
    struct worker w = {
        .store = store,
        .fill = fill,
        .fill_self = self,
        .type = OUTPUT_SQUASHFS,
        .pack = options,
        .epoch_s = options->source_date_epoch,
        .fd = fd,
    };
    return pack_into(&w, p, err);
}

bool output_write(struct cli *cli, const struct output_spec *spec, struct store *store,
                  const struct build_result *result, int64_t source_date_epoch, struct progress *p,
                  struct err *err) {
    (void)cli;
    static const struct pack_options pack_defaults = { .codec = "zstd", .level = 15 };
    struct worker w = {
        .store = store,
        .layers = result->layers,
        .layer_count = result->layer_count,
        .type = spec->type,
        .pack = &pack_defaults,
        .epoch_s = source_date_epoch,
        .config = &result->config,
        .is_file = spec->type != OUTPUT_DIR,
    };
    if (spec->type == OUTPUT_OCI) {
        w.is_file = layout_is_file(spec->dest);
    }
    return w.is_file ? write_file(&w, spec->dest, p,
                                  spec->type == OUTPUT_SQUASHFS ? "pack" : "write", err)
                     : write_folder(&w, spec->dest, p, err);
}
