// SPDX-License-Identifier: Apache-2.0
#include "run/internal.h"

#include <errno.h>
#include <string.h>

#include "assets/assets.h"
#include "hash/hash.h"
#include "history/history.h"
#include "image/image.h"
#include "recipe/recipe.h"
#include "store/store.h"

enum { INITRD_BYTES_MAX = 1 << 30, CPIO_HEADER_BYTES = 110 };

struct repack {
    const struct run_work *work;
    struct arena *arena;
    const char *assets;
    const char *arch;
    struct guest_config config; /* with its artifacts */
    struct tree *changed;       /* what the archive shall hold */
    size_t count;
    struct blake3 digest; /* of that */
    struct err *err;
};

/* ---- what has changed ---- */

/* As laid out in guest/README.md. */
bool run_repack_place(struct arena *a, const struct guest_config *config, str path,
                      const char **ret, uint32_t *ret_mode) {
    if (str_eq(path, S("capsem-init"))) {
        *ret = "init";
        *ret_mode = 0755;
        return true;
    }
    if (str_starts(path, S("bin/"))) {
        *ret = path_join(a, "deploy/usr/local", str_to_c(a, path));
        *ret_mode = 0555;
        return true;
    }
    str to;
    if (!recipe_artifact_goes(a, config, path, &to, ret_mode)) {
        return false;
    }
    *ret = str_fmt(a, "deploy%.*s", STR_FMT(to)).ptr;
    return true;
}

static bool is_known(const struct assets_input *input, const struct assets_input *known,
                     size_t known_count) {
    for (size_t i = 0; i < known_count; i++) {
        if (str_eq(known[i].name, input->name) && str_eq(known[i].digest, input->digest)) {
            return true;
        }
    }
    return false;
}

/* inputs[i + 1] is files[i]'s: history_inputs(). */
static bool add_changed(struct repack *r, const struct recipe *recipe) {
    struct arena *a = r->arena;
    struct assets_input *now, *known;
    size_t now_count, known_count;
    if (!history_inputs(a, recipe, &now, &now_count, r->err)) {
        return false;
    }
    assets_inputs_load(a, r->assets, r->arch, recipe_kind_name(recipe->kind), &known, &known_count);
    for (size_t i = 1; i < now_count; i++) {
        const struct recipe_file *file = &recipe->files[i - 1];
        const char *path;
        struct tree_meta meta = { 0 };
        struct tree_entry *entry;
        if (file->host_path == NULL ||
            !run_repack_place(a, &r->config, str_from_c(file->path), &path, &meta.mode) ||
            is_known(&now[i], known, known_count)) {
            continue;
        }
        meta.mode = meta.mode != 0 ? meta.mode : file->mode;
        if (!tree_put_host_file(r->changed, str_from_c(path), &meta, AT_FDCWD, file->host_path,
                                &entry, r->err)) {
            return false;
        }
        blake3_update(&r->digest, path, strlen(path) + 1);
        blake3_update(&r->digest, now[i].digest.ptr, now[i].digest.len);
        r->count++;
    }
    return true;
}

static bool find_changed(struct repack *r, const struct config_architecture *arch,
                         struct sources *sources, struct diag_sink *sink) {
    struct recipe_request request = { .config = &r->config,
                                      .arch = arch,
                                      .binaries_dir = "target/linux-agent" };
    static const enum recipe_kind kinds[] = { RECIPE_KERNEL, RECIPE_ROOTFS };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct recipe recipe;
        request.kind = kinds[i];
        if (!recipe_render(r->arena, &request, sources, sink, &recipe, r->err) ||
            !add_changed(r, &recipe)) {
            return false;
        }
    }
    return true;
}

/* ---- the ramdisk ---- */

/* What stands in our marker; false: the build's archive is the only one. */
static bool find_marker(str ramdisk, str *ret_text) {
    static const char name[] = RUN_MARKER; /* with its NUL, as newc has it */
    const char *found = memmem(ramdisk.ptr, ramdisk.len, name, sizeof name);
    if (found == NULL || found - ramdisk.ptr < CPIO_HEADER_BYTES ||
        memcmp(found - CPIO_HEADER_BYTES, "070701", 6) != 0) {
        return false;
    }
    size_t end = ((size_t)(found - ramdisk.ptr) + sizeof name + 3) / 4 * 4;
    *ret_text = str_slice(ramdisk, min_size(end, ramdisk.len), ramdisk.len);
    return true;
}

