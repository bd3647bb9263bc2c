// SPDX-License-Identifier: Apache-2.0
/* Warnings: what loads, and is probably not meant. W014 is said where keys are read (record.c). */
#include <inttypes.h>

#include "config/internal.h"
#include "machine/machine.h"

static struct span file_span(struct loader *l, const char *path) {
    const struct config_file_text *file = find_file(l, path);
    if (file != NULL && file->doc != NULL) {
        return (struct span){ .source = file->source };
    }
    const char *full = path_join(l->arena, l->config->config_dir, path);
    str shown = path_clean(l->arena, str_from_c(full));
    return (struct span){ .source = sources_add_path(l->sources, shown) };
}

/* ---- texts: W003, W006 ---- */

static void lint_secret(struct loader *l, const struct config_text *value, const char *where) {
    size_t start;
    size_t end;
    if (!span_is_set(value->span) || !secret_find(value->text, 0, &start, &end)) {
        return;
    }
    struct diag *d =
        diag_report(l->sink, "W003", value->span, "%s holds what looks like a secret", where);
    d->secret = true;
    diag_help(l->sink, d, "anyone with the image can read the secret: provide it at run time");
}

static void lint_placeholder(struct loader *l, const struct config_text *value) {
    static const str words[] = { S_INIT("TODO"), S_INIT("FIXME"), S_INIT("CHANGEME"),
                                 S_INIT("REPLACE_ME"), S_INIT("XXX") };
    str text = str_trim(value->text);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (span_is_set(value->span) && str_eq_nocase(text, words[i])) {
            diag_report(l->sink, "W006", value->span, "the content is a placeholder: %.*s",
                        STR_FMT(text));
        }
    }
}

static void lint_content(struct loader *l, const struct config_file *file, const char *where) {
    lint_secret(l, &file->content, where);
    lint_placeholder(l, &file->content);
}

static void lint_pairs(struct loader *l, const struct config_pairs *pairs, const char *what) {
    for (size_t i = 0; i < pairs->len; i++) {
        str where = str_fmt(l->arena, "%s '%.*s'", what, STR_FMT(pairs->items[i].key));
        lint_secret(l, &pairs->items[i].value, where.ptr);
    }
}

/* ---- domains: W005, W007 ---- */

/* "*", "*.com" and the like, "*.xyz": a suffix of at most three characters. */
static bool is_broad(str domain) {
    static const str zones[] = { S_INIT("com"), S_INIT("net"), S_INIT("org"), S_INIT("io"),
                                 S_INIT("dev"), S_INIT("co"),  S_INIT("us"),  S_INIT("uk"),
                                 S_INIT("eu"),  S_INIT("app") };
    if (str_eq(domain, S("*"))) {
        return true;
    }
    if (!str_starts(domain, S("*."))) {
        return false;
    }
    str suffix = str_slice(domain, 2, domain.len);
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        if (str_eq_nocase(suffix, zones[i])) {
            return true;
        }
    }
    return suffix.len <= 3 && str_find_char(suffix, '.', 0) == STR_NONE;
}

static void lint_domains(struct loader *l, const struct config_list *list) {
    for (size_t i = 0; i < list->len; i++) {
        if (is_broad(list->items[i].text)) {
            diag_report(l->sink, "W007", list->items[i].span, "the wildcard '%.*s' is too broad",
                        STR_FMT(list->items[i].text));
        }
    }
}

static void lint_services(struct loader *l, const struct config_web_services *services) {
    for (size_t i = 0; i < services->len; i++) {
        lint_domains(l, &services->items[i].domains);
    }
}

static void lint_shared_entries(struct loader *l, const struct config_web *web) {
    struct map allowed;
    map_init(&allowed, l->arena);
    for (size_t i = 0; i < web->custom_allow.len; i++) {
        struct config_text *item = &web->custom_allow.items[i];
        if (!map_has(&allowed, item->text)) {
            map_put(&allowed, item->text, item);
        }
    }
    for (size_t i = 0; i < web->custom_block.len; i++) {
        const struct config_text *blocked = &web->custom_block.items[i];
        const struct config_text *item = map_find(&allowed, blocked->text);
        if (item == NULL) {
            continue;
        }
        bool in_order = item->span.start < blocked->span.start;
        struct span first = in_order ? item->span : blocked->span;
        struct span second = in_order ? blocked->span : item->span;
        struct diag *d =
            diag_report(l->sink, "W005", second, "'%.*s' is in both custom_allow and custom_block",
                        STR_FMT(blocked->text));
        diag_note(l->sink, d, first, "first listed here");
        map_put(&allowed, blocked->text, NULL); /* said once, however often it is listed */
    }
}

static void lint_web(struct loader *l) {
    const struct config_web *web = &l->config->web;
    lint_domains(l, &web->custom_allow);
    lint_domains(l, &web->custom_block);
    lint_services(l, &web->search);
    lint_services(l, &web->registry);
    lint_services(l, &web->repository);
    lint_shared_entries(l, web);
    const struct config_file_text *file = find_file(l, "security/web.toml");
    if (file != NULL && (file->doc == NULL || file->failed)) {
        return; /* what is missing here may be what could not be read */
    }
    if (l->config->package_sets.len > 0 && web->registry.len == 0) {
        diag_report(l->sink, "W001", file_span(l, "security/web.toml"),
                    "package sets are defined, but [web.registry] has no registry");
    }
    if (web->allow_read.value && web->allow_write.value && web->custom_block.len == 0) {
        diag_report(l->sink, "W011", file_span(l, "security/web.toml"),
                    "allow_read and allow_write are both true, and nothing is blocked");
    }
}

