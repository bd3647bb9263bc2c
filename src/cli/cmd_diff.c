// SPDX-License-Identifier: Apache-2.0
/* diff: how two images differ. */
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "contents/contents.h"

enum { OUTPUT_BYTES_MAX = 512 * 1024 * 1024 };

struct diff_options {
    const char *arch;
    bool stat;
    bool json;
};

static const struct option diff_option_rows[] = {
    { .name = "arch",
      .kind = OPTION_STRING,
      .offset = offsetof(struct diff_options, arch),
      .value = "NAME",
      .help = "architecture of both (default: the one built last)" },
    { .name = "stat",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct diff_options, stat),
      .help = "list packages and sums, not each file" },
    { .name = "json",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct diff_options, json),
      .help = "print the differences as JSON" },
};

static const char *const change_words[] = { "added", "removed", "changed" };
static const char change_marks[] = { '+', '-', '~' };

static void add_package(const struct contents_package_difference *d, struct buf *out) {
    const struct contents_package *p = d->after != NULL ? d->after : d->before;
    buf_addf(out, "%c %-6s  ", change_marks[d->change], contents_kind_words[p->kind]);
    add_plain(out, p->name);
    buf_add_c(out, "  ");
    add_plain(out, (d->before != NULL ? d->before : d->after)->version);
    if (d->change == CONTENTS_CHANGED) {
        buf_add_c(out, " -> ");
        add_plain(out, d->after->version);
    }
    int64_t bytes = (d->after == NULL ? 0 : (int64_t)d->after->bytes) -
                    (d->before == NULL ? 0 : (int64_t)d->before->bytes);
    buf_addf(out, "  %+.1f MB\n", (double)bytes / 1e6);
}

static void add_file(const struct contents_difference *d, struct buf *out) {
    const struct image_node *n = d->after != NULL ? d->after : d->before;
    int64_t bytes = (d->after == NULL ? 0 : (int64_t)d->after->bytes) -
                    (d->before == NULL ? 0 : (int64_t)d->before->bytes);
    buf_addf(out, "%c %+11" PRId64 "  ", change_marks[d->change], bytes);
    add_plain(out, n->path);
    if (d->change == CONTENTS_CHANGED) {
        buf_add_c(out, "  (");
        add_plain(out, d->what);
        buf_add_char(out, ')');
    }
    if (d->package.len > 0) {
        buf_add_c(out, "  [");
        add_plain(out, d->package);
        buf_add_char(out, ']');
    }
    buf_add_char(out, '\n');
}

static void count_changes(const struct contents_diff *diff, size_t ret[3]) {
    for (size_t i = 0; i < diff->file_count; i++) {
        ret[diff->files[i].change]++;
    }
}

static void add_text(const struct contents_diff *diff, bool stat, struct buf *out) {
    size_t counts[3] = { 0 };
    count_changes(diff, counts);
    for (size_t i = 0; i < diff->package_count; i++) {
        add_package(&diff->packages[i], out);
    }
    if (!stat) {
        buf_add_c(out, diff->package_count > 0 && diff->file_count > 0 ? "\n" : "");
        for (size_t i = 0; i < diff->file_count; i++) {
            add_file(&diff->files[i], out);
        }
    }
    buf_addf(out, "%s%zu files added, %zu removed, %zu changed; %+.1f MB, packed %+.1f MB\n",
             out->len > 0 ? "\n" : "", counts[CONTENTS_ADDED], counts[CONTENTS_REMOVED],
             counts[CONTENTS_CHANGED], (double)diff->bytes / 1e6, (double)diff->packed_bytes / 1e6);
}

static void add_member(struct buf *out, const char *name, str value) {
    buf_addf(out, ", \"%s\": ", name);
    buf_add_json(out, value);
}

static void add_json_package(const struct contents_package_difference *d, struct buf *out) {
    const struct contents_package *p = d->after != NULL ? d->after : d->before;
    buf_addf(out, "{\"change\": \"%s\", \"kind\": \"%s\"", change_words[d->change],
             contents_kind_words[p->kind]);
    add_member(out, "name", p->name);
    if (d->before != NULL) {
        add_member(out, "before", d->before->version);
        buf_addf(out, ", \"before_bytes\": %" PRIu64, d->before->bytes);
    }
    if (d->after != NULL) {
        add_member(out, "after", d->after->version);
        buf_addf(out, ", \"after_bytes\": %" PRIu64, d->after->bytes);
    }
    buf_add_char(out, '}');
}

