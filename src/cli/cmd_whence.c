// SPDX-License-Identifier: Apache-2.0
/* whence: where a file of an image comes from. */
#include <inttypes.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "contents/contents.h"

enum { OUTPUT_BYTES_MAX = 16 * 1024 * 1024 };

struct whence_options {
    const char *arch;
};

static const struct option whence_option_rows[] = {
    { .name = "arch",
      .kind = OPTION_STRING,
      .offset = offsetof(struct whence_options, arch),
      .value = "NAME",
      .help = "architecture (default: the one built last)" },
};

static void add_row(struct buf *out, const char *what, str text) {
    buf_addf(out, "  %-8s ", what);
    add_plain(out, text);
    buf_add_char(out, '\n');
}

static str describe_node(struct arena *a, const struct image_node *n) {
    if (S_ISLNK(n->mode)) {
        return str_fmt(a, "link to %.*s", STR_FMT(n->link));
    }
    if (S_ISDIR(n->mode)) {
        return str_fmt(a, "folder, mode %04o, owner %u:%u", n->mode & 07777, n->uid, n->gid);
    }
    return str_fmt(a, "%" PRIu64 " bytes, packed %" PRIu64 ", mode %04o, owner %u:%u", n->bytes,
                   n->packed_bytes, n->mode & 07777, n->uid, n->gid);
}

/* "libjq1, which jq needs", up to the package that a line names. */
static void add_reason(struct arena *a, const struct contents *c, size_t package, struct buf *out) {
    enum { CHAIN_MAX = 64 };
    for (int i = 0; i < CHAIN_MAX && c->packages[package].needed_by != CONTENTS_NONE; i++) {
        package = c->packages[package].needed_by;
        add_row(out, "needed",
                str_fmt(a, "by %.*s %.*s", STR_FMT(c->packages[package].name),
                        STR_FMT(c->packages[package].version)));
    }
    size_t line = c->packages[package].line;
    if (line != CONTENTS_NONE) {
        add_row(out, "line",
                str_fmt(a, "%.*s: \"%.*s\"", STR_FMT(c->lines[line].place),
                        STR_FMT(c->lines[line].name)));
    } else {
        add_row(out, "line", S("none: it is of the base image or of a template"));
    }
}

static void add_text(struct cli *cli, const struct contents_assets *assets, size_t node,
                     struct buf *out) {
    const struct contents *c = &assets->contents;
    const struct image_node *n = &c->nodes[node];
    AUTO_STORE store = NULL;
    struct contents_step step;
    add_plain(out, n->path);
    buf_add_char(out, '\n');
    add_row(out, "file", describe_node(cli->arena, n));
    if (c->owner[node] != CONTENTS_NONE) {
        const struct contents_package *p = &c->packages[c->owner[node]];
        add_row(out, "package",
                str_fmt(cli->arena, "%.*s %.*s (%s)", STR_FMT(p->name), STR_FMT(p->version),
                        contents_kind_words[p->kind]));
        add_reason(cli->arena, c, c->owner[node], out);
    } else {
        add_row(out, "package", S("none"));
    }
    if (fs_is_dir(AT_FDCWD, cli->cache_dir) && store_open(cli->cache_dir, &store, NULL) &&
        contents_find_step(cli->arena, assets, store, n->path, &step)) {
        add_row(out, "step",
                str_fmt(cli->arena, "%.*s %zu/%zu: %.*s", STR_FMT(step.template), step.number,
                        step.count, STR_FMT(step.text)));
    } else {
        add_row(out, "step", S("not known: the base image's, or the store has no layer of it"));
    }
}

static int run(struct cli *cli, const void *options) {
    const struct whence_options *o = options;
    struct err err = ERR_INIT;
    AUTO_CONTENTS_ASSETS assets = { .contents = CONTENTS_INIT };
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    if (!contents_open(cli->arena, cli->args[0], o->arch, &assets, &err)) {
        err_wrap(&err, "whence");
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    size_t node = contents_find_path(cli->arena, &assets.contents, str_from_c(cli->args[1]));
    if (node == CONTENTS_NONE) {
        print_error(cli, "whence: the image '%s' does not have '%s'", assets.image, cli->args[1]);
        return EXIT_FAILED;
    }
    add_text(cli, &assets, node, &out);
    print_text(stdout, buf_str(&out));
    return EXIT_OK;
}

const struct command command_whence = {
    .name = "whence",
    .arguments = "ASSETS PATH",
    .summary = "show where a file of an image comes from",
    .details = "PATH is a file of the image, such as /usr/bin/jq. Shows its package, the package\n"
               "that needs that one, the line of the config that asked for it, and the step that\n"
               "wrote it if the store still has the layers of the build.",
    .options = whence_option_rows,
    .option_count = ARRAY_LEN(whence_option_rows),
    .options_size = sizeof(struct whence_options),
    .args_min = 2,
    .args_max = 2,
    .run = run,
};
