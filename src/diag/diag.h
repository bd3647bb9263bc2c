// SPDX-License-Identifier: Apache-2.0
/*
 * diag/: the first kind of error, the user's text is wrong. Parsers and checks report into a
 * sink, with a code and spans; cli/ prints what the sink holds, sorted, in one of four formats.
 *
 * Follows docs/spec/diagnostics.md. Line and column are computed only when printing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* One text that spans point into. Files that are only named (a missing path) have no text. */
struct source {
    str path; /* as reachable from the current folder */
    str text;
    uint32_t *line_starts; /* byte offset of each line; made when first needed */
    size_t line_count;
    str shown; /* the text without its secrets; made when first needed */
};

/* All texts of one run. A span names its source by its index. */
struct sources {
    struct arena *arena;
    struct source **items;
    size_t len;
    size_t cap;
};

void sources_init(struct sources *s, struct arena *a);
/* Both texts must live as long as the set. Returns the index for spans. */
uint32_t sources_add(struct sources *s, str path, str text);
/* The index of a path without text; the same path gives the same index. */
uint32_t sources_add_path(struct sources *s, str path);

#define SOURCE_NONE UINT32_MAX

/* Bytes [start, end) of a source. A path without text has start = end = 0, and is shown without a
 * line. */
struct span {
    uint32_t source; /* SOURCE_NONE: nowhere */
    uint32_t start;
    uint32_t end;
};

#define SPAN_NONE ((struct span){ .source = SOURCE_NONE })

static inline bool span_is_set(struct span s) {
    return s.source != SOURCE_NONE;
}
static inline struct span span_join(struct span first, struct span last) {
    return (struct span){ first.source, first.start, last.end };
}

/* 1-based; column in characters (code points). */
struct position {
    uint32_t line;
    uint32_t column;
};
struct position sources_position(struct sources *s, uint32_t source, uint32_t offset);
/* A line's text without its line end; `line` is 1-based; empty when there is no such line. */
str sources_line(struct sources *s, uint32_t source, uint32_t line);

/* The same line as it may be printed: its secrets are masked, and parts of those that began on
 * another line. */
str sources_shown_line(struct sources *s, uint32_t source, uint32_t line);

enum diag_severity {
    DIAG_ERROR,
    DIAG_WARNING,
};

/*
 * The registry: one row in codes.c a code, in ascending order of code. A code is never reused.
 */
struct diag_code {
    const char *name; /* "E003" */
    enum diag_severity severity;
    const char *title;       /* one line */
    const char *explanation; /* what `explain CODE` shows: why, an example, how to fix it */
};

extern const struct diag_code diag_codes[];
extern const size_t diag_codes_count;
const struct diag_code *diag_code_find(str name); /* NULL when unknown; case is free */
/* docs/reference/diagnostics/: the list, README.md, and the page of one, CODE.md. */
void diag_reference(struct buf *out);
void diag_reference_page(const struct diag_code *code, struct buf *out);

/* A note after the first one. */
struct diag_more {
    struct span span; /* as note_span */
    str note;
    struct diag_more *next;
};

struct diag {
    const struct diag_code *code;
    struct span span;
    str message;
    struct span note_span;  /* the other place, SPAN_NONE when the note has none */
    str note;               /* empty: no note */
    struct diag_more *more; /* further notes, in order */
    str help;               /* empty: no help */
    bool secret;            /* the span's text is never printed: no source line */
    size_t order;           /* of reporting: keeps sorting stable */
};

enum { DIAG_MAX = 10000 }; /* the first are kept, all are counted */

struct diag_sink {
    struct arena *arena;
    struct sources *sources;
    struct diag *items;
    size_t len;
    size_t cap;
    size_t errors;
    size_t warnings;
    struct diag beyond; /* what is reported when no more are kept; it has no texts */
};

void diag_sink_init(struct diag_sink *sink, struct arena *a, struct sources *sources);

/*
 * Reports; returns the new diagnostic so that a note or help can be added. `code` must be in the
 * registry. Valid until the next report.
 */
struct diag *diag_report(struct diag_sink *sink, const char *code, struct span span,
                         const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* What the world refused, at a place of the user's: the error's text and its help. False. */
bool diag_report_err(struct diag_sink *sink, const char *code, struct span span,
                     const struct err *err);
/* One more note each time. */
void diag_note(struct diag_sink *sink, struct diag *d, struct span span, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Reports what another sink with the same arena and sources holds. */
void diag_adopt(struct diag_sink *sink, const struct diag *d);
void diag_help(struct diag_sink *sink, struct diag *d, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Errors before warnings, then code, then file, then position. */
void diag_sort(struct diag_sink *sink);

enum diag_format {
    DIAG_TEXT,  /* header, source line with a caret, notes, help */
    DIAG_SHORT, /* header only */
    DIAG_JSON,  /* one object a line */
    DIAG_SARIF, /* one SARIF 2.1.0 log */
};

struct diag_style {
    enum diag_format format;
    bool color;
    size_t width; /* of the terminal in columns; 0: not known, lines are cut at 500 */
};

/* Writes all diagnostics (sorted first) to `out`. */
void diag_render(struct diag_sink *sink, const struct diag_style *style, struct buf *out);
/* The same; in a format for people with a line that counts them after it, "TITLE: 1 error, ...". */
void diag_render_findings(struct diag_sink *sink, const struct diag_style *style, const char *title,
                          struct buf *out);
/* In the order of enum diag_format, NULL-terminated; and the format of one of them. */
extern const char *const diag_format_words[];
enum diag_format diag_format_of(const char *word);

/* In either case. False: err says which code may be meant. */
MUST_CHECK bool diag_code_get(str name, const struct diag_code **ret, struct err *err);

/* Finds text that looks like a secret (a key, a token) at or after `from`: bytes
 * [*ret_start, *ret_end). Such text is printed nowhere. */
bool secret_find(str text, size_t from, size_t *ret_start, size_t *ret_end);
/* The text with '*' in the place of its secrets, of the same length; a copy only when it has any.
 * Messages and source lines of diagnostics go through it. */
str secret_mask(struct arena *a, str text);

/* Columns that a character takes on a terminal: 0, 1 or 2. */
size_t char_width(uint32_t code_point);
/* Would it move the cursor, colour the screen or turn the reading direction? Never printed. */
bool char_is_control(uint32_t code_point);
/* Message text for one line of output: control characters escaped, bad UTF-8 replaced. */
void add_plain(struct buf *out, str text);
str plain_line(struct arena *a, str text);
/* Lines that a step, a guest, a registry or a package says, as they may be printed: line ends and
 * tabs stay, and colours do when `color` (else they are dropped), to the end of their line. Every
 * other control character is made visible, as add_plain does it. */
void add_foreign(struct buf *out, str text, bool color);
