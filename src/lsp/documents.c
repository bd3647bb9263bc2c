// SPDX-License-Identifier: Apache-2.0
/* The texts that the client has open, kept as it changes them. */
#include <stdlib.h>
#include <string.h>

#include "lsp/internal.h"

/* Twice what a file may have: a text may pass that on its way to something smaller. */
enum { DOCUMENT_BYTES_MAX = 16 * 1024 * 1024, URI_BYTES_MAX = 64 * 1024 };

struct document *document_find(const struct lsp *s, const char *path) {
    for (size_t i = 0; i < s->document_count; i++) {
        if (strcmp(s->documents[i]->path.ptr, path) == 0) {
            return s->documents[i];
        }
    }
    return NULL;
}

static void document_free(struct document *d) {
    buf_done(&d->uri);
    buf_done(&d->path);
    buf_done(&d->text);
    free(d);
}

void documents_free(struct lsp *s) {
    for (size_t i = 0; i < s->document_count; i++) {
        document_free(s->documents[i]);
    }
    free(s->documents);
}

static struct document *document_new(struct lsp *s, str uri, const char *path) {
    struct document **list = realloc(s->documents, (s->document_count + 1) * sizeof *list);
    struct document *d = calloc(1, sizeof *d);
    ASSERT(list != NULL && d != NULL);
    d->uri = BUF_INIT(URI_BYTES_MAX);
    d->path = BUF_INIT(URI_BYTES_MAX);
    d->text = BUF_INIT((size_t)DOCUMENT_BYTES_MAX);
    buf_add(&d->uri, uri);
    buf_add_c(&d->path, path);
    s->documents = list;
    s->documents[s->document_count++] = d;
    return d;
}

static void document_set_text(struct document *d, str text) {
    buf_reset(&d->text);
    buf_add(&d->text, text);
    d->lost = d->text.full;
}

/* The path of params.textDocument.uri, or NULL after saying why. */
static const char *document_path(struct arena *a, const json_t *params, struct buf *out) {
    str uri = rpc_text(json_object_get(params, "textDocument"), "uri");
    const char *path;
    if (uri.len <= URI_BYTES_MAX / 2 && uri_to_path(a, uri, &path)) {
        return path;
    }
    send_log(out, MESSAGE_ERROR, "'%.*s' is not the URI of a file", STR_FMT(str_clip(uri, 200)));
    return NULL;
}

/* An open one. */
static struct document *document_of(struct lsp *s, struct arena *a, const json_t *params,
                                    struct buf *out) {
    const char *path = document_path(a, params, out);
    struct document *d = path != NULL ? document_find(s, path) : NULL;
    if (path != NULL && d == NULL) {
        send_log(out, MESSAGE_ERROR, "'%s' is not open", path);
    }
    return d;
}

/* Documents that were in no guest folder: build.toml may be there by now. */
static void find_guests(struct lsp *s) {
    for (size_t i = 0; i < s->document_count; i++) {
        struct document *d = s->documents[i];
        if (d->guest == NULL) {
            d->guest = guest_of(s, d->path.ptr, &d->below);
        }
    }
}

static void touch(const struct document *d) {
    if (d->guest != NULL) {
        d->guest->is_stale = true;
    }
}

static void set_version(struct document *d, const json_t *params) {
    const json_t *document = json_object_get(params, "textDocument");
    d->version = json_integer_value(json_object_get(document, "version"));
}

void did_open(struct lsp *s, const json_t *params, struct buf *out) {
    AUTO_ARENA a = arena_new();
    const json_t *item = json_object_get(params, "textDocument");
    const char *path = document_path(a, params, out);
    if (path == NULL) {
        return;
    }
    struct document *d = document_find(s, path);
    if (d == NULL && s->document_count == LSP_DOCUMENTS_MAX) {
        send_log(out, MESSAGE_ERROR, "'%s' is ignored: %d documents are open", path,
                 LSP_DOCUMENTS_MAX);
        return;
    }
    d = d != NULL ? d : document_new(s, rpc_text(item, "uri"), path);
    document_set_text(d, rpc_text(item, "text"));
    set_version(d, params);
    find_guests(s);
    if (d->guest == NULL) {
        send_log(out, MESSAGE_WARNING, "'%s' is not in the config folder of a guest folder", path);
    }
    touch(d);
}

/* ---- changes ---- */

static void replace(struct document *d, size_t start, size_t end, str text) {
    AUTO_BUF old = d->text;
    d->text = BUF_INIT((size_t)DOCUMENT_BYTES_MAX);
    buf_add(&d->text, str_slice(buf_str(&old), 0, start));
    buf_add(&d->text, text);
    buf_add(&d->text, str_slice(buf_str(&old), end, old.len));
    d->lost = d->text.full;
}

/* One of contentChanges. */
static bool change(struct document *d, const json_t *item) {
    const json_t *range = json_object_get(item, "range");
    str text = rpc_text(item, "text");
    if (!json_is_string(json_object_get(item, "text"))) {
        return false;
    }
    if (range == NULL || json_is_null(range)) {
        document_set_text(d, text);
        return true;
    }
    struct lsp_position from;
    struct lsp_position to;
    if (!json_position(json_object_get(range, "start"), &from) ||
        !json_position(json_object_get(range, "end"), &to)) {
        return false;
    }
    size_t start = position_offset(buf_str(&d->text), from);
    size_t end = position_offset(buf_str(&d->text), to);
    if (!d->lost) { /* else only a whole text helps */
        replace(d, min_size(start, end), max_size(start, end), text);
    }
    return true;
}

void did_change(struct lsp *s, const json_t *params, struct buf *out) {
    AUTO_ARENA a = arena_new();
    struct document *d = document_of(s, a, params, out);
    const json_t *changes = json_object_get(params, "contentChanges");
    if (d == NULL) {
        return;
    }
    for (size_t i = 0; i < json_array_size(changes); i++) {
        if (!change(d, json_array_get(changes, i))) {
            send_log(out, MESSAGE_ERROR, "'%s': change %zu is not one", d->path.ptr, i + 1);
        }
    }
    set_version(d, params);
    touch(d);
}

/* What is beside the TOML files may have changed as well. */
void did_save(struct lsp *s, const json_t *params, struct buf *out) {
    AUTO_ARENA a = arena_new();
    struct document *d = document_of(s, a, params, out);
    if (d != NULL) {
        find_guests(s);
        touch(d);
    }
}

void did_close(struct lsp *s, const json_t *params, struct buf *out) {
    AUTO_ARENA a = arena_new();
    struct document *d = document_of(s, a, params, out);
    if (d == NULL) {
        return;
    }
    for (size_t i = 0; i < s->document_count; i++) {
        if (s->documents[i] == d) {
            s->documents[i] = s->documents[--s->document_count];
            break;
        }
    }
    struct guest *g = d->guest;
    touch(d);
    document_free(d);
    if (g != NULL) {
        guest_release(s, g, out);
    }
}
