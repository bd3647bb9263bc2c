// SPDX-License-Identifier: Apache-2.0
/* Which programs stand in for those of a step's root, and under which conditions. */
#include <string.h>

#include "native/internal.h"

enum { STATUS_BYTES_MAX = 64 * 1024 * 1024, ARGUMENTS_MAX = 8 };

/* --- the same versions ------------------------------------------------------------------------ */

/* dpkg's list of packages in a stack: of the topmost layer that has one. */
str native_packages(struct store *s, struct arena *a, const struct images_stack *stack) {
    size_t count;
    const char **paths = images_stack_paths(s, a, stack, &count);
    str text;
    for (size_t i = count; i > 0; i--) {
        const char *path = path_join(a, paths[i - 1], "var/lib/dpkg/status");
        if (fs_load(a, AT_FDCWD, path, STATUS_BYTES_MAX, &text, NULL)) {
            return text;
        }
    }
    return (str){ 0 };
}

/* Of an installed package; empty: it is not there. */
static str find_version(struct arena *a, str status, const char *package) {
    str start = str_fmt(a, "Package: %s\n", package);
    size_t at = 0;
    while ((at = str_find(status, start, at)) != STR_NONE) {
        if (at == 0 || status.ptr[at - 1] == '\n') {
            size_t end = str_find(status, S("\n\n"), at);
            str paragraph = str_slice(status, at, end == STR_NONE ? status.len : end);
            size_t version = str_find(paragraph, S("\nVersion: "), 0);
            str rest = str_slice(paragraph, version == STR_NONE ? paragraph.len : version + 10,
                                 paragraph.len);
            return str_cut(&rest, '\n');
        }
        at += start.len;
    }
    return (str){ 0 };
}

static bool is_same_version(struct arena *a, str one, str other, const char *package) {
    str version = find_version(a, one, package);
    return version.len > 0 && str_eq(version, find_version(a, other, package));
}

/* Loaders know --argv0 since glibc 2.33; "2.36-9+deb12u14". */
static bool has_argv0(str version) {
    uint64_t major = 0;
    uint64_t minor = 0;
    return str_to_version(version, &major, &minor) && (major > 2 || (major == 2 && minor >= 33));
}

/* --- the table for the sandbox ---------------------------------------------------------------- */

struct plan {
    struct arena *arena;
    const char *layer; /* the folder of the programs, outside the root */
    const char *architecture;
    struct sandbox_standin *items;
    size_t len;
    size_t cap;
};

/* A text with another in the place of a mark. */
static const char *fill(struct arena *a, const char *text, char mark, str value) {
    str all = str_from_c(text);
    size_t at = str_find_char(all, mark, 0);
    return at == STR_NONE
               ? text
               : str_fmt(a, "%.*s%.*s%s", (int)at, text, STR_FMT(value), text + at + 1).ptr;
}

static const char *const *split_arguments(struct plan *p, const char *text) {
    struct arena *a = p->arena;
    const char **words = ARENA_ARRAY(a, const char *, ARGUMENTS_MAX + 1);
    str rest = str_from_c(text);
    for (size_t i = 0; rest.len > 0 && i < ARGUMENTS_MAX; i++) {
        words[i] = fill(a, str_to_c(a, str_cut(&rest, ' ')), '@', str_from_c(p->architecture));
    }
    return words;
}

static void add_program(struct plan *p, const struct native_program *program, str name) {
    struct arena *a = p->arena;
    struct sandbox_standin item = {
        .program = str_fmt(a, "%s%.*s", program->folder, STR_FMT(name)).ptr,
        .arguments = program->arguments == NULL ? NULL : split_arguments(p, program->arguments),
    };
    if (!fs_exists(AT_FDCWD, path_join(a, p->layer, item.program + 1))) {
        return;
    }
    if (program->script_count == 0) {
        ARENA_PUSH(a, p->items, p->len, p->cap, item);
    }
    for (size_t i = 0; i < program->script_count; i++) {
        item.script = fill(a, program->scripts[i], '%', name);
        ARENA_PUSH(a, p->items, p->len, p->cap, item);
    }
}

static void add_programs(struct plan *p, const struct native_program *program) {
    struct arena *a = p->arena;
    if (strcmp(program->names, "*") == 0) {
        const char **names;
        size_t count;
        const char *folder = path_join(a, p->layer, program->folder + 1);
        if (fs_list(a, AT_FDCWD, folder, &names, &count, NULL)) {
            for (size_t i = 0; i < count; i++) {
                add_program(p, program, str_from_c(names[i]));
            }
        }
        return;
    }
    str rest = str_from_c(program->names);
    while (rest.len > 0) {
        add_program(p, program, str_cut(&rest, ' '));
    }
}

/* --- for a root ------------------------------------------------------------------------------- */

static const struct sandbox_standins *make_table(str native_status, str status, struct plan *p) {
    for (size_t i = 0; i < native_program_count; i++) {
        const struct native_program *program = &native_programs[i];
        if (status.len == 0 || program->package == NULL ||
            is_same_version(p->arena, native_status, status, program->package)) {
            add_programs(p, program);
        }
    }
    struct sandbox_standins *table = ARENA_NEW(p->arena, struct sandbox_standins);
    *table = (struct sandbox_standins){
        .folder = NATIVE_FOLDER,
        .loader = NATIVE_FOLDER "/lib/ld-linux-x86-64.so.2",
        .libraries = NATIVE_FOLDER "/lib",
        .items = p->items,
        .len = p->len,
    };
    return table;
}

bool native_find(const struct native_request *r, struct native_set *ret) {
    struct images_finder *f = r->finder;
    struct err err = ERR_INIT;
    struct stored_image native;
    struct native_set set = { 0 };
    struct plan p = {
        .arena = f->arena,
        .architecture = images_debian_architecture(f->arena, r->platform),
    };
    if (r->ref->domain.len == 0 || !str_eq(oci_platform_host().architecture, S("amd64")) ||
        !images_get_native(f, r->ref, r->fetch, &native)) {
        return false;
    }
    struct images_stack stack = { .layers = native.layers,
                                  .len = native.layer_count,
                                  .base_len = native.layer_count,
                                  .key = native.key };
    str native_status = native_packages(f->store, f->arena, &stack);
    if (!has_argv0(find_version(f->arena, native_status, "libc6"))) {
        return false;
    }
    if (r->python != NULL) {
        r->python(r->self, &native, &stack);
    }
    if (!native_layer(f, &stack, p.architecture, &set, &err)) {
        return false;
    }
    p.layer = set.layer;
    set.table = make_table(native_status, r->status, &p);
    *ret = set;
    return true;
}

bool native_find_for_base(struct images_finder *f, const struct oci_reference *ref,
                          const struct oci_platform *platform, struct images_tools *ret,
                          struct store_key *ret_layer) {
    const struct native_request request = {
        .finder = f,
        .ref = ref,
        .platform = platform,
        .fetch = true,
    };
    struct native_set set;
    if (native_is(platform->architecture) || !native_find(&request, &set)) {
        return false;
    }
    *ret = (struct images_tools){ set.layer, NATIVE_FOLDER, set.table };
    *ret_layer = set.layer_key;
    return true;
}
