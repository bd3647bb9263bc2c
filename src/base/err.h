// SPDX-License-Identifier: Apache-2.0
/*
 * struct err: the second kind of error, the world refused. A number (errno, HTTP or exit status),
 * and a stack of short frames: the innermost says what failed, each outer one says what was being
 * done. All setters return false, so that a failing function ends in `return err_sys(...)`.
 *
 * A caller that does not care passes NULL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum { ERR_FRAMES_MAX = 8, ERR_FRAME_BYTES = 640 };

struct err {
    int code;                                     /* errno where there is one, else 0 */
    size_t count;                                 /* frames in use, innermost first */
    char frames[ERR_FRAMES_MAX][ERR_FRAME_BYTES]; /* cut with "..." when longer */
    char help[ERR_FRAME_BYTES];                   /* how to fix it; empty when not known */
};

#define ERR_INIT ((struct err){ .count = 0 })

/* The first frame, with or without the text of an errno after it. Replaces what was there. */
bool err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));
bool err_sys(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));

/* One more frame outside. When the stack is full the outermost is replaced. */
bool err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* How to fix it: one sentence, or a command that can be pasted. The innermost help is kept. */
bool err_help(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* "outermost: ...: innermost", without the help. */
void err_text(const struct err *err, struct buf *out);

static inline bool err_is_set(const struct err *err) {
    return err->count > 0;
}