/* ---- packages: W002, W004, W009 ---- */

void lint_package_set(struct loader *l, const void *record) {
    const struct config_package_set *set = record;
    for (size_t i = 0; i < set->packages.len; i++) {
        str name = set->packages.items[i].text;
        if (str_ends(name, S("-dev")) || str_ends(name, S("-devel"))) {
            diag_report(l->sink, "W002", set->packages.items[i].span,
                        "'%.*s' is a development package: its headers make the image larger",
                        STR_FMT(name));
        }
    }
    lint_package_names(l, &set->packages);
    if (!set->network.head.present) {
        diag_report(l->sink, "W004", set->head.span,
                    "package set '%.*s' has no network: nothing can be installed at run time",
                    STR_FMT(set->head.key));
    }
    lint_domains(l, &set->network.domains);
    str command = set->install_cmd.text;
    for (size_t i = 0; i < command.len; i++) {
        if (str_find_char(S(";|&`$()"), command.ptr[i], 0) != STR_NONE) {
            diag_report(l->sink, "W009", set->install_cmd.span,
                        "install_cmd contains '%c', which has a special meaning in the shell",
                        command.ptr[i]);
            return;
        }
    }
}

/* ---- providers: W003, W006, W007, W008, W013 ---- */

static void lint_env_vars(struct loader *l, const struct config_provider *provider,
                          struct map *seen) {
    const struct config_list *names = &provider->api_key.env_vars;
    for (size_t i = 0; i < names->len; i++) {
        struct config_text *name = &names->items[i];
        const struct config_text *first = map_find(seen, name->text);
        if (first == NULL) {
            map_put(seen, name->text, name);
            continue;
        }
        struct diag *d =
            diag_report(l->sink, "W008", name->span,
                        "the environment variable '%.*s' is named twice", STR_FMT(name->text));
        diag_note(l->sink, d, first->span, "first named here");
    }
}

void lint_provider(struct loader *l, const void *record) {
    const struct config_provider *provider = record;
    lint_domains(l, &provider->network.domains);
    lint_package_names(l, &provider->install.packages);
    for (size_t i = 0; i < provider->files.len; i++) {
        const struct config_file *file = &provider->files.items[i];
        str where = str_fmt(l->arena, "the file '%.*s'", STR_FMT(file->head.key));
        lint_content(l, file, where.ptr);
    }
    if (provider->enabled.value && provider->cli.head.present &&
        !provider->cli.version_command.present && span_is_set(provider->cli.head.span)) {
        diag_report(l->sink, "W013", provider->cli.head.span,
                    "the cli of '%.*s' has no version_command, so its version is not recorded",
                    STR_FMT(provider->head.key));
    }
}

static void lint_shared_variables(struct loader *l) {
    struct map seen;
    map_init(&seen, l->arena);
    for (size_t i = 0; i < l->config->providers.len; i++) {
        lint_env_vars(l, &l->config->providers.items[i], &seen);
    }
}

/* ---- MCP servers: W003 ---- */

void lint_mcp_server(struct loader *l, const void *record) {
    const struct config_mcp_server *server = record;
    lint_pairs(l, &server->env, "env");
    lint_pairs(l, &server->headers, "header");
}

/* ---- the rest: W010, W012, W015 ---- */

static void lint_build(struct loader *l) {
    const struct config_build *build = &l->config->build;
    for (size_t i = 0; i < build->architectures.len; i++) {
        const struct config_text *target = &build->architectures.items[i].rust_target;
        if (span_is_set(target->span) && machine_of_triple(target->text) != NULL &&
            !str_eq(target->text, S("aarch64-unknown-linux-musl")) &&
            !str_eq(target->text, S("x86_64-unknown-linux-musl"))) {
            diag_report(l->sink, "W012", target->span,
                        "rust_target '%.*s' is not one of the two musl targets, "
                        "aarch64-unknown-linux-musl and x86_64-unknown-linux-musl",
                        STR_FMT(target->text));
        }
    }
    int64_t level = config_codec_level(build);
    if (span_is_set(build->compression_level.span) && level < build->compression_level.value) {
        diag_report(l->sink, "W015", build->compression_level.span,
                    "%.*s has no level %" PRId64 ": %" PRId64 " is used",
                    STR_FMT(build->compression.text), build->compression_level.value, level);
    }
}

static void lint_environment(struct loader *l) {
    const struct config_shell *shell = &l->config->environment.shell;
    lint_content(l, &shell->bashrc, "bashrc");
    lint_content(l, &shell->tmux_conf, "tmux_conf");
    str rest = shell->path.text;
    while (rest.len > 0) {
        str folder = str_cut(&rest, ':');
        if (str_eq(folder, S("/usr/bin")) || str_eq(folder, S("/bin"))) {
            return;
        }
    }
    if (span_is_set(shell->path.span)) {
        diag_report(
            l->sink, "W010", shell->path.span,
            "path includes neither /usr/bin nor /bin, so the shell cannot find common commands");
    }
}

static void lint_records(struct loader *l, const struct file_kind *kind) {
    size_t len;
    const char *items = field_items(&kind->field, l->config, &len);
    for (size_t i = 0; i < len; i++) {
        kind->lint(l, items + i * kind->field.record->size);
    }
}

void lint(struct loader *l) {
    lint_build(l);
    for (size_t i = 0; i < file_kind_count; i++) {
        if (file_kinds[i].lint != NULL) {
            lint_records(l, &file_kinds[i]);
        }
    }
    lint_shared_variables(l);
    lint_web(l);
    lint_environment(l);
}
