// SPDX-License-Identifier: Apache-2.0
/* textDocument/hover and textDocument/definition. */
#include <string.h>

#include "lsp/internal.h"

/* A name as code in Markdown. */
static void add_code(struct buf *out, str text) {
    buf_add_char(out, '`');
    for (size_t i = 0; i < text.len; i++) {
        bool plain = text.ptr[i] != '`' && text.ptr[i] != '\n' && text.ptr[i] != '\r';
        buf_add_char(out, plain ? text.ptr[i] : ' ');
    }
    buf_add_char(out, '`');
}

/* "`compression` (string, default `"zstd"`): one of ...", then its help. */
static void add_key(struct buf *out, const struct config_key *key) {
    add_code(out, key->name);
    buf_addf(out, " (%s", key->type);
    if (key->range.len > 0) {
        buf_addf(out, ", %.*s", STR_FMT(key->range));
    }
    if (key->default_value.len > 0) {
        buf_add_c(out, ", default ");
        add_code(out, key->default_value);
    }
    buf_add_c(out, key->required ? ", required)" : ")");
    for (size_t i = 0; key->is_text && key->words != NULL && key->words[i] != NULL; i++) {
        buf_add_c(out, i == 0 ? ": " : ", ");
        add_code(out, str_from_c(key->words[i]));
    }
    buf_addf(out, "\n\n%s", key->help);
}

void answer_hover(struct lsp *s, const struct question *q, struct buf *out) {
    struct place place;
    struct config_key key;
    place_find(q->text, q->offset, &place);
    bool is_key = place.kind == PLACE_KEY || place.kind == PLACE_HEADER;
    if (is_key && place.path_len < PLACE_DEPTH_MAX) {
        place.path[place.path_len++] = place.word;
    }
    if (q->document->below == NULL || place.kind == PLACE_NONE || place.start == place.end ||
        !config_key_at(q->arena, q->document->below, place.path, place.path_len, &key)) {
        buf_add_c(out, "null");
        return;
    }
    AUTO_BUF text = BUF_INIT((size_t)LSP_MESSAGE_BYTES_MAX);
    struct lines lines;
    lines_init(&lines, q->arena, q->text);
    add_key(&text, &key);
    buf_add_c(out, "{\"contents\":{\"kind\":\"markdown\",\"value\":");
    buf_add_json(out, buf_str(&text));
    buf_add_c(out, "},");
    add_range(out, &lines, place.start, place.end);
    buf_add_char(out, '}');
}

/* ---- definition ---- */

/* What is defined twice is a diagnostic at the later place with a note at the first. */
static const struct diag *find_duplicate(const struct lsp *s, const struct question *q) {
    const struct diag_sink *sink = &q->document->guest->sink;
    str path = buf_str(&q->document->path);
    for (size_t i = 0; i < sink->len; i++) {
        const struct diag *d = &sink->items[i];
        if (span_is_set(d->span) && span_is_set(d->note_span) && d->span.start <= q->offset &&
            q->offset <= d->span.end && str_eq(sink->sources->items[d->span.source]->path, path)) {
            return d;
        }
    }
    return NULL;
}

void answer_definition(struct lsp *s, const struct question *q, struct buf *out) {
    if (q->document->guest == NULL) {
        buf_add_c(out, "null");
        return;
    }
    guest_check(s, q->document->guest);
    const struct diag *d = find_duplicate(s, q);
    if (d == NULL) {
        buf_add_c(out, "null");
        return;
    }
    const struct source *first = q->document->guest->sources.items[d->note_span.source];
    const struct document *open = document_find(s, str_to_c(q->arena, first->path));
    struct lines lines;
    lines_init(&lines, q->arena, first->text);
    buf_add_c(out, "{\"uri\":");
    buf_add_json(out, open != NULL ? buf_str(&open->uri) : uri_from_path(q->arena, first->path));
    buf_add_char(out, ',');
    add_range(out, &lines, d->note_span.start, d->note_span.end);
    buf_add_char(out, '}');
}
