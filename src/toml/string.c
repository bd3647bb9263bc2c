// SPDX-License-Identifier: Apache-2.0
/* Strings of the four kinds, and quoted keys (TOML 1.0, "String"). */
#include <string.h>

#include "toml/internal.h"

/* The delimiters of one string. */
struct quotes {
    char quote;
    bool basic; /* has escapes */
    bool multiline;
};

#define ONES  0x0101010101010101U
#define HIGHS 0x8080808080808080U

/* High bit of each byte that is zero; exact for the lowest such byte. */
static inline uint64_t zero_bytes(uint64_t v) {
    return (v - ONES) & ~v & HIGHS;
}

static inline bool must_stop(char c, char stop1, char stop2) {
    return (unsigned char)c < 0x20 ? c != '\t' : c == 0x7F || c == stop1 || c == stop2;
}

const char *scan_text(const char *at, const char *end, char stop1, char stop2) {
    uint64_t pattern1 = ONES * (unsigned char)stop1;
    uint64_t pattern2 = ONES * (unsigned char)stop2;
    for (;;) {
        while (end - at >= 8) {
            uint64_t v = load_le64(at);
            uint64_t hits = ((v - ONES * 0x20) & ~v & HIGHS) | zero_bytes(v ^ ONES * 0x7F) |
                            zero_bytes(v ^ pattern1) | zero_bytes(v ^ pattern2);
            if (hits != 0) {
                at += __builtin_ctzll(hits) / 8;
                break;
            }
            at += 8;
        }
        while (at < end && !must_stop(*at, stop1, stop2)) {
            at++;
            if (end - at >= 8) {
                break;
            }
        }
        if (at == end || must_stop(*at, stop1, stop2)) {
            return at;
        }
    }
}

/* white space and line ends after a backslash at a line's end; `at` is after the backslash.
 * Returns where the text goes on, NULL when the line does not end here. */
static const char *skip_line_break(const char *at, const char *end) {
    bool newline = false;
    for (; at < end; at++) {
        if (*at == '\n') {
            newline = true;
        } else if (*at == '\r' ? end - at < 2 || at[1] != '\n' : *at != ' ' && *at != '\t') {
            break;
        }
    }
    return newline ? at : NULL;
}

static size_t escape_hex_len(char c) {
    return c == 'u' ? 4 : c == 'U' ? 8 : 0;
}

/* \uXXXX and \UXXXXXXXX; false when digits are missing. */
static bool decode_hex(const char *at, const char *end, size_t len, uint32_t *ret) {
    uint32_t code = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = at + i < end ? char_hex(at[i]) : -1;
        if (digit < 0) {
            return false;
        }
        code = code << 4 | (uint32_t)digit;
    }
    *ret = code;
    return true;
}

/*
 * escape = "\" ( b t n f r " \ / uXXXX / UXXXXXXXX / line end in a multi-line string )
 *
 * `at` is at the backslash. Returns what is after the escape and its bytes, NULL when it is not
 * one.
 */
static const char *decode_escape(const char *at, const char *end, bool multiline, char out[4],
                                 size_t *out_len) {
    static const char names[] = "btnfr\"\\";
    static const char values[] = "\b\t\n\f\r\"\\";
    char c = end - at >= 2 ? at[1] : '\0';
    const char *name = c != '\0' ? strchr(names, c) : NULL;
    if (name != NULL) {
        out[0] = values[name - names];
        *out_len = 1;
        return at + 2;
    }
    size_t hex_len = escape_hex_len(c);
    if (hex_len > 0) {
        uint32_t code;
        if (!decode_hex(at + 2, end, hex_len, &code)) {
            return NULL;
        }
        *out_len = utf8_encode(code, out);
        return *out_len == 0 ? NULL : at + 2 + hex_len;
    }
    *out_len = 0;
    return multiline ? skip_line_break(at + 1, end) : NULL;
}

/* One unit of a string's raw content: an escape, a line end, or a byte. */
static const char *decode_unit(const char *at, const char *end, const struct quotes *q, char out[4],
                               size_t *out_len) {
    if (*at == '\\' && q->basic) {
        return decode_escape(at, end, q->multiline, out, out_len);
    }
    *out_len = 1;
    if (*at == '\r' && end - at >= 2 && at[1] == '\n') {
        out[0] = '\n'; /* "normalize newline to whatever makes sense": we are on Unix */
        return at + 2;
    }
    out[0] = *at;
    return at + 1;
}

