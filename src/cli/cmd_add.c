// SPDX-License-Identifier: Apache-2.0
/* add: one more file of the config, from a template. */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "config/config.h"
#include "jinja/jinja.h"
#include "scaffold/scaffold.h"

/* made by recipe/embed.py */

struct add_options {
    const char *dir;
    const char *manager;
    const char *transport;
    bool force;
};

static const char *const transport_words[] = { "stdio", "sse", NULL };

static const struct option add_option_rows[] = {
    { .name = "dir",
      .kind = OPTION_STRING,
      .offset = offsetof(struct add_options, dir),
      .value = "DIR",
      .help = "guest folder (default: guest)" },
    { .name = "manager",
      .kind = OPTION_WORD,
      .offset = offsetof(struct add_options, manager),
      .value = "M",
      .words = config_manager_words,
      .help = "install manager" },
    { .name = "transport",
      .kind = OPTION_WORD,
      .offset = offsetof(struct add_options, transport),
      .value = "T",
      .words = transport_words,
      .help = "transport of an MCP server (default: stdio)" },
    { .name = "force",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct add_options, force),
      .help = "replace an existing file" },
};

static const struct add_options add_defaults = { .dir = "guest" };

/* One row a kind of file. */
static const struct kind {
    const char *word;
    const char *folder;
    const char *manager; /* default; NULL: takes none */
    bool transport;
    const char *template;
    const size_t *template_len;
} kinds[] = {
    { "ai-provider", "ai", "npm", false, template_add_provider, &template_add_provider_len },
    { "packages", "packages", "apt", false, template_add_packages, &template_add_packages_len },
    { "mcp", "mcp", NULL, true, template_add_mcp, &template_add_mcp_len },
};

static const struct kind *find_kind(const struct cli *cli, const char *word) {
    str words[ARRAY_LEN(kinds)];
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        words[i] = str_from_c(kinds[i].word);
        if (strcmp(kinds[i].word, word) == 0) {
            return &kinds[i];
        }
    }
    str near = nearest_word(str_from_c(word), words, ARRAY_LEN(words));
    if (near.ptr != NULL) {
        print_error(cli, "add: cannot add '%s', did you mean '%.*s'?", word, STR_FMT(near));
    } else {
        print_error(cli, "add: cannot add '%s': it is one of ai-provider, packages, mcp", word);
    }
    return NULL;
}

static bool is_name(str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool inner = i > 0 && (c == '_' || c == '-');
        if (!(c >= 'a' && c <= 'z') && !char_is_digit(c) && !inner) {
            return false;
        }
    }
    return name.len > 0;
}

