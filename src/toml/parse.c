// SPDX-License-Identifier: Apache-2.0
/* Headers and statements: the document. */
#include "toml/internal.h"

static bool is_array_of_tables(const struct toml_node *node) {
    return node->kind == TOML_ARRAY && (node->flags & TOML_INLINE) == 0;
}

/* A part of a header but its last: the table that it names, made when it is new. */
static struct toml_node *enter_header(struct parser *p, struct toml_node *table,
                                      const struct key *key) {
    struct toml_node *node = node_find(p->doc, table, key->text);
    if (node == NULL) {
        return add_container(p, table, key, TOML_TABLE, TOML_IMPLICIT);
    }
    if (is_array_of_tables(node)) {
        return node_at(p->doc, node->list.last);
    }
    if (node->kind == TOML_TABLE && (node->flags & TOML_INLINE) == 0) {
        return node;
    }
    report_conflict(p, key, node,
                    node->kind == TOML_TABLE ? "is an inline table: a header cannot extend it"
                                             : "is not a table: a header cannot extend it");
    return NULL;
}

/* What [key] says when the key is there already. */
static struct toml_node *open_again(struct parser *p, struct toml_node *node,
                                    const struct key *key) {
    if (node->kind == TOML_TABLE && (node->flags & TOML_IMPLICIT) != 0) {
        node->flags &= (uint8_t)~TOML_IMPLICIT;
        node_set_key(p->doc, node, key);
        return node;
    }
    const char *what = is_array_of_tables(node)   ? "is an array of tables: write [[...]]"
                       : node->kind != TOML_TABLE ? "is defined twice"
                       : (node->flags & TOML_DOTTED) != 0
                           ? "is already defined by dotted keys"
                           : "is defined twice: a table has one header";
    report_conflict(p, key, node, what);
    return NULL;
}

static struct toml_node *open_table(struct parser *p, struct toml_node *parent,
                                    const struct key *key) {
    struct toml_node *node = node_find(p->doc, parent, key->text);
    return node == NULL ? add_container(p, parent, key, TOML_TABLE, 0) : open_again(p, node, key);
}

static struct toml_node *open_element(struct parser *p, struct toml_node *parent,
                                      const struct key *key) {
    struct toml_node *array = node_find(p->doc, parent, key->text);
    if (array == NULL) {
        array = add_container(p, parent, key, TOML_ARRAY, 0);
    } else if (!is_array_of_tables(array)) {
        report_conflict(p, key, array, "is already defined, and not as an array of tables");
        return NULL;
    }
    uint32_t index = node_new(p->doc);
    struct toml_node *element = node_at(p->doc, index);
    element->kind = TOML_TABLE;
    node_append(p->doc, array, index);
    return element;
}

/* What follows a header that could not be opened is read into a table that nobody sees. */
static struct toml_node *lost_table(struct parser *p) {
    p->doc->lost_sections = true;
    struct toml_node *node = node_at(p->doc, node_new(p->doc));
    node->kind = TOML_TABLE;
    return node;
}

static bool close_header(struct parser *p, size_t brackets) {
    for (size_t i = 0; i < brackets; i++) {
        if (!at_char(p, ']')) {
            expected(p, brackets == 2 ? "']]'" : "']'");
            return false;
        }
        p->at++;
    }
    return true;
}

/* table = "[" key "]"; array-table = "[[" key "]]". Leaves the opened table in *ret. */
static bool parse_header(struct parser *p, struct toml_node **ret, uint32_t *ret_depth) {
    const char *open = p->at++;
    size_t brackets = at_char(p, '[') ? 2 : 1;
    p->at += brackets - 1;
    struct toml_node *table = node_at(p->doc, NODE_ROOT);
    struct key key;
    uint32_t depth = 0;
    *ret = NULL;
    for (;;) {
        skip_blanks(p);
        depth++;
        if (!parse_simple_key(p, &key) ||
            too_deep(p, key_from(p, &key), key_to(p, &key), depth + 1)) {
            return false;
        }
        skip_blanks(p);
        if (!at_char(p, '.')) {
            break;
        }
        p->at++;
        table = table == NULL ? NULL : enter_header(p, table, &key);
    }
    bool closed = close_header(p, brackets);
    if (table != NULL) {
        table = brackets == 2 ? open_element(p, table, &key) : open_table(p, table, &key);
    }
    if (table != NULL) {
        table->start = offset_of(p, open);
        table->end = offset_of(p, p->at);
    }
    *ret = table;
    *ret_depth = depth + (brackets == 2 ? 1 : 0);
    return closed;
}

/* ---- statements ---- */

/* Behind a statement: nothing but blanks and a comment. */
static void finish_line(struct parser *p, bool ok) {
    skip_blanks(p);
    if (at_char(p, '#')) {
        skip_comment(p);
    }
    if (p->at == p->end || at_newline(p)) {
        return;
    }
    if (ok) {
        expected(p, "the end of the line");
    } else if (at_statement(p)) {
        return; /* something unclosed stopped right before the next statement */
    }
    p->at = line_end(p->at, p->end);
}

/* toml = { [ keyval / table / array-table ] [ comment ] line end } */
static void parse_document(struct parser *p) {
    struct toml_node *table = node_at(p->doc, NODE_ROOT);
    uint32_t depth = 0;
    while (p->errors < TOML_ERRORS_MAX) {
        skip_trivia(p);
        if (p->at == p->end) {
            return;
        }
        const char *from = p->at;
        if (*from == '[') {
            bool ok = parse_header(p, &table, &depth);
            if (table == NULL) {
                table = lost_table(p);
            }
            finish_line(p, ok);
        } else {
            finish_line(p, parse_keyval(p, table, depth));
        }
        if (p->at == from) {
            p->at = line_end(p->at, p->end);
        }
    }
    p->doc->lost_sections = true; /* nobody reads more mistakes than these */
}

struct toml *toml_parse(struct arena *a, struct diag_sink *sink, uint32_t source) {
    struct toml *doc = ARENA_NEW(a, struct toml);
    doc->arena = a;
    doc->text = sink->sources->items[source]->text;
    doc->source = source;
    doc->ok = true;
    node_new(doc); /* index 0 is "none" */
    node_at(doc, node_new(doc))->kind = TOML_TABLE;
    struct parser p = { .doc = doc, .sink = sink, .start = doc->text.ptr };
    if (doc->text.len == 0) {
        return doc;
    }
    p.at = p.start;
    p.end = p.start + doc->text.len;
    if (check_encoding(&p)) {
        p.at += str_starts(doc->text, S("\xEF\xBB\xBF")) ? 3 : 0;
        parse_document(&p);
    }
    return doc;
}
