// SPDX-License-Identifier: Apache-2.0
#include "cli/run_volumes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run_files.h"
#include "image/image.h"
#include "tree/tree.h"

enum { NOTE_MAX = 8192, COPY_LEVEL = 1 };

/* -- what the kernel can -- */

static const char *note_path(struct cli *cli) {
    return path_join(cli->arena, cli->cache_dir, "no-virtiofs");
}

/* What is known is known of this file: empty when it cannot be told. */
static str kernel_print(struct cli *cli, const char *kernel) {
    struct stat st;
    char *path = realpath(kernel, NULL);
    if (path == NULL || stat(path, &st) != 0) {
        free(path);
        return S("");
    }
    str print =
        str_fmt(cli->arena, "%s %lld %lld\n", path, (long long)st.st_size, (long long)st.st_mtime);
    free(path);
    return print;
}

static bool lacks_virtiofs(struct cli *cli, const char *kernel) {
    str note, print = kernel_print(cli, kernel);
    return print.len > 0 && fs_load(cli->arena, AT_FDCWD, note_path(cli), NOTE_MAX, &note, NULL) &&
           str_eq(note, print);
}

/* Losing the note costs a boot next time, so nothing is reported. */
static void remember_lack(struct cli *cli, const char *kernel) {
    str print = kernel_print(cli, kernel);
    (void)!(fs_mkdir_p(AT_FDCWD, cli->cache_dir, 0755, NULL) &&
            fs_store(AT_FDCWD, note_path(cli), print, 0644, NULL));
}

/* -- copies -- */

static bool copy(struct cli *cli, struct vm_volume *volume, struct err *err) {
    AUTO_TREE tree = tree_new();
    AUTO_FD fd = -1;
    struct image_squashfs_stats stats;
    const struct image_squashfs_options options = { .codec = IMAGE_ZSTD,
                                                    .level = COPY_LEVEL,
                                                    .epoch_s = IMAGE_EPOCH_NONE };
    if (!tree_add_layer(tree, volume->host, err) || !run_open_unnamed(cli, &fd, err) ||
        !image_write_squashfs(tree, &options, fd, &stats, err)) {
        return err_wrap(err, "copy '%s' to a disk for the guest", volume->host);
    }
    /* QEMU takes a descriptor for reading only when it can do nothing else. */
    AUTO_FD reader = open(str_fmt(cli->arena, "/proc/self/fd/%d", fd).ptr, O_RDONLY | O_CLOEXEC);
    if (reader < 0) {
        return err_sys(err, errno, "open the copy of '%s' again", volume->host);
    }
    volume->image_fd = take_fd(&reader);
    volume->read_only = true;
    return true;
}

static bool copy_all(struct cli *cli, struct run_volumes *volumes, const char *why,
                     struct err *err) {
    for (size_t i = 0; i < volumes->count; i++) {
        struct vm_volume *volume = &volumes->items[i];
        print_warning(cli, "the guest gets a read-only copy of '%s' as it is now: %s", volume->host,
                      why);
        if (!copy(cli, volume, err)) {
            return false;
        }
    }
    return true;
}

/* -- what was asked for -- */

/* The host's path may hold a colon; the guest's begins with a slash. */
static bool split(struct cli *cli, const char *text, struct vm_volume *ret, struct err *err) {
    str whole = str_from_c(text);
    ret->read_only = str_ends(whole, S(":ro"));
    whole = str_slice(whole, 0, whole.len - (ret->read_only ? 3 : 0));
    size_t at = STR_NONE;
    for (size_t i = str_find(whole, S(":/"), 0); i != STR_NONE;
         i = str_find(whole, S(":/"), i + 1)) {
        at = i;
    }
    if (at == STR_NONE || at == 0) {
        err_set(err, "'%s' is not HOST:GUEST with an absolute path in the guest", text);
        return err_help(err, "as in --volume ./src:/root/src, or ./src:/root/src:ro");
    }
    ret->host = str_to_c(cli->arena, str_slice(whole, 0, at));
    str guest = path_clean(cli->arena, str_slice(whole, at + 1, whole.len));
    ret->guest = str_to_c(cli->arena, guest);
    return true;
}

