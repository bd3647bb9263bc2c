// SPDX-License-Identifier: Apache-2.0
/*
 * An image's own files of the names that Docker gives to files of every container: its export has
 * Docker's in their place. A build sees the image without a container around it, so a small one
 * copies /etc out of it, and from there they come back into the tree.
 */
#include <errno.h>
#include <string.h>

#include "docker/internal.h"

/* Where the copy of /etc lies until the files are in place. */
#define KEPT_FOLDER "/.capsem-builder-etc"

static const char *const kept_names[] = { "hostname", "hosts", "mtab", "resolv.conf" };

/*
 * All builders copy what is in a folder as it is: owners, links, attributes. (With a pattern that
 * matches the folder newer ones follow every link in it.) These are their words for an image
 * without one: the classic builder's, BuildKit's of old and of new.
 */
static const str nothing_there[] = { S_INIT("stat etc: file does not exist"),
                                     S_INIT("\"/etc\" not found"), S_INIT("\"/etc\": not found") };

static bool says_nothing_there(str text) {
    for (size_t i = 0; i < ARRAY_LEN(nothing_there); i++) {
        if (str_find(text, nothing_there[i], 0) != STR_NONE) {
            return true;
        }
    }
    return false;
}

static bool write_context(const struct docker_source *s, struct arena *a, struct err *err) {
    str text = str_fmt(a, "FROM scratch\nCOPY --from=%s /etc " KEPT_FOLDER "/\n", s->image->tag);
    if (mkdirat(s->work.fd, "context", 0755) < 0) {
        return err_sys(err, errno, "create a build context");
    }
    return fs_store(s->work.fd, "Dockerfile", text, 0644, err);
}

static struct argv build_argv(const struct docker_source *s, struct arena *a) {
    struct argv v = { .arena = a };
    argv_add(&v, "docker");
    argv_add(&v, "build");
    if (s->image->has_buildkit) {
        argv_add(&v, "--output=type=tar,dest=-");
        argv_add(&v, "--progress=plain");
    } else {
        argv_addf(&v, "--tag=%s", s->kept_tag);
        argv_addf(&v, "--label=" DOCKER_LABEL "=%s", s->image->label);
    }
    argv_addf(&v, "--platform=%.*s", STR_FMT(s->image->platform));
    argv_addf(&v, "--file=%s", store_work_path(&s->work, a, "Dockerfile"));
    argv_add(&v, store_work_path(&s->work, a, "context"));
    return v;
}

/* The classic builder's way: an image of /etc alone, and a container to copy it from. */
static bool make_image(struct docker_source *s, struct arena *a, struct err *err) {
    static const char *const env[] = { "DOCKER_BUILDKIT=0", NULL };
    AUTO_BUF out = BUF_INIT(DOCKER_TEXT_MAX);
    struct argv copy = { .arena = a };
    struct proc_spec spec = { .env = env, .out = &out, .errors = &out };
    struct proc_result result;
    s->kept_tag = str_fmt(a, "%s-etc", s->image->tag).ptr;
    spec.argv = build_argv(s, a).items;
    if (!proc_run(&spec, &result, err)) {
        return false;
    }
    if (result.exit_code != 0) {
        return says_nothing_there(buf_str(&out)) ||
               call_explain(buf_str(&out), result.exit_code, err);
    }
    struct docker_image etc = *s->image;
    etc.tag = s->kept_tag;
    const char *name = str_fmt(a, "capsem-builder-etc-%s", etc.label).ptr;
    if (!container_create(a, &etc, name, &s->kept_container, err)) {
        return false;
    }
    argv_add(&copy, "docker");
    argv_add(&copy, "cp");
    argv_addf(&copy, "%s:" KEPT_FOLDER, s->kept_container);
    argv_add(&copy, "-");
    s->kept_argv = copy.items;
    return true;
}

bool kept_open(struct arena *a, struct docker_source *s, struct err *err) {
    if (!store_work_begin(s->image->claim.store, &s->work, err) || !write_context(s, a, err) ||
        (!s->image->has_buildkit && !make_image(s, a, err))) {
        return err_wrap(err, "look at the image's own '/etc'");
    }
    if (s->image->has_buildkit) {
        s->kept_argv = build_argv(s, a).items;
    }
    return true;
}

void kept_close(struct docker_source *s) {
    container_remove(s->kept_container);
    if (s->kept_tag != NULL) {
        call_quietly(
            (const char *const[]){ "docker", "image", "rm", "--force", s->kept_tag, NULL });
    }
    store_work_done(&s->work);
}

/* ---- into the tree ---- */

/* Docker makes an /etc where there is none. */
static void remove_empty_etc(struct tree *t) {
    size_t count = 0;
    struct tree_entry *etc = tree_find(t, S("/etc"), TREE_LITERAL);
    if (etc != NULL && tree_is_dir(etc) && (tree_children(etc, &count), count == 0)) {
        tree_remove(t, etc);
    }
}

bool kept_read(const struct docker_source *s, struct worker *w, const char *spool_folder,
               struct tree *t, struct err *err) {
    struct err why = ERR_INIT;
    if (s->kept_argv == NULL || stream_end(w, spool_folder, t, &why) ||
        says_nothing_there(str_from_c(why.frames[0]))) {
        return true;
    }
    *err = why;
    return err_wrap(err, "look at the image's own '/etc'");
}

bool kept_restore(struct tree *t, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    struct tree_entry *folder = tree_find(t, S(KEPT_FOLDER), TREE_LITERAL);
    struct tree_entry *made;
    if (folder == NULL || !tree_is_dir(folder)) {
        remove_empty_etc(t);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(kept_names); i++) {
        const struct tree_entry *e = tree_child(folder, str_from_c(kept_names[i]));
        str path = str_fmt(scratch, "/etc/%s", kept_names[i]);
        if (e != NULL && !tree_is_dir(e) && !tree_put_hard_link(t, path, e, &made, err)) {
            return false;
        }
    }
    tree_remove(t, folder);
    return true;
}