static struct toml_text *decode(struct arena *a, const char *at, const char *end,
                                const struct quotes *q) {
    struct toml_text *text = arena_alloc(a, sizeof *text + (size_t)(end - at) + 1);
    while (at < end) {
        const char *plain = scan_text(at, end, '\\', '\\');
        memcpy(text->bytes + text->len, at, (size_t)(plain - at));
        text->len += (size_t)(plain - at);
        at = plain;
        if (at < end) {
            char out[4];
            size_t out_len;
            at = decode_unit(at, end, q, out, &out_len);
            memcpy(text->bytes + text->len, out, out_len);
            text->len += out_len;
        }
    }
    return text;
}

static void report_escape(struct parser *p, const char *at, bool multiline) {
    char c = p->end - at >= 2 ? at[1] : '\0';
    size_t hex_len = escape_hex_len(c);
    uint32_t code;
    if (hex_len > 0 && decode_hex(at + 2, p->end, hex_len, &code)) {
        report(p, at, at + 2 + hex_len, "U+%04X is not a character", code);
    } else if (hex_len > 0) {
        report(p, at, at + 2, "'\\%c' needs %zu hexadecimal digits", c, hex_len);
    } else if (multiline && (c == ' ' || c == '\t')) {
        report(p, at, at + 1, "a backslash before white space must end its line");
    } else {
        size_t len = str_utf8_next((str){ at + 1, (size_t)(p->end - at - 1) }, NULL);
        bool shown = len > 0 && (unsigned char)c >= 0x20;
        struct diag *d = report(p, at, at + 1 + (shown ? len : 0), "invalid escape '\\%.*s'",
                                shown ? (int)len : 0, at + 1);
        report_help(
            p, d,
            "write '\\\\' for a backslash, or use single quotes, where escapes are not processed");
    }
}

/* What one pass over a string found. */
struct string_scan {
    const char *content;
    const char *content_end;
    bool decoded; /* the content is not literally there */
    bool ok;
};

/* At a quote inside a multi-line string: its closing delimiter? Up to two quotes may stand
 * directly before it. Returns the delimiter's first quote, or NULL and *at after the quotes. */
static const char *closing_delimiter(const char **at, const char *end, char quote) {
    const char *from = *at;
    const char *to = from;
    while (to < end && *to == quote && to - from < 5) {
        to++;
    }
    *at = to;
    return to - from >= 3 ? to - 3 : NULL;
}

static bool unterminated(struct parser *p, const struct quotes *q, const char *open) {
    const char *stop = line_end(open, p->end);
    if (q->multiline) {
        report(p, open, open + 3, "the string is not closed: %c%c%c is missing", q->quote, q->quote,
               q->quote);
        p->at = find_header_line(stop, p->end);
        p->doc->lost_sections = true;
        return false;
    }
    const char *text_end = stop > open && stop[-1] == '\r' ? stop - 1 : stop;
    struct diag *d = report(p, open, text_end, "the string is not closed: %c is missing", q->quote);
    report_help(p, d, "write multi-line text between %c%c%c and %c%c%c", q->quote, q->quote,
                q->quote, q->quote, q->quote, q->quote);
    p->at = stop;
    return false;
}

static const char *bad_character(struct parser *p, const char *at) {
    str name = found_name(p, at);
    report(p, at, at + 1, "%.*s must be escaped in a string", STR_FMT(name));
    return at + 1;
}

static size_t newline_len(const char *at, const char *end) {
    if (at == end) {
        return 0;
    }
    return *at == '\n' ? 1 : *at == '\r' && end - at >= 2 && at[1] == '\n' ? 2 : 0;
}

/* At a backslash: returns what is after the escape, which is reported when it is not one. */
static const char *scan_escape(struct parser *p, const char *at, bool multiline,
                               struct string_scan *scan) {
    char out[4];
    size_t out_len;
    const char *next = decode_escape(at, p->end, multiline, out, &out_len);
    scan->decoded = true;
    if (next != NULL) {
        return next;
    }
    scan->ok = false;
    if (!multiline && (at + 1 == p->end || newline_len(at + 1, p->end) > 0)) {
        return at + 1; /* not an escape: the string has no end, and that is said */
    }
    report_escape(p, at, multiline);
    return at + 1 + (p->end - at >= 2 && (unsigned char)at[1] >= 0x20);
}

