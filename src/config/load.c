// SPDX-License-Identifier: Apache-2.0
/* The files of the config folder to the typed configuration, and the door of the room. */
#include <string.h>

#include "config/internal.h"

struct config_file_text *find_file(const struct loader *l, const char *path) {
    for (size_t i = 0; i < l->file_count; i++) {
        if (strcmp(l->files[i].path, path) == 0) {
            return &l->files[i];
        }
    }
    return NULL;
}

static void unknown_table(struct loader *l, const struct toml_node *node, str only) {
    str key = toml_key(l->doc, node);
    struct diag *d = diag_report(l->sink, "W014", toml_key_span(l->doc, node), "unknown key '%.*s'",
                                 STR_FMT(key));
    suggest_word(l, d, &only, 1, key, "the only table in this file is");
}

/* The table of a file that has one; NULL when it is not there or is none, which is reported. */
static const struct toml_node *find_table(struct loader *l, str name) {
    const struct toml_node *root = toml_root(l->doc);
    const struct toml_node *table = NULL;
    for (const struct toml_node *n = toml_first(l->doc, root); n != NULL;
         n = toml_next(l->doc, n)) {
        if (str_eq(toml_key(l->doc, n), name)) {
            table = n;
        } else {
            unknown_table(l, n, name);
        }
    }
    if (table != NULL && table->kind != TOML_TABLE) {
        wrong_type(l, table, str_fmt(l->arena, "'%.*s'", STR_FMT(name)), "a table");
        return NULL;
    }
    bool complete = !l->doc->lost_sections && (root->flags & TOML_INCOMPLETE) == 0;
    if (table == NULL && complete) {
        diag_report(l->sink, "E003", (struct span){ .source = l->doc->source },
                    "the table [%.*s] is missing", STR_FMT(name));
    }
    return table;
}

static void load_single(struct loader *l, const struct file_kind *kind) {
    struct config_file_text *file = find_file(l, kind->path);
    size_t errors = l->sink->errors;
    if (file == NULL || file->doc == NULL) {
        return;
    }
    l->doc = file->doc;
    str name = str_from_c(kind->table);
    const struct toml_node *table = find_table(l, name);
    if (table != NULL) {
        load_table(l, kind->field.record, table, name, field_member(&kind->field, l->config));
    }
    file->failed = !file->doc->ok || l->sink->errors > errors;
}

/* Where a key of a folder was first, by any of its files. */
struct first_place {
    size_t index;
    struct span key_span;
};

static struct config_head *record_at(const struct records *list, const struct record *record,
                                     size_t index) {
    return (struct config_head *)(void *)(list->items + index * record->size);
}

/* The last record's key may be there already, from another file: then the later value stands at
 * the first one's place. */
static void merge_last(struct loader *l, const struct file_kind *kind, struct records *list,
                       struct map *by_key) {
    const struct record *record = kind->field.record;
    const struct config_head *last = record_at(list, record, list->len - 1);
    struct first_place *first = map_find(by_key, last->key);
    if (first == NULL) {
        first = ARENA_NEW(l->arena, struct first_place);
        *first = (struct first_place){ .index = list->len - 1, .key_span = last->key_span };
        map_put(by_key, last->key, first);
        return;
    }
    struct diag *d = diag_report(l->sink, "E008", last->key_span, "%s '%.*s' is defined twice",
                                 record->noun, STR_FMT(last->key));
    diag_note(l->sink, d, first->key_span, "first defined here");
    kind->lint(l, record_at(list, record, first->index));
    memcpy(record_at(list, record, first->index), last, record->size);
    list->len--;
}

static bool is_in_folder(const char *path, str folder) {
    str name = str_from_c(path);
    return str_starts(name, folder) && str_find_char(name, '/', folder.len) == STR_NONE;
}

