// SPDX-License-Identifier: Apache-2.0
/*
 * The merged root. Everything is mounted on a tmpfs over the staging folder, in which each layer
 * has a link with a short name: mount(2) takes one page of options, and paths may hold the
 * commas and colons that separate them.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "sandbox/internal.h"

#define OVERLAYFS_MAGIC 0x794c7630 /* linux/magic.h */

enum { OVERLAY_LAYERS_MAX = 499 }; /* the kernel's OVL_MAX_STACK, less the mount points */

bool mount_staging(struct inside *in, struct err *err) {
    const char *staging = in->spec->staging;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        return err_sys(err, errno, "make mounts private");
    }
    /* Devices are allowed here and nowhere else: see mounts.c. */
    if (mount("tmpfs", staging, "tmpfs", MS_NOSUID, "mode=755,size=4m") < 0) {
        return err_sys(err, errno, "mount a tmpfs on '%s'", staging);
    }
    in->rootpath = path_join(in->arena, staging, "root");
    if (mkdir(in->rootpath, 0755) < 0) {
        return err_sys(err, errno, "create '%s'", in->rootpath);
    }
    return true;
}

static bool link_layers(struct arena *a, const char *dir, const struct sandbox_root *root,
                        struct err *err) {
    for (size_t i = 0; i < root->layer_count; i++) {
        const char *link = str_fmt(a, "%s/%zu", dir, i).ptr;
        if (symlink(root->layers[i], link) < 0) {
            return err_sys(err, errno, "link layer '%s'", root->layers[i]);
        }
    }
    return true;
}

static void add_lowers(struct buf *options, const struct sandbox_root *root, bool has_points) {
    buf_add_c(options, "lowerdir=");
    for (size_t i = root->layer_count; i > 0; i--) {
        buf_addf(options, "%s%zu", i == root->layer_count ? "" : ":", i - 1);
    }
    if (has_points) {
        buf_addf(options, "%spoints", root->layer_count == 0 ? "" : ":");
    } else if (root->layer_count == 0) {
        buf_add_c(options, "empty");
    }
}

/* A read-only overlay wants two of them. */
static bool add_second(struct buf *options, const struct sandbox_root *root, bool has_points,
                       struct err *err) {
    if (root->layer_count + (has_points ? 1 : 0) > 1) {
        return true;
    }
    buf_add_c(options, ":second");
    return mkdir("second", 0755) == 0 || err_sys(err, errno, "create an empty layer");
}

/* A fresh folder in the staging tmpfs that the overlay's relative paths start from. */
static bool enter_links(struct inside *in, const char *name, const struct sandbox_root *root,
                        struct err *err) {
    const char *dir = path_join(in->arena, in->spec->staging, name);
    if (root->layer_count > OVERLAY_LAYERS_MAX) {
        return err_set(err, "%zu layers exceed overlayfs's limit of %d", root->layer_count,
                       OVERLAY_LAYERS_MAX);
    }
    if (mkdir(dir, 0755) < 0 || mkdir(path_join(in->arena, dir, "empty"), 0755) < 0 ||
        chdir(dir) < 0) {
        return err_sys(err, errno, "create '%s'", dir);
    }
    return link_layers(in->arena, dir, root, err);
}

