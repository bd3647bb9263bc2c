// SPDX-License-Identifier: Apache-2.0
/* image export, push: images leave the store. */
#include <errno.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "engine/engine.h"
#include "images/images.h"
#include "oci/registry.h"
#include "pack/pack.h"

struct send_options {
    const char *platform;
};

static const struct option platform_option[] = {
    { "platform", 0, OPTION_STRING, offsetof(struct send_options, platform), "P",
      "platform of the image (default: this machine's)" },
};

/* An image of the store, and how it is written. */
struct sending {
    struct cli *cli;
    struct store *store;
    struct stored_image image;
    struct image_oci_options oci;
};

static bool find_image(struct sending *s, const char *platform_text, struct err *err) {
    struct arena *a = s->cli->arena;
    struct oci_reference ref;
    struct oci_platform platform = oci_platform_host();
    if ((platform_text != NULL &&
         !oci_platform_parse(a, str_from_c(platform_text), &platform, err)) ||
        !oci_reference_parse(a, str_from_c(s->cli->args[0]), &ref, err) ||
        !engine_open_store_as_root(s->cli->arena, s->cli->cache_dir, &s->store, err)) {
        return false;
    }
    switch (images_find(s->store, a, &ref, &platform, &s->image, err)) {
    case IMAGES_FAILED:
        return false;
    case IMAGES_NOT_FOUND:
        err_set(err, "no image '%.*s' for %.*s in the store",
                STR_FMT(oci_reference_familiar(a, &ref)), STR_FMT(oci_platform_text(a, &platform)));
        return err_help(err, "'capsem-builder image ls' lists them");
    case IMAGES_FOUND:
        break;
    }
    if (!images_check(s->store, a, &s->image, err)) {
        return false;
    }
    s->oci = (struct image_oci_options){
        .config = &s->image.config,
        .name = oci_reference_full(a, &ref),
        .epoch_s = IMAGE_EPOCH_NONE,
        .cancelled = &interrupted,
    };
    if (!pack_layout_find(a, s->store, s->image.layers, s->image.layer_count, &s->image.from,
                          &s->oci)) {
        print_warning(s->cli, "%s", pack_rewritten_text);
    }
    interrupt_catch();
    return true;
}

static int end(struct sending *s, bool ok, const struct err *err) {
    if (!ok) {
        print_err(s->cli, err);
    }
    if (s->store != NULL) {
        store_close(s->store);
    }
    return ok ? EXIT_OK : interrupted ? interrupt_exit_code() : EXIT_FAILED;
}

static int run_export(struct cli *cli, const void *options) {
    const struct send_options *o = options;
    struct sending s = { .cli = cli };
    struct err err = ERR_INIT;
    bool ok =
        find_image(&s, o->platform, &err) && pack_layout_write(s.store, &s.oci, cli->args[1], &err);
    return end(&s, ok, &err);
}

/* ---- push ---- */

static bool push_layout(struct sending *s, const struct store_work *work,
                        const struct image_oci *layout, struct err *err) {
    struct arena *a = s->cli->arena;
    struct oci_registry registry;
    struct oci_upload *uploads = ARENA_ARRAY(a, struct oci_upload, layout->blob_count);
    uint64_t sent;
    for (size_t i = 0; i < layout->blob_count; i++) {
        str digest = layout->blobs[i].digest;
        str hex = str_slice(digest, S("sha256:").len, digest.len);
        const char *name = str_fmt(a, "layout/blobs/sha256/%.*s", STR_FMT(hex)).ptr;
        uploads[i] = (struct oci_upload){ layout->blobs[i], store_work_path(work, a, name) };
    }
    if (!oci_registry_open(a, &s->image.ref, true, &registry, err) ||
        !oci_registry_push(&registry, uploads, layout->blob_count, layout->manifest,
                           layout->media_type, &interrupted, &sent, err)) {
        return false;
    }
    str name = oci_reference_familiar(a, &s->image.ref);
    fprintf(stderr, "pushed '%.*s': uploaded %s\n", STR_FMT(name), unit_bytes(sent).text);
    printf("%.*s %.*s\n", STR_FMT(name), STR_FMT(oci_digest_of(a, layout->manifest)));
    return true;
}

static bool push(struct sending *s, struct err *err) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    struct image_oci layout;
    if (s->image.ref.tag.len == 0 || s->image.ref.digest.len > 0) {
        return err_set(err, "a push requires a tag, not a digest");
    }
    if (!store_work_begin(s->store, &work, err)) {
        return false;
    }
    if (mkdirat(work.fd, "layout", 0755) < 0) {
        return err_sys(err, errno, "create a work folder");
    }
    AUTO_FD folder = openat(work.fd, "layout", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return (folder >= 0 || err_sys(err, errno, "open a work folder")) &&
           image_write_oci(s->cli->arena, &s->oci, folder, &layout, err) &&
           push_layout(s, &work, &layout, err);
}

static int run_push(struct cli *cli, const void *options) {
    const struct send_options *o = options;
    struct sending s = { .cli = cli };
    struct err err = ERR_INIT;
    bool ok = find_image(&s, o->platform, &err);
    ok = ok && (push(&s, &err) || err_wrap(&err, "push '%s'", cli->args[0]));
    return end(&s, ok, &err);
}

const struct command command_image_export = {
    .name = "image export",
    .arguments = "NAME[:TAG] DEST",
    .summary = "write an image as an OCI layout to a folder or tar",
    .options = platform_option,
    .option_count = ARRAY_LEN(platform_option),
    .options_size = sizeof(struct send_options),
    .args_min = 2,
    .args_max = 2,
    .run = run_export,
};

const struct command command_image_push = {
    .name = "image push",
    .arguments = "NAME[:TAG]",
    .summary = "push an image in the store to its registry",
    .options = platform_option,
    .option_count = ARRAY_LEN(platform_option),
    .options_size = sizeof(struct send_options),
    .args_min = 1,
    .args_max = 1,
    .run = run_push,
};
