// SPDX-License-Identifier: Apache-2.0
#include "cli/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RENDERED_BYTES_MAX = 256 * 1024 * 1024 };

void event_print(json_t *object) {
    /* What JSON does not escape by itself, as U+009B, a terminal would obey. */
    size_t ascii = isatty(STDERR_FILENO) ? JSON_ENSURE_ASCII : 0;
    char *text = json_dumps(object, JSON_COMPACT | ascii);
    if (text != NULL) {
        fprintf(stderr, "%s\n", text);
    }
    free(text);
    json_decref(object);
}

json_t *event_text(str text) {
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    if (value != NULL) {
        return value;
    }
    AUTO_BUF clean = BUF_INIT(4 * text.len + 1);
    for (size_t at = 0; at < text.len;) {
        size_t len = str_utf8_next(str_slice(text, at, text.len), NULL);
        buf_add(&clean, len == 0 ? S("\xEF\xBF\xBD") : str_slice(text, at, at + len));
        at += len == 0 ? 1 : len;
    }
    return json_stringn(clean.ptr == NULL ? "" : clean.ptr, clean.len);
}

void event_message(const char *event, str text, str help) {
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string(event));
    json_object_set_new(o, "text", event_text(str_trim(text)));
    if (help.len > 0) {
        json_object_set_new(o, "help", event_text(help));
    }
    event_print(o);
}

/* As a person would have it; without colours. */
static str rendered(struct arena *a, struct diag_sink *sink, const struct diag *d) {
    struct diag_sink one;
    struct diag copy = *d;
    AUTO_BUF out = BUF_INIT(RENDERED_BYTES_MAX);
    const struct diag_style style = { .format = DIAG_TEXT };
    diag_sink_init(&one, a, sink->sources);
    one.items = &copy;
    one.len = 1;
    diag_render(&one, &style, &out);
    return str_dup(a, buf_str(&out));
}

void event_diags(struct arena *a, struct diag_sink *sink) {
    AUTO_BUF lines = BUF_INIT(RENDERED_BYTES_MAX);
    const struct diag_style style = { .format = DIAG_JSON };
    diag_render(sink, &style, &lines);
    str rest = buf_str(&lines);
    for (size_t i = 0; i < sink->len; i++) {
        str line = str_cut(&rest, '\n');
        json_t *o = json_loadb(line.ptr == NULL ? "" : line.ptr, line.len, 0, NULL);
        o = o != NULL ? o : json_object();
        json_object_set_new(o, "event", json_string("diagnostic"));
        json_object_set_new(o, "rendered", event_text(rendered(a, sink, &sink->items[i])));
        event_print(o);
    }
}
