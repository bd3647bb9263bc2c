// SPDX-License-Identifier: Apache-2.0
#include "run/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "tree/tree.h"

enum { NOTE_MAX = 16384, COPY_LEVEL = 1 };

static const char no_virtiofs[] = "its kernel does not support virtiofs";

/* -- what the kernel can -- */

static const char *note_path(const struct run_work *w) {
    return path_join(w->arena, w->request->cache_dir, "no-virtiofs");
}

static str file_print(struct arena *a, const char *file) {
    struct stat st;
    char *path = realpath(file, NULL);
    str print = S("");
    if (path != NULL && stat(path, &st) == 0) {
        print = str_fmt(a, "%s %lld %lld\n", path, (long long)st.st_size, (long long)st.st_mtime);
    }
    free(path);
    return print;
}

/* What is known is known of these files, as a ramdisk brings modules: empty when it cannot be
 * told. */
static str kernel_print(const struct run_work *w, const struct vm_spec *machine) {
    str kernel = file_print(w->arena, machine->kernel);
    str initrd = file_print(w->arena, machine->initrd);
    return kernel.len > 0 && initrd.len > 0 ? str_concat(w->arena, kernel, initrd) : S("");
}

static bool lacks_virtiofs(const struct run_work *w, const struct vm_spec *machine) {
    str note, print = kernel_print(w, machine);
    return print.len > 0 && fs_load(w->arena, AT_FDCWD, note_path(w), NOTE_MAX, &note, NULL) &&
           str_eq(note, print);
}

/* Losing the note costs a boot next time, so nothing is reported. */
static void remember_lack(const struct run_work *w, const struct vm_spec *machine) {
    str print = kernel_print(w, machine);
    (void)!(fs_mkdir_p(AT_FDCWD, w->request->cache_dir, 0700, NULL) &&
            fs_store(AT_FDCWD, note_path(w), print, 0644, NULL));
}

/* -- copies -- */

static bool copy(const struct run_work *w, struct vm_volume *volume, const char *why,
                 struct err *err) {
    AUTO_TREE tree = tree_new();
    AUTO_FD fd = -1;
    struct image_squashfs_stats stats;
    const struct image_squashfs_options options = { .codec = IMAGE_ZSTD,
                                                    .level = COPY_LEVEL,
                                                    .epoch_s = IMAGE_EPOCH_NONE };
    w->events->notice(w->events->self,
                      str_fmt(w->arena, "the guest gets a read-only copy of the current '%s': %s",
                              volume->host, why)
                          .ptr);
    if (!tree_add_layer(tree, volume->host, err) ||
        !run_open_unnamed(w->request->cache_dir, &fd, err) ||
        !image_write_squashfs(tree, &options, fd, &stats, err)) {
        return err_wrap(err, "copy '%s' to a disk for the guest", volume->host);
    }
    /* QEMU takes a descriptor for reading only when it can do nothing else. */
    AUTO_FD reader = open(str_fmt(w->arena, "/proc/self/fd/%d", fd).ptr, O_RDONLY | O_CLOEXEC);
    if (reader < 0) {
        return err_sys(err, errno, "open the copy of '%s' again", volume->host);
    }
    volume->image_fd = take_fd(&reader);
    volume->read_only = true;
    return true;
}

static bool copy_all(const struct run_work *w, struct run_volumes *volumes, const char *why,
                     struct err *err) {
    for (size_t i = 0; i < volumes->count; i++) {
        struct vm_volume *volume = &volumes->items[i];
        if (volume->image_fd == 0 && !copy(w, volume, why, err)) {
            return false;
        }
    }
    return true;
}

/* -- what was asked for -- */

static bool split(struct arena *a, const char *text, struct vm_volume *ret, struct err *err) {
    static const str read_only = S_INIT(":ro");
    str paths = str_from_c(text);
    ret->read_only = str_ends(paths, read_only);
    paths = str_slice(paths, 0, paths.len - (ret->read_only ? read_only.len : 0));
    if (!run_split_paths(a, paths, &ret->host, &ret->guest, err)) {
        return err_help(err, "for example --volume ./src:/root/src or ./src:/root/src:ro");
    }
    ret->guest = str_to_c(a, path_clean(a, str_from_c(ret->guest)));
    return true;
}

