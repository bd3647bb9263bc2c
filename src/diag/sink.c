// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag/diag.h"

enum {
    FORMATTED_BYTES_MAX = 64 * 1024 * 1024, /* a name in a message may be as long as a file */
    TEXT_BYTES_MAX = 2000,                  /* of a message, note or help that is kept */
};

void diag_sink_init(struct diag_sink *sink, struct arena *a, struct sources *sources) {
    *sink = (struct diag_sink){ .arena = a, .sources = sources };
}

const struct diag_code *diag_code_find(str name) {
    for (size_t i = 0; i < diag_codes_count; i++) {
        if (str_eq_nocase(str_from_c(diag_codes[i].name), name)) {
            return &diag_codes[i];
        }
    }
    return NULL;
}

static str format(struct arena *a, const char *fmt, va_list args) {
    AUTO_BUF text = BUF_INIT((size_t)FORMATTED_BYTES_MAX);
    buf_vaddf(&text, fmt, args);
    str masked = secret_mask(a, buf_str(&text));
    str shown = str_clip(masked, TEXT_BYTES_MAX);
    return shown.len < masked.len ? str_concat(a, shown, S("...")) : str_dup(a, shown);
}

static struct diag *keep(struct diag_sink *sink, struct diag d) {
    *(d.code->severity == DIAG_ERROR ? &sink->errors : &sink->warnings) += 1;
    d.order = sink->len;
    if (sink->len == DIAG_MAX) {
        sink->beyond = d;
        return &sink->beyond;
    }
    ARENA_PUSH(sink->arena, sink->items, sink->len, sink->cap, d);
    return &sink->items[sink->len - 1];
}

void diag_adopt(struct diag_sink *sink, const struct diag *d) {
    keep(sink, *d);
}

struct diag *diag_report(struct diag_sink *sink, const char *code, struct span span,
                         const char *fmt, ...) {
    const struct diag_code *row = diag_code_find(str_from_c(code));
    ASSERT(row != NULL);
    struct diag d = { .code = row, .span = span, .note_span = SPAN_NONE };
    if (sink->len == DIAG_MAX) {
        return keep(sink, d);
    }
    va_list args;
    va_start(args, fmt);
    d.message = format(sink->arena, fmt, args);
    va_end(args);
    return keep(sink, d);
}

/* Behind the notes that are there: few. */
static void add_more(struct diag_sink *sink, struct diag *d, struct span span, str note) {
    struct diag_more *fresh = ARENA_NEW(sink->arena, struct diag_more);
    *fresh = (struct diag_more){ .span = span, .note = note };
    struct diag_more **at = &d->more;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = fresh;
}

void diag_note(struct diag_sink *sink, struct diag *d, struct span span, const char *fmt, ...) {
    if (d == &sink->beyond) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    str note = format(sink->arena, fmt, args);
    va_end(args);
    if (d->note.len > 0) {
        add_more(sink, d, span, note);
        return;
    }
    d->note = note;
    d->note_span = span;
}

void diag_help(struct diag_sink *sink, struct diag *d, const char *fmt, ...) {
    if (d == &sink->beyond) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    d->help = format(sink->arena, fmt, args);
    va_end(args);
}

static int compare_places(const struct sources *sources, struct span a, struct span b) {
    if (a.source != b.source) {
        if (a.source == SOURCE_NONE || b.source == SOURCE_NONE) {
            return a.source == SOURCE_NONE ? -1 : 1;
        }
        int order = str_cmp(sources->items[a.source]->path, sources->items[b.source]->path);
        if (order != 0) {
            return order;
        }
    }
    return (a.start > b.start) - (a.start < b.start);
}

struct sorted {
    struct diag diag;
    const struct sources *sources; /* qsort() has no word to the comparison */
};

static int compare(const void *x, const void *y) {
    const struct sources *sources = ((const struct sorted *)x)->sources;
    const struct diag *a = &((const struct sorted *)x)->diag;
    const struct diag *b = &((const struct sorted *)y)->diag;
    if (a->code->severity != b->code->severity) {
        return a->code->severity == DIAG_ERROR ? -1 : 1;
    }
    int order = strcmp(a->code->name, b->code->name);
    if (order == 0) {
        order = compare_places(sources, a->span, b->span);
    }
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

void diag_sort(struct diag_sink *sink) {
    if (sink->len > 1) {
        AUTO_ARENA scratch = arena_new();
        struct sorted *all = ARENA_ARRAY(scratch, struct sorted, sink->len);
        for (size_t i = 0; i < sink->len; i++) {
            all[i] = (struct sorted){ sink->items[i], sink->sources };
        }
        qsort(all, sink->len, sizeof *all, compare);
        for (size_t i = 0; i < sink->len; i++) {
            sink->items[i] = all[i].diag;
        }
    }
}

bool diag_report_err(struct diag_sink *sink, const char *code, struct span span,
                     const struct err *err) {
    AUTO_BUF text = BUF_INIT(16 * 1024);
    err_text(err, &text);
    struct diag *d = diag_report(sink, code, span, "%s", text.ptr);
    if (err->help[0] != '\0') {
        diag_help(sink, d, "%s", err->help);
    }
    return false;
}
