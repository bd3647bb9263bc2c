// SPDX-License-Identifier: Apache-2.0
/* new: a guest folder of one's own, made of chosen parts of another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/epoch.h"
#include "cli/progress.h"
#include "oci/oci.h"

struct new_options {
    const char *from;
    bool non_interactive;
    bool force;
    const char *name;
    const char *version;
    const char *description;
    const char *base;
    struct option_list chosen[NEW_KINDS];
};

#define NEW_CHOICE(option, value_name, which, text)                                                \
    {                                                                                              \
        .name = option, .kind = OPTION_LIST,                                                       \
        .offset = offsetof(struct new_options, chosen) + (which) * sizeof(struct option_list),     \
        .value = value_name, .help = text                                                          \
    }

static const struct option new_option_rows[] = {
    { .name = "from",
      .kind = OPTION_STRING,
      .offset = offsetof(struct new_options, from),
      .value = "DIR",
      .help = "source guest folder (default: guest)" },
    { .name = "non-interactive",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct new_options, non_interactive),
      .help = "do not ask; take everything not set by an option" },
    { .name = "force",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct new_options, force),
      .help = "replace the folders config, artifacts and agent in TARGET" },
    { .name = "name",
      .kind = OPTION_STRING,
      .offset = offsetof(struct new_options, name),
      .value = "NAME",
      .help = "name of the image (default: name of TARGET)" },
    { .name = "image-version",
      .kind = OPTION_STRING,
      .offset = offsetof(struct new_options, version),
      .value = "V",
      .help = "version of the image (default: 0.1.0)" },
    { .name = "description",
      .kind = OPTION_STRING,
      .offset = offsetof(struct new_options, description),
      .value = "TEXT",
      .help = "one-line description of the image" },
    { .name = "base",
      .kind = OPTION_STRING,
      .offset = offsetof(struct new_options, base),
      .value = "IMAGE",
      .help = "the base image of every architecture" },
    NEW_CHOICE("arch", "A", NEW_ARCHITECTURES, "architectures: names or '*'; may be repeated"),
    NEW_CHOICE("ai-provider", "NAME", NEW_PROVIDERS, "AI providers: names, '*', or '-' for none"),
    NEW_CHOICE("packages", "NAME", NEW_PACKAGES, "package sets, in the same form"),
    NEW_CHOICE("mcp", "NAME", NEW_MCP_SERVERS, "MCP servers, in the same form"),
    NEW_CHOICE("part", "NAME", NEW_PARTS,
               "security, resources, environment, in the same form (default: '*')"),
};

static const struct new_options new_defaults = { .from = "guest" };

/* ---- what an answer may be ---- */

static bool check_text(struct arena *a, str answer, struct err *err) {
    (void)a;
    return ask_is_plain(answer) || err_set(err, "it is not one line of UTF-8 text");
}

static bool check_word(struct arena *a, str answer, struct err *err) {
    if (!check_text(a, answer, err)) {
        return false;
    }
    if (answer.len == 0) {
        return err_set(err, "it is empty");
    }
    if (str_find_char(answer, '/', 0) != STR_NONE) {
        return err_set(err, "it contains a slash");
    }
    return answer.len <= 200 || err_set(err, "it has more than 200 bytes");
}

static bool check_base(struct arena *a, str answer, struct err *err) {
    struct oci_reference ref;
    return check_text(a, answer, err) && oci_reference_parse(a, answer, &ref, err);
}

/* ---- the answers ---- */

/* One text of the new folder: an option's value, else an answer, else the preset. */
static bool get_text(struct cli *cli, const struct new_options *o, const char *option,
                     const char *given, const char *question, str preset, ask_check *check,
                     str *ret) {
    struct err err = ERR_INIT;
    if (given == NULL && !o->non_interactive) {
        return ask_text(cli, question, preset, check, ret);
    }
    *ret = given != NULL ? str_from_c(given) : preset;
    if (check(cli->arena, *ret, &err)) {
        return true;
    }
    err_wrap(&err, "new: --%s", option);
    print_err(cli, &err);
    return false;
}

