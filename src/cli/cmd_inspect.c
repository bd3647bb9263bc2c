// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/wrap.h"
#include "config/config.h"

enum { OUTPUT_BYTES_MAX = 256 * 1024 * 1024 };

struct inspect_options {
    bool json;
};

static const struct option inspect_option_rows[] = {
    { .name = "json",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct inspect_options, json),
      .help = "print the whole configuration, with defaults filled in" },
};

/* Width of the first column that fits all names. */
static size_t column_width(size_t width, str name) {
    enum { WIDTH_MAX = 32 };
    return max_size(width, min_size(text_width(name), WIDTH_MAX));
}

static void add_cell(struct buf *out, size_t width, str text) {
    buf_add(out, text);
    size_t used = text_width(text);
    buf_add_repeat(out, ' ', 2 + (width > used ? width - used : 0));
}

static void add_name(struct buf *out, size_t width, str name) {
    buf_add_c(out, "  ");
    add_cell(out, width, name);
}

/* The columns of a list: keys are what 'new' and the files go by, names are for people. */
struct columns {
    size_t key;
    size_t name;
};

static void widen(struct columns *c, const struct config_head *head, str name) {
    c->key = column_width(c->key, head->key);
    c->name = column_width(c->name, name);
}

static void add_key_and_name(struct buf *out, const struct columns *c,
                             const struct config_head *head, str name) {
    add_name(out, c->key, head->key);
    add_cell(out, c->name, name);
}

static void add_image(const struct config_image *image, size_t columns, struct buf *out) {
    if (!image->head.present) {
        buf_add_c(out, "unnamed image (no manifest.toml)\n");
        return;
    }
    buf_addf(out, "%.*s %.*s\n", STR_FMT(image->name.text), STR_FMT(image->version.text));
    if (image->description.text.len > 0) {
        add_wrapped(out, image->description.text, 0, columns);
    }
}

static void add_build(const struct config_build *build, struct buf *out) {
    size_t width = sizeof "compression" - 1;
    for (size_t i = 0; i < build->architectures.len; i++) {
        width = column_width(width, build->architectures.items[i].head.key);
    }
    buf_add_c(out, "\nBuild\n");
    add_name(out, width, S("compression"));
    buf_addf(out, "%.*s, level %" PRId64 "\n", STR_FMT(build->compression.text),
             config_codec_level(build));
    for (size_t i = 0; i < build->architectures.len; i++) {
        const struct config_architecture *a = &build->architectures.items[i];
        add_name(out, width, a->head.key);
        buf_addf(out, "%.*s, %.*s\n", STR_FMT(a->docker_platform.text),
                 STR_FMT(a->rust_target.text));
    }
}

static void add_providers(const struct guest_config *config, size_t columns, struct buf *out) {
    struct columns width = { 0 };
    for (size_t i = 0; i < config->providers.len; i++) {
        widen(&width, &config->providers.items[i].head, config->providers.items[i].name.text);
    }
    if (config->providers.len > 0) {
        buf_add_c(out, "\nAI Providers\n");
    }
    for (size_t i = 0; i < config->providers.len; i++) {
        const struct config_provider *p = &config->providers.items[i];
        add_key_and_name(out, &width, &p->head, p->name.text);
        buf_add_c(out, p->enabled.value ? "enabled   " : "disabled  ");
        AUTO_BUF domains = BUF_INIT(OUTPUT_BYTES_MAX);
        for (size_t d = 0; d < p->network.domains.len; d++) {
            buf_addf(&domains, "%s%.*s", d > 0 ? ", " : "",
                     STR_FMT(p->network.domains.items[d].text));
        }
        size_t indent = width.key + width.name + strlen("      disabled  ");
        add_wrapped(out, buf_str(&domains), indent, columns);
    }
}

