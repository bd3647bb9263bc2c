// SPDX-License-Identifier: Apache-2.0
/* sbom: the bill of materials of an image. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "contents/contents.h"
#include "hash/hash.h"

enum { MANIFEST_BYTES_MAX = 64 * 1024 * 1024 };

struct sbom_options {
    const char *arch;
    const char *format;
    const char *output;
};

static const char *const format_words[] = { "cyclonedx", "spdx", NULL };

static const struct option sbom_option_rows[] = {
    { .name = "arch",
      .kind = OPTION_STRING,
      .offset = offsetof(struct sbom_options, arch),
      .value = "NAME",
      .help = "architecture (default: the one built last)" },
    { .name = "format",
      .kind = OPTION_WORD,
      .offset = offsetof(struct sbom_options, format),
      .value = "FORMAT",
      .words = format_words,
      .help = "CycloneDX 1.6 or SPDX 2.3, both as JSON" },
    { .name = "output",
      .letter = 'o',
      .kind = OPTION_STRING,
      .offset = offsetof(struct sbom_options, output),
      .value = "FILE",
      .help = "write to FILE (default: stdout)" },
};

static const struct sbom_options sbom_defaults = { .format = "cyclonedx" };

/* The time of the build, and the kernel's version, as build.json has them; without it, 1970. */
static void read_build(struct arena *a, const struct contents_assets *assets,
                       struct contents_bill *bill) {
    str text;
    const char *path = assets->folder == NULL ? NULL : path_join(a, assets->folder, "build.json");
    if (path == NULL || !fs_load(a, AT_FDCWD, path, MANIFEST_BYTES_MAX, &text, NULL)) {
        return;
    }
    json_t *root = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    const json_t *epoch = json_object_get(root, "source_date_epoch");
    const char *kernel = json_string_value(json_object_get(root, "kernel_version"));
    bill->epoch_s = json_is_integer(epoch) ? json_integer_value(epoch) : 0;
    bill->kernel_version = kernel == NULL ? S("") : str_dup(a, str_from_c(kernel));
    json_decref(root);
}

static bool digest_image(struct arena *a, const char *path, str *ret, struct err *err) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    if (!blake3_file(AT_FDCWD, path, digest, err)) {
        return false;
    }
    hash_hex(digest, sizeof digest, hex);
    *ret = str_dup(a, str_from_c(hex));
    return true;
}

static bool write_out(struct cli *cli, const char *path, str text, struct err *err) {
    if (path == NULL || strcmp(path, "-") == 0) {
        print_text(stdout, text);
        return true;
    }
    return fs_store(AT_FDCWD, path, text, 0644, err);
}

static int run(struct cli *cli, const void *options) {
    const struct sbom_options *o = options;
    struct err err = ERR_INIT;
    AUTO_CONTENTS_ASSETS assets = { .contents = CONTENTS_INIT };
    const char *path = cli->arg_count > 0 ? cli->args[0] : "assets";
    bool ok = contents_open(cli->arena, path, o->arch, &assets, &err);
    if (ok) {
        bool named = assets.has_config && assets.config.image.head.present;
        struct contents_bill bill = {
            .contents = &assets.contents,
            .image_name =
                named ? assets.config.image.name.text : path_base(str_from_c(assets.image)),
            .image_version = named ? assets.config.image.version.text : S(""),
            .architecture = str_from_c(assets.arch),
        };
        contents_distribution(cli->arena, &assets.contents, &bill);
        read_build(cli->arena, &assets, &bill);
        ok = digest_image(cli->arena, assets.image, &bill.digest, &err) &&
             write_out(cli, o->output,
                       strcmp(o->format, "spdx") == 0 ? contents_spdx(cli->arena, &bill)
                                                      : contents_cyclonedx(cli->arena, &bill),
                       &err);
    }
    if (!ok) {
        err_wrap(&err, "sbom");
        print_err(cli, &err);
    }
    return ok ? EXIT_OK : EXIT_FAILED;
}

const struct command command_sbom = {
    .name = "sbom",
    .arguments = "[ASSETS|IMAGE]",
    .summary = "print the bill of materials of an image",
    .details = "Reads the root filesystem of ASSETS (default: assets), or a SquashFS image: the\n"
               "packages of dpkg, npm and Python in it, with versions, licenses, package URLs\n"
               "and the line of the config that asked for each. The same image gives the same\n"
               "text.",
    .options = sbom_option_rows,
    .option_count = ARRAY_LEN(sbom_option_rows),
    .options_size = sizeof(struct sbom_options),
    .defaults = &sbom_defaults,
    .args_max = 1,
    .run = run,
};
