// SPDX-License-Identifier: Apache-2.0
#include "cli/wrap.h"

#include "diag/diag.h"

enum { ROOM_MIN = 20 }; /* columns of text that a narrow terminal gets at least */

size_t text_width(str text) {
    size_t width = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t c = 0;
        size_t len = str_utf8_next(str_slice(text, at, text.len), &c);
        width += len == 0 ? 1 : char_width(c);
        at += len == 0 ? 1 : len;
    }
    return width;
}

/* Bytes of the longest start that ends before a space and fits; when no word fits, the first. */
static size_t fitting(str text, size_t room) {
    size_t end = 0;
    while (end < text.len) {
        size_t space = str_find_char(text, ' ', end + 1);
        space = space == STR_NONE ? text.len : space;
        if (end > 0 && text_width(str_slice(text, 0, space)) > room) {
            break;
        }
        end = space;
    }
    return end;
}

void add_wrapped(struct buf *out, str text, size_t indent, size_t width) {
    size_t room = width > indent + ROOM_MIN ? width - indent : ROOM_MIN;
    while (width > 0 && text_width(text) > room) {
        size_t end = fitting(text, room);
        if (end == text.len) {
            break;
        }
        buf_add(out, str_slice(text, 0, end));
        buf_add_char(out, '\n');
        buf_add_repeat(out, ' ', indent);
        text = str_slice(text, end + 1, text.len);
    }
    buf_add(out, text);
    buf_add_char(out, '\n');
}
