// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of a base image's package tools, with the libraries that they need and their loader, in a
 * folder of their own: nothing else of the base is to be seen by a step that looks through its
 * whole root.
 */
#include <string.h>

#include "native/internal.h"

enum { PROGRAM_BYTES_MAX = 16 * 1024 * 1024, DEPTH_MAX = 8 };

struct copying {
    struct arena *arena;
    const char *to; /* the folder that is filled */
    const char *architecture;
    const char *native;
    int rootfd;
    const char *libraries; /* of the base */
};

static bool write_program(struct copying *c, const char *path, str content, struct err *err) {
    const char *target = path_join(c->arena, c->to, path + 1);
    return fs_mkdir_p(AT_FDCWD, str_to_c(c->arena, path_dir(str_from_c(target))), 0755, err) &&
           fs_store(AT_FDCWD, target, content, 0755, err);
}

static bool read_file(struct copying *c, const char *path, str *ret, struct err *err) {
    AUTO_FD fd = fs_open_in_root(c->rootfd, path, O_RDONLY, 0);
    struct stat st;
    *ret = (str){ 0 };
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return true;
    }
    return fs_load_fd(c->arena, fd, path, PROGRAM_BYTES_MAX, ret, err);
}

/*
 * dpkg has the architecture that it works for as a constant, in which it does not differ from its
 * twin in the root. True when it is there once and the other's name has room.
 */
static bool replace_constant(struct copying *c, str content) {
    size_t room = strlen(c->native) + 2;
    char *old = ARENA_ARRAY(c->arena, char, room);
    memcpy(old + 1, c->native, room - 2);
    str pattern = { old, room };
    size_t at = str_find(content, pattern, 0);
    size_t len = strlen(c->architecture);
    if (at == STR_NONE || str_find(content, pattern, at + 1) != STR_NONE || len > room - 2) {
        return false;
    }
    char *place = (char *)content.ptr + at + 1;
    memset(place, 0, room - 2);
    memcpy(place, c->architecture, len);
    return true;
}

static bool copy_program(struct copying *c, const struct native_program *p, str name,
                         struct err *err) {
    const char *path = str_fmt(c->arena, "%s%.*s", p->folder, STR_FMT(name)).ptr;
    str content;
    if (!read_file(c, path, &content, err)) {
        return false;
    }
    bool wanted = content.len > 0 && str_starts(content, S("\177ELF"));
    if (wanted && p->has_constant) {
        wanted = replace_constant(c, content);
    }
    return !wanted || write_program(c, path, content, err);
}

static bool list_folder(struct copying *c, const char *path, const char ***ret, size_t *ret_count,
                        struct err *err) {
    AUTO_FD fd = fs_open_in_root(c->rootfd, path, O_RDONLY | O_DIRECTORY, 0);
    *ret_count = 0;
    return fd < 0 || fs_list(c->arena, fd, ".", ret, ret_count, err);
}

static bool copy_programs(struct copying *c, const struct native_program *p, struct err *err) {
    if (strcmp(p->names, "*") == 0) {
        const char **names;
        size_t count;
        if (!list_folder(c, p->folder, &names, &count, err)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (!copy_program(c, p, str_from_c(names[i]), err)) {
                return false;
            }
        }
        return true;
    }
    str rest = str_from_c(p->names);
    while (rest.len > 0) {
        if (!copy_program(c, p, str_cut(&rest, ' '), err)) {
            return false;
        }
    }
    return true;
}

/* All under their own names: a link becomes what it leads to. */
static bool copy_libraries(struct copying *c, struct err *err) {
    const char **names;
    size_t count;
    if (!list_folder(c, c->libraries, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        str content;
        str name = str_from_c(names[i]);
        if (str_find(name, S(".so"), 0) == STR_NONE) {
            continue;
        }
        if (!read_file(c, path_join(c->arena, c->libraries, names[i]), &content, err) ||
            (content.len > 0 &&
             !write_program(c, path_join(c->arena, "/lib", names[i]), content, err))) {
            return false;
        }
    }
    return true;
}

static bool copy_tree(struct copying *c, const char *from, const char *to, size_t depth,
                      struct err *err) {
    const char **names;
    size_t count;
    if (depth == DEPTH_MAX || !list_folder(c, from, &names, &count, err)) {
        return depth == DEPTH_MAX;
    }
    for (size_t i = 0; i < count; i++) {
        const char *path = path_join(c->arena, from, names[i]);
        const char *target = path_join(c->arena, to, names[i]);
        str content;
        if (!copy_tree(c, path, target, depth + 1, err) || !read_file(c, path, &content, err) ||
            (content.len > 0 && !write_program(c, target, content, err))) {
            return false;
        }
    }
    return true;
}

/* A sandbox_function. */
static bool copy_all(void *self, int rootfd, const int *roots, struct err *err) {
    struct copying *c = self;
    (void)roots;
    c->rootfd = rootfd;
    umask(022);
    for (size_t i = 0; i < native_program_count; i++) {
        if (!copy_programs(c, &native_programs[i], err)) {
            return false;
        }
    }
    return copy_libraries(c, err) &&
           copy_tree(c, path_join(c->arena, c->libraries, "perl-base"), "/perl-base", 0, err);
}

static str describe(struct arena *a, const struct images_stack *native) {
    size_t count;
    const struct store_key *basis = images_stack_basis(native, &count);
    AUTO_BUF text = BUF_INIT(1024 * 1024);
    buf_add_c(&text, "{\"text\":\"tools of this machine for another's base\",\"on\":[");
    for (size_t i = 0; i < count; i++) {
        buf_addf(&text, "%s\"%s\"", i > 0 ? "," : "", basis[i].hex);
    }
    buf_add_c(&text, "]}");
    return str_dup(a, buf_str(&text));
}

static bool make_layer(struct images_finder *f, const struct images_stack *native,
                       struct copying *c, const struct store_key *key, struct err *err) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    if (!images_work_begin(f->store, &work, err)) {
        return false;
    }
    c->to = store_work_path(&work, f->arena, "step/fs");
    struct sandbox_spec spec = {
        .staging = store_work_path(&work, f->arena, "staging"),
        .cancelled = f->cancelled,
    };
    spec.root.layers = images_stack_paths(f->store, f->arena, native, &spec.root.layer_count);
    return sandbox_call(&spec, copy_all, c, err) &&
           store_layer_commit(&work, "step", key, false, describe(f->arena, native), err);
}

bool native_layer(struct images_finder *f, const struct images_stack *native,
                  const char *architecture, struct native_set *ret, struct err *err) {
    struct oci_platform host = oci_platform_host();
    struct store_key_hash k;
    store_key_begin(&k, "stand-ins 1");
    store_key_add_below(&k, &native->key);
    store_key_add(&k, str_from_c(architecture));
    struct store_key key = store_key_end(&k);
    struct copying c = {
        .arena = f->arena,
        .architecture = architecture,
        .native = images_debian_architecture(f->arena, &host),
        .libraries = "/usr/lib/x86_64-linux-gnu",
    };
    AUTO_FD lockfd = -1;
    ret->layer = store_layer_path(f->store, f->arena, &key);
    ret->layer_key = key;
    if (store_layers_check(f->store, &key, 1)) {
        store_layer_touch(f->store, &key);
        return true;
    }
    return store_key_lock(f->store, &key, true, &lockfd, err) &&
           (store_layer_has(f->store, &key) || make_layer(f, native, &c, &key, err));
}
