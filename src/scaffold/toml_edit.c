// SPDX-License-Identifier: Apache-2.0
#include "scaffold/internal.h"

#include <stdlib.h>

/* A header, or a value with all that is in it. */
struct piece {
    size_t start;
    size_t end;
    bool header;
    bool drop;
};

struct walk {
    const struct toml *doc;
    const struct toml_node *const *drop;
    size_t drop_count;
    struct piece *items;
    size_t len;
    size_t cap;
};

static bool is_dropped(const struct walk *w, const struct toml_node *n) {
    for (size_t i = 0; i < w->drop_count; i++) {
        if (w->drop[i] == n) {
            return true;
        }
    }
    return false;
}

static void collect(struct walk *w, const struct toml_node *n, bool drop) {
    bool has_header =
        n->kind == TOML_TABLE && (n->flags & (TOML_IMPLICIT | TOML_DOTTED | TOML_INLINE)) == 0;
    bool is_value =
        (n->kind != TOML_TABLE && n->kind != TOML_ARRAY) || (n->flags & TOML_INLINE) != 0;
    bool is_root = n == toml_root(w->doc);
    drop = drop || is_dropped(w, n);
    if (is_value || (has_header && !is_root)) {
        struct piece piece = { n->start, n->end, !is_value, drop };
        ARENA_PUSH(w->doc->arena, w->items, w->len, w->cap, piece);
    }
    if (is_value) {
        return;
    }
    for (const struct toml_node *c = toml_first(w->doc, n); c != NULL; c = toml_next(w->doc, c)) {
        collect(w, c, drop);
    }
}

static int compare_pieces(const void *a, const void *b) {
    size_t x = ((const struct piece *)a)->start, y = ((const struct piece *)b)->start;
    return x < y ? -1 : x > y;
}

static size_t line_start(str text, size_t at) {
    while (at > 0 && text.ptr[at - 1] != '\n') {
        at--;
    }
    return at;
}

/* Where the comments start that stand right above a header; not before `floor`. */
static size_t comments_start(str text, size_t header, size_t floor) {
    size_t at = line_start(text, header);
    while (at > floor) {
        size_t above = line_start(text, at - 1);
        str line = str_trim(str_slice(text, above, at));
        if (above < floor || !str_starts(line, S("#"))) {
            break;
        }
        at = above;
    }
    return at;
}

bool toml_edit_drop(struct toml_edits *edits, const struct toml *doc,
                    const struct toml_node *const *drop, size_t drop_count) {
    struct walk w = { .doc = doc, .drop = drop, .drop_count = drop_count };
    collect(&w, toml_root(doc), false);
    if (w.len > 0) {
        qsort(w.items, w.len, sizeof *w.items, compare_pieces);
    }
    bool dropping = false;
    size_t from = 0, floor = 0;
    for (size_t i = 0; i < w.len; i++) {
        const struct piece *p = &w.items[i];
        if (p->drop && !p->header && !dropping) {
            return false;
        }
        if (p->header && p->drop != dropping) {
            size_t at = comments_start(doc->text, p->start, floor);
            if (dropping) {
                toml_edit_replace(edits, doc->arena, from, at, S(""));
            }
            dropping = p->drop;
            from = at;
        }
        floor = p->end;
    }
    if (dropping) {
        toml_edit_replace(edits, doc->arena, from, doc->text.len, S(""));
    }
    return true;
}

void toml_edit_replace(struct toml_edits *edits, struct arena *a, size_t start, size_t end,
                       str text) {
    struct toml_edit edit = { start, end, text };
    ARENA_PUSH(a, edits->items, edits->len, edits->cap, edit);
}

static int compare_edits(const void *a, const void *b) {
    size_t x = ((const struct toml_edit *)a)->start, y = ((const struct toml_edit *)b)->start;
    return x < y ? -1 : x > y;
}

str toml_edit_apply(struct toml_edits *edits, struct arena *a, str text) {
    size_t size = text.len;
    size_t at = 0;
    if (edits->len > 0) {
        qsort(edits->items, edits->len, sizeof *edits->items, compare_edits);
    }
    for (size_t i = 0; i < edits->len; i++) {
        size += edits->items[i].text.len;
    }
    AUTO_BUF out = BUF_INIT(size);
    for (size_t i = 0; i < edits->len; i++) {
        buf_add(&out, str_slice(text, at, edits->items[i].start));
        buf_add(&out, edits->items[i].text);
        at = edits->items[i].end;
    }
    buf_add(&out, str_slice(text, at, text.len));
    return str_dup(a, buf_str(&out));
}

str toml_quote(struct arena *a, str text) {
    AUTO_BUF out = BUF_INIT(6 * text.len + 2);
    buf_add_char(&out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_add_char(&out, '\\');
            buf_add_char(&out, (char)c);
        } else if (c < ' ' || c == 0x7f) {
            buf_addf(&out, "\\u%04x", (unsigned)c);
        } else {
            buf_add_char(&out, (char)c);
        }
    }
    buf_add_char(&out, '"');
    return str_dup(a, buf_str(&out));
}
