// SPDX-License-Identifier: Apache-2.0
#include "diag/diag.h"

void sources_init(struct sources *s, struct arena *a) {
    *s = (struct sources){ .arena = a };
}

uint32_t sources_add(struct sources *s, str path, str text) {
    ASSERT(text.len < UINT32_MAX);
    struct source *fresh = ARENA_NEW(s->arena, struct source);
    *fresh = (struct source){ .path = path, .text = text };
    ARENA_PUSH(s->arena, s->items, s->len, s->cap, fresh);
    return (uint32_t)(s->len - 1);
}

uint32_t sources_add_path(struct sources *s, str path) {
    for (size_t i = 0; i < s->len; i++) {
        if (str_eq(s->items[i]->path, path)) {
            return (uint32_t)i;
        }
    }
    return sources_add(s, path, (str){ 0 });
}

/* A byte order mark is not a part of the first line: editors do not show it. */
static void index_lines(struct source *src, struct arena *a) {
    size_t cap = 0;
    uint32_t start = str_starts(src->text, S("\xEF\xBB\xBF")) ? 3 : 0;
    ARENA_PUSH(a, src->line_starts, src->line_count, cap, start);
    for (size_t at = 0; (at = str_find_char(src->text, '\n', at)) != STR_NONE; at++) {
        start = (uint32_t)(at + 1);
        ARENA_PUSH(a, src->line_starts, src->line_count, cap, start);
    }
}

/* Index of the last line that starts at or before the offset. */
static size_t line_index(const struct source *src, uint32_t offset) {
    size_t low = 0;
    size_t high = src->line_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (src->line_starts[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

struct position sources_position(struct sources *s, uint32_t source, uint32_t offset) {
    struct source *src = s->items[source];
    if (src->line_starts == NULL) {
        index_lines(src, s->arena);
    }
    offset = (uint32_t)min_size(offset, src->text.len);
    size_t line = line_index(src, offset);
    uint32_t column = 1;
    size_t at = src->line_starts[line];
    while (at < offset) {
        if (offset - at >= 8 && (load_le64(src->text.ptr + at) & 0x8080808080808080U) == 0) {
            at += 8; /* ASCII: a line may be a megabyte */
            column += 8;
            continue;
        }
        size_t len = str_utf8_next(str_slice(src->text, at, src->text.len), NULL);
        at += len == 0 ? 1 : len;
        if (at <= offset) {
            column++;
        }
    }
    return (struct position){ (uint32_t)line + 1, column };
}

str sources_line(struct sources *s, uint32_t source, uint32_t line) {
    struct source *src = s->items[source];
    if (src->line_starts == NULL) {
        index_lines(src, s->arena);
    }
    if (line == 0 || line > src->line_count) {
        return (str){ 0 };
    }
    size_t start = src->line_starts[line - 1];
    size_t end = line < src->line_count ? src->line_starts[line] - 1 : src->text.len;
    str text = str_slice(src->text, start, end);
    return str_ends(text, S("\r")) ? str_slice(text, 0, text.len - 1) : text;
}

str sources_shown_line(struct sources *s, uint32_t source, uint32_t line) {
    struct source *src = s->items[source];
    str plain = sources_line(s, source, line);
    if (plain.len == 0) {
        return plain;
    }
    if (src->shown.ptr == NULL) {
        src->shown = secret_mask(s->arena, src->text);
    }
    size_t start = (size_t)(plain.ptr - src->text.ptr);
    return str_slice(src->shown, start, start + plain.len);
}
