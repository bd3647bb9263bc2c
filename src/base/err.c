// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static void format_frame(char frame[ERR_FRAME_BYTES], const char *fmt, va_list args) {
    int len = vsnprintf(frame, ERR_FRAME_BYTES, fmt, args);
    if (len >= ERR_FRAME_BYTES) {
        memcpy(frame + ERR_FRAME_BYTES - 4, "...", 4);
    }
}

bool err_set(struct err *err, const char *fmt, ...) {
    if (err == NULL) {
        return false;
    }
    va_list args;
    va_start(args, fmt);
    format_frame(err->frames[0], fmt, args);
    va_end(args);
    err->code = 0;
    err->count = 1;
    err->help[0] = '\0';
    return false;
}

bool err_sys(struct err *err, int errnum, const char *fmt, ...) {
    if (err == NULL) {
        return false;
    }
    char what[ERR_FRAME_BYTES];
    const char *why = strerror(errnum);
    va_list args;
    va_start(args, fmt);
    format_frame(what, fmt, args);
    va_end(args);
    /* A long path must not hide what is wrong with it. */
    size_t room = sizeof what - strlen(why) - strlen(": ") - 1;
    if (strlen(what) > room) {
        memcpy(what + room - 3, "...", 4);
    }
    err_set(err, "%s: %s", what, why);
    err->code = errnum;
    if (errnum == EFBIG) {
        err_help(err, "the file size limit was reached ('ulimit -f' shows it); 'ulimit -f "
                      "unlimited' removes it");
    }
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...) {
    if (err == NULL) {
        return false;
    }
    if (err->count < ERR_FRAMES_MAX) {
        err->count++;
    }
    va_list args;
    va_start(args, fmt);
    format_frame(err->frames[err->count - 1], fmt, args);
    va_end(args);
    return false;
}

bool err_help(struct err *err, const char *fmt, ...) {
    if (err == NULL || err->help[0] != '\0') {
        return false;
    }
    va_list args;
    va_start(args, fmt);
    format_frame(err->help, fmt, args);
    va_end(args);
    return false;
}

void err_text(const struct err *err, struct buf *out) {
    for (size_t i = err->count; i > 0; i--) {
        buf_add_c(out, err->frames[i - 1]);
        if (i > 1) {
            buf_add_c(out, ": ");
        }
    }
}
