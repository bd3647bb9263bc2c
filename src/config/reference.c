// SPDX-License-Identifier: Apache-2.0
/* The field tables as a page of Markdown: docs/reference/config.md. */
#include <inttypes.h>
#include <string.h>

#include "config/internal.h"

/* What a record is called in a heading, and the tables that have this form. */
struct section {
    const struct record *record;
    str paths[8]; /* "[build.architectures.NAME]" without the brackets */
    size_t path_count;
    bool array;
};

struct reference {
    struct arena *arena;
    struct buf *out;
};

/* In a cell of a table. */
static void add_cell(struct buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        buf_addf(out, "%s%c", *text == '|' ? "\\" : "", *text);
    }
}

static void add_code(struct buf *out, const char *text) {
    buf_add_char(out, '`');
    add_cell(out, text);
    buf_add_char(out, '`');
}

static void add_codes(struct buf *out, const char *const *words) {
    for (size_t i = 0; words[i] != NULL; i++) {
        buf_add_c(out, i > 0 ? ", " : "");
        add_code(out, words[i]);
    }
}

static void add_type(struct buf *out, const struct field *f) {
    switch (f->kind) {
    case FIELD_TEXT:
        buf_add_c(out, "string");
        break;
    case FIELD_INT:
        buf_addf(out, "integer, %" PRId64 " to %" PRId64, f->min, f->max);
        break;
    case FIELD_BOOL:
        buf_add_c(out, "boolean");
        break;
    case FIELD_CHOICE:
        add_codes(out, f->words);
        break;
    case FIELD_LIST:
        buf_add_c(out, "list of strings");
        break;
    case FIELD_PAIRS:
        buf_add_c(out, "table of strings");
        break;
    case FIELD_RECORD:
        buf_add_c(out, "table");
        break;
    case FIELD_RECORDS:
        buf_add_c(out, "table of tables");
        break;
    case FIELD_ARRAY:
        buf_add_c(out, "array of tables");
        break;
    }
    buf_add_c(out, (f->flags & FIELD_NOT_EMPTY) != 0 ? ", not empty" : "");
}

static void add_default(struct buf *out, const struct field *f) {
    if ((f->flags & FIELD_REQUIRED) != 0) {
        buf_add_c(out, "**required**");
        return;
    }
    if ((f->flags & FIELD_OPTIONAL) != 0) {
        buf_add_c(out, "absent");
        return;
    }
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_CHOICE:
        if (f->text[0] != '\0') {
            add_code(out, f->text);
            return;
        }
        break;
    case FIELD_INT:
        buf_addf(out, "`%" PRId64 "`", f->number);
        return;
    case FIELD_BOOL:
        buf_addf(out, "`%s`", f->number != 0 ? "true" : "false");
        return;
    case FIELD_LIST:
        if (f->items != NULL) {
            add_codes(out, f->items);
            return;
        }
        break;
    case FIELD_RECORD:
        buf_add_c(out, "its defaults");
        return;
    case FIELD_PAIRS:
    case FIELD_RECORDS:
    case FIELD_ARRAY:
        break;
    }
    buf_add_c(out, "empty");
}

static void add_field(struct buf *out, const struct record *record, const struct field *f) {
    buf_addf(out, "| `%s` | ", f->name);
    add_type(out, f);
    buf_add_c(out, " | ");
    add_default(out, f);
    buf_add_c(out, " | ");
    add_cell(out, f->help);
    for (size_t i = 0; i < record->need_count; i++) {
        const struct need *need = &record->needs[i];
        if (strcmp(need->field, f->name) == 0) {
            buf_addf(out, " Required when `%s` is `%s`.", need->choice, need->word);
        }
    }
    buf_add_c(out, " |\n");
}

static void add_section(const struct reference *r, const struct section *s);

/* The tables inside; neighbours of one form share a section. */
static void add_inner(const struct reference *r, const struct section *s) {
    struct section inner = { 0 };
    for (size_t i = 0; i < s->record->field_count; i++) {
        const struct field *f = &s->record->fields[i];
        if (f->record != inner.record || inner.path_count == ARRAY_LEN(inner.paths)) {
            add_section(r, &inner);
            inner = (struct section){ .record = f->record, .array = f->kind == FIELD_ARRAY };
        }
        if (f->record != NULL) {
            inner.paths[inner.path_count++] =
                str_fmt(r->arena, "%.*s.%s%s", STR_FMT(s->paths[0]), f->name,
                        f->kind == FIELD_RECORDS ? ".NAME" : "");
        }
    }
    add_section(r, &inner);
}

static void add_section(const struct reference *r, const struct section *s) {
    if (s->record == NULL) {
        return;
    }
    buf_add_c(r->out, "### ");
    for (size_t i = 0; i < s->path_count; i++) {
        buf_addf(r->out, "%s`%s[%.*s]%s`", i > 0 ? ", " : "", s->array ? "[" : "",
                 STR_FMT(s->paths[i]), s->array ? "]" : "");
    }
    buf_add_c(r->out, "\n\n| key | value | default | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < s->record->field_count; i++) {
        add_field(r->out, s->record, &s->record->fields[i]);
    }
    buf_add_char(r->out, '\n');
    add_inner(r, s);
}

static const char *file_pattern(const struct file_kind *kind) {
    return kind->table == NULL ? "*.toml" : "";
}

static void add_kind(const struct reference *r, const struct file_kind *kind) {
    struct section top = {
        .record = kind->field.record,
        .paths = { str_from_c(kind->table == NULL ? "KEY" : kind->table) },
        .path_count = 1,
    };
    buf_addf(r->out, "## `config/%s%s`\n\n%s", kind->path, file_pattern(kind), kind->field.help);
    if (kind->table == NULL) {
        buf_addf(r->out, " Every top-level table is one %s; KEY, its name, is that of no other.",
                 kind->field.record->noun);
    }
    buf_add_c(r->out, "\n\n");
    add_section(r, &top);
}

void config_reference(struct buf *out) {
    AUTO_ARENA arena = arena_new();
    const struct reference r = { .arena = arena, .out = out };
    buf_add_c(out, "# Config reference\n\n"
                   "Every file and every key of a guest folder's `config/`, as `capsem-builder "
                   "reference config` prints it\nfrom the tables that load them. "
                   "[The guest folder](guest-folder.md) says what belongs together; what a\n"
                   "mistake gives is in the [list of diagnostics](diagnostics/README.md).\n\n"
                   "Types are strict: an integer is written `4`, not `\"4\"` or `4.0`. A key that "
                   "is not here is a warning.\n\n"
                   "| file | kind for `schema` | |\n|---|---|---|\n");
    for (size_t i = 0; i < file_kind_count; i++) {
        const struct file_kind *kind = &file_kinds[i];
        buf_addf(out, "| `config/%s%s` | `%.*s` | %s |\n", kind->path, file_pattern(kind),
                 STR_FMT(file_kind_name(kind)), kind->field.help);
    }
    buf_add_char(out, '\n');
    for (size_t i = 0; i < file_kind_count; i++) {
        add_kind(&r, &file_kinds[i]);
    }
    out->len -= out->len > 0 && !out->full; /* the empty line after the last table */
}