/* A folder of files in which every top-level table is a record. */
static void load_folder(struct loader *l, const struct file_kind *kind) {
    struct records list = { 0 };
    struct map by_key;
    map_init(&by_key, l->arena);
    for (size_t i = 0; i < l->file_count; i++) {
        const struct config_file_text *file = &l->files[i];
        if (file->doc == NULL || !is_in_folder(file->path, str_from_c(kind->path))) {
            continue;
        }
        l->doc = file->doc;
        for (const struct toml_node *n = toml_first(l->doc, toml_root(l->doc)); n != NULL;
             n = toml_next(l->doc, n)) {
            if (load_keyed(l, kind->field.record, n, &list)) {
                merge_last(l, kind, &list, &by_key);
            }
        }
    }
    field_set_items(&kind->field, l->config, list.items, list.len);
}

void load_files(struct loader *l) {
    for (size_t i = 0; i < file_kind_count; i++) {
        const struct file_kind *kind = &file_kinds[i];
        field_default(l->arena, &kind->field, l->config);
        if (kind->table != NULL) {
            load_single(l, kind);
        } else {
            load_folder(l, kind);
        }
    }
}

static const char *folder_or_null(struct loader *l, const char *given, const char *name) {
    if (given != NULL) {
        return str_to_c(l->arena, str_from_c(given));
    }
    const char *path = path_join(l->arena, l->config->guest_dir, name);
    return fs_is_dir(AT_FDCWD, path) ? path : NULL;
}

/* What a checkout keeps beside its guest folder. */
static const char *beside_guest(struct loader *l, const char *path) {
    str guest = str_from_c(l->config->guest_dir);
    str up = str_eq(guest, S(".")) || str_ends(guest, S(".."))
                 ? str_concat(l->arena, guest, S("/.."))
                 : path_dir(guest);
    return path_join(l->arena, str_to_c(l->arena, path_clean(l->arena, up)), path);
}

static const char *find_certificate(struct loader *l) {
    const char *folder = l->config->artifacts_dir;
    const char *own = folder != NULL ? path_join(l->arena, folder, "capsem-ca.crt") : NULL;
    const char *beside = beside_guest(l, "config/capsem-ca.crt");
    return own != NULL && fs_exists(AT_FDCWD, own) ? own
           : fs_exists(AT_FDCWD, beside)           ? beside
                                                   : NULL;
}

/* The sources of guest binaries; unless a folder is named, also where their Rust sources are. */
static const char *find_agent(struct loader *l) {
    const struct config_text *source = &l->config->build.guest_source;
    const char *own = folder_or_null(l, l->opts->agent_dir, str_to_c(l->arena, source->text));
    const char *crate = beside_guest(l, "crates/capsem-agent");
    bool is_crate = own == NULL && !span_is_set(source->span) &&
                    fs_exists(AT_FDCWD, path_join(l->arena, crate, "Cargo.toml"));
    return is_crate ? crate : own;
}

bool config_load(struct arena *a, struct sources *sources, struct diag_sink *sink,
                 const char *guest_dir, const struct config_options *opts,
                 struct guest_config *ret) {
    struct config_options none = { 0 };
    opts = opts != NULL ? opts : &none;
    size_t errors_before = sink->errors;
    struct loader l = { .arena = a, .sources = sources, .sink = sink, .config = ret, .opts = opts };
    *ret = (struct guest_config){ .guest_dir = str_to_c(a, path_clean(a, str_from_c(guest_dir))) };
    ret->config_dir = path_join(a, ret->guest_dir, "config");
    ret->artifacts_dir = folder_or_null(&l, opts->artifacts_dir, "artifacts");
    bool there = files_read(&l);
    load_files(&l);
    ret->certificate = find_certificate(&l);
    ret->agent_dir = find_agent(&l);
    if (there) {
        lint(&l);
        if (!opts->config_only) {
            check_kernel_configs(&l);
            check_artifacts(&l);
            check_agent(&l);
        }
    }
    return sink->errors == errors_before;
}
