// SPDX-License-Identifier: Apache-2.0
/*
 * Diagnostics for people:
 *
 *     error: [E003] guest/config/build.toml:4:21: compression_level must be from 1 to 22, not 99
 *       4 | compression_level = 99
 *         |                     ^^
 *     note: guest/config/manifest.toml:2:1: where the note points, with a line of its own
 *     help: how to fix it
 */
#include <stdio.h>

#include "diag/internal.h"

enum {
    WIDTH_DEFAULT = 500, /* columns, where the terminal's width is not known */
    WIDTH_MIN = 40,
    TAB = 4,
    CLIP = 4096,   /* bytes on either side of a span that are looked at */
    LINES_MAX = 6, /* of one span; the middle of longer ones is left out */
};

struct painter {
    struct diag_sink *sink;
    struct buf *out;
    bool color;
    size_t width;  /* of the terminal */
    size_t gutter; /* digits of the largest line number shown */
};

static const char red[] = "1;31";
static const char yellow[] = "1;33";
static const char cyan[] = "1;36";
static const char green[] = "1;32";
static const char blue[] = "34";
static const char bold[] = "1";

static void paint(struct painter *p, const char *color) {
    if (p->color) {
        buf_addf(p->out, "\033[%sm", color);
    }
}

static void paint_end(struct painter *p) {
    if (p->color) {
        buf_add_c(p->out, "\033[0m");
    }
}

static const char *severity_color(const struct diag *d) {
    return d->code->severity == DIAG_ERROR ? red : yellow;
}

/* ---- one source line ---- */

/* One character of a line as it is shown. */
struct glyph {
    str text; /* ptr NULL: `width` spaces */
    size_t width;
    size_t bytes; /* in the source */
};

static struct glyph next_glyph(str line, size_t at, size_t column) {
    uint32_t code;
    size_t len = str_utf8_next(str_slice(line, at, line.len), &code);
    if (len == 0) {
        return (struct glyph){ S("\xEF\xBF\xBD"), 1, 1 };
    }
    if (code == '\t') {
        return (struct glyph){ { 0 }, TAB - column % TAB, 1 };
    }
    if (char_is_control(code)) {
        return (struct glyph){ S("\xEF\xBF\xBD"), 1, len };
    }
    return (struct glyph){ str_slice(line, at, at + len), char_width(code), len };
}

/* Columns that the first `bytes` of a line take. */
static size_t display_width(str line, size_t bytes) {
    size_t column = 0;
    for (size_t at = 0; at < bytes && at < line.len;) {
        struct glyph g = next_glyph(line, at, column);
        column += g.width;
        at += g.bytes;
    }
    return column;
}

/* Columns [left, right) of a line are shown; "..." covers the first or last three where it is cut.
 */
struct window {
    size_t left;
    size_t right;
    bool cut_left;
    bool cut_right;
};

static struct window choose_window(size_t room, size_t total, size_t start, size_t end) {
    if (total <= room) {
        return (struct window){ .right = total };
    }
    size_t shown = min_size(end - start, room / 2);
    size_t before = (room - shown) / 2;
    size_t left = start > before ? start - before : 0;
    if (end + 3 <= room) {
        left = 0;
    }
    left = min_size(left, total - room);
    return (struct window){ left, left + room, left > 0, left + room < total };
}

static void add_gutter(struct painter *p, uint32_t line) {
    paint(p, blue);
    if (line > 0) {
        buf_addf(p->out, " %*u |", (int)p->gutter, line);
    } else {
        buf_addf(p->out, " %*s |", (int)p->gutter, "");
    }
    paint_end(p);
}

