// SPDX-License-Identifier: Apache-2.0
/*
 * A TOML table to a record, driven by its field table. A value that fails is reported, keeps its
 * default, and counts as written: nothing is said twice about it.
 */
#include <inttypes.h>

#include "config/internal.h"

static void load_record(struct loader *l, const struct record *record,
                        const struct toml_node *table, void *out);

str table_path_text(struct arena *a, const struct table_path *path) {
    return path->up == NULL
               ? path->key
               : str_fmt(a, "%.*s.%.*s", STR_FMT(table_path_text(a, path->up)), STR_FMT(path->key));
}

static struct span span_of(const struct loader *l, const struct toml_node *node) {
    return toml_span(l->doc, node);
}

static const char *wanted_kind(enum field_kind kind) {
    switch (kind) {
    case FIELD_TEXT:
    case FIELD_CHOICE:
        return "a string";
    case FIELD_INT:
        return "an integer";
    case FIELD_BOOL:
        return "a boolean";
    case FIELD_LIST:
        return "a list of strings";
    case FIELD_ARRAY:
        return "an array of tables";
    case FIELD_PAIRS:
    case FIELD_RECORD:
    case FIELD_RECORDS:
        return "a table";
    }
    return "something else";
}

/* ---- one field ---- */

/* A string for a list, a table or a field. No system call takes a NUL byte, so no value does. */
static bool take_string(struct loader *l, const struct toml_node *node, str name,
                        struct config_text *out) {
    str text = toml_string(l->doc, node);
    *out = (struct config_text){ .present = true, .span = span_of(l, node) };
    if (str_find_char(text, '\0', 0) != STR_NONE) {
        diag_report(l->sink, "E003", out->span, "%.*s must not contain a NUL character",
                    STR_FMT(name));
        return false;
    }
    out->text = text;
    return true;
}

static bool load_text(struct loader *l, const struct field *f, const struct toml_node *node,
                      struct config_text *out) {
    struct config_text text;
    if (!take_string(l, node, str_from_c(f->name), &text)) {
        return false;
    }
    out->text = text.text;
    if ((f->flags & FIELD_NOT_EMPTY) != 0 && str_trim(out->text).len == 0) {
        diag_report(l->sink, "E003", out->span, "%s must not be empty", f->name);
        return false;
    }
    return true;
}

static bool load_int(struct loader *l, const struct field *f, const struct toml_node *node,
                     struct config_int *out) {
    if (node->integer < f->min || node->integer > f->max) {
        diag_report(l->sink, "E003", out->span,
                    "%s must be from %" PRId64 " to %" PRId64 ", not %" PRId64, f->name, f->min,
                    f->max, node->integer);
        return false;
    }
    out->value = node->integer;
    return true;
}

static bool load_choice(struct loader *l, const struct field *f, const struct toml_node *node,
                        struct config_choice *out) {
    str word = toml_string(l->doc, node);
    int index = field_word_index(f, word);
    if (index >= 0) {
        out->value = index;
        out->text = word;
        return true;
    }
    const char *code = f->word_code != NULL ? f->word_code : "E003";
    struct diag *d =
        f->word_code != NULL
            ? diag_report(l->sink, code, out->span, "unknown install manager '%.*s'", STR_FMT(word))
            : diag_report(l->sink, code, out->span, "%s cannot be '%.*s'", f->name, STR_FMT(word));
    str words[16];
    size_t count = 0;
    while (count < ARRAY_LEN(words) && f->words[count] != NULL) {
        words[count] = str_from_c(f->words[count]);
        count++;
    }
    suggest_word(l, d, words, count, word, "valid values are");
    return false;
}

static bool load_list(struct loader *l, const struct field *f, const struct toml_node *node,
                      struct config_list *out) {
    size_t cap = 0;
    const struct toml_node *n = toml_first(l->doc, node);
    if (n == NULL && (f->flags & FIELD_NOT_EMPTY) != 0) {
        const char *code = f->empty_code != NULL ? f->empty_code : "E003";
        diag_report(l->sink, code, out->span, "%s must not be empty", f->name);
        return false;
    }
    str name = str_fmt(l->arena, "an element of %s", f->name);
    out->len = 0;
    out->items = NULL;
    for (; n != NULL; n = toml_next(l->doc, n)) {
        struct config_text item;
        if (n->kind != TOML_STRING) {
            wrong_type(l, n, name, "a string");
        } else if (take_string(l, n, name, &item)) {
            ARENA_PUSH(l->arena, out->items, out->len, cap, item);
        }
    }
    return true;
}

