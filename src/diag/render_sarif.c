// SPDX-License-Identifier: Apache-2.0
/* One log of SARIF 2.1.0 (OASIS), for code scanning services and editors. */
#include <jansson.h>
#include <stdlib.h>

#include "diag/internal.h"

static json_t *text_object(struct arena *a, str text) {
    str clean = to_utf8(a, text);
    return json_pack("{s:s%}", "text", clean.ptr != NULL ? clean.ptr : "", clean.len);
}

/* artifactLocation.uri is a URI reference (RFC 3986): all but unreserved characters is encoded. */
static json_t *uri(str path) {
    AUTO_BUF out = BUF_INIT(64 * 1024);
    if (str_starts(path, S("/"))) {
        buf_add_c(&out, "file://");
    }
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (char_is_alnum(c) || c == '/' || c == '-' || c == '.' || c == '_' || c == '~') {
            buf_add_char(&out, c);
        } else {
            buf_addf(&out, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
    return json_stringn(out.ptr != NULL ? out.ptr : "", out.len);
}

static json_t *location(struct diag_sink *sink, struct span span) {
    if (!span_has_text(sink->sources, span)) {
        return json_pack("{s:{s:{s:o}}}", "physicalLocation", "artifactLocation", "uri",
                         uri(span_path(sink->sources, span)));
    }
    struct range r = span_range(sink->sources, span);
    json_t *region =
        json_pack("{s:i, s:i, s:i, s:i}", "startLine", (int)r.start.line, "startColumn",
                  (int)r.start.column, "endLine", (int)r.end.line, "endColumn", (int)r.end.column);
    return json_pack("{s:{s:{s:o}, s:o}}", "physicalLocation", "artifactLocation", "uri",
                     uri(span_path(sink->sources, span)), "region", region);
}

static size_t rule_index(const struct diag_code *code) {
    return (size_t)(code - diag_codes);
}

static const char *level(const struct diag_code *code) {
    return code->severity == DIAG_ERROR ? "error" : "warning";
}

/* The message; viewers show nothing else, so the help goes with it. */
static json_t *message(struct diag_sink *sink, const struct diag *d) {
    if (d->help.len == 0) {
        return text_object(sink->arena, d->message);
    }
    str both = str_fmt(sink->arena, "%.*s\nhelp: %.*s", STR_FMT(d->message), STR_FMT(d->help));
    return text_object(sink->arena, both);
}

static void add_place_of_note(struct diag_sink *sink, struct span span, str note, json_t *list) {
    if (note.len == 0 || !span_is_set(span)) {
        return;
    }
    json_t *related = location(sink, span);
    json_object_set_new(related, "id", json_integer((json_int_t)json_array_size(list) + 1));
    json_object_set_new(related, "message", text_object(sink->arena, note));
    json_array_append_new(list, related);
}

/* The places of the notes. */
static void add_related(struct diag_sink *sink, const struct diag *d, json_t *object) {
    json_t *list = json_array();
    add_place_of_note(sink, d->note_span, d->note, list);
    for (const struct diag_more *m = d->more; m != NULL; m = m->next) {
        add_place_of_note(sink, m->span, m->note, list);
    }
    if (json_array_size(list) > 0) {
        json_object_set(object, "relatedLocations", list);
    }
    json_decref(list);
}

static json_t *result(struct diag_sink *sink, const struct diag *d) {
    json_t *object = json_pack("{s:s, s:I, s:s, s:o}", "ruleId", d->code->name, "ruleIndex",
                               (json_int_t)rule_index(d->code), "level", level(d->code), "message",
                               message(sink, d));
    json_t *places = json_array();
    if (span_is_set(d->span)) {
        json_array_append_new(places, location(sink, d->span));
    }
    json_object_set_new(object, "locations", places);
    add_related(sink, d, object);
    return object;
}

static json_t *rules(void) {
    json_t *list = json_array();
    for (size_t i = 0; i < diag_codes_count; i++) {
        const struct diag_code *code = &diag_codes[i];
        json_t *rule = json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}}", "id", code->name,
                                 "shortDescription", "text", code->title, "fullDescription", "text",
                                 code->explanation, "defaultConfiguration", "level", level(code));
        json_array_append_new(list, rule);
    }
    return list;
}

void render_sarif(struct diag_sink *sink, struct buf *out) {
    json_t *results = json_array();
    for (size_t i = 0; i < sink->len; i++) {
        json_array_append_new(results, result(sink, &sink->items[i]));
    }
    json_t *log =
        json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema",
                  "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs",
                  "tool", "driver", "name", "capsem-builder", "version", CAPSEM_VERSION, "rules",
                  rules(), "columnKind", "unicodeCodePoints", "results", results);
    ASSERT(log != NULL);
    char *text = json_dumps(log, JSON_INDENT(2));
    ASSERT(text != NULL);
    buf_add_c(out, text);
    buf_add_char(out, '\n');
    free(text);
    json_decref(log);
}
