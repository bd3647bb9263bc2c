// SPDX-License-Identifier: Apache-2.0
/* size: what takes the bytes of an image. */
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/wrap.h"
#include "contents/contents.h"

enum { OUTPUT_BYTES_MAX = 512 * 1024 * 1024 };

struct size_options {
    const char *arch;
    const char *by;
    int64_t top;
    bool json;
};

static const struct option size_option_rows[] = {
    { .name = "arch",
      .kind = OPTION_STRING,
      .offset = offsetof(struct size_options, arch),
      .value = "NAME",
      .help = "architecture (default: the one built last)" },
    { .name = "by",
      .kind = OPTION_WORD,
      .offset = offsetof(struct size_options, by),
      .value = "WHAT",
      .words = contents_by_words,
      .help = "what to group files by" },
    { .name = "top",
      .kind = OPTION_INT,
      .offset = offsetof(struct size_options, top),
      .value = "N",
      .min = 0,
      .max = 1000000,
      .help = "how many groups to list; 0: all" },
    { .name = "json",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct size_options, json),
      .help = "print all groups as JSON" },
};

static const struct size_options size_defaults = { .by = "line", .top = 20 };

static enum contents_by find_by(const char *word) {
    size_t i = 0;
    while (i < CONTENTS_BY_COUNT && strcmp(contents_by_words[i], word) != 0) {
        i++;
    }
    return (enum contents_by)i;
}

static double megabytes(uint64_t bytes) {
    return (double)bytes / 1e6;
}

static void add_group(const struct contents_group *g, uint64_t all, struct buf *out) {
    buf_addf(out, "%8.1f  %8.1f  %5.1f%%  ", megabytes(g->packed_bytes), megabytes(g->bytes),
             all == 0 ? 0.0 : 100.0 * (double)g->packed_bytes / (double)all);
    add_plain(out, g->name);
    if (g->detail.len > 0) {
        buf_add_c(out, "  (");
        add_plain(out, g->detail);
        buf_add_char(out, ')');
    }
    buf_add_char(out, '\n');
}

static void add_text(const struct contents *c, const struct contents_group *groups, size_t count,
                     const struct size_options *o, struct buf *out) {
    size_t shown = o->top == 0 ? count : min_size(count, (size_t)o->top);
    size_t same_files;
    uint64_t same_bytes = contents_duplicate_bytes(c, &same_files);
    uint64_t rest = 0, rest_packed = 0;
    buf_addf(out, "%.1f MB, unpacked %.1f MB, %zu packages", megabytes(c->packed_bytes),
             megabytes(c->bytes), c->package_count);
    if (same_files > 0) {
        buf_addf(out, "; %zu files have the same content as others (%.1f MB unpacked)", same_files,
                 megabytes(same_bytes));
    }
    buf_addf(out, "\n\npacked MB       MB   share  %s\n", o->by);
    for (size_t i = 0; i < count; i++) {
        if (i < shown) {
            add_group(&groups[i], c->packed_bytes, out);
        } else {
            rest += groups[i].bytes;
            rest_packed += groups[i].packed_bytes;
        }
    }
    if (shown < count) {
        buf_addf(out, "%8.1f  %8.1f  %5.1f%%  %zu more ('--top 0' lists them)\n",
                 megabytes(rest_packed), megabytes(rest),
                 100.0 * (double)rest_packed / (double)max_size(c->packed_bytes, 1), count - shown);
    }
}

static void add_json(const struct contents_assets *assets, const struct contents_group *groups,
                     size_t count, const char *by, struct buf *out) {
    const struct contents *c = &assets->contents;
    size_t same_files;
    uint64_t same_bytes = contents_duplicate_bytes(c, &same_files);
    buf_add_c(out, "{\n  \"image\": ");
    buf_add_json(out, str_from_c(assets->image));
    buf_addf(out,
             ",\n  \"packed_bytes\": %" PRIu64 ",\n  \"bytes\": %" PRIu64
             ",\n  \"packages\": %zu,\n  \"duplicate_files\": %zu,\n  \"duplicate_bytes\": %" PRIu64
             ",\n  \"by\": \"%s\",\n  \"groups\": [",
             c->packed_bytes, c->bytes, c->package_count, same_files, same_bytes, by);
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "%s\n    {\"name\": ", i > 0 ? "," : "");
        buf_add_json(out, groups[i].name);
        buf_add_c(out, ", \"detail\": ");
        buf_add_json(out, groups[i].detail);
        buf_addf(out, ", \"packed_bytes\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"files\": %zu}",
                 groups[i].packed_bytes, groups[i].bytes, groups[i].files);
    }
    buf_addf(out, "%s]\n}\n", count > 0 ? "\n  " : "");
}

static int run(struct cli *cli, const void *options) {
    const struct size_options *o = options;
    struct err err = ERR_INIT;
    AUTO_CONTENTS_ASSETS assets;
    struct contents_group *groups;
    size_t count;
    const char *path = cli->arg_count > 0 ? cli->args[0] : "assets";
    if (!contents_open(cli->arena, path, o->arch, &assets, &err)) {
        err_wrap(&err, "size");
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    enum contents_by by = find_by(o->by);
    contents_groups(cli->arena, &assets.contents, by, &groups, &count);
    if (by == CONTENTS_BY_LINE && !assets.has_config) {
        print_note(cli, "the config that the image was built from is not beside it: packages are "
                        "not traced to its lines");
    }
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    if (o->json) {
        add_json(&assets, groups, count, o->by, &out);
    } else {
        add_text(&assets.contents, groups, count, o, &out);
    }
    if (out.full) {
        print_error(cli, "size: there is too much to print");
        return EXIT_FAILED;
    }
    print_text(stdout, buf_str(&out));
    return EXIT_OK;
}

const struct command command_size = {
    .name = "size",
    .arguments = "[ASSETS|IMAGE]",
    .summary = "show what makes an image big",
    .details = "Reads the root filesystem of ASSETS (default: assets), or a SquashFS image. A\n"
               "package counts for the line of the config that names it, or whose packages\n"
               "need it. Packed is a file's share of the compressed blocks.",
    .options = size_option_rows,
    .option_count = ARRAY_LEN(size_option_rows),
    .options_size = sizeof(struct size_options),
    .defaults = &size_defaults,
    .args_max = 1,
    .run = run,
};
