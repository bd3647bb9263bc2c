// SPDX-License-Identifier: Apache-2.0
/* The whole configuration as JSON, in the order of the field tables. */
#include <inttypes.h>

#include "config/internal.h"

struct dump {
    struct buf *out;
    size_t depth;
    bool first; /* nothing yet in the innermost object or array */
};

static void dump_record(struct dump *d, const struct record *record, const void *value);

static void open_bracket(struct dump *d, char bracket) {
    buf_add_char(d->out, bracket);
    d->depth++;
    d->first = true;
}

static void next(struct dump *d) {
    buf_add_c(d->out, d->first ? "\n" : ",\n");
    buf_add_repeat(d->out, ' ', 2 * d->depth);
    d->first = false;
}

static void next_key(struct dump *d, str key) {
    next(d);
    buf_add_json(d->out, key);
    buf_add(d->out, S(": "));
}

static void close_bracket(struct dump *d, char bracket) {
    d->depth--;
    if (!d->first) {
        buf_add_char(d->out, '\n');
        buf_add_repeat(d->out, ' ', 2 * d->depth);
    }
    buf_add_char(d->out, bracket);
    d->first = false;
}

static void dump_list(struct dump *d, const struct config_list *list) {
    open_bracket(d, '[');
    for (size_t i = 0; i < list->len; i++) {
        next(d);
        buf_add_json(d->out, list->items[i].text);
    }
    close_bracket(d, ']');
}

static void dump_pairs(struct dump *d, const struct config_pairs *pairs) {
    open_bracket(d, '{');
    for (size_t i = 0; i < pairs->len; i++) {
        next_key(d, pairs->items[i].key);
        buf_add_json(d->out, pairs->items[i].value.text);
    }
    close_bracket(d, '}');
}

static void dump_records(struct dump *d, const struct field *f, const void *record) {
    size_t len;
    const char *items = field_items(f, record, &len);
    bool keyed = f->kind == FIELD_RECORDS;
    open_bracket(d, keyed ? '{' : '[');
    for (size_t i = 0; i < len; i++) {
        const void *item = items + i * f->record->size;
        if (keyed) {
            next_key(d, ((const struct config_head *)item)->key);
        } else {
            next(d);
        }
        dump_record(d, f->record, item);
    }
    close_bracket(d, keyed ? '}' : ']');
}

static void dump_text(struct dump *d, const struct config_text *text) {
    if (text->present) {
        buf_add_json(d->out, text->text);
    } else {
        buf_add(d->out, S("null"));
    }
}

static void dump_field(struct dump *d, const struct field *f, const void *record) {
    const void *value = (const char *)record + f->offset;
    switch (f->kind) {
    case FIELD_TEXT:
        dump_text(d, value);
        return;
    case FIELD_INT:
        buf_addf(d->out, "%" PRId64, ((const struct config_int *)value)->value);
        return;
    case FIELD_BOOL:
        buf_add_c(d->out, ((const struct config_bool *)value)->value ? "true" : "false");
        return;
    case FIELD_CHOICE:
        buf_add_json(d->out, ((const struct config_choice *)value)->text);
        return;
    case FIELD_LIST:
        dump_list(d, value);
        return;
    case FIELD_PAIRS:
        dump_pairs(d, value);
        return;
    case FIELD_RECORD:
        if ((f->flags & FIELD_OPTIONAL) != 0 && !((const struct config_head *)value)->present) {
            buf_add(d->out, S("null"));
            return;
        }
        dump_record(d, f->record, value);
        return;
    case FIELD_RECORDS:
    case FIELD_ARRAY:
        dump_records(d, f, record);
        return;
    }
}

static void dump_record(struct dump *d, const struct record *record, const void *value) {
    open_bracket(d, '{');
    for (size_t i = 0; i < record->field_count; i++) {
        next_key(d, str_from_c(record->fields[i].name));
        dump_field(d, &record->fields[i], value);
    }
    close_bracket(d, '}');
}

void config_dump_json(const struct guest_config *config, struct buf *out) {
    struct dump d = { .out = out };
    open_bracket(&d, '{');
    for (size_t i = 0; i < file_kind_count; i++) {
        next_key(&d, str_from_c(file_kinds[i].json));
        dump_field(&d, &file_kinds[i].field, config);
    }
    close_bracket(&d, '}');
    buf_add_char(out, '\n');
}
