// SPDX-License-Identifier: Apache-2.0
/* textDocument/publishDiagnostics: the diagnostics of a guest folder, file by file. */
#include <string.h>

#include "lsp/internal.h"

enum { MESSAGE_BYTES_MAX = 32 * 1024 * 1024 };

/* The diagnostics of one source, as a list through `next`. */
struct chain {
    size_t first; /* index + 1; 0: none */
    size_t last;
};

struct publisher {
    struct lsp *s;
    struct guest *g;
    struct arena *arena;
    struct lines **lines; /* of each source; NULL: not needed yet */
    struct chain *chains; /* of each source */
    size_t *next;         /* of each diagnostic: index + 1 */
    uint32_t home;        /* where diagnostics go that have no file to stand in */
};

static str source_path(const struct publisher *p, uint32_t source) {
    return p->g->sources.items[source]->path;
}

static str uri_of(const struct publisher *p, str path) {
    const struct document *d = document_find(p->s, str_to_c(p->arena, path));
    return d != NULL ? buf_str(&d->uri) : uri_from_path(p->arena, path);
}

static const struct lines *lines_of(struct publisher *p, uint32_t source) {
    if (p->lines[source] == NULL) {
        p->lines[source] = ARENA_NEW(p->arena, struct lines);
        lines_init(p->lines[source], p->arena, p->g->sources.items[source]->text);
    }
    return p->lines[source];
}

/* Can an editor show it? What is missing, and folders, it cannot. */
static bool is_file(const struct publisher *p, uint32_t source) {
    struct stat st;
    const char *path = str_to_c(p->arena, source_path(p, source));
    return p->g->sources.items[source]->text.len > 0 || document_find(p->s, path) != NULL ||
           (fstatat(AT_FDCWD, path, &st, 0) == 0 && S_ISREG(st.st_mode));
}

/* Its own place; where there is no such file the text that names it; else the top of build.toml. */
static struct span shown_at(const struct publisher *p, const struct diag *d) {
    const struct span places[] = { d->span, d->note_span };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (span_is_set(places[i]) && is_file(p, places[i].source)) {
            return places[i];
        }
    }
    return (struct span){ .source = p->home };
}

static void sort_by_source(struct publisher *p) {
    const struct diag_sink *sink = &p->g->sink;
    for (size_t i = 0; i < sink->len; i++) {
        struct chain *c = &p->chains[shown_at(p, &sink->items[i]).source];
        if (c->first == 0) {
            c->first = i + 1;
        } else {
            p->next[c->last] = i + 1;
        }
        c->last = i;
    }
}

/* ---- one diagnostic ---- */

static void add_related(struct publisher *p, const struct diag *d, struct buf *out) {
    if (d->note.len == 0 || !span_is_set(d->note_span)) {
        return;
    }
    buf_add_c(out, ",\"relatedInformation\":[{\"location\":{\"uri\":");
    buf_add_json(out, uri_of(p, source_path(p, d->note_span.source)));
    buf_add_char(out, ',');
    add_range(out, lines_of(p, d->note_span.source), d->note_span.start, d->note_span.end);
    buf_add_c(out, "},\"message\":");
    buf_add_json(out, d->note);
    buf_add_c(out, "}]");
}

static str message_text(const struct publisher *p, const struct diag *d, bool elsewhere) {
    str text = d->message;
    if (elsewhere && span_is_set(d->span)) {
        str path = source_path(p, d->span.source);
        bool below = str_starts(path, buf_str(&p->g->dir)) && path.len > p->g->dir.len;
        text = str_fmt(p->arena, "%.*s: %.*s",
                       STR_FMT(below ? str_slice(path, p->g->dir.len + 1, path.len) : path),
                       STR_FMT(text));
    }
    if (d->note.len > 0 && !span_is_set(d->note_span)) {
        text = str_fmt(p->arena, "%.*s\nnote: %.*s", STR_FMT(text), STR_FMT(d->note));
    }
    if (d->help.len > 0) {
        text = str_fmt(p->arena, "%.*s\nhelp: %.*s", STR_FMT(text), STR_FMT(d->help));
    }
    return text;
}

