// SPDX-License-Identifier: Apache-2.0
/* Access to the members that the field tables describe, and their defaults. */
#include <string.h>

#include "config/internal.h"

void *field_member(const struct field *f, void *record) {
    return (char *)record + f->offset;
}

void field_set_items(const struct field *f, void *record, void *items, size_t len) {
    memcpy((char *)record + f->offset, &items, sizeof items);
    memcpy((char *)record + f->len_offset, &len, sizeof len);
}

void *field_items(const struct field *f, const void *record, size_t *ret_len) {
    void *items;
    memcpy(&items, (const char *)record + f->offset, sizeof items);
    memcpy(ret_len, (const char *)record + f->len_offset, sizeof *ret_len);
    return items;
}

void record_defaults(struct arena *a, const struct record *record, void *out) {
    struct config_head *head = out;
    *head = (struct config_head){ .key_span = SPAN_NONE, .span = SPAN_NONE };
    for (size_t i = 0; i < record->field_count; i++) {
        field_default(a, &record->fields[i], out);
    }
}

static struct config_list default_list(struct arena *a, const struct field *f) {
    struct config_list list = { .span = SPAN_NONE };
    size_t cap = 0;
    for (size_t i = 0; f->items != NULL && f->items[i] != NULL; i++) {
        struct config_text item = { .text = str_from_c(f->items[i]),
                                    .present = true,
                                    .span = SPAN_NONE };
        ARENA_PUSH(a, list.items, list.len, cap, item);
    }
    return list;
}

int field_word_index(const struct field *f, str word) {
    for (int i = 0; f->words[i] != NULL; i++) {
        if (str_eq(str_from_c(f->words[i]), word)) {
            return i;
        }
    }
    return -1;
}

void field_default(struct arena *a, const struct field *f, void *record) {
    str text = str_from_c(f->text);
    switch (f->kind) {
    case FIELD_TEXT:
        *(struct config_text *)field_member(f, record) =
            (struct config_text){ .text = text, .present = f->text != NULL, .span = SPAN_NONE };
        return;
    case FIELD_INT:
        *(struct config_int *)field_member(f, record) =
            (struct config_int){ .value = f->number, .span = SPAN_NONE };
        return;
    case FIELD_BOOL:
        *(struct config_bool *)field_member(f, record) =
            (struct config_bool){ .value = f->number != 0, .span = SPAN_NONE };
        return;
    case FIELD_CHOICE:
        *(struct config_choice *)field_member(f, record) =
            (struct config_choice){ .value = f->text != NULL ? field_word_index(f, text) : 0,
                                    .text = text,
                                    .span = SPAN_NONE };
        return;
    case FIELD_LIST:
        *(struct config_list *)field_member(f, record) = default_list(a, f);
        return;
    case FIELD_PAIRS:
        *(struct config_pairs *)field_member(f, record) =
            (struct config_pairs){ .span = SPAN_NONE };
        return;
    case FIELD_RECORD:
        record_defaults(a, f->record, field_member(f, record));
        return;
    case FIELD_RECORDS:
    case FIELD_ARRAY:
        field_set_items(f, record, NULL, 0);
        return;
    }
}
