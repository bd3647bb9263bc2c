// SPDX-License-Identifier: Apache-2.0
/* textDocument/completion: keys that the table may have and has not, and the values of a key. */
#include <string.h>

#include "lsp/internal.h"

/* CompletionItemKind */
enum { ITEM_PROPERTY = 10, ITEM_VALUE = 12, ITEM_ENUM_MEMBER = 20, ITEM_STRUCT = 22 };

struct completion {
    const struct question *q;
    const struct place *place;
    struct lines lines;
    struct buf *out;
    size_t count;
};

struct item {
    str label;
    str text; /* what is written */
    int kind;
    const char *detail;
    const char *help;
    bool first; /* before the others */
};

static void add_item(struct completion *c, const struct item *item) {
    buf_add_c(c->out, c->count > 0 ? ",{\"label\":" : "{\"label\":");
    buf_add_json(c->out, item->label);
    buf_addf(c->out, ",\"kind\":%d,\"detail\":", item->kind);
    buf_add_json(c->out, str_from_c(item->detail));
    buf_add_c(c->out, ",\"documentation\":");
    buf_add_json(c->out, str_from_c(item->help));
    buf_addf(c->out, ",\"sortText\":\"%d%03zu\",\"filterText\":", item->first ? 0 : 1, c->count);
    buf_add_json(c->out, item->text);
    buf_add_c(c->out, ",\"textEdit\":{");
    add_range(c->out, &c->lines, c->place->start, c->place->end);
    buf_add_c(c->out, ",\"newText\":");
    buf_add_json(c->out, item->text);
    buf_add_c(c->out, "}}");
    c->count++;
}

/* ---- keys ---- */

/* Of an array of tables, the element in which the offset is. */
static const struct toml_node *enter_array(const struct toml *doc, const struct toml_node *node,
                                           size_t offset) {
    const struct toml_node *in = node;
    while (in != NULL && in->kind == TOML_ARRAY) {
        const struct toml_node *last = NULL;
        for (const struct toml_node *n = toml_first(doc, in); n != NULL && n->start <= offset;
             n = toml_next(doc, n)) {
            last = n;
        }
        in = last;
    }
    return in;
}

static const struct toml_node *find_table(const struct toml *doc, const struct place *place,
                                          size_t offset) {
    const struct toml_node *node = toml_root(doc);
    for (size_t i = 0; node != NULL && i < place->path_len; i++) {
        node = node->kind == TOML_TABLE ? toml_find(doc, node, place->path[i]) : NULL;
        node = node != NULL ? enter_array(doc, node, offset) : NULL;
    }
    return node != NULL && node->kind == TOML_TABLE ? node : NULL;
}

/* Is the key in the table, but for what stands at the cursor itself? */
static bool is_there(const struct completion *c, const struct toml *doc,
                     const struct toml_node *table, const struct config_key *key) {
    for (size_t i = c->place->seen_from; i < c->place->seen_len; i++) { /* of a broken value */
        if (c->place->kind == PLACE_KEY && str_eq(c->place->seen[i], key->name)) {
            return true;
        }
    }
    const struct toml_node *node = table != NULL ? toml_find(doc, table, key->name) : NULL;
    if (node == NULL) {
        return false;
    }
    if (c->place->kind == PLACE_HEADER && (key->has_names || key->is_array)) {
        return false; /* one more of them */
    }
    struct span span = toml_key_span(doc, node);
    return span.end < c->place->start || span.start > c->place->end;
}

/* What follows the key on its line: nothing yet, or the rest of a statement. */
static bool is_followed(const struct completion *c) {
    str rest = str_slice(c->q->text, c->place->end, c->q->text.len);
    rest = str_trim_left(str_cut(&rest, '\n'));
    return str_starts(rest, S("=")) || str_starts(rest, S(".")) || str_starts(rest, S("]"));
}