static void add_line_text(struct painter *p, str line, struct window w) {
    size_t left = w.left + (w.cut_left ? 3 : 0);
    size_t right = w.right - (w.cut_right ? 3 : 0);
    size_t column = 0;
    buf_add_c(p->out, w.cut_left ? " ..." : line.len > 0 ? " " : "");
    for (size_t at = 0; at < line.len && column < right;) {
        struct glyph g = next_glyph(line, at, column);
        bool whole = column >= left && column + g.width <= right;
        if (whole && g.text.ptr != NULL) {
            buf_add(p->out, g.text);
        } else { /* white space, or half of a wide character at the edge */
            size_t from = max_size(column, left);
            size_t to = min_size(column + g.width, right);
            buf_add_repeat(p->out, ' ', to > from ? to - from : 0);
        }
        column += g.width;
        at += g.bytes;
    }
    buf_add_c(p->out, w.cut_right ? "...\n" : "\n");
}

static void add_carets(struct painter *p, struct window w, size_t start, size_t end,
                       const char *color) {
    size_t from = max_size(start, w.left);
    size_t to = w.cut_right ? min_size(end, w.right) : end;
    add_gutter(p, 0);
    buf_add_repeat(p->out, ' ', from - w.left + 1);
    paint(p, color);
    buf_add_repeat(p->out, '^', to > from ? to - from : 1);
    paint_end(p);
    buf_add_char(p->out, '\n');
}

static size_t room_for_text(const struct painter *p) {
    size_t taken = p->gutter + 4;
    return max_size(p->width, WIDTH_MIN) - taken;
}

static void add_plain_line(struct painter *p, struct span span, uint32_t number) {
    str line = str_clip(sources_shown_line(p->sink->sources, span.source, number), CLIP);
    size_t total = display_width(line, line.len);
    add_gutter(p, number);
    add_line_text(p, line, choose_window(room_for_text(p), total, 0, 0));
}

/* Byte offset of a line's start. */
static size_t line_start(struct sources *s, struct span span, uint32_t number) {
    return s->items[span.source]->line_starts[number - 1];
}

/* The part of a line around bytes [from, to) that may be shown at all. */
static str clip_line(str line, size_t *from, size_t *to) {
    size_t start = *from > CLIP ? *from - CLIP : 0;
    while (start > 0 && start < *from && ((unsigned char)line.ptr[start] & 0xC0) == 0x80) {
        start++;
    }
    *to = min_size(*to, *from + CLIP) - start;
    *from -= start;
    return str_slice(line, start, start + *to + CLIP);
}

static void add_marked_line(struct painter *p, struct span span, uint32_t number,
                            const char *color) {
    struct sources *s = p->sink->sources;
    str line = sources_shown_line(s, span.source, number);
    size_t begin = line_start(s, span, number);
    size_t first = max_size(span.start, begin); /* it may be a byte order mark */
    size_t from = min_size(first - begin, line.len);
    size_t to = min_size(max_size(span.end, first) - begin, line.len);
    line = clip_line(line, &from, &to);
    size_t start = display_width(line, from);
    size_t end = max_size(display_width(line, to), start);
    struct window w =
        choose_window(room_for_text(p), max_size(display_width(line, line.len), start + 1), start,
                      max_size(end, start + 1));
    add_gutter(p, number);
    add_line_text(p, line, w);
    add_carets(p, w, start, end, color);
}

/* The last line that the span shows: one that it only begins does not count. */
static uint32_t last_line(struct sources *s, struct span span, struct range r) {
    bool only_begun = r.end.column == 1 && r.end.line > r.start.line;
    return r.end.line - (only_begun ? 1 : 0);
}

/* The source of a span, its first part underlined. */
static void add_excerpt(struct painter *p, struct span span, const char *color) {
    struct sources *s = p->sink->sources;
    if (!span_is_set(span) || s->items[span.source]->text.ptr == NULL) {
        return;
    }
    struct range r = span_range(s, span);
    uint32_t last = last_line(s, span, r);
    add_marked_line(p, span, r.start.line, color);
    for (uint32_t line = r.start.line + 1; line <= last; line++) {
        if (last - r.start.line >= LINES_MAX && line == r.start.line + 4) {
            add_gutter(p, 0);
            buf_add_c(p->out, " ...\n");
            line = last;
        }
        add_plain_line(p, span, line);
    }
}

