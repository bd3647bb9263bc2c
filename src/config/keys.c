// SPDX-License-Identifier: Apache-2.0
/* The field tables as an editor asks for them: by a path of keys. */
#include <inttypes.h>
#include <string.h>

#include "config/internal.h"

static const char *const bool_words[] = { "false", "true", NULL };

/* What a path has led to. */
struct place {
    const struct record *record; /* a table of this form */
    const struct field *field;   /* the row that led here; NULL: the file itself */
    const struct file_kind *kind;
    bool named; /* not the field but one of its tables, or pairs, under a name of its own */
    bool is_file;
};

static const struct file_kind *find_kind(const char *file) {
    str name = str_from_c(file);
    for (size_t i = 0; i < file_kind_count; i++) {
        str path = str_from_c(file_kinds[i].path);
        bool folder = str_ends(path, S("/"));
        if (folder ? str_starts(name, path) && str_find_char(name, '/', path.len) == STR_NONE
                   : str_eq(name, path)) {
            return &file_kinds[i];
        }
    }
    return NULL;
}

static const struct field *find_field(const struct record *record, str key) {
    for (size_t i = 0; i < record->field_count; i++) {
        if (str_eq(str_from_c(record->fields[i].name), key)) {
            return &record->fields[i];
        }
    }
    return NULL;
}

/* From the file to one of its top-level tables. */
static bool enter_file(struct place *p, str key) {
    if (p->kind->table != NULL && !str_eq(key, str_from_c(p->kind->table))) {
        return false;
    }
    p->is_file = false;
    p->field = &p->kind->field;
    p->record = p->field->record;
    p->named = p->kind->table == NULL;
    return true;
}

static bool enter(struct place *p, str key) {
    if (p->is_file) {
        return enter_file(p, key);
    }
    if (p->record != NULL) {
        p->field = find_field(p->record, key);
        p->named = false;
        bool is_record =
            p->field != NULL && (p->field->kind == FIELD_RECORD || p->field->kind == FIELD_ARRAY);
        p->record = is_record ? p->field->record : NULL;
        return p->field != NULL;
    }
    if (p->named || (p->field->kind != FIELD_RECORDS && p->field->kind != FIELD_PAIRS)) {
        return false;
    }
    p->named = true;
    p->record = p->field->kind == FIELD_RECORDS ? p->field->record : NULL;
    return true;
}

static bool find_place(const char *file, const str *path, size_t len, struct place *ret) {
    *ret = (struct place){ .kind = find_kind(file), .is_file = true };
    for (size_t i = 0; ret->kind != NULL && i < len; i++) {
        if (!enter(ret, path[i])) {
            return false;
        }
    }
    return ret->kind != NULL;
}

/* ---- a row as a key ---- */

static const char *type_name(enum field_kind kind) {
    switch (kind) {
    case FIELD_TEXT:
    case FIELD_CHOICE:
        return "string";
    case FIELD_INT:
        return "integer";
    case FIELD_BOOL:
        return "boolean";
    case FIELD_LIST:
        return "list of strings";
    case FIELD_PAIRS:
        return "table of strings";
    case FIELD_RECORD:
        return "table";
    case FIELD_RECORDS:
        return "table of tables";
    case FIELD_ARRAY:
        return "array of tables";
    }
    return "";
}

static str list_text(struct arena *a, const char *const *items) {
    str text = S("[");
    for (size_t i = 0; items[i] != NULL; i++) {
        text = str_fmt(a, "%.*s%s\"%s\"", STR_FMT(text), i > 0 ? ", " : "", items[i]);
    }
    return str_concat(a, text, S("]"));
}

static str default_text(struct arena *a, const struct field *f) {
    if ((f->flags & (FIELD_REQUIRED | FIELD_OPTIONAL)) != 0) {
        return (str){ 0 };
    }
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_CHOICE:
        return f->text == NULL ? (str){ 0 } : str_fmt(a, "\"%s\"", f->text);
    case FIELD_INT:
        return str_fmt(a, "%" PRId64, f->number);
    case FIELD_BOOL:
        return str_from_c(bool_words[f->number != 0]);
    case FIELD_LIST:
        return f->items == NULL ? S("[]") : list_text(a, f->items);
    case FIELD_PAIRS:
    case FIELD_RECORD:
    case FIELD_RECORDS:
    case FIELD_ARRAY:
        break;
    }
    return (str){ 0 };
}

static bool is_table(const struct field *f) {
    return f->kind == FIELD_PAIRS || f->kind == FIELD_RECORD || f->kind == FIELD_RECORDS ||
           f->kind == FIELD_ARRAY;
}

static struct config_key key_of(struct arena *a, const struct field *f) {
    return (struct config_key){
        .name = str_from_c(f->name),
        .help = f->help,
        .type = type_name(f->kind),
        .range = f->kind == FIELD_INT ? str_fmt(a, "%" PRId64 " to %" PRId64, f->min, f->max)
                                      : (str){ 0 },
        .default_value = default_text(a, f),
        .words = f->kind == FIELD_BOOL ? bool_words : f->words,
        .is_text = f->kind == FIELD_TEXT || f->kind == FIELD_CHOICE,
        .is_table = is_table(f),
        .is_array = f->kind == FIELD_ARRAY,
        .has_names = f->kind == FIELD_PAIRS || f->kind == FIELD_RECORDS,
        .required = (f->flags & FIELD_REQUIRED) != 0,
    };
}

bool config_key_at(struct arena *a, const char *file, const str *path, size_t len,
                   struct config_key *ret) {
    struct place p;
    if (len == 0 || !find_place(file, path, len, &p)) {
        return false;
    }
    if (!p.named) {
        *ret = key_of(a, p.field);
        ret->name = path[len - 1];
        return true;
    }
    *ret = (struct config_key){
        .name = path[len - 1],
        .help = p.field->help,
        .type = p.record != NULL ? p.record->noun : "string",
        .is_text = p.record == NULL,
        .is_table = p.record != NULL,
    };
    return true;
}

size_t config_keys_below(struct arena *a, const char *file, const str *path, size_t len,
                         struct config_key **ret) {
    struct place p;
    *ret = NULL;
    if (!find_place(file, path, len, &p)) {
        return 0;
    }
    if (p.is_file && p.kind->table != NULL) {
        *ret = ARENA_NEW(a, struct config_key);
        **ret = key_of(a, &p.kind->field);
        (*ret)->name = str_from_c(p.kind->table);
        return 1;
    }
    if (p.is_file || p.record == NULL) {
        return 0;
    }
    *ret = ARENA_ARRAY(a, struct config_key, p.record->field_count);
    for (size_t i = 0; i < p.record->field_count; i++) {
        (*ret)[i] = key_of(a, &p.record->fields[i]);
    }
    return p.record->field_count;
}