static bool mount_overlay(struct inside *in, const char *name, const struct sandbox_root *root,
                          const char *upper, const char *work, const char *target,
                          struct err *err) {
    if (!enter_links(in, name, root, err)) {
        return false;
    }
    AUTO_BUF options = BUF_INIT(4000);
    bool has_points = root == &in->spec->root && in->points != NULL;
    if (has_points && symlink(in->points, "points") < 0) {
        return err_sys(err, errno, "link '%s'", in->points);
    }
    add_lowers(&options, root, has_points);
    if (upper != NULL) {
        if (symlink(upper, "upper") < 0 || symlink(work, "work") < 0) {
            return err_sys(err, errno, "link '%s'", upper);
        }
        /* volatile: no sync calls reach the disk; a layer is kept only when the step ended well */
        buf_add_c(&options, ",upperdir=upper,workdir=work,volatile");
    } else if (!add_second(&options, root, has_points, err)) {
        return false;
    }
    /* In a user namespace the marks of overlayfs are in user.overlay.*, for trusted.* is root's,
     * and the kernel wants another word for the same. */
    buf_add_c(&options, in->rights == SANDBOX_ROOT ? ",redirect_dir=off"
                                                   : ",userxattr,redirect_dir=nofollow");
    buf_add_c(&options, ",metacopy=off,index=off,xino=off");
    if (options.full) {
        return err_set(err, "the layers' names are too long for one mount");
    }
    /* What is only read is not the step's own root: nothing in it runs with another's rights. */
    unsigned long flags = MS_NODEV | (upper == NULL ? MS_NOSUID : 0);
    if (mount("overlay", target, "overlay", flags, options.ptr) < 0) {
        int number = errno;
        struct statfs fs;
        if (upper != NULL && number == EINVAL && statfs(upper, &fs) == 0 &&
            fs.f_type == OVERLAYFS_MAGIC) {
            err_set(
                err,
                "the store '%s' is on overlayfs, which cannot hold the layers of another overlay",
                upper);
            return err_help(
                err,
                "put it on a disk (in a container: a volume) with --cache-dir or CAPSEM_CACHE_DIR");
        }
        err_sys(err, number, "mount the overlay (%s)", options.ptr);
        return in->rights != SANDBOX_ROOT &&
               err_help(err, "overlayfs for unprivileged users needs Linux 5.11 and a local disk");
    }
    return true;
}

bool restrict_mount(const char *path, unsigned long flags) {
    static const struct {
        unsigned long has, flag;
    } kept[] = {
        { ST_RDONLY, MS_RDONLY },
        { ST_NOSUID, MS_NOSUID },
        { ST_NODEV, MS_NODEV },
        { ST_NOEXEC, MS_NOEXEC },
    };
    struct statvfs fs;
    if (statvfs(path, &fs) < 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        flags |= (fs.f_flag & kept[i].has) != 0 ? kept[i].flag : 0;
    }
    return mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags, NULL) == 0;
}

/* One layer alone needs no overlay: it is bound, read-only. */
static bool bind_single(const char *layer, const char *target, struct err *err) {
    if (mount(layer, target, NULL, MS_BIND, NULL) < 0 ||
        !restrict_mount(target, MS_RDONLY | MS_NODEV)) {
        return err_sys(err, errno, "bind '%s'", layer);
    }
    return true;
}

bool mount_root(struct inside *in, struct err *err) {
    const struct sandbox_spec *spec = in->spec;
    bool ok =
        spec->upper == NULL && spec->root.layer_count == 1
            ? bind_single(spec->root.layers[0], in->rootpath, err)
            : mount_overlay(in, "layers", &spec->root, spec->upper, spec->work, in->rootpath, err);
    if (!ok) {
        return false;
    }
    in->rootfd = open(in->rootpath, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return in->rootfd >= 0 || err_sys(err, errno, "open '%s'", in->rootpath);
}

static bool mount_extra_root(struct inside *in, size_t index, const char *target, struct err *err) {
    const struct sandbox_mount *m = &in->spec->mounts[index];
    const char *name = str_fmt(in->arena, "extra-%zu", index).ptr;
    if (m->scratch == NULL) {
        /* Also of one layer: a bind would show attributes as the layer keeps them. */
        return mount_overlay(in, name, m->root, NULL, NULL, target, err);
    }
    const char *upper = path_join(in->arena, m->scratch, "upper");
    const char *work = path_join(in->arena, m->scratch, "work");
    if ((mkdir(upper, 0755) < 0 && errno != EEXIST) || mkdir(work, 0755) < 0) {
        return err_sys(err, errno, "create '%s'", upper);
    }
    return mount_overlay(in, name, m->root, upper, work, target, err);
}

bool mount_extra_roots(struct inside *in, struct err *err) {
    const struct sandbox_spec *spec = in->spec;
    in->rootfds = ARENA_ARRAY(in->arena, int, spec->mount_count);
    for (size_t i = 0; i < spec->mount_count; i++) {
        in->rootfds[i] = -1;
        if (spec->mounts[i].kind != SANDBOX_BIND_ROOT) {
            continue;
        }
        const char *target =
            path_join(in->arena, spec->staging, str_fmt(in->arena, "root-%zu", i).ptr);
        if (mkdir(target, 0755) < 0) {
            return err_sys(err, errno, "create '%s'", target);
        }
        if (!mount_extra_root(in, i, target, err)) {
            return false;
        }
        in->rootfds[i] = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (in->rootfds[i] < 0) {
            return err_sys(err, errno, "open '%s'", target);
        }
    }
    return true;
}