/* "my-tool" gives MY_TOOL_API_KEY; no variable begins with a digit. */
static str variable_name(struct arena *a, str name) {
    char *text = (char *)arena_alloc(a, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        text[i] = c == '-' ? '_' : (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
    }
    return str_fmt(a, "%s%s_API_KEY", char_is_digit(name.ptr[0]) ? "KEY_" : "", text);
}

static void put(struct jinja_value dict, const char *key, str value) {
    jinja_dict_put(dict, str_from_c(key), jinja_string(value));
}

static bool render(struct cli *cli, const struct kind *kind, const struct add_options *o, str name,
                   str *ret) {
    const struct config_manager_row *m = &config_managers[0];
    const char *word = o->manager != NULL ? o->manager : kind->manager;
    for (size_t i = 0; word != NULL && i < CONFIG_MANAGER_COUNT; i++) {
        m = strcmp(config_managers[i].word, word) == 0 ? &config_managers[i] : m;
    }
    struct jinja_value context = jinja_dict_new(cli->arena);
    put(context, "name", name);
    put(context, "variable", variable_name(cli->arena, name));
    put(context, "transport", str_from_c(o->transport != NULL ? o->transport : "stdio"));
    put(context, "manager", str_from_c(m->word));
    put(context, "install_cmd", str_from_c(m->install_cmd));
    put(context, "package", m->package != NULL ? str_from_c(m->package) : name);
    put(context, "network", str_from_c(m->network));
    put(context, "domains", str_from_c(m->domains));

    struct sources sources;
    struct diag_sink sink;
    struct jinja_output output;
    sources_init(&sources, cli->arena);
    diag_sink_init(&sink, cli->arena, &sources);
    uint32_t source = sources_add(&sources, str_fmt(cli->arena, "add %s", kind->word),
                                  (str){ kind->template, *kind->template_len });
    struct jinja_env *env = jinja_env_new(cli->arena, &jinja_options_builder);
    const struct jinja_template *t = jinja_parse(env, &sources, source, &sink);
    if (t == NULL || !jinja_render(t, context, cli->arena, &sink, &output)) {
        print_diags(cli, &sink, stderr);
        return false;
    }
    *ret = output.text;
    return true;
}

/* Another file of the folder may have the key: then the new one would be E008. */
static bool key_is_free(const struct cli *cli, const struct kind *kind, const char *dir,
                        const char *path) {
    const char *name = cli->args[1];
    struct sources sources;
    struct diag_sink sink;
    struct guest_config config;
    sources_init(&sources, cli->arena);
    diag_sink_init(&sink, cli->arena, &sources);
    (void)config_load(cli->arena, &sources, &sink, dir,
                      &(struct config_options){ .config_only = true }, &config);
    const struct config_head *found = NULL;
    str key = str_from_c(name);
    for (size_t i = 0; kind == &kinds[0] && i < config.providers.len; i++) {
        const struct config_head *h = &config.providers.items[i].head;
        found = str_eq(h->key, key) ? h : found;
    }
    for (size_t i = 0; kind == &kinds[1] && i < config.package_sets.len; i++) {
        const struct config_head *h = &config.package_sets.items[i].head;
        found = str_eq(h->key, key) ? h : found;
    }
    for (size_t i = 0; kind == &kinds[2] && i < config.mcp_servers.len; i++) {
        const struct config_head *h = &config.mcp_servers.items[i].head;
        found = str_eq(h->key, key) ? h : found;
    }
    if (found == NULL || !span_is_set(found->key_span)) {
        return true;
    }
    str where = sources.items[found->key_span.source]->path;
    if (str_eq(path_clean(cli->arena, where), path_clean(cli->arena, str_from_c(path)))) {
        return true;
    }
    print_error(cli, "add: '%s' is already defined in '%.*s'", name, STR_FMT(where));
    return false;
}

/* NULL after printing what is wrong with the arguments; *ret_exit says how it ends. */
static const struct kind *check_arguments(const struct cli *cli, const struct add_options *o,
                                          int *ret_exit) {
    *ret_exit = EXIT_USAGE;
    const struct kind *kind = find_kind(cli, cli->args[0]);
    if (kind == NULL) {
        return NULL;
    }
    if ((o->manager != NULL && kind->manager == NULL) ||
        (o->transport != NULL && !kind->transport)) {
        print_error(cli, "add: --%s is not for '%s'", o->manager != NULL ? "manager" : "transport",
                    kind->word);
        return NULL;
    }
    *ret_exit = EXIT_FAILED;
    if (!is_name(str_from_c(cli->args[1]))) {
        AUTO_BUF shown = BUF_INIT(64 * 1024);
        buf_add_json(&shown, str_from_c(cli->args[1]));
        print_error(cli,
                    "add: %s is not a name: use lowercase letters, digits, '-' and '_', starting "
                    "with a letter or digit",
                    shown.ptr);
        return NULL;
    }
    return kind;
}

static int run(struct cli *cli, const void *options) {
    const struct add_options *o = options;
    struct err err = ERR_INIT;
    int status;
    const struct kind *kind = check_arguments(cli, o, &status);
    if (kind == NULL) {
        return status;
    }
    const char *config = path_join(cli->arena, o->dir, "config");
    if (!fs_is_dir(AT_FDCWD, config)) {
        print_error(cli,
                    "add: the config folder '%s' is missing; 'capsem-builder init %s' creates one",
                    config, o->dir);
        return EXIT_FAILED;
    }
    const char *folder = path_join(cli->arena, config, kind->folder);
    const char *path =
        path_join(cli->arena, folder, str_fmt(cli->arena, "%s.toml", cli->args[1]).ptr);
    struct stat st;
    if (!o->force && fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        print_error(cli, "add: '%s' already exists; --force replaces it", path);
        return EXIT_FAILED;
    }
    str text;
    if (!key_is_free(cli, kind, o->dir, path) ||
        !render(cli, kind, o, str_from_c(cli->args[1]), &text)) {
        return EXIT_FAILED;
    }
    if (!fs_mkdir_p(AT_FDCWD, folder, 0755, &err) ||
        !fs_store_synced(AT_FDCWD, path, text, 0644, &err)) {
        err_wrap(&err, "add '%s'", cli->args[1]);
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    printf("wrote %s; edit it, then run 'capsem-builder validate %s'\n", path, o->dir);
    return EXIT_OK;
}

const struct command command_add = {
    .name = "add",
    .arguments = "ai-provider|packages|mcp NAME",
    .summary = "add a provider, a package set or an MCP server",
    .details =
        "Writes config/ai/NAME.toml, config/packages/NAME.toml or config/mcp/NAME.toml.\nThe file "
        "is valid as written; its comments say what to change.",
    .options = add_option_rows,
    .option_count = ARRAY_LEN(add_option_rows),
    .options_size = sizeof(struct add_options),
    .defaults = &add_defaults,
    .args_min = 2,
    .args_max = 2,
    .run = run,
};
