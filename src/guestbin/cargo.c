// SPDX-License-Identifier: Apache-2.0
/* Guest binaries from a Cargo workspace, by the cargo of this machine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "guestbin/internal.h"

enum { OWN_ARGS = 16 }; /* at most, beside two for each binary */

struct cargo {
    struct arena *arena;
    const struct guestbin_request *request;
    const char *target;
    const char *dir;        /* OUTPUT/ARCH */
    const char *target_dir; /* cargo's own files: one an architecture, as cargo locks it */
    struct buf *output;
    struct err *err;
};

bool guestbin_is_cargo(struct arena *a, const char *source_dir) {
    return fs_exists(AT_FDCWD, path_join(a, source_dir, "Cargo.toml"));
}

static const char *absolute(struct cargo *c, const char *path) {
    char *here = getcwd(NULL, 0);
    const char *result = here == NULL ? path : path_join(c->arena, here, path);
    free(here);
    return result;
}

/* Rust keeps the standard library of each target in a folder of its own. */
static bool has_std(struct arena *a, const char *folder) {
    const char **names;
    size_t count;
    if (!fs_is_dir(AT_FDCWD, folder) || !fs_list(a, AT_FDCWD, folder, &names, &count, NULL)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_starts(str_from_c(names[i]), S("libstd-"))) {
            return true;
        }
    }
    return false;
}

static bool find_target(struct arena *a, const char *source_dir, const char *target,
                        struct err *err) {
    const char *rustc = getenv("RUSTC");
    const char *argv[] = {
        rustc != NULL ? rustc : "rustc", "--print", "target-libdir", "--target", target, NULL
    };
    AUTO_BUF said = BUF_INIT(64 * 1024);
    AUTO_BUF errors = BUF_INIT(64 * 1024);
    /* In the workspace, whose rust-toolchain.toml may choose another one. */
    struct proc_spec spec = { .argv = argv, .cwd = source_dir, .out = &said, .errors = &errors };
    if (!proc_check(&spec, err)) {
        return err_wrap(err, "ask rustc about the target '%s'", target);
    }
    if (has_std(a, str_to_c(a, str_trim(buf_str(&said))))) {
        return true;
    }
    err_set(err, "the Rust target '%s' is not installed", target);
    return err_help(
        err, "%srustup target add %s",
        proc_find(a, "rustup") != NULL ? "" : "install Rust with rustup, then: ", target);
}

bool guestbin_find_cargo(struct arena *a, const char *source_dir, str target, struct err *err) {
    const char *triple = str_to_c(a, target);
    if (proc_find(a, "cargo") != NULL) {
        return find_target(a, source_dir, triple, err);
    }
    err_set(err, "cargo is required to build the Cargo workspace '%s'", source_dir);
    return err_help(err, "install Rust with rustup, then: rustup target add %s", triple);
}

static bool is_foreign(str target) {
    struct utsname host;
    str machine = str_cut(&target, '-');
    return uname(&host) == 0 && !str_eq(machine, str_from_c(host.machine));
}

/* Rust brings musl along, but not a linker for another machine; any gcc for it does. What the
 * workspace or the environment says about it is left alone. */
static const char *find_linker(struct cargo *c) {
    static const char *const suffixes[] = { "linux-musl-gcc", "linux-gnu-gcc" };
    str rest = c->request->target;
    str machine = str_cut(&rest, '-');
    AUTO_BUF variable = BUF_INIT(1024);
    buf_addf(&variable, "CARGO_TARGET_%s_LINKER", c->target);
    for (size_t i = 0; i < variable.len; i++) {
        char byte = variable.ptr[i];
        variable.ptr[i] = byte == '-' || byte == '.'   ? '_'
                          : byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A')
                                                       : byte;
    }
    if (!is_foreign(c->request->target) || getenv(str_to_c(c->arena, buf_str(&variable))) != NULL ||
        fs_is_dir(AT_FDCWD, path_join(c->arena, c->request->source_dir, ".cargo"))) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        const char *path =
            proc_find(c->arena, str_fmt(c->arena, "%.*s-%s", STR_FMT(machine), suffixes[i]).ptr);
        if (path != NULL) {
            return path;
        }
    }
    return NULL;
}

