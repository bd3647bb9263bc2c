// SPDX-License-Identifier: Apache-2.0
#include "run/internal.h"

#include <errno.h>
#include <string.h>

#include "image/image.h"
#include "tree/tree.h"

#define OUT_BYTES_MAX     ((uint64_t)16 << 30)
#define SCRATCH_BYTES_MIN ((uint64_t)16 << 20)
#define SCRATCH_BYTES_MAX ((uint64_t)16 << 40)

bool run_open_unnamed(const char *cache_dir, int *ret_fd, struct err *err) {
    if (!fs_mkdir_p(AT_FDCWD, cache_dir, 0700, err)) {
        return false;
    }
    *ret_fd = os_open_unnamed(cache_dir);
    return *ret_fd >= 0 || err_sys(err, errno, "create a file in '%s'", cache_dir);
}

/* -- in -- */

/* In the guest: $1 is where. The shell's words are those of any POSIX shell. */
static const char file_in[] =
    "set -e\n"
    "case $1 in */) to=$1$2 ;; *) to=$1; [ ! -d \"$1\" ] || to=$1/$2 ;; esac\n"
    "mkdir -p -- \"${to%/*}/\"\n"
    "cat >\"$to\"\n"
    "chmod \"$3\" \"$to\"\n";
static const char folder_in[] = "set -e\n"
                                "mkdir -p -- \"$1\"\n"
                                "exec tar -xpf - --no-same-owner -C \"$1\"\n";
/* What it is, in one letter, then its bytes. */
static const char out[] = "set -e\n"
                          "if [ -d \"$1\" ]; then printf d; exec tar -cf - -C \"$1\" .; fi\n"
                          "[ -f \"$1\" ] || { echo \"there is no file '$1'\" >&2; exit 1; }\n"
                          "if [ -x \"$1\" ]; then printf x; else printf f; fi\n"
                          "exec cat -- \"$1\"\n";

static const char **script(struct arena *a, const char *text, const char *one, const char *two,
                           const char *three) {
    const char **argv = ARENA_ARRAY(a, const char *, 8);
    size_t len = 0;
    argv[len++] = "sh";
    argv[len++] = "-c";
    argv[len++] = text;
    argv[len++] = "sh";
    argv[len++] = one;
    argv[len++] = two;
    argv[len++] = three;
    return argv;
}

/* The folder as a tar, made now: it is whole before the guest is there to take it. */
static bool pack_folder(const struct run_work *w, const char *host, int *ret_fd, struct err *err) {
    AUTO_TREE tree = tree_new();
    AUTO_FD fd = -1;
    const struct image_tar_options options = { .epoch_s = INT64_MAX, .compression = IMAGE_PLAIN };
    if (!tree_add_layer(tree, host, err) || !run_open_unnamed(w->request->cache_dir, &fd, err) ||
        !image_write_tar(tree, &options, fd, err)) {
        return false;
    }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        return err_sys(err, errno, "read the copy of '%s'", host);
    }
    *ret_fd = take_fd(&fd);
    return true;
}

bool run_split_paths(struct arena *a, str text, const char **ret_host, const char **ret_guest,
                     struct err *err) {
    size_t at = STR_NONE;
    for (size_t i = str_find(text, S(":/"), 0); i != STR_NONE; i = str_find(text, S(":/"), i + 1)) {
        at = i;
    }
    if (at == STR_NONE || at == 0) {
        return err_set(
            err, "'%.*s' does not have the form HOST:GUEST with an absolute path in the guest",
            STR_FMT(text));
    }
    *ret_host = str_to_c(a, str_slice(text, 0, at));
    *ret_guest = str_to_c(a, str_slice(text, at + 1, text.len));
    return true;
}

