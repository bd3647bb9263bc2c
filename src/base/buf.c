// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "base/assert.h"

void buf_done(struct buf *b) {
    free(b->ptr);
    *b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b) {
    b->len = 0;
    b->full = false;
    if (b->ptr != NULL) {
        b->ptr[0] = '\0';
    }
}

bool buf_reserve(struct buf *b, size_t extra) {
    size_t need;
    if (!add_size(b->len, extra, &need) || need > b->max) {
        b->full = true;
        return false;
    }
    if (need < b->cap) {
        return true;
    }
    size_t cap = max_size(b->cap * 2, max_size(need + 1, 64));
    char *ptr = realloc(b->ptr, cap);
    if (ptr == NULL) {
        fputs("capsem-builder: out of memory\n", stderr);
        exit(1);
    }
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

void buf_expect(struct buf *b, size_t extra) {
    buf_reserve(b, min_size(extra, b->max - b->len));
}

void buf_add_bytes(struct buf *b, const void *p, size_t len) {
    if (len == 0 || !buf_reserve(b, len)) {
        return;
    }
    memcpy(b->ptr + b->len, p, len);
    b->len += len;
    b->ptr[b->len] = '\0';
}

void buf_add_c(struct buf *b, const char *c) {
    buf_add(b, str_from_c(c));
}

void buf_add_repeat(struct buf *b, char c, size_t count) {
    if (count == 0 || !buf_reserve(b, count)) {
        return;
    }
    memset(b->ptr + b->len, c, count);
    b->len += count;
    b->ptr[b->len] = '\0';
}

void buf_vaddf(struct buf *b, const char *fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    size_t room = b->cap - b->len; /* most often enough: then the text is made once */
    int len = vsnprintf(room > 0 ? b->ptr + b->len : NULL, room, fmt, args);
    ASSERT(len >= 0);
    bool made = (size_t)len < room && (size_t)len <= b->max - b->len;
    if (made) {
        b->len += (size_t)len;
    } else if (buf_reserve(b, (size_t)len)) {
        vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    } else if (room > 0) {
        b->ptr[b->len] = '\0';
    }
    va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    buf_vaddf(b, fmt, args);
    va_end(args);
}

static bool is_plain_word(str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!char_is_alnum(s.ptr[i]) && str_find_char(S("@%+=:,./-_"), s.ptr[i], 0) == STR_NONE) {
            return false;
        }
    }
    return s.len > 0;
}

void buf_add_shell_word(struct buf *b, str s) {
    if (is_plain_word(s)) {
        buf_add(b, s);
        return;
    }
    buf_add_char(b, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'') {
            buf_add_c(b, "'\\''");
        } else {
            buf_add_char(b, s.ptr[i]);
        }
    }
    buf_add_char(b, '\'');
}

void buf_add_tail(struct buf *b, str piece, size_t max) {
    if (piece.len >= max) {
        piece = str_slice(piece, piece.len - max + 1, piece.len);
    }
    if (b->len + piece.len > max) {
        size_t keep = b->len < max / 2 ? b->len : max / 2;
        memmove(b->ptr, b->ptr + b->len - keep, keep);
        b->len = piece.len > max - keep ? 0 : keep;
    }
    buf_add(b, piece);
}