static void add_package_sets(const struct guest_config *config, struct buf *out) {
    struct columns width = { 0 };
    for (size_t i = 0; i < config->package_sets.len; i++) {
        widen(&width, &config->package_sets.items[i].head, config->package_sets.items[i].name.text);
    }
    if (config->package_sets.len > 0) {
        buf_add_c(out, "\nPackage Sets\n");
    }
    for (size_t i = 0; i < config->package_sets.len; i++) {
        const struct config_package_set *set = &config->package_sets.items[i];
        add_key_and_name(out, &width, &set->head, set->name.text);
        buf_addf(out, "%.*s, %zu package%s\n", STR_FMT(set->manager.text), set->packages.len,
                 set->packages.len == 1 ? "" : "s");
    }
}

static void add_mcp_servers(const struct guest_config *config, struct buf *out) {
    struct columns width = { 0 };
    for (size_t i = 0; i < config->mcp_servers.len; i++) {
        widen(&width, &config->mcp_servers.items[i].head, config->mcp_servers.items[i].name.text);
    }
    if (config->mcp_servers.len > 0) {
        buf_add_c(out, "\nMCP Servers\n");
    }
    for (size_t i = 0; i < config->mcp_servers.len; i++) {
        const struct config_mcp_server *server = &config->mcp_servers.items[i];
        add_key_and_name(out, &width, &server->head, server->name.text);
        buf_addf(out, "%.*s%s\n", STR_FMT(server->transport.text),
                 server->enabled.value ? "" : ", disabled");
    }
}

static void add_resources(const struct config_resources *r, struct buf *out) {
    buf_add_c(out, "\nVM Resources\n");
    buf_addf(out, "  CPUs          %" PRId64 "\n", r->cpu_count.value);
    buf_addf(out, "  memory        %" PRId64 " GB\n", r->ram_gb.value);
    buf_addf(out, "  scratch disk  %" PRId64 " GB\n", r->scratch_disk_size_gb.value);
    buf_addf(out, "  sessions      at most %" PRId64 ", kept %" PRId64 " days, %" PRId64 " GB\n",
             r->max_sessions.value, r->retention_days.value, r->max_disk_gb.value);
}

/* `columns` of the terminal, 0 when it is none. */
static void add_summary(const struct guest_config *config, size_t columns, struct buf *out) {
    add_image(&config->image, columns, out);
    add_build(&config->build, out);
    add_providers(config, columns, out);
    add_package_sets(config, out);
    add_mcp_servers(config, out);
    add_resources(&config->resources, out);
}

static int run(struct cli *cli, const void *options) {
    const struct inspect_options *o = options;
    const char *guest = cli_guest_dir(cli);
    if (guest == NULL) {
        return EXIT_FAILED;
    }
    struct sources sources;
    struct diag_sink sink;
    struct guest_config config;
    sources_init(&sources, cli->arena);
    diag_sink_init(&sink, cli->arena, &sources);
    if (!config_load(cli->arena, &sources, &sink, guest,
                     &(struct config_options){ .config_only = true }, &config)) {
        print_diags(cli, &sink, stderr);
        return EXIT_FAILED;
    }
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    if (o->json) {
        config_dump_json(&config, &out);
    } else {
        AUTO_BUF summary = BUF_INIT(OUTPUT_BYTES_MAX);
        add_summary(&config, cli->width_out, &summary);
        add_plain_lines(&out, str_trim_right(buf_str(&summary)));
    }
    print_text(stdout, buf_str(&out));
    return EXIT_OK;
}

const struct command command_inspect = {
    .name = "inspect",
    .arguments = "[GUEST]",
    .summary = "show the configuration of a guest folder",
    .details = "Prints a summary or, with --json, everything. The exit code is 1 if "
               "the\nconfiguration does not load; errors go to stderr.",
    .options = inspect_option_rows,
    .option_count = ARRAY_LEN(inspect_option_rows),
    .options_size = sizeof(struct inspect_options),
    .args_max = 1,
    .run = run,
};
