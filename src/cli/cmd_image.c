// SPDX-License-Identifier: Apache-2.0
/* image import, pull, ls, rm: images in the store. */
#include <time.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "engine/engine.h"
#include "images/images.h"

struct image_options {
    const char *platform;
};

static const struct option platform_option[] = {
    { "platform", 0, OPTION_STRING, offsetof(struct image_options, platform), "P",
      "platform of the image (default: this machine's)" },
};

/* What every command of the group begins with. */
static bool begin(struct cli *cli, const struct image_options *o, const char *name,
                  struct store **ret_store, struct oci_reference *ret_ref,
                  struct oci_platform *ret_platform) {
    struct err err = ERR_INIT;
    *ret_platform = oci_platform_host();
    bool ok = o->platform == NULL ||
              oci_platform_parse(cli->arena, str_from_c(o->platform), ret_platform, &err);
    ok = ok && (name == NULL || oci_reference_parse(cli->arena, str_from_c(name), ret_ref, &err));
    ok = ok && engine_open_store_as_root(cli->arena, cli->cache_dir, ret_store, &err);
    if (!ok) {
        print_err(cli, &err);
    }
    return ok;
}

static int run_import(struct cli *cli, const void *options) {
    AUTO_STORE store = NULL;
    struct oci_reference ref;
    struct oci_platform platform;
    struct err err = ERR_INIT;
    if (!begin(cli, options, cli->args[1], &store, &ref, &platform)) {
        return EXIT_FAILED;
    }
    if (!images_import(store, cli->arena, cli->args[0], &ref, &platform, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    str name = oci_reference_familiar(cli->arena, &ref);
    printf("%.*s\n", STR_FMT(name));
    return EXIT_OK;
}

/* ---- pull ---- */

static void on_notice(void *self, str text) {
    print_foreign(self, stderr, text);
}

/* One line that is written over and over, on a terminal only. */
static void on_progress(void *self, uint64_t done_bytes, uint64_t total_bytes) {
    (void)self;
    fprintf(stderr, "\r%s", unit_bytes(done_bytes).text);
    fprintf(stderr, " of %s \033[K", unit_bytes(total_bytes).text);
    fflush(stderr);
}

static int run_pull(struct cli *cli, const void *options) {
    AUTO_STORE store = NULL;
    struct oci_reference ref;
    struct oci_platform platform;
    struct stored_image image;
    struct err err = ERR_INIT;
    if (!begin(cli, options, cli->args[0], &store, &ref, &platform)) {
        return EXIT_FAILED;
    }
    interrupt_catch();
    struct images_pull_request pull = {
        .store = store,
        .ref = &ref,
        .platform = &platform,
        .whole = true,
        .notice = on_notice,
        .self = cli,
        .progress = isatty(STDERR_FILENO) ? on_progress : NULL,
        .cancelled = &interrupted,
    };
    bool ok = images_pull(cli->arena, &pull, &image, &err);
    if (pull.progress != NULL) {
        fputs("\r\033[K", stderr);
    }
    if (!ok) {
        print_err(cli, &err);
        return interrupted ? interrupt_exit_code() : EXIT_FAILED;
    }
    str name = oci_reference_familiar(cli->arena, &ref);
    printf("%.*s %.*s\n", STR_FMT(name), STR_FMT(image.digest));
    return EXIT_OK;
}

static int run_ls(struct cli *cli, const void *options) {
    AUTO_STORE store = NULL;
    struct oci_reference none;
    struct oci_platform platform;
    struct err err = ERR_INIT;
    struct stored_image *images;
    size_t count;
    if (!begin(cli, options, NULL, &store, &none, &platform)) {
        return EXIT_FAILED;
    }
    if (!images_list(store, cli->arena, &images, &count, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    size_t width = 4;
    for (size_t i = 0; i < count; i++) {
        width = max_size(width, oci_reference_familiar(cli->arena, &images[i].ref).len);
    }
    printf("%-*s  %-12s  %-16s  %s\n", (int)width, "NAME", "PLATFORM", "ADDED", "ORIGIN");
    for (size_t i = 0; i < count; i++) {
        char added[32];
        time_t when = (time_t)images[i].created_s;
        struct tm tm;
        strftime(added, sizeof added, "%Y-%m-%d %H:%M", localtime_r(&when, &tm));
        str name = oci_reference_familiar(cli->arena, &images[i].ref);
        str shown =
            plain_line(cli->arena, oci_platform_text(cli->arena, &images[i].config.platform));
        str origin = plain_line(cli->arena, images[i].origin);
        printf("%-*.*s  %-12.*s  %-16s  %.*s\n", (int)width, STR_FMT(name), STR_FMT(shown), added,
               STR_FMT(origin));
    }
    return EXIT_OK;
}

static bool remove_one(struct cli *cli, struct store *store, const char *name,
                       const struct oci_platform *platform) {
    struct oci_reference ref;
    struct err err = ERR_INIT;
    bool removed;
    if (!oci_reference_parse(cli->arena, str_from_c(name), &ref, &err) ||
        !images_remove(store, &ref, platform, &removed, &err)) {
        print_err(cli, &err);
        return false;
    }
    if (!removed) {
        str shown = oci_reference_familiar(cli->arena, &ref);
        print_error(cli, "no image '%.*s' for %.*s in the store; see 'capsem-builder image ls'",
                    STR_FMT(shown), STR_FMT(oci_platform_text(cli->arena, platform)));
    }
    return removed;
}

/* One that is not there keeps none of the others. */
static int run_rm(struct cli *cli, const void *options) {
    AUTO_STORE store = NULL;
    struct oci_reference none;
    struct oci_platform platform;
    if (!begin(cli, options, NULL, &store, &none, &platform)) {
        return EXIT_FAILED;
    }
    bool ok = true;
    for (size_t i = 0; i < cli->arg_count; i++) {
        ok &= remove_one(cli, store, cli->args[i], &platform);
    }
    return ok ? EXIT_OK : EXIT_FAILED;
}

const struct command command_image_import = {
    .name = "image import",
    .arguments = "FILE NAME[:TAG]",
    .summary = "add an image: tar, OCI layout, Docker archive",
    .options = platform_option,
    .option_count = ARRAY_LEN(platform_option),
    .options_size = sizeof(struct image_options),
    .args_min = 2,
    .args_max = 2,
    .run = run_import,
};

const struct command command_image_pull = {
    .name = "image pull",
    .arguments = "NAME[:TAG][@DIGEST]",
    .summary = "fetch an image from its registry",
    .options = platform_option,
    .option_count = ARRAY_LEN(platform_option),
    .options_size = sizeof(struct image_options),
    .args_min = 1,
    .args_max = 1,
    .run = run_pull,
};

const struct command command_image_ls = {
    .name = "image ls",
    .arguments = "",
    .summary = "list the base images in the store",
    .options_size = sizeof(struct image_options),
    .run = run_ls,
};

const struct command command_image_rm = {
    .name = "image rm",
    .arguments = "NAME[:TAG]...",
    .summary = "remove base images from the store",
    .options = platform_option,
    .option_count = ARRAY_LEN(platform_option),
    .options_size = sizeof(struct image_options),
    .args_min = 1,
    .args_max = SIZE_MAX,
    .run = run_rm,
};
