// SPDX-License-Identifier: Apache-2.0
/*
 * buf: growable text with a hard maximum. What would pass the maximum is dropped and `full` is
 * set, which stays set: writers need no check after each call, the reader of the result checks
 * once. Always NUL-terminated after its length.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max; /* bytes */
    bool full;  /* something did not fit */
};

#define BUF_INIT(max_bytes) ((struct buf){ .max = (max_bytes) })

void buf_done(struct buf *b);
void buf_reset(struct buf *b);                 /* empty again, memory kept */
bool buf_reserve(struct buf *b, size_t extra); /* false when it would pass the maximum */
/* Makes room for what is likely to come, so that it grows once. */
void buf_expect(struct buf *b, size_t extra);

void buf_add_c(struct buf *b, const char *c);
void buf_add_bytes(struct buf *b, const void *p, size_t len);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
void buf_add_repeat(struct buf *b, char c, size_t count);

/* Keeps the last part of what is added, at most `max` bytes: when that is reached, the older half
 * goes. */
void buf_add_tail(struct buf *b, str piece, size_t max);

/* The text as one word of a POSIX shell command: 'it'\''s'. Plain words stay as they are. */
void buf_add_shell_word(struct buf *b, str s);

/* Most often there is room: then it costs no call. */
static inline void buf_add_char(struct buf *b, char c) {
    if (b->len + 1 < b->cap && b->len < b->max) {
        b->ptr[b->len++] = c;
        b->ptr[b->len] = '\0';
    } else {
        buf_add_bytes(b, &c, 1);
    }
}

/* The same for text. */
static inline void buf_add(struct buf *b, str s) {
    if (s.len > 0 && s.len < b->cap - b->len && s.len <= b->max - b->len) {
        memcpy(b->ptr + b->len, s.ptr, s.len);
        b->len += s.len;
        b->ptr[b->len] = '\0';
    } else {
        buf_add_bytes(b, s.ptr, s.len);
    }
}

/* View of the content, valid until the next change. */
static inline str buf_str(const struct buf *b) {
    return (str){ b->ptr, b->len };
}

#define AUTO_BUF __attribute__((cleanup(buf_done))) struct buf
