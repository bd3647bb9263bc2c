// SPDX-License-Identifier: Apache-2.0
#include "cli/repack.h"

#include <errno.h>
#include <string.h>

#include "assets/assets.h"
#include "cli/guest.h"
#include "cli/inputs.h"
#include "hash/hash.h"
#include "image/image.h"
#include "recipe/recipe.h"
#include "store/store.h"
#include "tree/tree.h"

enum { INITRD_BYTES_MAX = 1 << 30, CPIO_HEADER_BYTES = 110 };

/* The first file of our archive; it holds "SIZE DIGEST": of the archive before it, which is the
 * build's, and of what this one holds. */
#define MARKER ".capsem-repacked"

/* Where a file of a build context goes: in the ramdisk, as laid out in guest/README.md. */
static const struct place {
    const char *context; /* a file, or a folder with its slash */
    const char *ramdisk;
    uint32_t mode;
} places[] = {
    { "capsem-init", "init", 0755 },
    { "bin/", "deploy/usr/local/bin/", 0555 },
    { "capsem-doctor", "deploy/usr/local/bin/capsem-doctor", 0755 },
    { "capsem-bench", "deploy/usr/local/bin/capsem-bench", 0755 },
    { "diagnostics/", "deploy/usr/local/lib/capsem-tests/", 0755 },
    { "capsem-bashrc", "deploy/etc/capsem-bashrc", 0644 },
    { "banner.txt", "deploy/etc/capsem-banner.txt", 0644 },
    { "tips.txt", "deploy/etc/capsem-tips.txt", 0644 },
};

struct repack {
    struct cli *cli;
    const char *assets;
    const char *arch;
    const struct guest_config *config;
    struct tree *changed; /* what the archive shall hold */
    size_t count;
    struct blake3 digest; /* of that */
    struct err err;
};

/* ---- what has changed ---- */

static bool find_place(struct arena *a, str path, const char **ret, uint32_t *ret_mode) {
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        str context = str_from_c(places[i].context);
        bool folder = str_ends(context, S("/"));
        if (folder ? str_starts(path, context) : str_eq(path, context)) {
            str below = folder ? str_slice(path, context.len, path.len) : S("");
            *ret = str_fmt(a, "%s%.*s", places[i].ramdisk, STR_FMT(below)).ptr;
            *ret_mode = places[i].mode;
            return true;
        }
    }
    return false;
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