/* From the opening delimiter to after the closing one. Mistakes inside are reported and passed
 * over; false only when the string has no end. */
static bool scan_string(struct parser *p, const struct quotes *q, struct string_scan *ret) {
    const char *open = p->at;
    const char *at = open + (q->multiline ? 3 : 1);
    if (q->multiline) {
        at += newline_len(at, p->end);
    }
    *ret = (struct string_scan){ .content = at, .ok = true };
    while ((at = scan_text(at, p->end, q->quote, q->basic ? '\\' : q->quote)) < p->end) {
        size_t newline = newline_len(at, p->end);
        if (*at == q->quote) {
            const char *close = q->multiline ? closing_delimiter(&at, p->end, q->quote) : at++;
            if (close != NULL) {
                ret->content_end = close;
                p->at = at;
                return true;
            }
        } else if (*at == '\\') {
            at = scan_escape(p, at, q->multiline, ret);
        } else if (newline > 0 && !q->multiline) {
            break;
        } else if (newline > 0) {
            ret->decoded |= newline == 2;
            at += newline;
        } else {
            at = bad_character(p, at);
            ret->ok = false;
        }
    }
    return unterminated(p, q, open);
}

static struct quotes quotes_at(const char *at, const char *end) {
    struct quotes q = { .quote = *at, .basic = *at == '"' };
    q.multiline = end - at >= 3 && at[1] == *at && at[2] == *at;
    return q;
}

bool parse_string(struct parser *p, struct toml_node *node) {
    struct quotes q = quotes_at(p->at, p->end);
    struct string_scan scan;
    if (!scan_string(p, &q, &scan)) {
        return false;
    }
    str raw = { scan.content, (size_t)(scan.content_end - scan.content) };
    if (!scan.ok || (p->bad_utf8 && !str_is_utf8(raw, NULL))) {
        node->kind = TOML_INVALID;
        return true;
    }
    node->kind = TOML_STRING;
    if (scan.decoded) {
        node->flags |= TOML_DECODED;
        node->in = decode(p->doc->arena, scan.content, scan.content_end, &q);
    } else {
        node->text.start = offset_of(p, scan.content);
        node->text.len = (uint32_t)raw.len;
    }
    return true;
}

bool parse_quoted_key(struct parser *p, struct key *ret) {
    struct quotes q = quotes_at(p->at, p->end);
    const char *open = p->at;
    struct string_scan scan;
    if (!scan_string(p, &q, &scan)) {
        return false;
    }
    if (q.multiline) {
        report(p, open, p->at, "a multi-line string cannot be a key");
        return false;
    }
    str raw = { scan.content, (size_t)(scan.content_end - scan.content) };
    if (!scan.ok || (p->bad_utf8 && !str_is_utf8(raw, NULL))) {
        return false;
    }
    *ret = (struct key){ .text = raw,
                         .start = offset_of(p, scan.content),
                         .len = (uint32_t)raw.len,
                         .flags = TOML_KEY_QUOTED };
    if (scan.decoded) {
        const struct toml_text *text = decode(p->doc->arena, scan.content, scan.content_end, &q);
        ret->text = (str){ text->bytes, text->len };
        ret->flags |= TOML_KEY_DECODED;
    }
    return true;
}

uint32_t toml_string_offset(str text, struct span raw, size_t offset) {
    const char *at = text.ptr + raw.start;
    const char *end = text.ptr + raw.end;
    struct quotes q = quotes_at(at, end);
    size_t quote_len = q.multiline ? 3 : 1;
    if (raw.end - raw.start < 2 * quote_len) {
        return raw.start;
    }
    at += quote_len;
    end -= quote_len;
    if (q.multiline) {
        at += newline_len(at, end);
    }
    size_t done = 0;
    while (at < end) {
        char out[4];
        size_t out_len;
        const char *next = decode_unit(at, end, &q, out, &out_len);
        if (next == NULL || done + out_len > offset) {
            break;
        }
        done += out_len;
        at = next;
    }
    return (uint32_t)(at - text.ptr);
}