static bool prepare_in(const struct run_work *w, const char *text, struct run_files *files,
                       struct vm_task *ret, struct err *err) {
    struct stat st;
    struct arena *a = w->arena;
    const char *host, *guest;
    if (!run_split_paths(a, str_from_c(text), &host, &guest, err)) {
        return err_help(err, "for example --copy-in ./src:/root/src");
    }
    int fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_sys(err, errno, "open '%s'", host);
    }
    files->fds[files->fd_count++] = fd;
    *ret = (struct vm_task){ .in_fd = fd, .out_fd = -1 };
    ret->what = str_fmt(a, "copy '%s' to '%s' in the guest", host, guest).ptr;
    if (S_ISREG(st.st_mode)) {
        const char *mode = str_fmt(a, "%o", st.st_mode & 0777).ptr;
        const char *name = str_to_c(a, path_base(path_clean(a, str_from_c(host))));
        ret->argv = script(a, file_in, guest, name, mode);
        return true;
    }
    if (!S_ISDIR(st.st_mode)) {
        return err_set(err, "'%s' is neither a file nor a folder", host);
    }
    ret->argv = script(a, folder_in, guest, NULL, NULL);
    if (!pack_folder(w, host, &ret->in_fd, err)) {
        return err_wrap(err, "pack '%s'", host);
    }
    files->fds[files->fd_count++] = ret->in_fd;
    return true;
}

/* -- out -- */

static bool prepare_out(const struct run_work *w, const char *text, struct run_files *files,
                        struct run_copy *copy, struct vm_task *ret, struct err *err) {
    const char *colon = strchr(text, ':');
    if (text[0] != '/' || colon == NULL || colon[1] == '\0') {
        err_set(err, "'%s' does not have the form GUEST:HOST with an absolute path in the guest",
                text);
        return err_help(err, "for example --copy-out /root/out:./out");
    }
    copy->guest = str_to_c(w->arena, (str){ text, (size_t)(colon - text) });
    copy->host = colon + 1;
    const char *parent = str_to_c(w->arena, path_dir(str_from_c(copy->host)));
    if (!fs_is_dir(AT_FDCWD, parent)) {
        return err_sys(err, ENOENT, "the folder '%s' for '%s'", parent, copy->host);
    }
    if (!run_open_unnamed(w->request->cache_dir, &copy->fd, err)) {
        return false;
    }
    files->fds[files->fd_count++] = copy->fd;
    *ret = (struct vm_task){ .in_fd = -1, .out_fd = copy->fd, .out_max = OUT_BYTES_MAX };
    ret->argv = script(w->arena, out, copy->guest, NULL, NULL);
    ret->what = str_fmt(w->arena, "copy '%s' out of the guest", copy->guest).ptr;
    return true;
}

bool run_files_prepare(const struct run_work *w, struct run_files *ret, struct vm_request *request,
                       struct err *err) {
    const struct run_list *in = &w->request->copy_in, *outs = &w->request->copy_out;
    ret->outs = ARENA_ARRAY(w->arena, struct run_copy, RUN_COPIES_MAX);
    if (in->len + outs->len > RUN_COPIES_MAX) {
        return err_set(err, "more than %d copies; a folder counts as one", RUN_COPIES_MAX);
    }
    for (size_t i = 0; i < in->len; i++) {
        if (!prepare_in(w, in->items[i], ret, &request->before[request->before_count++], err)) {
            return err_wrap(err, "--copy-in");
        }
    }
    for (size_t i = 0; i < outs->len; i++) {
        struct run_copy *copy = &ret->outs[ret->out_count++];
        copy->task = request->after_count++;
        if (!prepare_out(w, outs->items[i], ret, copy, &request->after[copy->task], err)) {
            return err_wrap(err, "--copy-out");
        }
    }
    return true;
}