/* The text of a key where it is to be written. */
static str key_text(const struct completion *c, const struct config_key *key) {
    struct arena *a = c->q->arena;
    if (c->place->kind == PLACE_HEADER || is_followed(c)) {
        return key->name;
    }
    if (c->place->path_len == 0) { /* the table of the file */
        return str_fmt(a, "[%.*s]", STR_FMT(key->name));
    }
    bool dotted = key->is_table && !key->is_array;
    return str_fmt(a, "%.*s%s", STR_FMT(key->name), dotted ? "." : " = ");
}

static bool is_wanted(const struct completion *c, const struct config_key *key) {
    if (c->place->kind != PLACE_HEADER) {
        return true;
    }
    /* [image] is a part of [[image.changelog]]. */
    return key->is_table && (key->is_array == c->place->is_array_header || c->place->path_len == 0);
}

static void complete_keys(struct completion *c) {
    const struct question *q = c->q;
    struct sources sources;
    struct diag_sink sink;
    struct config_key *keys;
    size_t count =
        config_keys_below(q->arena, q->document->below, c->place->path, c->place->path_len, &keys);
    if (count == 0) {
        return;
    }
    sources_init(&sources, q->arena);
    diag_sink_init(&sink, q->arena, &sources);
    const struct toml *doc = toml_parse(q->arena, &sink, sources_add(&sources, S(""), q->text));
    const struct toml_node *table = find_table(doc, c->place, q->offset);
    for (size_t i = 0; i < count; i++) {
        if (is_wanted(c, &keys[i]) && !is_there(c, doc, table, &keys[i])) {
            add_item(c, &(struct item){
                            .label = keys[i].name,
                            .text = key_text(c, &keys[i]),
                            .kind = keys[i].is_table ? ITEM_STRUCT : ITEM_PROPERTY,
                            .detail = str_fmt(q->arena, "%s%s", keys[i].type,
                                              keys[i].required ? ", required" : "")
                                          .ptr,
                            .help = keys[i].help,
                            .first = keys[i].required,
                        });
        }
    }
}

/* ---- values ---- */

static void complete_value(struct completion *c) {
    const struct question *q = c->q;
    struct config_key key;
    str old = str_slice(q->text, c->place->start, c->place->end);
    if (c->place->in_list || str_find_char(old, '\n', 0) != STR_NONE ||
        !config_key_at(q->arena, q->document->below, c->place->path, c->place->path_len, &key)) {
        return;
    }
    for (size_t i = 0; key.words != NULL && key.words[i] != NULL; i++) {
        str word = str_from_c(key.words[i]);
        str text = key.is_text ? str_fmt(q->arena, "\"%s\"", key.words[i]) : word;
        bool is_default = str_eq(text, key.default_value);
        add_item(c, &(struct item){ .label = word,
                                    .text = text,
                                    .kind = ITEM_ENUM_MEMBER,
                                    .detail = is_default ? "default" : "",
                                    .help = key.help,
                                    .first = is_default });
    }
    if (key.words == NULL && key.default_value.len > 0) {
        add_item(c, &(struct item){ .label = key.default_value,
                                    .text = key.default_value,
                                    .kind = ITEM_VALUE,
                                    .detail = "default",
                                    .help = key.help });
    }
}

void answer_completion(struct lsp *s, const struct question *q, struct buf *out) {
    struct place place;
    place_find(q->text, q->offset, &place);
    struct completion c = { .q = q, .place = &place, .out = out };
    lines_init(&c.lines, q->arena, q->text);
    buf_add_c(out, "{\"isIncomplete\":false,\"items\":[");
    if (q->document->below == NULL) {
        /* in no guest folder: nothing is known about it */
    } else if (place.kind == PLACE_KEY || place.kind == PLACE_HEADER) {
        complete_keys(&c);
    } else if (place.kind == PLACE_VALUE) {
        complete_value(&c);
    }
    buf_add_c(out, "]}");
}
