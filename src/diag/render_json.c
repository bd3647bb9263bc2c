// SPDX-License-Identifier: Apache-2.0
/* One JSON object a line. Columns count characters from 1; end_column is after the last one. */
#include <jansson.h>
#include <stdlib.h>

#include "diag/internal.h"

static json_t *string_or_null(struct arena *a, str text) {
    str clean = to_utf8(a, text);
    return clean.len == 0 ? json_null() : json_stringn(clean.ptr, clean.len);
}

static void add_place(struct diag_sink *sink, json_t *object, struct span span) {
    static const char *const keys[] = { "line", "column", "end_line", "end_column" };
    if (!span_is_set(span)) {
        json_object_set_new(object, "file", json_null());
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            json_object_set_new(object, keys[i], json_null());
        }
        return;
    }
    struct range r = span_range(sink->sources, span);
    const uint32_t values[] = { r.start.line, r.start.column, r.end.line, r.end.column };
    bool has_text = span_has_text(sink->sources, span);
    json_object_set_new(object, "file",
                        string_or_null(sink->arena, span_path(sink->sources, span)));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_object_set_new(object, keys[i], has_text ? json_integer(values[i]) : json_null());
    }
}

static json_t *note_object(struct diag_sink *sink, struct span span, str text) {
    json_t *note = json_object();
    add_place(sink, note, span);
    json_object_set_new(note, "message", string_or_null(sink->arena, text));
    return note;
}

/* The first note is "note", as most diagnostics have one at most. */
static void add_notes(struct diag_sink *sink, const struct diag *d, json_t *object) {
    if (d->note.len > 0) {
        json_object_set_new(object, "note", note_object(sink, d->note_span, d->note));
    }
    json_t *more = d->more != NULL ? json_array() : NULL;
    for (const struct diag_more *m = d->more; m != NULL; m = m->next) {
        json_array_append_new(more, note_object(sink, m->span, m->note));
    }
    if (more != NULL) {
        json_object_set_new(object, "more_notes", more);
    }
}

void render_json(struct diag_sink *sink, struct buf *out) {
    for (size_t i = 0; i < sink->len; i++) {
        const struct diag *d = &sink->items[i];
        json_t *object = json_object();
        json_object_set_new(object, "code", json_string(d->code->name));
        json_object_set_new(object, "severity", json_string(severity_name(d)));
        add_place(sink, object, d->span);
        json_object_set_new(object, "message", string_or_null(sink->arena, d->message));
        json_object_set_new(object, "help", string_or_null(sink->arena, d->help));
        add_notes(sink, d, object);
        char *text = json_dumps(object, JSON_COMPACT);
        ASSERT(text != NULL);
        buf_add_c(out, text);
        buf_add_char(out, '\n');
        free(text);
        json_decref(object);
    }
}