static bool run_cargo(struct cargo *c) {
    const char **argv = ARENA_ARRAY(c->arena, const char *, OWN_ARGS + 2 * c->request->name_count);
    size_t count = 0;
    const char *linker = find_linker(c);
    argv[count++] = "cargo";
    argv[count++] = "build";
    argv[count++] = "--workspace";
    argv[count++] = "--release";
    argv[count++] = "--target";
    argv[count++] = c->target;
    argv[count++] = "--target-dir";
    argv[count++] = absolute(c, c->target_dir);
    argv[count++] = "--config";
    argv[count++] =
        str_fmt(c->arena, "target.%s.rustflags=[\"-Ctarget-feature=+crt-static\"]", c->target).ptr;
    if (linker != NULL) {
        argv[count++] = "--config";
        argv[count++] = str_fmt(c->arena, "target.%s.linker=\"%s\"", c->target, linker).ptr;
    }
    for (size_t i = 0; i < c->request->name_count; i++) {
        argv[count++] = "--bin";
        argv[count++] = str_to_c(c->arena, c->request->names[i]);
    }
    argv[count] = NULL;
    static const char *const env[] = { "CARGO_TERM_COLOR=never", NULL };
    struct proc_spec spec = { .argv = argv,
                              .env = env,
                              .cwd = c->request->source_dir,
                              .out = c->output,
                              .errors = c->output };
    return proc_check(&spec, c->err) ||
           err_wrap(c->err, "compile the Cargo workspace '%s'", c->request->source_dir);
}

static bool copy(struct cargo *c, const char *from, const char *to) {
    const char *temp = str_fmt(c->arena, "%s.tmp-%d", to, (int)getpid()).ptr;
    AUTO_FD in = open(from, O_RDONLY | O_CLOEXEC);
    AUTO_FD out = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0755);
    if (in < 0 || out < 0) {
        return err_sys(c->err, errno, "copy '%s' to '%s'", from, temp);
    }
    if (!fs_copy_fd(in, out, c->err)) {
        unlink(temp);
        return err_wrap(c->err, "write '%s'", to);
    }
    if (rename(temp, to) < 0) {
        int code = errno;
        unlink(temp);
        return err_sys(c->err, code, "write '%s'", to);
    }
    return true;
}

/* Cargo leaves what is up to date as it was: then its time is not newer than the copy's. */
static bool take_binary(struct cargo *c, str name, struct guestbin_binary *ret) {
    const char *built =
        str_fmt(c->arena, "%s/%s/release/%.*s", c->target_dir, c->target, STR_FMT(name)).ptr;
    *ret = (struct guestbin_binary){
        .name = name,
        .path = str_fmt(c->arena, "%s/%.*s", c->dir, STR_FMT(name)).ptr,
    };
    struct stat made;
    struct stat had;
    if (stat(built, &made) < 0) {
        return err_sys(c->err, errno, "cargo left no '%s'", built);
    }
    if (!elf_check(built, c->request->target, c->err)) {
        return err_wrap(c->err, "guest binary '%.*s'", STR_FMT(name));
    }
    bool fresh =
        stat(ret->path, &had) < 0 || had.st_size != made.st_size ||
        had.st_mtim.tv_sec < made.st_mtim.tv_sec ||
        (had.st_mtim.tv_sec == made.st_mtim.tv_sec && had.st_mtim.tv_nsec < made.st_mtim.tv_nsec);
    if (fresh && !copy(c, built, ret->path)) {
        return false;
    }
    ret->fresh = fresh;
    ret->bytes = (uint64_t)made.st_size;
    return true;
}

bool cargo_compile(struct arena *a, const struct guestbin_request *request,
                   struct guestbin_binary *ret, struct buf *output, struct err *err) {
    struct cargo c = {
        .arena = a,
        .request = request,
        .target = str_to_c(a, request->target),
        .dir = str_fmt(a, "%s/%.*s", request->output_dir, STR_FMT(request->arch)).ptr,
        .output = output,
        .err = err,
    };
    c.target_dir = path_join(a, c.dir, ".cargo");
    if (!guestbin_find_cargo(a, request->source_dir, request->target, err) ||
        !fs_mkdir_p(AT_FDCWD, c.dir, 0755, err) || !run_cargo(&c)) {
        return false;
    }
    for (size_t i = 0; i < request->name_count; i++) {
        if (!take_binary(&c, request->names[i], &ret[i])) {
            return false;
        }
    }
    return true;
}