static void load_pairs(struct loader *l, const struct field *f, const struct toml_node *node,
                       struct config_pairs *out) {
    size_t cap = 0;
    for (const struct toml_node *n = toml_first(l->doc, node); n != NULL;
         n = toml_next(l->doc, n)) {
        struct config_pair pair = { .key = toml_key(l->doc, n),
                                    .key_span = toml_key_span(l->doc, n) };
        str name = str_fmt(l->arena, "%s.%.*s", f->name, STR_FMT(pair.key));
        if (n->kind != TOML_STRING) {
            wrong_type(l, n, name, "a string");
        } else if (take_string(l, n, name, &pair.value)) {
            ARENA_PUSH(l->arena, out->items, out->len, cap, pair);
        }
    }
}

/* A table that becomes a record, under one more step of the path. */
void load_table(struct loader *l, const struct record *record, const struct toml_node *table,
                str key, void *out) {
    const struct table_path *up = l->path;
    struct table_path here = { .up = up, .key = key };
    struct config_head *head = out;
    l->path = &here;
    head->present = true;
    head->span = span_of(l, table);
    load_record(l, record, table, out);
    l->path = up;
}

static void *records_add(struct loader *l, const struct record *record, struct records *list) {
    list->items = arena_grow(l->arena, list->items, list->len, &list->cap, record->size);
    void *out = list->items + list->len++ * record->size;
    record_defaults(l->arena, record, out);
    return out;
}

bool load_keyed(struct loader *l, const struct record *record, const struct toml_node *node,
                struct records *list) {
    str key = toml_key(l->doc, node);
    if (node->kind != TOML_TABLE) {
        return wrong_type(l, node, str_fmt(l->arena, "'%.*s'", STR_FMT(key)),
                          str_fmt(l->arena, "a table that describes one %s", record->noun).ptr);
    }
    struct config_head *head = records_add(l, record, list);
    head->key = key;
    head->key_span = toml_key_span(l->doc, node);
    load_table(l, record, node, key, head);
    return true;
}

static void load_records(struct loader *l, const struct field *f, const struct toml_node *node,
                         void *out) {
    const struct table_path *up = l->path;
    struct table_path here = { .up = up, .key = str_from_c(f->name) };
    struct records list = { 0 };
    bool ok = true;
    l->path = &here;
    for (const struct toml_node *n = toml_first(l->doc, node); n != NULL;
         n = toml_next(l->doc, n)) {
        ok = load_keyed(l, f->record, n, &list) && ok;
    }
    l->path = up;
    field_set_items(f, out, list.items, list.len);
    bool complete = (node->flags & TOML_INCOMPLETE) == 0 && !l->doc->lost_sections;
    if (ok && list.len == 0 && complete && (f->flags & FIELD_NOT_EMPTY) != 0) {
        diag_report(l->sink, "E003", span_of(l, node), "%s must not be empty", f->name);
    }
}

static void load_array(struct loader *l, const struct field *f, const struct toml_node *node,
                       void *out) {
    struct records list = { 0 };
    for (const struct toml_node *n = toml_first(l->doc, node); n != NULL;
         n = toml_next(l->doc, n)) {
        if (n->kind != TOML_TABLE) {
            wrong_type(l, n, str_fmt(l->arena, "an element of %s", f->name), "a table");
            continue;
        }
        load_table(l, f->record, n, str_from_c(f->name), records_add(l, f->record, &list));
    }
    field_set_items(f, out, list.items, list.len);
}

static enum toml_kind wanted_toml(enum field_kind kind) {
    switch (kind) {
    case FIELD_TEXT:
    case FIELD_CHOICE:
        return TOML_STRING;
    case FIELD_INT:
        return TOML_INTEGER;
    case FIELD_BOOL:
        return TOML_BOOL;
    case FIELD_LIST:
    case FIELD_ARRAY:
        return TOML_ARRAY;
    case FIELD_PAIRS:
    case FIELD_RECORD:
    case FIELD_RECORDS:
        return TOML_TABLE;
    }
    return TOML_INVALID;
}

