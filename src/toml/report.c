// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "toml/internal.h"

enum { BAD_BYTES_MAX = 10, LINE_ERRORS_MAX = 10, WORD_MAX = 32 };

/* Has the line of `from` had its share of messages? */
static bool line_is_full(struct parser *p, const char *from) {
    if (p->last_error == NULL || from < p->last_error ||
        memchr(p->last_error, '\n', (size_t)(from - p->last_error)) != NULL) {
        p->line_errors = 0;
    }
    p->last_error = from;
    return p->line_errors++ >= LINE_ERRORS_MAX;
}

struct diag *report(struct parser *p, const char *from, const char *to, const char *fmt, ...) {
    p->doc->ok = false;
    if (p->errors >= TOML_ERRORS_MAX || line_is_full(p, from)) {
        return NULL;
    }
    p->errors++;
    AUTO_BUF text = BUF_INIT(4096);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    struct diag *d =
        diag_report(p->sink, "E002", span_from(p, from, to), "%.*s", STR_FMT(buf_str(&text)));
    if (p->errors == TOML_ERRORS_MAX) {
        diag_note(p->sink, d, SPAN_NONE, "the rest of the file was not checked");
    }
    return d;
}

void report_help(struct parser *p, struct diag *d, const char *fmt, ...) {
    if (d == NULL) {
        return;
    }
    AUTO_BUF text = BUF_INIT(4096);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    diag_help(p->sink, d, "%.*s", STR_FMT(buf_str(&text)));
}

void report_note(struct parser *p, struct diag *d, struct span span, const char *text) {
    if (d != NULL) {
        diag_note(p->sink, d, span, "%s", text);
    }
}

str found_name(const struct parser *p, const char *at) {
    if (at >= p->end) {
        return S("the end of the file");
    }
    if (*at == '\n' || (*at == '\r' && p->end - at >= 2 && at[1] == '\n')) {
        return S("the end of the line");
    }
    const char *to = at;
    while (to < p->end && to - at < WORD_MAX && is_bare_key_char(*to)) {
        to++;
    }
    if (to > at) {
        return str_fmt(p->doc->arena, "'%.*s'", (int)(to - at), at);
    }
    uint32_t code;
    size_t len = str_utf8_next((str){ at, (size_t)(p->end - at) }, &code);
    if (len == 0) {
        return S("a byte that is not UTF-8");
    }
    if (code < 0x20 || code == 0x7F || code == 0xFEFF) {
        const char *what = code == '\r'     ? "the carriage return"
                           : code == 0xFEFF ? "the byte order mark"
                                            : "the control character";
        return str_fmt(p->doc->arena, "%s U+%04X", what, code);
    }
    return str_fmt(p->doc->arena, "'%.*s'", (int)len, at);
}

void expected(struct parser *p, const char *what) {
    if (p->bad_utf8 && p->at < p->end &&
        str_utf8_next((str){ p->at, (size_t)(p->end - p->at) }, NULL) == 0) {
        p->doc->ok = false; /* check_encoding() has said so */
        return;
    }
    str found = found_name(p, p->at);
    report(p, p->at, p->at + (p->at < p->end && !at_newline(p) ? 1 : 0), "expected %s, found %.*s",
           what, STR_FMT(found));
}

static bool report_not_text(struct parser *p, size_t bad) {
    const char *at = p->start + bad;
    bool utf16 = str_starts(p->doc->text, S("\xFF\xFE")) || str_starts(p->doc->text, S("\xFE\xFF"));
    struct diag *d = report(p, at, at + 1, utf16 ? "the file is not UTF-8" : "not a text file");
    if (utf16) {
        report_help(p, d, "it looks like UTF-16: save it as UTF-8");
    }
    p->doc->lost_sections = true;
    return false;
}

bool check_encoding(struct parser *p) {
    str text = p->doc->text;
    if (text.len > TOML_BYTES_MAX) {
        report(p, p->start, p->start, "the file is larger than %d bytes", TOML_BYTES_MAX);
        p->doc->lost_sections = true;
        return false;
    }
    size_t bad;
    if (str_is_utf8(text, &bad)) {
        return true;
    }
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        return report_not_text(p, bad);
    }
    p->bad_utf8 = true;
    const char *at = p->start;
    for (int i = 0; i < BAD_BYTES_MAX; i++) {
        if (str_is_utf8((str){ at, (size_t)(p->end - at) }, &bad)) {
            break;
        }
        const char *from = at + bad;
        at = from + 1;
        while (at < p->end && ((unsigned char)*at & 0xC0) == 0x80) {
            at++; /* the rest of the same broken character */
        }
        report(p, from, at, "the byte 0x%02X is not valid UTF-8 here",
               (unsigned)(unsigned char)*from);
    }
    return true;
}