static bool check_host(struct arena *a, struct vm_volume *volume, struct err *err) {
    struct stat st;
    char *path = realpath(volume->host, NULL);
    if (path == NULL || stat(path, &st) != 0) {
        free(path);
        return err_sys(err, errno, "open '%s'", volume->host);
    }
    const char *given = volume->host;
    volume->host = str_to_c(a, str_from_c(path));
    free(path);
    if (!S_ISDIR(st.st_mode)) {
        err_set(err, "'%s' is not a folder", given);
        return err_help(err, "use --copy-in for a file");
    }
    return true;
}

static bool add(struct arena *a, const char *text, struct run_volumes *volumes, struct err *err) {
    if (volumes->count == VM_VOLUMES_MAX) {
        return err_set(err, "more than %d", VM_VOLUMES_MAX);
    }
    struct vm_volume volume = { 0 };
    if (!split(a, text, &volume, err) || !check_host(a, &volume, err) ||
        !vm_volume_check(volume.guest, err)) {
        return false;
    }
    for (size_t i = 0; i < volumes->count; i++) {
        if (strcmp(volumes->items[i].guest, volume.guest) == 0) {
            return err_set(err, "'%s' and '%s' have the same destination '%s' in the guest",
                           volumes->items[i].host, volume.host, volume.guest);
        }
    }
    volumes->items[volumes->count++] = volume;
    return true;
}

/* A folder is mounted before what is mounted in it. */
static int compare_guests(const void *x, const void *y) {
    const struct vm_volume *one = x, *two = y;
    return strcmp(one->guest, two->guest);
}

bool run_volumes_read(struct arena *a, struct run_list list, struct run_volumes *ret,
                      struct err *err) {
    for (size_t i = 0; i < list.len; i++) {
        if (!add(a, list.items[i], ret, err)) {
            return err_wrap(err, "--volume");
        }
    }
    qsort(ret->items, ret->count, sizeof ret->items[0], compare_guests);
    for (size_t i = 0; i < ret->count; i++) {
        ret->items[i].tag = str_fmt(a, "volume%zu", i).ptr;
    }
    return true;
}

/* Sharing, where it can be; else copies, with the reason. One folder may be shared and another
 * not: a mount of a user's that even root may not enter. */
static bool choose(const struct run_work *w, const struct vm_spec *machine,
                   struct run_volumes *volumes, struct err *err) {
    if (volumes->count > 0 && lacks_virtiofs(w, machine)) {
        return copy_all(w, volumes, no_virtiofs, err);
    }
    for (size_t i = 0; i < volumes->count; i++) {
        struct err trial = ERR_INIT;
        AUTO_BUF why = BUF_INIT(ERR_FRAME_BYTES);
        if (vm_volume_try(&volumes->items[i], &trial)) {
            continue;
        }
        err_text(&trial, &why);
        if (!copy(w, &volumes->items[i], why.ptr, err)) {
            return false;
        }
    }
    return true;
}

bool run_volumes_prepare(const struct run_work *w, const struct vm_spec *machine,
                         struct run_volumes *ret, struct err *err) {
    return run_volumes_read(w->arena, w->request->volumes, ret, err) &&
           choose(w, machine, ret, err);
}

bool run_volumes_copy(const struct run_work *w, const struct vm_spec *machine,
                      struct run_volumes *volumes, struct err *err) {
    remember_lack(w, machine);
    return copy_all(w, volumes, no_virtiofs, err);
}

void run_volumes_done(struct run_volumes *volumes) {
    for (size_t i = 0; i < volumes->count; i++) {
        if (volumes->items[i].image_fd > 0) {
            fd_close_auto(&volumes->items[i].image_fd);
        }
    }
    volumes->count = 0;
}
