// SPDX-License-Identifier: Apache-2.0
/*
 * The field tables as JSON Schema. Draft 7, and of it only what draft 4 has too, and no `$ref`:
 * editors' TOML plugins read that. What a row cannot say (rules.c, lint.c) is left to `validate`.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

#define SCHEMA_DRAFT "http://json-schema.org/draft-07/schema#"

static json_t *record_schema(const struct record *record);

str file_kind_name(const struct file_kind *kind) {
    str path = str_from_c(kind->path);
    if (str_ends(path, S("/"))) {
        return str_slice(path, 0, path.len - 1);
    }
    size_t slash = str_find_last_char(path, '/');
    return str_slice(path, slash == STR_NONE ? 0 : slash + 1, path.len - strlen(".toml"));
}

static json_t *words(const char *const *items) {
    json_t *list = json_array();
    for (size_t i = 0; items != NULL && items[i] != NULL; i++) {
        json_array_append_new(list, json_string(items[i]));
    }
    return list;
}

static json_t *typed(const char *type) {
    json_t *o = json_object();
    json_object_set_new(o, "type", json_string(type));
    return o;
}

/* An object with any keys, or an array, of what `item` describes. */
static json_t *container(const char *type, const char *key, json_t *item) {
    json_t *o = typed(type);
    json_object_set_new(o, key, item);
    return o;
}

static json_t *text_schema(const char *pattern) {
    json_t *o = typed("string");
    if (pattern != NULL) {
        json_object_set_new(o, "pattern", json_string(pattern));
    }
    return o;
}

static json_t *kind_schema(const struct field *f) {
    json_t *o;
    switch (f->kind) {
    case FIELD_TEXT:
        return text_schema((f->flags & FIELD_NOT_EMPTY) != 0 ? "\\S" : f->pattern);
    case FIELD_INT:
        o = typed("integer");
        json_object_set_new(o, "minimum", json_integer(f->min));
        json_object_set_new(o, "maximum", json_integer(f->max));
        return o;
    case FIELD_BOOL:
        return typed("boolean");
    case FIELD_CHOICE:
        o = typed("string");
        json_object_set_new(o, "enum", words(f->words));
        return o;
    case FIELD_LIST:
        return container("array", "items", text_schema(f->pattern));
    case FIELD_PAIRS:
        return container("object", "additionalProperties", typed("string"));
    case FIELD_RECORD:
        return record_schema(f->record);
    case FIELD_RECORDS:
        return container("object", "additionalProperties", record_schema(f->record));
    case FIELD_ARRAY:
        return container("array", "items", record_schema(f->record));
    }
    return json_object();
}

/* NULL: a field that is required, one that is absent by default, or a table. */
static json_t *default_value(const struct field *f) {
    if ((f->flags & (FIELD_REQUIRED | FIELD_OPTIONAL)) != 0) {
        return NULL;
    }
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_CHOICE:
        return json_string(f->text);
    case FIELD_INT:
        return json_integer(f->number);
    case FIELD_BOOL:
        return json_boolean(f->number != 0);
    case FIELD_LIST:
        return words(f->items);
    case FIELD_ARRAY:
        return json_array();
    case FIELD_PAIRS:
    case FIELD_RECORDS:
        return json_object();
    case FIELD_RECORD:
        return NULL;
    }
    return NULL;
}

static json_t *field_schema(const struct field *f) {
    json_t *o = kind_schema(f);
    json_object_set_new(o, "description", json_string(f->help));
    json_t *value = default_value(f);
    if (value != NULL) {
        json_object_set_new(o, "default", value);
    }
    if ((f->flags & FIELD_NOT_EMPTY) != 0 && f->kind == FIELD_LIST) {
        json_object_set_new(o, "minItems", json_integer(1));
    } else if ((f->flags & FIELD_NOT_EMPTY) != 0 && f->kind == FIELD_RECORDS) {
        json_object_set_new(o, "minProperties", json_integer(1));
    }
    return o;
}

/* The fields that a word of a choice makes necessary, as one alternative for each word. */
static json_t *needs_schema(const struct record *record) {
    json_t *any = json_array();
    for (size_t i = 0; i < record->need_count; i++) {
        const struct need *need = &record->needs[i];
        json_array_append_new(any, json_pack("{s:{s:{s:[s]}}, s:[s]}", "properties", need->choice,
                                             "enum", need->word, "required", need->field));
    }
    return any;
}

static json_t *record_schema(const struct record *record) {
    json_t *o = typed("object");
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *f = &record->fields[i];
        json_object_set_new(properties, f->name, field_schema(f));
        if ((f->flags & FIELD_REQUIRED) != 0) {
            json_array_append_new(required, json_string(f->name));
        }
    }
    json_object_set_new(o, "properties", properties);
    if (json_array_size(required) > 0) {
        json_object_set(o, "required", required);
    }
    json_decref(required);
    json_object_set_new(o, "additionalProperties", json_false());
    if (record->need_count > 0) {
        json_object_set_new(o, "anyOf", needs_schema(record));
    }
    return o;
}

static json_t *root(const char *title, const char *description) {
    return json_pack("{s:s, s:s, s:s, s:s}", "$schema", SCHEMA_DRAFT, "title", title, "description",
                     description, "type", "object");
}

static json_t *file_schema(const struct file_kind *kind) {
    char title[128];
    snprintf(title, sizeof title, "config/%s%s", kind->path, kind->table == NULL ? "*.toml" : "");
    json_t *o = root(title, kind->field.help);
    if (kind->table == NULL) {
        json_object_set_new(o, "additionalProperties", record_schema(kind->field.record));
        return o;
    }
    json_t *table = field_schema(&kind->field);
    json_object_set_new(o, "properties", json_pack("{s:o}", kind->table, table));
    json_object_set_new(o, "required", json_pack("[s]", kind->table));
    json_object_set_new(o, "additionalProperties", json_false());
    return o;
}

/* Any file: the tables that only one file has by their names, each other table is a record of one
 * of the folders. */
static json_t *any_file_schema(void) {
    json_t *o = root("config/**/*.toml", "A file of a guest folder's configuration.");
    json_t *tables = json_object();
    json_t *records = json_array();
    for (size_t i = 0; i < file_kind_count; i++) {
        const struct file_kind *kind = &file_kinds[i];
        if (kind->table != NULL) {
            json_object_set_new(tables, kind->table, field_schema(&kind->field));
        } else {
            json_array_append_new(records, record_schema(kind->field.record));
        }
    }
    json_object_set_new(o, "properties", tables);
    json_object_set_new(o, "additionalProperties", json_pack("{s:o}", "anyOf", records));
    return o;
}

static const struct file_kind *find_kind(str name) {
    for (size_t i = 0; i < file_kind_count; i++) {
        if (str_eq(file_kind_name(&file_kinds[i]), name)) {
            return &file_kinds[i];
        }
    }
    return NULL;
}

bool config_schema(str name, struct buf *out) {
    const struct file_kind *kind = find_kind(name);
    if (kind == NULL && name.len > 0) {
        return false;
    }
    json_t *schema = kind != NULL ? file_schema(kind) : any_file_schema();
    char *text = json_dumps(schema, JSON_INDENT(2));
    buf_add_c(out, text != NULL ? text : "");
    buf_add_char(out, '\n');
    free(text);
    json_decref(schema);
    return true;
}

str config_file_kind(size_t index) {
    return index < file_kind_count ? file_kind_name(&file_kinds[index]) : (str){ 0 };
}