/* inputs[i + 1] is files[i]'s: inputs_of_recipe(). */
static bool add_changed(struct repack *r, const struct recipe *recipe) {
    struct arena *a = r->cli->arena;
    struct assets_input *now, *known;
    size_t now_count, known_count;
    if (!inputs_of_recipe(a, recipe, &now, &now_count, &r->err)) {
        return false;
    }
    assets_inputs_load(a, r->assets, r->arch, recipe_kind_name(recipe->kind), &known, &known_count);
    for (size_t i = 1; i < now_count; i++) {
        const struct recipe_file *file = &recipe->files[i - 1];
        const char *path;
        struct tree_meta meta = { 0 };
        struct tree_entry *entry;
        if (!find_place(a, now[i].name, &path, &meta.mode) || file->host_path == NULL ||
            is_known(&now[i], known, known_count)) {
            continue;
        }
        if (!tree_put_host_file(r->changed, str_from_c(path), &meta, AT_FDCWD, file->host_path,
                                &entry, &r->err)) {
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
    struct recipe_request request = { .config = r->config,
                                      .arch = arch,
                                      .binaries_dir = "target/linux-agent" };
    static const enum recipe_kind kinds[] = { RECIPE_KERNEL, RECIPE_ROOTFS };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct recipe recipe;
        request.kind = kinds[i];
        if (!recipe_render(r->cli->arena, &request, sources, sink, &recipe, &r->err) ||
            !add_changed(r, &recipe)) {
            return false;
        }
    }
    return true;
}

/* ---- the ramdisk ---- */

/* What stands in our marker; false: the build's archive is the only one. */
static bool find_marker(str ramdisk, str *ret_text) {
    static const char name[] = MARKER; /* with its NUL, as newc has it */
    const char *found = memmem(ramdisk.ptr, ramdisk.len, name, sizeof name);
    if (found == NULL || found - ramdisk.ptr < CPIO_HEADER_BYTES ||
        memcmp(found - CPIO_HEADER_BYTES, "070701", 6) != 0) {
        return false;
    }
    size_t end = ((size_t)(found - ramdisk.ptr) + sizeof name + 3) / 4 * 4;
    *ret_text = str_slice(ramdisk, min_size(end, ramdisk.len), ramdisk.len);
    return true;
}

/* The build's archive, and what the one behind it says it holds. */
static str built_archive(str ramdisk, str *ret_digest) {
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
    str text = str_fmt(r->cli->arena, "%zu %.*s", built.len, STR_FMT(digest));
    if (!fs_write_all(fd, built.ptr, built.len, &r->err)) {
        return false;
    }
    return r->count == 0 || (tree_put_file(r->changed, S(MARKER), &meta, text, &entry, &r->err) &&
                             image_write_cpio(r->changed, &options, fd, &r->err));
}

static bool file_digest(void *self, int fd, uint8_t ret[ASSET_DIGEST_BYTES], struct err *err) {
    return store_file_digest(self, fd, ret, err);
}

static bool publish(struct repack *r, str built, str digest) {
    AUTO_ASSETS_UPDATE update = NULL;
    AUTO_STORE store = NULL;
    int fd;
    if (!assets_update_begin(r->assets, r->arch, &update, &r->err) ||
        !assets_update_open(update, ASSET_INITRD, &fd, &r->err) ||
        !write_ramdisk(r, fd, built, digest) || !store_open(r->cli->cache_dir, &store, &r->err)) {
        return false;
    }
    struct asset_digests digests = { file_digest, store };
    struct assets_commit commit = { .threads = 1, .digests = &digests };
    return assets_update_commit(update, &commit, &r->err);
}

static bool renew(struct repack *r) {
    str ramdisk;
    str had;
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1] = "";
    const char *path =
        path_join(r->cli->arena, r->assets, path_join(r->cli->arena, r->arch, "initrd.img"));
    if (!fs_load(r->cli->arena, AT_FDCWD, path, INITRD_BYTES_MAX, &ramdisk, &r->err)) {
        return r->err.code == ENOENT
                   ? err_help(&r->err, "build the assets first: capsem-builder build")
                   : false;
    }
    str built = built_archive(ramdisk, &had);
    if (r->count > 0) {
        blake3_final(&r->digest, digest);
        hash_hex(digest, sizeof digest, hex);
    }
    return str_eq(had, str_from_c(hex)) || publish(r, built, str_from_c(hex));
}

bool repack_initrd(struct cli *cli, const char *assets, const char *arch_name, const char *guest,
                   struct repack_times *ret) {
    AUTO_TREE changed = tree_new();
    struct guest_config config;
    const struct config_architecture *arch;
    struct guestbin_binary *binaries;
    struct sources sources;
    struct diag_sink sink;
    uint64_t start_ms = time_now_ms();
    if (!guest_load(cli, guest, &config) || !guest_find_arch(cli, &config, arch_name, &arch)) {
        return false;
    }
    uint64_t loaded_ms = time_now_ms();
    if (!guest_compile_binaries(cli, &config, arch, "target/linux-agent", &binaries)) {
        return false;
    }
    ret->compile_ms = time_now_ms() - loaded_ms;
    sources_init(&sources, cli->arena);
    diag_sink_init(&sink, cli->arena, &sources);
    struct repack r = { .cli = cli,
                        .assets = assets,
                        .arch = arch_name,
                        .config = &config,
                        .changed = changed,
                        .err = ERR_INIT };
    blake3_init(&r.digest);
    bool ok = find_changed(&r, arch, &sources, &sink) && renew(&r);
    ret->repack_ms = time_now_ms() - start_ms - ret->compile_ms;
    if (!ok && sink.len > 0) {
        print_diags(cli, &sink, stderr);
    } else if (!ok) {
        err_wrap(&r.err, "repack the ramdisk");
        print_err(cli, &r.err);
    }
    return ok;
}
