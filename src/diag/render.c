// SPDX-License-Identifier: Apache-2.0
/* What the four formats share. */
#include "diag/internal.h"

const char *severity_name(const struct diag *d) {
    return d->code->severity == DIAG_ERROR ? "error" : "warning";
}

struct range span_range(struct sources *s, struct span span) {
    return (struct range){ sources_position(s, span.source, span.start),
                           sources_position(s, span.source, span.end) };
}

/* What is missing has the name that the config gives it, which may be anything. */
str span_path(const struct sources *s, struct span span) {
    const struct source *src = s->items[span.source];
    return src->text.ptr != NULL ? src->path : secret_mask(s->arena, src->path);
}

bool span_has_text(const struct sources *s, struct span span) {
    return s->items[span.source]->text.ptr != NULL;
}

static void add_replacement(struct buf *out) {
    buf_add(out, S("\xEF\xBF\xBD")); /* U+FFFD */
}

void add_plain(struct buf *out, str text) {
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        size_t len = str_utf8_next(str_slice(text, at, text.len), &code);
        if (len == 0) {
            add_replacement(out);
            at++;
            continue;
        }
        if (code == '\n' || code == '\t' || code == '\r') {
            buf_add_c(out, code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r");
        } else if (char_is_control(code)) {
            buf_addf(out, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
        } else {
            buf_add(out, str_slice(text, at, at + len));
        }
        at += len;
    }
}

str to_utf8(struct arena *a, str text) {
    size_t bad;
    if (str_is_utf8(text, &bad)) {
        return text;
    }
    AUTO_BUF out = BUF_INIT(text.len * 3);
    for (size_t at = 0; at < text.len;) {
        size_t len = str_utf8_next(str_slice(text, at, text.len), NULL);
        if (len == 0) {
            add_replacement(&out);
        } else {
            buf_add(&out, str_slice(text, at, at + len));
        }
        at += max_size(len, 1);
    }
    return str_dup(a, buf_str(&out));
}

void diag_render(struct diag_sink *sink, const struct diag_style *style, struct buf *out) {
    diag_sort(sink);
    switch (style->format) {
    case DIAG_TEXT:
    case DIAG_SHORT:
        render_text(sink, style, out);
        return;
    case DIAG_JSON:
        render_json(sink, out);
        return;
    case DIAG_SARIF:
        render_sarif(sink, out);
        return;
    }
}