str run_built_archive(str ramdisk, str *ret_digest) {
    uint64_t size;
    str text;
    *ret_digest = S("");
    if (!find_marker(ramdisk, &text)) {
        return ramdisk;
    }
    str number = str_cut(&text, ' ');
    if (!str_to_u64(number, &size) || size > ramdisk.len) {
        return ramdisk;
    }
    *ret_digest = str_slice(text, 0, 2 * BLAKE3_OUT_BYTES);
    return str_slice(ramdisk, 0, (size_t)size);
}

static bool write_ramdisk(struct repack *r, int fd, str built, str digest) {
    struct image_cpio_options options = { .compression = IMAGE_PLAIN, .root_owned = true };
    struct tree_meta meta = { .mode = 0444 };
    struct tree_entry *entry;
    str text = str_fmt(r->arena, "%zu %.*s", built.len, STR_FMT(digest));
    if (!fs_write_all(fd, built.ptr, built.len, r->err)) {
        return false;
    }
    return r->count == 0 ||
           (tree_put_file(r->changed, S(RUN_MARKER), &meta, text, &entry, r->err) &&
            image_write_cpio(r->changed, &options, fd, r->err));
}

static bool file_digest(void *self, int fd, uint8_t ret[ASSET_DIGEST_BYTES], struct err *err) {
    return store_file_digest(self, fd, ret, err);
}

static bool publish(struct repack *r, str built, str digest) {
    AUTO_ASSETS_UPDATE update = NULL;
    AUTO_STORE store = NULL;
    int fd;
    if (!assets_update_begin(r->assets, r->arch, &update, r->err) ||
        !assets_update_open(update, ASSET_INITRD, &fd, r->err) ||
        !write_ramdisk(r, fd, built, digest) ||
        !store_open(r->work->request->cache_dir, &store, r->err)) {
        return false;
    }
    struct asset_digests digests = { file_digest, store };
    struct assets_commit commit = { .threads = 1, .digests = &digests };
    return assets_update_commit(update, &commit, r->err);
}

static bool renew(struct repack *r) {
    str ramdisk;
    str had;
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1] = "";
    const char *path = path_join(r->arena, r->assets, path_join(r->arena, r->arch, "initrd.img"));
    if (!fs_load(r->arena, AT_FDCWD, path, INITRD_BYTES_MAX, &ramdisk, r->err)) {
        return r->err->code == ENOENT
                   ? err_help(r->err, "build the assets first: capsem-builder build")
                   : false;
    }
    str built = run_built_archive(ramdisk, &had);
    if (r->count > 0) {
        blake3_final(&r->digest, digest);
        hash_hex(digest, sizeof digest, hex);
    }
    return str_eq(had, str_from_c(hex)) || publish(r, built, str_from_c(hex));
}

static bool load_config(struct repack *r, struct sources *sources, struct diag_sink *sink,
                        const struct config_architecture **ret_arch) {
    if (!config_load(r->arena, sources, sink, r->work->request->guest, NULL, &r->config)) {
        return false;
    }
    diag_sink_init(sink, r->arena, sources); /* warnings are those of a build */
    return config_choose_architecture(&r->config, r->arch, ret_arch, r->err);
}

/* ret->compile_ms is set. */
static bool compile(struct repack *r, const struct config_architecture *arch,
                    struct sources *sources, struct run_result *times,
                    struct make_failure *failure) {
    struct guestbin_binary *binaries;
    const struct make_binaries request = { .config = &r->config,
                                           .arch = arch,
                                           .cache_dir = r->work->request->cache_dir,
                                           .output_dir = "target/linux-agent" };
    uint64_t start_ms = time_now_ms();
    bool ok =
        make_binaries(r->arena, &request, sources, &r->work->events->make, &binaries, failure);
    times->compile_ms = time_now_ms() - start_ms;
    return ok;
}

bool run_repack(const struct run_work *w, const char *arch_name, struct run_result *times,
                struct make_failure *failure) {
    AUTO_TREE changed = tree_new();
    const struct config_architecture *arch;
    struct sources *sources = ARENA_NEW(w->arena, struct sources);
    struct repack r = { .work = w,
                        .arena = w->arena,
                        .assets = w->request->assets,
                        .arch = arch_name,
                        .changed = changed,
                        .err = &failure->err };
    uint64_t start_ms = time_now_ms();
    sources_init(sources, w->arena);
    diag_sink_init(&failure->sink, w->arena, sources);
    blake3_init(&r.digest);
    if (!load_config(&r, sources, &failure->sink, &arch) ||
        !compile(&r, arch, sources, times, failure)) {
        return false;
    }
    bool ok = find_changed(&r, arch, sources, &failure->sink) && renew(&r);
    times->repack_ms = time_now_ms() - start_ms - times->compile_ms;
    times->has_repacked = true;
    if (!ok && err_is_set(r.err)) {
        err_wrap(r.err, "repack the ramdisk");
    }
    return ok;
}
