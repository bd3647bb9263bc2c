// SPDX-License-Identifier: Apache-2.0
/* Files out of an image: through a container that never runs. */
#include <errno.h>
#include <string.h>

#include "docker/internal.h"

bool container_create(struct arena *a, const struct docker_image *image, const char *name,
                      const char **ret, struct err *err) {
    const char *label = str_fmt(a, "--label=" DOCKER_LABEL "=%s", image->label).ptr;
    /* An image from scratch has no command, and a container must have one. */
    const char *const argv[] = { "docker", "create",   "--network=none", label, "--name",
                                 name,     image->tag, "/nothing",       NULL };
    str ignored;
    if (!call_ask(a, argv, DOCKER_ASK_MS, NULL, &ignored, err)) {
        container_remove(name); /* it may have been made all the same */
        return err_wrap(err, "make a container to read the image");
    }
    *ret = name;
    return true;
}

static bool create(struct arena *a, const struct docker_image *image, const char **ret,
                   struct err *err) {
    const char *name = str_fmt(a, "capsem-builder-%s", image->label).ptr;
    return container_create(a, image, name, ret, err);
}

void container_remove(const char *container) {
    if (container != NULL) {
        call_quietly(
            (const char *const[]){ "docker", "rm", "--force", "--volumes", container, NULL });
    }
}

/* ---- some files ---- */

/* A file that is not there is the caller's to tell. */
static bool copy_one(struct arena *a, const char *container, const char *name, const char *folder,
                     const volatile sig_atomic_t *cancelled, struct err *err) {
    const char *from = str_fmt(a, "%s:/%s", container, name).ptr;
    const char *const argv[] = { "docker", "cp", from, path_join(a, folder, name), NULL };
    str ignored;
    struct err why = ERR_INIT;
    if (call_ask(a, argv, 0, cancelled, &ignored, &why)) {
        return true;
    }
    str text = str_lower(a, str_from_c(why.frames[0]));
    if (str_find(text, S("could not find the file"), 0) != STR_NONE ||
        str_find(text, S("no such"), 0) != STR_NONE) {
        return true;
    }
    *err = why;
    return err_wrap(err, "copy '/%s' out of the image", name);
}

bool docker_copy_out(struct arena *a, const struct docker_image *image, const char *const *names,
                     size_t count, const char *to_folder, const volatile sig_atomic_t *cancelled,
                     struct err *err) {
    const char *container;
    if (image->stream != NULL) {
        return stream_copy_out(a, image->stream, names, count, to_folder, err);
    }
    if (!create(a, image, &container, err)) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = copy_one(a, container, names[i], to_folder, cancelled, err);
    }
    container_remove(container);
    return ok;
}

/* ---- what is not the image's ---- */

/*
 * All that an engine puts into files that it gives: Docker makes these for what it mounts into a
 * container, in place of the image's own (kept.c brings those back). Older BuildKits leave the
 * places of a step's mounts after. The rest is the packer's business, whatever the engine: what a
 * guest has of no engine is a table in cli/output.c.
 */
static const struct {
    str path;
    uint32_t type;      /* that Docker makes */
    uint32_t mode;      /* of files; 0: any */
    const char *target; /* of a link */
    bool of_container;
} made_by_engine[] = {
    { S_INIT("/.dockerenv"), S_IFREG, 0755, NULL, true },
    { S_INIT("/dev/console"), S_IFREG, 0755, NULL, true },
    { S_INIT("/dev/pts"), S_IFDIR, 0, NULL, true },
    { S_INIT("/dev/shm"), S_IFDIR, 0, NULL, true },
    { S_INIT("/etc/hostname"), S_IFREG, 0755, NULL, true },
    { S_INIT("/etc/hosts"), S_IFREG, 0755, NULL, true },
    { S_INIT("/etc/resolv.conf"), S_IFREG, 0755, NULL, true },
    { S_INIT("/etc/mtab"), S_IFLNK, 0, "/proc/mounts", true },
    { S_INIT(BUILD_HOST_FOLDER), S_IFDIR, 0, NULL, false },
};