static bool check_host(struct cli *cli, struct vm_volume *volume, struct err *err) {
    struct stat st;
    char *path = realpath(volume->host, NULL);
    if (path == NULL || stat(path, &st) != 0) {
        free(path);
        return err_sys(err, errno, "open '%s'", volume->host);
    }
    const char *given = volume->host;
    volume->host = str_to_c(cli->arena, str_from_c(path));
    free(path);
    if (!S_ISDIR(st.st_mode)) {
        err_set(err, "'%s' is not a folder", given);
        return err_help(err, "--copy-in brings a file");
    }
    return true;
}

static bool add(struct cli *cli, const char *text, struct run_volumes *volumes, struct err *err) {
    if (volumes->count == VM_VOLUMES_MAX) {
        return err_set(err, "more than %d", VM_VOLUMES_MAX);
    }
    struct vm_volume volume = { 0 };
    if (!split(cli, text, &volume, err) || !check_host(cli, &volume, err) ||
        !vm_volume_check(volume.guest, err)) {
        return false;
    }
    for (size_t i = 0; i < volumes->count; i++) {
        if (strcmp(volumes->items[i].guest, volume.guest) == 0) {
            return err_set(err, "'%s' and '%s' are both for '%s' in the guest",
                           volumes->items[i].host, volume.host, volume.guest);
        }
    }
    volumes->items[volumes->count++] = volume;
    return true;
}

/* A folder is mounted before what is mounted in it. */
static int compare_guests(const void *a, const void *b) {
    const struct vm_volume *one = a, *two = b;
    return strcmp(one->guest, two->guest);
}

static bool read_list(struct cli *cli, const struct option_list *list, struct run_volumes *ret,
                      struct err *err) {
    for (size_t i = 0; i < list->len; i++) {
        if (!add(cli, list->items[i], ret, err)) {
            return err_wrap(err, "--volume");
        }
    }
    qsort(ret->items, ret->count, sizeof ret->items[0], compare_guests);
    for (size_t i = 0; i < ret->count; i++) {
        ret->items[i].tag = str_fmt(cli->arena, "volume%zu", i).ptr;
    }
    return true;
}

/* Sharing, where it can be; else copies, with the reason. */
static bool choose(struct cli *cli, const char *kernel, struct run_volumes *volumes,
                   struct err *err) {
    struct err trial = ERR_INIT;
    if (volumes->count == 0) {
        return true;
    }
    if (lacks_virtiofs(cli, kernel)) {
        return copy_all(cli, volumes, "its kernel has no virtiofs", err);
    }
    if (vm_volume_try(&volumes->items[0], &trial)) {
        return true;
    }
    AUTO_BUF why = BUF_INIT(ERR_FRAME_BYTES);
    err_text(&trial, &why);
    return copy_all(cli, volumes, why.ptr, err);
}

bool run_volumes_prepare(struct cli *cli, const struct option_list *list, const char *kernel,
                         struct run_volumes *ret) {
    struct err err = ERR_INIT;
    if (!read_list(cli, list, ret, &err) || !choose(cli, kernel, ret, &err)) {
        print_err(cli, &err);
        return false;
    }
    return true;
}

bool run_volumes_copy(struct cli *cli, const char *kernel, struct run_volumes *volumes) {
    struct err err = ERR_INIT;
    remember_lack(cli, kernel);
    if (!copy_all(cli, volumes, "its kernel has no virtiofs", &err)) {
        print_err(cli, &err);
        return false;
    }
    return true;
}

void run_volumes_done(struct run_volumes *volumes) {
    for (size_t i = 0; i < volumes->count; i++) {
        if (volumes->items[i].image_fd > 0) {
            fd_close_auto(&volumes->items[i].image_fd);
        }
    }
    volumes->count = 0;
}