static void add_diagnostic(struct publisher *p, const struct diag *d, struct buf *out) {
    struct span place = shown_at(p, d);
    bool elsewhere = place.source != d->span.source;
    buf_add_char(out, '{');
    add_range(out, lines_of(p, place.source), place.start, place.end);
    buf_addf(out, ",\"severity\":%d,\"code\":\"%s\",\"source\":\"capsem-builder\",\"message\":",
             d->code->severity == DIAG_ERROR ? 1 : 2, d->code->name);
    buf_add_json(out, message_text(p, d, elsewhere));
    add_related(p, d, out);
    buf_add_char(out, '}');
}

/* ---- one file ---- */

static void begin(struct buf *out, str uri, const struct document *d) {
    buf_add_c(out, "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/publishDiagnostics\","
                   "\"params\":{\"uri\":");
    buf_add_json(out, uri);
    if (d != NULL) {
        buf_addf(out, ",\"version\":%lld", (long long)d->version);
    }
    buf_add_c(out, ",\"diagnostics\":[");
}

static void publish_nothing(str uri, struct buf *out) {
    AUTO_BUF message = BUF_INIT((size_t)MESSAGE_BYTES_MAX);
    begin(&message, uri, NULL);
    buf_add_c(&message, "]}}");
    send_json(out, buf_str(&message));
}

static void publish_source(struct publisher *p, uint32_t source, str uri, struct buf *out) {
    AUTO_BUF message = BUF_INIT((size_t)MESSAGE_BYTES_MAX);
    begin(&message, uri, document_find(p->s, str_to_c(p->arena, source_path(p, source))));
    size_t count = 0;
    for (size_t i = p->chains[source].first; i != 0 && count < LSP_DIAGNOSTICS_MAX;
         i = p->next[i - 1]) {
        buf_add_c(&message, count++ > 0 ? "," : "");
        add_diagnostic(p, &p->g->sink.items[i - 1], &message);
    }
    buf_add_c(&message, "]}}");
    if (!message.full) {
        send_json(out, buf_str(&message));
    }
}

/* URIs that had diagnostics and have none now. */
static void take_back(str before, str now, struct buf *out) {
    AUTO_ARENA a = arena_new();
    struct map again;
    map_init(&again, a);
    while (now.len > 0) {
        map_put(&again, str_cut(&now, '\n'), NULL);
    }
    while (before.len > 0) {
        str uri = str_cut(&before, '\n');
        if (!map_has(&again, uri)) {
            publish_nothing(uri, out);
        }
    }
}

void guest_unpublish(struct guest *g, struct buf *out) {
    take_back(buf_str(&g->shown), (str){ 0 }, out);
    buf_reset(&g->shown);
}

void guest_publish(struct lsp *s, struct guest *g, struct buf *out) {
    guest_check(s, g);
    if (g->is_shown) {
        return;
    }
    AUTO_ARENA a = arena_new();
    struct publisher p = { .s = s, .g = g, .arena = a };
    p.home = sources_add_path(&g->sources,
                              str_from_c(path_join(g->arena, g->dir.ptr, "config/build.toml")));
    p.lines = ARENA_ARRAY(a, struct lines *, g->sources.len);
    p.chains = ARENA_ARRAY(a, struct chain, g->sources.len);
    p.next = ARENA_ARRAY(a, size_t, g->sink.len + 1);
    sort_by_source(&p);
    AUTO_BUF shown = g->shown;
    g->shown = BUF_INIT(shown.max);
    for (uint32_t i = 0; i < g->sources.len; i++) {
        str path = source_path(&p, i);
        bool is_open = document_find(s, str_to_c(a, path)) != NULL;
        if (p.chains[i].first == 0 && !is_open) {
            continue;
        }
        str uri = uri_of(&p, path);
        publish_source(&p, i, uri, out);
        buf_addf(&g->shown, "%.*s\n", STR_FMT(uri));
    }
    take_back(buf_str(&shown), buf_str(&g->shown), out);
    g->is_shown = true;
}
