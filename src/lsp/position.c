// SPDX-License-Identifier: Apache-2.0
#include "lsp/internal.h"

/* Behind the line end at or after `at`; STR_NONE: the last line. */
static size_t next_line(str text, size_t at) {
    while (at < text.len && text.ptr[at] != '\n' && text.ptr[at] != '\r') {
        at++;
    }
    if (at >= text.len) {
        return STR_NONE;
    }
    bool both = text.ptr[at] == '\r' && at + 1 < text.len && text.ptr[at + 1] == '\n';
    return at + (both ? 2 : 1);
}

static bool at_line_end(str text, size_t at) {
    return at >= text.len || text.ptr[at] == '\n' || text.ptr[at] == '\r';
}

/* Bytes and UTF-16 code units of the character at `at`. */
static size_t char_bytes(str text, size_t at, uint32_t *ret_units) {
    uint32_t code_point = 0;
    size_t len = str_utf8_next(str_slice(text, at, text.len), &code_point);
    *ret_units = len == 4 ? 2 : 1;
    return len == 0 ? 1 : len;
}

void lines_init(struct lines *l, struct arena *a, str text) {
    size_t cap = 0;
    *l = (struct lines){ .text = text };
    for (size_t at = 0; at != STR_NONE; at = next_line(text, at)) {
        ARENA_PUSH(a, l->starts, l->count, cap, (uint32_t)at);
    }
}

struct lsp_position lines_position(const struct lines *l, size_t offset) {
    size_t low = 0;
    size_t high = l->count;
    offset = min_size(offset, l->text.len);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (l->starts[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    struct lsp_position at = { .line = (uint32_t)low };
    size_t byte = l->starts[low];
    bool in_line_end = offset > byte && offset < l->text.len && l->text.ptr[offset] == '\n' &&
                       l->text.ptr[offset - 1] == '\r';
    offset -= in_line_end ? 1 : 0;
    while (byte < offset) {
        uint32_t units;
        if (offset - byte >= 8 && (load_le64(l->text.ptr + byte) & 0x8080808080808080U) == 0) {
            byte += 8; /* ASCII: a line may be a megabyte */
            at.character += 8;
            continue;
        }
        byte += char_bytes(l->text, byte, &units);
        at.character += byte <= offset ? units : 0;
    }
    return at;
}

size_t position_offset(str text, struct lsp_position at) {
    size_t byte = 0;
    for (uint32_t line = 0; line < at.line; line++) {
        byte = next_line(text, byte);
        if (byte == STR_NONE) {
            return text.len;
        }
    }
    uint32_t character = 0;
    while (!at_line_end(text, byte)) {
        uint32_t units;
        size_t len = char_bytes(text, byte, &units);
        if (at.character - character < units) { /* also between the halves of a pair */
            break;
        }
        byte += len;
        character += units;
    }
    return byte;
}
