// SPDX-License-Identifier: Apache-2.0
/* Physical lines to logical lines: comments, empty lines and line continuations. */
#include <string.h>

#include "dockerfile/internal.h"

bool line_next_raw(struct parser *p, str *ret_with_end, uint32_t *ret_start) {
    if (p->at >= p->text.len) {
        return false;
    }
    size_t newline = str_find_char(p->text, '\n', p->at);
    size_t end = newline == STR_NONE ? p->text.len : newline + 1;
    *ret_with_end = str_slice(p->text, p->at, end);
    *ret_start = (uint32_t)p->at;
    p->at = end;
    return true;
}

static str without_line_end(str line) {
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r')) {
        line.len--;
    }
    return line;
}

/*
 * Cuts a continuation off the line. It is the escape character at the end, white space after it
 * aside, unless another one stands before it.
 */
static bool cut_continuation(str *line, char escape) {
    size_t len = line->len;
    while (len > 0 && (line->ptr[len - 1] == ' ' || line->ptr[len - 1] == '\t')) {
        len--;
    }
    if (len == 0 || line->ptr[len - 1] != escape || (len > 1 && line->ptr[len - 2] == escape)) {
        return false;
    }
    line->len = len - 1;
    return true;
}

struct piece {
    str text;
    uint32_t source;
};

struct pieces {
    struct piece *items;
    size_t len;
    size_t cap;
    size_t bytes;
};

static void pieces_add(struct arena *a, struct pieces *pieces, str text, const char *base) {
    struct piece piece = { text, (uint32_t)(text.ptr - base) };
    ARENA_PUSH(a, pieces->items, pieces->len, pieces->cap, piece);
    pieces->bytes += text.len;
}

static void join(struct parser *p, const struct pieces *pieces, struct line *ret) {
    struct segment *segments = ARENA_ARRAY(p->arena, struct segment, pieces->len);
    char *text = pieces->len == 1 ? NULL : arena_alloc(p->arena, pieces->bytes + 1);
    size_t len = 0;
    for (size_t i = 0; i < pieces->len; i++) {
        const struct piece *piece = &pieces->items[i];
        segments[i] = (struct segment){ len, piece->source };
        if (text != NULL && piece->text.len > 0) {
            memcpy(text + len, piece->text.ptr, piece->text.len);
        }
        len += piece->text.len;
    }
    ret->source = p->source;
    ret->text = text == NULL ? pieces->items[0].text : (str){ text, len };
    ret->segments = segments;
    ret->segment_count = pieces->len;
}

/* The lines after one that ends in a continuation. */
static void read_continued(struct parser *p, struct pieces *pieces, struct line *line) {
    bool too_long = false;
    bool more = true;
    str raw;
    uint32_t start;
    while (more && line_next_raw(p, &raw, &start)) {
        str text = without_line_end(raw);
        str trimmed = str_trim_left(text);
        if (trimmed.len > 0 && trimmed.ptr[0] == '#') {
            continue;
        }
        if (trimmed.len == 0) {
            if (!span_is_set(line->empty_continuation)) {
                uint32_t end = start + (uint32_t)text.len;
                line->empty_continuation = (struct span){ p->source, start, end };
            }
            continue;
        }
        more = cut_continuation(&text, p->escape);
        if (text.len == 0) {
            continue; /* nothing but the continuation */
        }
        if (pieces->bytes + text.len <= DOCKERFILE_LINE_MAX) {
            pieces_add(p->arena, pieces, text, p->text.ptr);
        } else if (!too_long) {
            too_long = true;
            struct span at = { p->source, start, start + (uint32_t)text.len };
            parser_error(p, at, "the instruction is longer than %d bytes", DOCKERFILE_LINE_MAX);
        }
    }
}

bool line_next(struct parser *p, struct line *ret) {
    str raw;
    uint32_t start;
    while (line_next_raw(p, &raw, &start)) {
        str text = str_trim_left(without_line_end(raw));
        if (text.len == 0 || text.ptr[0] == '#') {
            continue;
        }
        struct line line = { .empty_continuation = SPAN_NONE };
        struct pieces pieces = { 0 };
        bool more = cut_continuation(&text, p->escape);
        if (text.len > DOCKERFILE_LINE_MAX) {
            struct span at = { p->source, start, start + 1 };
            parser_error(p, at, "the instruction is longer than %d bytes", DOCKERFILE_LINE_MAX);
            text.len = 0;
        }
        pieces_add(p->arena, &pieces, text, p->text.ptr);
        if (more) {
            read_continued(p, &pieces, &line);
        }
        join(p, &pieces, &line);
        if (str_trim(line.text).len > 0) {
            *ret = line;
            return true;
        }
    }
    return false;
}

/* Where one byte of the joined text is in the file. */
static uint32_t to_source(const struct line *l, size_t at) {
    size_t low = 0;
    size_t high = l->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (l->segments[middle].joined <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return l->segments[low].source + (uint32_t)(at - l->segments[low].joined);
}

struct span line_span(const struct line *l, size_t start, size_t end) {
    if (start >= end) {
        uint32_t at =
            start > 0 && start == l->text.len ? to_source(l, start - 1) + 1 : to_source(l, start);
        return (struct span){ l->source, at, at };
    }
    /* The end is found from the last byte, so that it stays on that byte's line. */
    return (struct span){ l->source, to_source(l, start), to_source(l, end - 1) + 1 };
}
