// SPDX-License-Identifier: Apache-2.0
/*
 * The decoder that the TOML conformance suite asks for: TOML on stdin, the suite's tagged JSON on
 * stdout; diagnostics on stderr and exit 1 when the text is not TOML.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "toml/toml.h"

static void write_node(const struct toml *doc, const struct toml_node *node, struct buf *out);

static void write_tagged(struct buf *out, const char *type, str value) {
    buf_addf(out, "{\"type\":\"%s\",\"value\":", type);
    buf_add_json(out, value);
    buf_add_char(out, '}');
}

static void write_float(struct buf *out, double value) {
    char text[64];
    if (isnan(value)) {
        snprintf(text, sizeof text, "nan");
    } else if (isinf(value)) {
        snprintf(text, sizeof text, value < 0 ? "-inf" : "inf");
    } else {
        snprintf(text, sizeof text, "%.17g", value);
    }
    write_tagged(out, "float", str_from_c(text));
}

static void write_children(const struct toml *doc, const struct toml_node *node, struct buf *out) {
    bool table = node->kind == TOML_TABLE;
    buf_add_char(out, table ? '{' : '[');
    const struct toml_node *first = toml_first(doc, node);
    for (const struct toml_node *n = first; n != NULL; n = toml_next(doc, n)) {
        if (n != first) {
            buf_add_char(out, ',');
        }
        if (table) {
            buf_add_json(out, toml_key(doc, n));
            buf_add_char(out, ':');
        }
        write_node(doc, n, out);
    }
    buf_add_char(out, table ? '}' : ']');
}

static void write_node(const struct toml *doc, const struct toml_node *node, struct buf *out) {
    char text[32];
    switch ((enum toml_kind)node->kind) {
    case TOML_STRING:
        write_tagged(out, "string", toml_string(doc, node));
        return;
    case TOML_INTEGER:
        snprintf(text, sizeof text, "%" PRId64, node->integer);
        write_tagged(out, "integer", str_from_c(text));
        return;
    case TOML_FLOAT:
        write_float(out, node->number);
        return;
    case TOML_BOOL:
        write_tagged(out, "bool", str_from_c(node->boolean ? "true" : "false"));
        return;
    case TOML_DATETIME:
        write_tagged(out, "datetime", toml_datetime(doc, node));
        return;
    case TOML_LOCAL_DATETIME:
        write_tagged(out, "datetime-local", toml_datetime(doc, node));
        return;
    case TOML_LOCAL_DATE:
        write_tagged(out, "date-local", toml_datetime(doc, node));
        return;
    case TOML_LOCAL_TIME:
        write_tagged(out, "time-local", toml_datetime(doc, node));
        return;
    case TOML_ARRAY:
    case TOML_TABLE:
        write_children(doc, node, out);
        return;
    case TOML_INVALID:
        ASSERT(!doc->ok);
        return;
    }
}

int main(void) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str text;
    if (!fs_load_fd(a, STDIN_FILENO, "stdin", (size_t)TOML_BYTES_MAX + 1, &text, &err)) {
        AUTO_BUF message = BUF_INIT(4096);
        err_text(&err, &message);
        fprintf(stderr, "error: %s\n", message.ptr);
        return 1;
    }
    struct sources sources;
    struct diag_sink sink;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    struct toml *doc = toml_parse(a, &sink, sources_add(&sources, S("stdin"), text));
    AUTO_BUF out = BUF_INIT(SIZE_MAX / 2);
    if (!doc->ok) {
        diag_render(&sink, &(struct diag_style){ .format = DIAG_TEXT }, &out);
        fwrite(out.ptr, 1, out.len, stderr);
        return 1;
    }
    write_node(doc, toml_root(doc), &out);
    buf_add_char(&out, '\n');
    return fwrite(out.ptr, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}