static void add_json_file(const struct contents_difference *d, struct buf *out) {
    buf_addf(out, "{\"change\": \"%s\"", change_words[d->change]);
    add_member(out, "path", (d->after != NULL ? d->after : d->before)->path);
    if (d->before != NULL) {
        buf_addf(out, ", \"before_bytes\": %" PRIu64, d->before->bytes);
    }
    if (d->after != NULL) {
        buf_addf(out, ", \"after_bytes\": %" PRIu64, d->after->bytes);
    }
    if (d->what.len > 0) {
        add_member(out, "what", d->what);
    }
    if (d->package.len > 0) {
        add_member(out, "package", d->package);
    }
    buf_add_char(out, '}');
}

static void add_json(const struct contents_diff *diff, bool stat, struct buf *out) {
    size_t counts[3] = { 0 };
    count_changes(diff, counts);
    buf_addf(out,
             "{\n  \"bytes\": %" PRId64 ",\n  \"packed_bytes\": %" PRId64
             ",\n  \"files_added\": %zu,\n  \"files_removed\": %zu,\n  \"files_changed\": %zu",
             diff->bytes, diff->packed_bytes, counts[CONTENTS_ADDED], counts[CONTENTS_REMOVED],
             counts[CONTENTS_CHANGED]);
    buf_add_c(out, ",\n  \"packages\": [");
    for (size_t i = 0; i < diff->package_count; i++) {
        buf_add_c(out, i > 0 ? ",\n    " : "\n    ");
        add_json_package(&diff->packages[i], out);
    }
    buf_add_c(out, diff->package_count > 0 ? "\n  ]" : "]");
    if (!stat) {
        buf_add_c(out, ",\n  \"files\": [");
        for (size_t i = 0; i < diff->file_count; i++) {
            buf_add_c(out, i > 0 ? ",\n    " : "\n    ");
            add_json_file(&diff->files[i], out);
        }
        buf_add_c(out, diff->file_count > 0 ? "\n  ]" : "]");
    }
    buf_add_c(out, "\n}\n");
}

static int run(struct cli *cli, const void *options) {
    enum { DIFFERENT = EXIT_FAILED, TROUBLE = EXIT_USAGE };
    const struct diff_options *o = options;
    struct err err = ERR_INIT;
    AUTO_CONTENTS_ASSETS before = { .contents = CONTENTS_INIT };
    AUTO_CONTENTS_ASSETS after = { .contents = CONTENTS_INIT };
    struct contents_diff diff;
    if (!contents_open(cli->arena, cli->args[0], o->arch, &before, &err) ||
        !contents_open(cli->arena, cli->args[1], o->arch, &after, &err) ||
        !contents_compare(cli->arena, &before.contents, &after.contents, &diff, &err)) {
        err_wrap(&err, "diff");
        print_err(cli, &err);
        return TROUBLE;
    }
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    if (o->json) {
        add_json(&diff, o->stat, &out);
    } else {
        add_text(&diff, o->stat, &out);
    }
    if (out.full) {
        print_error(cli, "diff: there is too much to print; --stat lists packages only");
        return TROUBLE;
    }
    print_text(stdout, buf_str(&out));
    return diff.file_count + diff.package_count > 0 ? DIFFERENT : EXIT_OK;
}

const struct command command_diff = {
    .name = "diff",
    .arguments = "BEFORE AFTER",
    .summary = "show how two images differ",
    .details = "Each is a folder of assets or a SquashFS image. Lists packages with versions,\n"
               "then files: '+' added, '-' removed, '~' changed. Times are not compared. The\n"
               "exit code is 0 if the images are the same, 1 if they differ, 2 on an error.",
    .options = diff_option_rows,
    .option_count = ARRAY_LEN(diff_option_rows),
    .options_size = sizeof(struct diff_options),
    .args_min = 2,
    .args_max = 2,
    .run = run,
};