void run_files_defuse(struct tree *tree, struct arena *a) {
    struct tree_entry **specials = NULL;
    size_t len = 0, cap = 0;
    for (const struct tree_entry *e = tree_root(tree); e != NULL;
         e = tree_next(tree_root(tree), e)) {
        struct tree_inode *inode = e->inode;
        bool special = !S_ISREG(inode->mode) && !S_ISDIR(inode->mode) && !S_ISLNK(inode->mode);
        inode->mode &= ~(uint32_t)(S_ISUID | S_ISGID);
        inode->uid = geteuid();
        inode->gid = getegid();
        inode->xattrs = NULL;
        if (special) {
            ARENA_PUSH(a, specials, len, cap, (struct tree_entry *)e);
        }
    }
    for (size_t i = 0; i < len; i++) {
        tree_remove(tree, specials[i]);
    }
}

static bool store_folder(const struct run_work *w, const struct run_copy *copy, struct err *err) {
    AUTO_TREE tree = tree_new();
    AUTO_FD dir = -1;
    const struct tree_tar_options options = { .spool_folder = w->request->cache_dir,
                                              .max_bytes = OUT_BYTES_MAX };
    const struct image_dir_options dir_options = { .epoch_s = INT64_MAX };
    if (!tree_add_tar(tree, copy->fd, copy->guest, &options, err)) {
        return false;
    }
    run_files_defuse(tree, w->arena);
    return fs_open_empty_dir(copy->host, &dir, err) &&
           image_write_dir(tree, &dir_options, dir, err);
}

static bool store_file(const struct run_work *w, const struct run_copy *copy, mode_t mode,
                       struct err *err) {
    AUTO_FS_REPLACE replace = FS_REPLACE_INIT;
    const char *host = copy->host;
    if (fs_is_dir(AT_FDCWD, host)) {
        host = path_join(w->arena, host, str_to_c(w->arena, path_base(str_from_c(copy->guest))));
    }
    return fs_replace_open(&replace, AT_FDCWD, host, mode, err) &&
           fs_copy_fd(copy->fd, replace.fd, err) && fs_replace_commit(&replace, false, err);
}

static bool store(const struct run_work *w, const struct run_copy *copy, struct err *err) {
    char kind = 0;
    if (lseek(copy->fd, 0, SEEK_SET) != 0 || read(copy->fd, &kind, 1) != 1) {
        return err_set(err, "the guest sent nothing");
    }
    switch (kind) {
    case 'd':
        return store_folder(w, copy, err);
    case 'f':
        return store_file(w, copy, 0644, err);
    case 'x':
        return store_file(w, copy, 0755, err);
    default:
        return err_set(err, "malformed data from the guest");
    }
}

bool run_files_finish(const struct run_work *w, const struct run_files *files,
                      const struct vm_request *request) {
    bool good = true;
    for (size_t i = 0; i < files->out_count; i++) {
        const struct run_copy *copy = &files->outs[i];
        struct err err = ERR_INIT;
        /* One that failed in the guest was told already. */
        if (request->after[copy->task].done && !store(w, copy, &err)) {
            err_wrap(&err, "copy '%s' out of the guest to '%s'", copy->guest, copy->host);
            w->events->problem(w->events->self, &err);
            good = false;
        }
    }
    return good;
}

void run_files_done(struct run_files *files) {
    for (size_t i = 0; i < files->fd_count; i++) {
        fd_close_auto(&files->fds[i]);
    }
    files->fd_count = 0;
}

/* -- the scratch disk -- */

bool run_scratch_open(const char *cache_dir, const char *size, int *ret_fd, struct err *err) {
    uint64_t bytes;
    AUTO_FD fd = -1;
    if (!str_to_bytes(str_from_c(size), &bytes) || bytes < SCRATCH_BYTES_MIN ||
        bytes > SCRATCH_BYTES_MAX) {
        err_set(err, "--scratch '%s' is not a size from 16M to 16T", size);
        return err_help(err,
                        "for example --scratch 4G; it uses disk space only as data is written");
    }
    if (!run_open_unnamed(cache_dir, &fd, err)) {
        return false;
    }
    if (ftruncate(fd, (off_t)bytes) != 0) {
        return err_sys(err, errno, "make the scratch disk %s long", size);
    }
    *ret_fd = take_fd(&fd);
    return true;
}