/* The value of a field, of the right TOML kind. */
static bool load_value(struct loader *l, const struct field *f, const struct toml_node *node,
                       void *record) {
    void *out = field_member(f, record);
    struct span span = span_of(l, node);
    switch (f->kind) {
    case FIELD_TEXT:
        ((struct config_text *)out)->present = true;
        ((struct config_text *)out)->span = span;
        return load_text(l, f, node, out);
    case FIELD_INT:
        ((struct config_int *)out)->span = span;
        return load_int(l, f, node, out);
    case FIELD_BOOL:
        *(struct config_bool *)out = (struct config_bool){ .value = node->boolean, .span = span };
        return true;
    case FIELD_CHOICE:
        ((struct config_choice *)out)->span = span;
        return load_choice(l, f, node, out);
    case FIELD_LIST:
        ((struct config_list *)out)->span = span;
        return load_list(l, f, node, out);
    case FIELD_PAIRS:
        ((struct config_pairs *)out)->span = span;
        load_pairs(l, f, node, out);
        return true;
    case FIELD_RECORD:
        load_table(l, f->record, node, str_from_c(f->name), out);
        return true;
    case FIELD_RECORDS:
        load_records(l, f, node, record);
        return true;
    case FIELD_ARRAY:
        load_array(l, f, node, record);
        return true;
    }
    return false;
}

static void load_field(struct loader *l, const struct field *f, const struct toml_node *node,
                       void *record) {
    if ((enum toml_kind)node->kind != wanted_toml(f->kind)) {
        if (f->kind == FIELD_TEXT) {
            ((struct config_text *)field_member(f, record))->present = true;
        } else if (f->kind == FIELD_RECORD) {
            ((struct config_head *)field_member(f, record))->present = true;
        }
        wrong_type(l, node, str_from_c(f->name), wanted_kind(f->kind));
        return;
    }
    if (load_value(l, f, node, record) && f->check != NULL) {
        f->check(l, f, field_member(f, record));
    }
}

/* ---- one record ---- */

static void unknown_key(struct loader *l, const struct record *record,
                        const struct toml_node *node) {
    str key = toml_key(l->doc, node);
    struct diag *d =
        diag_report(l->sink, "W014", toml_key_span(l->doc, node), "unknown key '%.*s' in [%.*s]",
                    STR_FMT(key), STR_FMT(table_path_text(l->arena, l->path)));
    str names[64];
    for (size_t i = 0; i < record->field_count; i++) {
        names[i] = str_from_c(record->fields[i].name);
    }
    suggest_word(l, d, names, record->field_count, key, "the keys here are");
}

static void missing_field(struct loader *l, const struct field *f, const struct toml_node *table) {
    bool is_table = f->kind == FIELD_RECORD || f->kind == FIELD_RECORDS;
    if ((table->flags & TOML_INCOMPLETE) != 0 || (is_table && l->doc->lost_sections)) {
        return; /* it may be what could not be read */
    }
    str path = table_path_text(l->arena, l->path);
    struct diag *d = diag_report(l->sink, "E003", span_of(l, table), "%s is missing in [%.*s]",
                                 f->name, STR_FMT(path));
    str help = str_from_c(f->help);
    diag_help(l->sink, d, "%s: %.*s", f->name, (int)help.len - str_ends(help, S(".")), f->help);
}

static void load_record(struct loader *l, const struct record *record,
                        const struct toml_node *table, void *out) {
    uint64_t seen = 0;
    ASSERT(record->field_count <= 64);
    for (const struct toml_node *n = toml_first(l->doc, table); n != NULL;
         n = toml_next(l->doc, n)) {
        str key = toml_key(l->doc, n);
        size_t i = 0;
        while (i < record->field_count && !str_eq(str_from_c(record->fields[i].name), key)) {
            i++;
        }
        if (i == record->field_count) {
            unknown_key(l, record, n);
            continue;
        }
        seen |= (uint64_t)1 << i;
        load_field(l, &record->fields[i], n, out);
    }
    for (size_t i = 0; i < record->field_count; i++) {
        if ((seen >> i & 1) == 0 && (record->fields[i].flags & FIELD_REQUIRED) != 0) {
            missing_field(l, &record->fields[i], table);
        }
    }
    check_needs(l, record, table, out);
    if (record->check != NULL) {
        record->check(l, table, out);
    }
}
