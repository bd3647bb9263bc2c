// SPDX-License-Identifier: Apache-2.0
/* Shared by the renderers; nothing for other rooms. */
#pragma once

#include "diag/diag.h"

/* The same text as valid UTF-8, for JSON, which does its own escaping. */
str to_utf8(struct arena *a, str text);

/* Both ends of a span; `end` is the column after the last character. */
struct range {
    struct position start;
    struct position end;
};
struct range span_range(struct sources *s, struct span span);
str span_path(const struct sources *s, struct span span);
/* False: a path without text, of a file or folder that is not there or not read. */
bool span_has_text(const struct sources *s, struct span span);

const char *severity_name(const struct diag *d); /* "error" or "warning" */

void render_text(struct diag_sink *sink, const struct diag_style *style, struct buf *out);
void render_json(struct diag_sink *sink, struct buf *out);
void render_sarif(struct diag_sink *sink, struct buf *out);
