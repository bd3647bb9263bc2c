// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guestbin/internal.h"
#include "hash/hash.h"

enum { SOURCE_BYTES_MAX = 8 * 1024 * 1024, LIB_FILES_MAX = 1000, ARGV_MAX = LIB_FILES_MAX + 64 };

const char *const guestbin_flags[] = {
    "-static",
    "-std=gnu17",
    "-Os",
    "-D_GNU_SOURCE",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-s",
    GUESTBIN_VERSION_FLAG,
    NULL,
};

struct compilation {
    struct arena *arena;
    const struct guestbin_request *request;
    const char *const *compiler;
    const char **lib; /* paths of lib/ sources */
    size_t lib_count;
    struct blake3 shared; /* of the compiler, the flags and lib/ */
    const char *dir;      /* OUTPUT/ARCH */
};

static bool add_file(struct arena *a, struct blake3 *hash, const char *path, struct err *err) {
    str text;
    if (!fs_load(a, AT_FDCWD, path, SOURCE_BYTES_MAX, &text, err)) {
        return false;
    }
    str name = path_base(str_from_c(path));
    unsigned char len[8];
    store_le64(len, text.len);
    blake3_update(hash, name.ptr, name.len + 1);
    blake3_update(hash, len, sizeof len);
    blake3_update(hash, text.ptr, text.len);
    return true;
}

static bool is_source(const char *name) {
    str s = str_from_c(name);
    return str_ends(s, S(".c")) && !str_ends(s, S("_test.c"));
}

/* Headers count for the key, sources for the command too. */
static bool add_lib(struct compilation *c, struct err *err) {
    const char *dir = path_join(c->arena, c->request->source_dir, "lib");
    const char **names;
    size_t count;
    if (!fs_is_dir(AT_FDCWD, dir)) {
        return true;
    }
    if (!fs_list(c->arena, AT_FDCWD, dir, &names, &count, err)) {
        return false;
    }
    if (count > LIB_FILES_MAX) {
        return err_set(err, "'%s' holds more than %d files", dir, LIB_FILES_MAX);
    }
    c->lib = ARENA_ARRAY(c->arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        const char *path = path_join(c->arena, dir, names[i]);
        bool header = str_ends(str_from_c(names[i]), S(".h"));
        if ((header || is_source(names[i])) && !add_file(c->arena, &c->shared, path, err)) {
            return false;
        }
        if (is_source(names[i])) {
            c->lib[c->lib_count++] = path;
        }
    }
    return true;
}

/* The compiler itself is part of the key by its file's times: a new one compiles again. */
static void add_compiler(struct compilation *c) {
    struct stat st;
    if (stat(c->compiler[0], &st) == 0) {
        unsigned char bytes[24];
        store_le64(bytes, (uint64_t)st.st_size);
        store_le64(bytes + 8, (uint64_t)st.st_mtim.tv_sec);
        store_le64(bytes + 16, st.st_ino);
        blake3_update(&c->shared, bytes, sizeof bytes);
    }
    for (size_t i = 0; c->compiler[i] != NULL; i++) {
        blake3_update(&c->shared, c->compiler[i], strlen(c->compiler[i]) + 1);
    }
    for (size_t i = 0; guestbin_flags[i] != NULL; i++) {
        blake3_update(&c->shared, guestbin_flags[i], strlen(guestbin_flags[i]) + 1);
    }
}

static bool is_fresh(struct compilation *c, const char *path, const char *key_path, str key) {
    str old;
    return fs_exists(AT_FDCWD, path) && fs_load(c->arena, AT_FDCWD, key_path, 4096, &old, NULL) &&
           str_eq(old, key);
}

static bool run_compiler(struct compilation *c, const char *source, const char *path,
                         struct buf *output, struct err *err) {
    const char *temp = str_fmt(c->arena, "%s.tmp-%d", path, (int)getpid()).ptr;
    const char **argv = ARENA_ARRAY(c->arena, const char *, ARGV_MAX);
    size_t count = 0;
    for (size_t i = 0; c->compiler[i] != NULL; i++) {
        argv[count++] = c->compiler[i];
    }
    for (size_t i = 0; guestbin_flags[i] != NULL; i++) {
        argv[count++] = guestbin_flags[i];
    }
    argv[count++] = "-o";
    argv[count++] = temp;
    argv[count++] = source;
    for (size_t i = 0; i < c->lib_count; i++) {
        argv[count++] = c->lib[i];
    }
    struct proc_spec spec = { .argv = argv, .out = output, .errors = output };
    if (!proc_check(&spec, err)) {
        unlink(temp);
        return err_wrap(err, "compile '%s'", source);
    }
    if (!elf_check(temp, c->request->target, err)) {
        unlink(temp);
        return err_wrap(err, "guest binary '%s'", path);
    }
    if (rename(temp, path) < 0) {
        unlink(temp);
        return err_sys(err, errno, "write '%s'", path);
    }
    return true;
}

static bool compile_one(struct compilation *c, str name, struct guestbin_binary *ret,
                        struct buf *output, struct err *err) {
    struct arena *a = c->arena;
    const char *source = str_fmt(a, "%s/%.*s.c", c->request->source_dir, STR_FMT(name)).ptr;
    const char *path = str_fmt(a, "%s/%.*s", c->dir, STR_FMT(name)).ptr;
    const char *key_path = str_fmt(a, "%s/.%.*s.key", c->dir, STR_FMT(name)).ptr;
    struct blake3 hash = c->shared;
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    if (!add_file(a, &hash, source, err)) {
        return err_wrap(err, "guest binary '%.*s'", STR_FMT(name));
    }
    blake3_final(&hash, digest);
    hash_hex(digest, sizeof digest, hex);
    *ret = (struct guestbin_binary){ .name = name, .path = path };
    if (!is_fresh(c, path, key_path, str_from_c(hex))) {
        unlink(key_path);
        if (!run_compiler(c, source, path, output, err) ||
            !fs_store(AT_FDCWD, key_path, str_from_c(hex), 0644, err)) {
            return false;
        }
        ret->fresh = true;
    }
    struct stat st;
    if (stat(path, &st) < 0) {
        return err_sys(err, errno, "look at '%s'", path);
    }
    ret->bytes = (uint64_t)st.st_size;
    return true;
}

bool guestbin_compile(struct arena *a, const struct guestbin_request *request,
                      struct guestbin_binary *ret, struct buf *compiler_output, struct err *err) {
    const char *help = NULL;
    if (guestbin_is_cargo(a, request->source_dir)) {
        return cargo_compile(a, request, ret, compiler_output, err);
    }
    struct compilation c = { .arena = a, .request = request };
    c.compiler = guestbin_find_compiler(a, request->target, &help);
    if (c.compiler == NULL) {
        err_set(err, "no compiler for the target '%.*s'", STR_FMT(request->target));
        return err_help(err, "%s", help);
    }
    c.dir = str_fmt(a, "%s/%.*s", request->output_dir, STR_FMT(request->arch)).ptr;
    blake3_init(&c.shared);
    add_compiler(&c);
    if (!add_lib(&c, err) || !fs_mkdir_p(AT_FDCWD, c.dir, 0755, err)) {
        return false;
    }
    for (size_t i = 0; i < request->name_count; i++) {
        if (!compile_one(&c, request->names[i], &ret[i], compiler_output, err)) {
            return false;
        }
    }
    return true;
}