static bool get_choice(struct cli *cli, struct scaffold_guest *g, const struct new_options *o,
                       enum scaffold_kind kind) {
    const struct option_list *given = &o->chosen[kind];
    struct scaffold_menu *menu = &g->menus[kind];
    struct err err = ERR_INIT;
    if (given->len == 0 && !o->non_interactive && menu->len > 0 && kind != NEW_PARTS) {
        return ask_menu(cli, menu);
    }
    AUTO_BUF words = BUF_INIT(1024 * 1024);
    for (size_t i = 0; i < given->len; i++) {
        buf_addf(&words, "%s ", given->items[i]);
    }
    if (ask_choose(menu, given->len > 0 ? buf_str(&words) : S("*"), &err)) {
        return true;
    }
    err_wrap(&err, "new: --%s", menu->option);
    print_err(cli, &err);
    return false;
}

static str item_label(const struct guest_config *c, enum scaffold_kind kind, size_t i) {
    switch (kind) {
    case NEW_ARCHITECTURES:
        return c->build.architectures.items[i].docker_platform.text;
    case NEW_PROVIDERS:
        return c->providers.items[i].name.text;
    case NEW_PACKAGES:
        return c->package_sets.items[i].name.text;
    case NEW_MCP_SERVERS:
        return c->mcp_servers.items[i].name.text;
    case NEW_PARTS:
        return str_from_c(new_parts[i].label);
    case NEW_KINDS:
        break;
    }
    return S("");
}

static void fill_menus(struct scaffold_guest *g) {
    static const struct scaffold_menu heads[NEW_KINDS] = {
        { .title = "Architectures", .option = "arch", .needed = true },
        { .title = "AI providers", .option = "ai-provider" },
        { .title = "Package sets", .option = "packages" },
        { .title = "MCP servers", .option = "mcp" },
        { .title = "Parts", .option = "part" },
    };
    for (enum scaffold_kind kind = 0; kind < NEW_KINDS; kind++) {
        struct scaffold_menu *menu = &g->menus[kind];
        *menu = heads[kind];
        bool parts = kind == NEW_PARTS;
        menu->len = parts ? new_part_count : scaffold_guest_count(&g->from, kind);
        menu->items = ARENA_ARRAY(g->arena, struct scaffold_item, menu->len);
        for (size_t i = 0; i < menu->len; i++) {
            str key =
                parts ? str_from_c(new_parts[i].name) : scaffold_guest_head(&g->from, kind, i)->key;
            menu->items[i] =
                (struct scaffold_item){ .key = key, .label = item_label(&g->from, kind, i) };
        }
    }
}

/* The last part of TARGET; "guest" for ".." and the root. */
static str preset_name(struct arena *a, const char *target) {
    char path[PATH_MAX];
    str clean = path_clean(a, str_from_c(target));
    if (str_eq(clean, S(".")) && getcwd(path, sizeof path) != NULL) {
        clean = str_dup(a, str_from_c(path));
    }
    str base = path_base(clean);
    return base.len == 0 || str_eq(base, S("..")) ? S("guest") : base;
}

static bool get_answers(struct cli *cli, struct scaffold_guest *g, const struct new_options *o) {
    const struct guest_config *from = &g->from;
    str base = from->build.architectures.items[0].base_image.text;
    str name = preset_name(g->arena, g->target);
    if (!get_text(cli, o, "name", o->name, "Name of the image", name, check_word, &g->name) ||
        !get_text(cli, o, "image-version", o->version, "Version", S("0.1.0"), check_word,
                  &g->version) ||
        !get_text(cli, o, "description", o->description, "Description",
                  from->image.description.text, check_text, &g->description) ||
        !get_text(cli, o, "base", o->base, "Base image", base, check_base, &g->base)) {
        return false;
    }
    if (o->base == NULL && str_eq(g->base, base)) {
        g->base = S(""); /* each architecture keeps its own */
    }
    for (enum scaffold_kind kind = 0; kind < NEW_KINDS; kind++) {
        if (!get_choice(cli, g, o, kind)) {
            return false;
        }
    }
    return true;
}