/* ---- whole diagnostics ---- */

static size_t digits(uint32_t number) {
    size_t count = 1;
    for (; number >= 10; number /= 10) {
        count++;
    }
    return count;
}

static size_t gutter_of(struct sources *s, struct span span) {
    return span_is_set(span) ? digits(last_line(s, span, span_range(s, span))) : 0;
}

static void add_place(struct painter *p, struct span span) {
    struct position at = sources_position(p->sink->sources, span.source, span.start);
    paint(p, bold);
    add_plain(p->out, span_path(p->sink->sources, span));
    if (span_has_text(p->sink->sources, span)) {
        buf_addf(p->out, ":%u:%u", at.line, at.column);
    }
    buf_add_char(p->out, ':');
    paint_end(p);
    buf_add_char(p->out, ' ');
}

/* error: [E003] path:4:21: message; in the short form the place comes first, where editors and
 * other tools look for it. */
static void add_header(struct painter *p, const struct diag *d, bool place_first) {
    bool has_place = span_is_set(d->span);
    if (has_place && place_first) {
        add_place(p, d->span);
    }
    paint(p, severity_color(d));
    buf_addf(p->out, "%s:", severity_name(d));
    paint_end(p);
    buf_addf(p->out, " [%s] ", d->code->name);
    if (has_place && !place_first) {
        add_place(p, d->span);
    }
    add_plain(p->out, d->message);
    buf_add_char(p->out, '\n');
}

static void add_label(struct painter *p, const char *label, const char *color) {
    paint(p, color);
    buf_addf(p->out, "%s:", label);
    paint_end(p);
    buf_add_char(p->out, ' ');
}

/* Notes and help may have several lines. */
static void add_lines(struct painter *p, str text) {
    while (text.len > 0) {
        add_plain(p->out, str_cut(&text, '\n'));
        buf_add_char(p->out, '\n');
    }
}

static void add_note(struct painter *p, const struct diag *d, struct span span, str note) {
    add_label(p, "note", cyan);
    if (span_is_set(span)) {
        add_place(p, span);
    }
    add_lines(p, note);
    if (!d->secret) {
        add_excerpt(p, span, cyan);
    }
}

/* Wide enough for the line numbers of all places, so that their bars are in one column. */
static size_t gutter_of_all(struct sources *s, const struct diag *d) {
    size_t width = max_size(gutter_of(s, d->span), gutter_of(s, d->note_span));
    for (const struct diag_more *m = d->more; m != NULL; m = m->next) {
        width = max_size(width, gutter_of(s, m->span));
    }
    return width + 1;
}

static void add_body(struct painter *p, const struct diag *d) {
    p->gutter = gutter_of_all(p->sink->sources, d);
    if (!d->secret) {
        add_excerpt(p, d->span, severity_color(d));
    }
    if (d->note.len > 0) {
        add_note(p, d, d->note_span, d->note);
    }
    for (const struct diag_more *m = d->more; m != NULL; m = m->next) {
        add_note(p, d, m->span, m->note);
    }
    if (d->help.len > 0) {
        add_label(p, "help", green);
        add_lines(p, d->help);
    }
}

void render_text(struct diag_sink *sink, const struct diag_style *style, struct buf *out) {
    struct painter p = { .sink = sink,
                         .out = out,
                         .color = style->color,
                         .width = style->width == 0 ? WIDTH_DEFAULT : style->width };
    for (size_t i = 0; i < sink->len; i++) {
        if (i > 0 && style->format == DIAG_TEXT) {
            buf_add_char(out, '\n');
        }
        add_header(&p, &sink->items[i], style->format == DIAG_SHORT);
        if (style->format == DIAG_TEXT) {
            add_body(&p, &sink->items[i]);
        }
    }
}