static bool is_engines(const struct tree_entry *e, size_t row) {
    const struct tree_inode *i = e->inode;
    size_t children = 0;
    if ((i->mode & S_IFMT) != made_by_engine[row].type) {
        return false;
    }
    switch (i->mode & S_IFMT) {
    case S_IFREG:
        return i->size == 0 && (i->mode & 07777) == made_by_engine[row].mode;
    case S_IFLNK:
        return strcmp(i->target, made_by_engine[row].target) == 0;
    case S_IFDIR:
        tree_children(e, &children);
        return children == 0 || str_eq(made_by_engine[row].path, S(BUILD_HOST_FOLDER));
    }
    return false;
}

static void normalise(struct tree *t, bool of_container) {
    for (size_t row = 0; row < ARRAY_LEN(made_by_engine); row++) {
        struct tree_entry *e = tree_find(t, made_by_engine[row].path, TREE_LITERAL);
        bool is_sought = of_container || !made_by_engine[row].of_container;
        if (e != NULL && is_sought && is_engines(e, row)) {
            tree_remove(t, e);
        }
    }
}

/* ---- the filesystem ---- */

bool docker_source_open(struct arena *a, const struct docker_image *image,
                        struct docker_source *ret, struct err *err) {
    struct docker_source s = DOCKER_SOURCE_INIT;
    s.image = image;
    if (image->stream == NULL && (!create(a, image, &s.container, err) || !kept_open(a, &s, err))) {
        docker_source_close(&s);
        return false;
    }
    *ret = s;
    return true;
}

void docker_source_close(struct docker_source *s) {
    kept_close(s);
    container_remove(s->container);
    *s = DOCKER_SOURCE_INIT;
}

/* The small one is made while the large one comes. */
bool docker_export(const struct docker_source *source, const char *spool_folder, struct tree *t,
                   struct err *err) {
    const char *const argv[] = { "docker", "export", source->container, NULL };
    AUTO_WORKER kept = WORKER_INIT;
    if (source->image->stream != NULL) {
        bool ok = stream_read(stream_argv(source->image->stream), spool_folder, t, err);
        normalise(t, false);
        return ok;
    }
    if ((source->kept_argv != NULL && !stream_begin(source->kept_argv, &kept, err)) ||
        !stream_read(argv, spool_folder, t, err)) {
        return false;
    }
    normalise(t, true);
    return kept_read(source, &kept, spool_folder, t, err) && kept_restore(t, err);
}

/* ---- a command in it ---- */

bool docker_run(struct arena *a, const struct docker_image *image, const char *const *argv,
                const char *const *env, struct buf *out, const volatile sig_atomic_t *cancelled,
                struct err *err) {
    if (image->stream != NULL) {
        return stream_ask(a, image->stream, argv, env, out, err);
    }
    struct argv v = { .arena = a };
    AUTO_BUF errors = BUF_INIT(DOCKER_TEXT_MAX);
    const char *name = str_fmt(a, "capsem-builder-run-%s", image->label).ptr;
    struct proc_spec spec = { .out = out, .errors = &errors, .cancelled = cancelled };
    struct proc_result result;
    argv_add(&v, "docker");
    argv_add(&v, "run");
    argv_add(&v, "--rm");
    argv_add(&v, "--network=none");
    argv_add(&v, "--sig-proxy=false"); /* a signal is for the client: a shell would ignore it */
    argv_addf(&v, "--name=%s", name);
    argv_addf(&v, "--label=" DOCKER_LABEL "=%s", image->label);
    for (size_t i = 0; env[i] != NULL; i++) {
        argv_addf(&v, "--env=%s", env[i]);
    }
    argv_addf(&v, "--entrypoint=%s", argv[0]);
    argv_add(&v, image->tag);
    for (size_t i = 1; argv[i] != NULL; i++) {
        argv_add(&v, argv[i]);
    }
    spec.argv = v.items;
    bool ok = proc_run(&spec, &result, err);
    bool stopped = cancelled != NULL && *cancelled;
    if (!ok || stopped || result.exit_code != 0) {
        container_remove(name);
    }
    if (stopped) {
        return err_sys(err, EINTR, "stopped");
    }
    /* 125: docker itself; the command's own exit is nothing to us. */
    return ok && (result.exit_code != 125 || call_explain(buf_str(&errors), result.exit_code, err));
}
