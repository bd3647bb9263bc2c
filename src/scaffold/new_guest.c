// SPDX-License-Identifier: Apache-2.0
#include "scaffold/internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct scaffold_part new_parts[] = {
    { "security", "config/security/web.toml", "network access of the guest" },
    { "resources", "config/vm/resources.toml", "resources of the machine" },
    { "environment", "config/vm/environment.toml", "shell environment" },
};
const size_t new_part_count = ARRAY_LEN(new_parts);

size_t scaffold_guest_count(const struct guest_config *config, enum scaffold_kind kind) {
    switch (kind) {
    case NEW_ARCHITECTURES:
        return config->build.architectures.len;
    case NEW_PROVIDERS:
        return config->providers.len;
    case NEW_PACKAGES:
        return config->package_sets.len;
    case NEW_MCP_SERVERS:
        return config->mcp_servers.len;
    case NEW_PARTS:
    case NEW_KINDS:
        break;
    }
    return 0;
}

const struct config_head *scaffold_guest_head(const struct guest_config *config,
                                              enum scaffold_kind kind, size_t index) {
    switch (kind) {
    case NEW_ARCHITECTURES:
        return &config->build.architectures.items[index].head;
    case NEW_PROVIDERS:
        return &config->providers.items[index].head;
    case NEW_PACKAGES:
        return &config->package_sets.items[index].head;
    case NEW_MCP_SERVERS:
        return &config->mcp_servers.items[index].head;
    case NEW_PARTS:
    case NEW_KINDS:
        break;
    }
    ASSERT(false);
    return NULL;
}

/* ---- build.toml and the files of records ---- */

/* One file of the other folder, and what is changed in it. */
struct file {
    const struct scaffold_guest *g;
    const struct source *source;
    const struct toml *doc;
    const struct toml_node **drop;
    size_t drop_len, drop_cap;
    struct toml_edits edits;
};

static void open_file(const struct scaffold_guest *g, uint32_t source, struct file *ret) {
    struct diag_sink ignored; /* it was parsed before, without an error */
    diag_sink_init(&ignored, g->arena, g->sources);
    *ret = (struct file){ .g = g,
                          .source = g->sources->items[source],
                          .doc = toml_parse(g->arena, &ignored, source) };
}

static bool apply(struct file *f, str *ret, struct err *err) {
    if (!toml_edit_drop(&f->edits, f->doc, f->drop, f->drop_len)) {
        str key = toml_key(f->doc, f->drop[0]);
        return err_set(err, "'%.*s' cannot be left out: in '%.*s' it is not a separate [table]",
                       STR_FMT(key), STR_FMT(f->source->path));
    }
    *ret = toml_edit_apply(&f->edits, f->g->arena, f->source->text);
    return true;
}

static void drop(struct file *f, const struct toml_node *node) {
    if (node != NULL) {
        ARENA_PUSH(f->g->arena, f->drop, f->drop_len, f->drop_cap, node);
    }
}

static bool set_base(struct file *f, const struct config_architecture *arch, struct err *err) {
    struct arena *a = f->g->arena;
    str quoted = toml_quote(a, f->g->base);
    str text = f->source->text;
    if (span_is_set(arch->base_image.span)) {
        toml_edit_replace(&f->edits, a, arch->base_image.span.start, arch->base_image.span.end,
                          quoted);
        return true;
    }
    if (arch->head.span.start >= text.len || text.ptr[arch->head.span.start] != '[') {
        return err_set(
            err, "cannot set the base image of '%.*s': in '%.*s' it is not a separate [table]",
            STR_FMT(arch->head.key), STR_FMT(f->source->path));
    }
    size_t end = str_find_char(text, '\n', arch->head.span.end);
    end = end == STR_NONE ? text.len : end;
    end -= end > 0 && text.ptr[end - 1] == '\r';
    toml_edit_replace(&f->edits, a, end, end, str_fmt(a, "\nbase_image = %.*s", STR_FMT(quoted)));
    return true;
}

/* new_copy_files() puts them into agent/. */
static void set_guest_source(struct file *f) {
    const struct config_text *source = &f->g->from.build.guest_source;
    if (span_is_set(source->span) && f->g->from.agent_dir != NULL) {
        toml_edit_replace(&f->edits, f->g->arena, source->span.start, source->span.end,
                          S("\"agent\""));
    }
}

static bool write_build(const struct scaffold_guest *g, const struct scaffold *s, struct err *err) {
    const struct scaffold_menu *menu = &g->menus[NEW_ARCHITECTURES];
    struct file f;
    str text;
    open_file(g, g->from.build.head.span.source, &f);
    const struct toml_node *build = toml_find(f.doc, toml_root(f.doc), S("build"));
    const struct toml_node *all = toml_find(f.doc, build, S("architectures"));
    for (size_t i = 0; i < menu->len; i++) {
        const struct config_architecture *arch = &g->from.build.architectures.items[i];
        if (!menu->items[i].chosen) {
            drop(&f, toml_find(f.doc, all, menu->items[i].key));
        } else if (g->base.len > 0 && !set_base(&f, arch, err)) {
            return false;
        }
    }
    set_guest_source(&f);
    return apply(&f, &text, err) &&
           scaffold_write(g->arena, s, "config/build.toml", text, false, err);
}

