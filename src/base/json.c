// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include "base/buf.h"

static void add_escaped(struct buf *b, uint32_t c) {
    switch (c) {
    case '"':
        buf_add(b, S("\\\""));
        return;
    case '\\':
        buf_add(b, S("\\\\"));
        return;
    case '\n':
        buf_add(b, S("\\n"));
        return;
    case '\r':
        buf_add(b, S("\\r"));
        return;
    case '\t':
        buf_add(b, S("\\t"));
        return;
    default:
        buf_addf(b, "\\u%04x", c);
        return;
    }
}

/* Escaped beyond what JSON asks for: a terminal obeys DEL and the C1 controls, and readers that
 * split text into lines do so at U+0085, U+2028 and U+2029 as well. */
static bool is_plain(uint32_t c) {
    return c >= 0x20 && c != '"' && c != '\\' && !(c >= 0x7F && c <= 0x9F) && c != 0x2028 &&
           c != 0x2029;
}

void buf_add_json(struct buf *b, str text) {
    buf_add_char(b, '"');
    size_t from = 0; /* what is not written yet */
    size_t at = 0;
    while (at < text.len) {
        uint32_t c = (unsigned char)text.ptr[at];
        size_t len = c < 0x80 ? 1 : str_utf8_next(str_slice(text, at, text.len), &c);
        if (len > 0 && is_plain(c)) {
            at += len;
            continue;
        }
        buf_add(b, str_slice(text, from, at));
        if (len == 0) {
            buf_add(b, S("\xEF\xBF\xBD"));
        } else {
            add_escaped(b, c);
        }
        at += len == 0 ? 1 : len;
        from = at;
    }
    buf_add(b, str_slice(text, from, at));
    buf_add_char(b, '"');
}