/* ---- the command ---- */

/* Would what is made be a part of what it is made from? */
static bool is_inside(struct arena *a, const char *target, const char *from) {
    char outer[PATH_MAX], inner[PATH_MAX];
    str path = path_clean(a, str_from_c(target));
    if (realpath(from, outer) == NULL) {
        return false;
    }
    while (realpath(str_to_c(a, path), inner) == NULL) {
        str parent = path_dir(path);
        if (str_eq(parent, path)) {
            return false;
        }
        path = parent;
    }
    size_t len = strlen(outer);
    return strncmp(inner, outer, len) == 0 && (inner[len] == '\0' || inner[len] == '/');
}

static bool target_is_fine(struct cli *cli, const char *target, const struct new_options *o) {
    const char *existing = scaffold_find_existing(cli->arena, target);
    if (!ask_is_plain(str_from_c(target)) || target[0] == '\0') {
        print_error(cli, "new: the folder name is %s",
                    target[0] == '\0' ? "empty" : "not one line of UTF-8 text");
    } else if (!fs_is_dir(AT_FDCWD, o->from)) {
        print_error(cli, "new: '%s' is not a folder; --from names the guest folder to start from",
                    o->from);
    } else if (is_inside(cli->arena, target, o->from)) {
        print_error(cli, "new: '%s' would be inside its source folder '%s'", target, o->from);
    } else if (existing != NULL && !o->force) {
        print_error(cli, "new: '%s' already exists; --force replaces it", existing);
    } else {
        return true;
    }
    return false;
}

static int run(struct cli *cli, const void *options) {
    const struct new_options *o = options;
    struct scaffold_guest g = { .arena = cli->arena,
                                .interrupted = &interrupted,
                                .target = cli->args[0] };
    if (!epoch_of_environment(cli, &g.has_epoch, &g.epoch_s)) {
        return EXIT_FAILED;
    }
    struct sources sources;
    struct diag_sink sink;
    struct err err = ERR_INIT;
    if (!target_is_fine(cli, g.target, o)) {
        return EXIT_FAILED;
    }
    sources_init(&sources, cli->arena);
    diag_sink_init(&sink, cli->arena, &sources);
    g.sources = &sources;
    if (!config_load(cli->arena, &sources, &sink, o->from, NULL, &g.from)) {
        print_diags(cli, &sink, stderr);
        return EXIT_FAILED;
    }
    interrupt_catch();
    fill_menus(&g);
    if (!get_answers(cli, &g, o)) {
        return interrupt_exit_code();
    }
    struct sources made;
    sources_init(&made, cli->arena);
    diag_sink_init(&sink, cli->arena, &made);
    if (!scaffold_guest_make(&g, &sink, &err)) {
        print_diags(cli, &sink, stderr);
        err_wrap(&err, "new '%s'", g.target);
        print_err(cli, &err);
        return interrupt_exit_code();
    }
    AUTO_BUF word = BUF_INIT(4 * PATH_MAX);
    buf_add_shell_word(&word, str_from_c(g.target));
    printf("created %s from %s\n"
           "\n"
           "    capsem-builder validate %s\n"
           "    capsem-builder build %s\n"
           "    capsem-builder run\n",
           g.target, o->from, word.ptr, word.ptr);
    return EXIT_OK;
}

const struct command command_new = {
    .name = "new",
    .arguments = "TARGET",
    .summary = "create a guest folder from selected parts of another",
    .details = "Asks for the image's name and the parts to take from the source folder. Writes\n"
               "TARGET with the chosen providers, package sets and MCP servers, all other files\n"
               "of the source folder, and a new manifest.toml.",
    .options = new_option_rows,
    .option_count = ARRAY_LEN(new_option_rows),
    .options_size = sizeof(struct new_options),
    .defaults = &new_defaults,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