static bool is_chosen(const struct scaffold_menu *menu, str key) {
    for (size_t i = 0; i < menu->len; i++) {
        if (menu->items[i].chosen && str_eq(menu->items[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* A file of records without those that were not chosen; a file with none of them is left out. */
static bool write_records(const struct scaffold_guest *g, const struct scaffold *s,
                          const char *folder, enum scaffold_kind kind, uint32_t source,
                          struct err *err) {
    struct arena *a = g->arena;
    struct file f;
    str text;
    size_t kept = 0;
    open_file(g, source, &f);
    for (const struct toml_node *n = toml_first(f.doc, toml_root(f.doc)); n != NULL;
         n = toml_next(f.doc, n)) {
        if (is_chosen(&g->menus[kind], toml_key(f.doc, n))) {
            kept++;
        } else {
            drop(&f, n);
        }
    }
    if (kept == 0) {
        return true;
    }
    str path = str_fmt(a, "config/%s/%.*s", folder, STR_FMT(path_base(f.source->path)));
    return apply(&f, &text, err) && scaffold_write(a, s, path.ptr, text, false, err);
}

static bool write_kind(const struct scaffold_guest *g, const struct scaffold *s, const char *folder,
                       enum scaffold_kind kind, struct err *err) {
    size_t count = scaffold_guest_count(&g->from, kind);
    for (size_t i = 0; i < count; i++) {
        uint32_t source = scaffold_guest_head(&g->from, kind, i)->key_span.source;
        bool seen = false;
        for (size_t j = 0; j < i; j++) {
            seen = seen || scaffold_guest_head(&g->from, kind, j)->key_span.source == source;
        }
        if (!seen && !write_records(g, s, folder, kind, source, err)) {
            return false;
        }
    }
    return true;
}

/* ---- manifest.toml ---- */

/* SOURCE_DATE_EPOCH is for those whose folder shall be the same each time. */
static str today(const struct scaffold_guest *g) {
    struct arena *a = g->arena;
    bool given = g->has_epoch;
    time_t when = given ? (time_t)g->epoch_s : (time_t)time_now_epoch_s();
    struct tm tm;
    if ((given ? gmtime_r(&when, &tm) : localtime_r(&when, &tm)) == NULL) {
        return S("1970-01-01");
    }
    return str_fmt(a, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static bool write_manifest(const struct scaffold_guest *g, const struct scaffold *s,
                           struct err *err) {
    struct arena *a = g->arena;
    const struct config_image *image = &g->from.image;
    str made = image->head.present ? str_fmt(a, "Made from %.*s %.*s", STR_FMT(image->name.text),
                                             STR_FMT(image->version.text))
                                   : S("First version");
    str version = toml_quote(a, g->version);
    str date = today(g);
    str text = str_fmt(
        a,
        "# The name and version that the assets carry. Raise the version when the image changes, "
        "and say below what changed.\n\n"
        "[image]\nname = %.*s\nversion = %.*s\ndescription = %.*s\n\n"
        "[[image.changelog]]\nversion = %.*s\ndate = \"%.*s\"\nchanges = [%.*s]\n",
        STR_FMT(toml_quote(a, g->name)), STR_FMT(version), STR_FMT(toml_quote(a, g->description)),
        STR_FMT(version), STR_FMT(date), STR_FMT(toml_quote(a, made)));
    return scaffold_write(a, s, "config/manifest.toml", text, false, err);
}

/* ---- the whole ---- */

static bool check(const struct scaffold_guest *g, const struct scaffold *s, struct diag_sink *sink,
                  struct err *err) {
    struct guest_config made;
    return config_load(g->arena, sink->sources, sink, s->stage, NULL, &made) ||
           err_set(err, "the selection is not valid; nothing was written");
}

bool scaffold_guest_make(const struct scaffold_guest *g, struct diag_sink *sink, struct err *err) {
    static const char *const folders[NEW_KINDS] = { NULL, "ai", "packages", "mcp", NULL };
    AUTO_STARTER starter = { 0 };
    if (!scaffold_open(g->arena, g->target, &starter, err) || !new_copy_files(g, &starter, err) ||
        !write_build(g, &starter, err) || !write_manifest(g, &starter, err)) {
        return false;
    }
    for (enum scaffold_kind kind = NEW_PROVIDERS; kind < NEW_PARTS; kind++) {
        if (!write_kind(g, &starter, folders[kind], kind, err)) {
            return false;
        }
    }
    return check(g, &starter, sink, err) && scaffold_commit(g->arena, &starter, err);
}
