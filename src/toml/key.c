// SPDX-License-Identifier: Apache-2.0
/* Keys, and "key = value". The grammar rule stands above the function that reads it. */
#include "toml/internal.h"

bool is_bare_key_char(char c) {
    return char_is_alnum(c) || c == '_' || c == '-';
}

/* simple-key = bare key / basic string / literal string */
bool parse_simple_key(struct parser *p, struct key *ret) {
    if (at_char(p, '"') || at_char(p, '\'')) {
        return parse_quoted_key(p, ret);
    }
    const char *from = p->at;
    while (p->at < p->end && is_bare_key_char(*p->at)) {
        p->at++;
    }
    if (p->at == from) {
        expected(p, "a key");
        return false;
    }
    *ret = (struct key){ .text = { from, (size_t)(p->at - from) },
                         .start = offset_of(p, from),
                         .len = (uint32_t)(p->at - from) };
    return true;
}

static struct span key_span(const struct parser *p, const struct key *key) {
    uint32_t quote = (key->flags & TOML_KEY_QUOTED) != 0 ? 1 : 0;
    return (struct span){ p->doc->source, key->start - quote, key->start + key->len + quote };
}

const char *key_from(const struct parser *p, const struct key *key) {
    return p->start + key_span(p, key).start;
}

const char *key_to(const struct parser *p, const struct key *key) {
    return p->start + key_span(p, key).end;
}

void report_conflict(struct parser *p, const struct key *key, const struct toml_node *first,
                     const char *what) {
    p->doc->ok = false;
    if (first->kind == TOML_INVALID) {
        return;
    }
    str name = str_clip(key->text, 100);
    struct diag *d = report(p, key_from(p, key), key_to(p, key), "'%.*s' %s", STR_FMT(name), what);
    report_note(p, d, toml_key_span(p->doc, first), "first defined here");
}

struct toml_node *add_container(struct parser *p, struct toml_node *parent, const struct key *key,
                                enum toml_kind kind, uint8_t flags) {
    uint32_t index = node_new(p->doc);
    struct toml_node *node = node_at(p->doc, index);
    node->kind = (uint8_t)kind;
    node->flags = flags;
    struct span span = key_span(p, key);
    node->start = span.start;
    node->end = span.end;
    node_set_key(p->doc, node, key);
    node_insert(p->doc, parent, index);
    return node;
}

bool too_deep(struct parser *p, const char *from, const char *to, uint32_t depth) {
    if (depth <= TOML_DEPTH_MAX) {
        return false;
    }
    report(p, from, to, "nested deeper than %d levels", TOML_DEPTH_MAX);
    return true;
}

/* A part of a dotted key but its last: the table that it names, made when it is new. */
static struct toml_node *enter_dotted(struct parser *p, struct toml_node *table,
                                      const struct key *key) {
    struct toml_node *node = node_find(p->doc, table, key->text);
    if (node == NULL) {
        return add_container(p, table, key, TOML_TABLE, TOML_DOTTED);
    }
    if (node->kind == TOML_TABLE && (node->flags & TOML_DOTTED) != 0) {
        return node;
    }
    report_conflict(p, key, node,
                    node->kind == TOML_TABLE ? "is already complete: a dotted key cannot extend it"
                                             : "is not a table: a dotted key cannot extend it");
    return NULL;
}

/* The node that gets the value of the key's last part: not in the table when the key is there
 * already. */
static struct toml_node *add_value(struct parser *p, struct toml_node *table,
                                   const struct key *key) {
    struct toml_node *first = table == NULL ? NULL : node_find(p->doc, table, key->text);
    if (first != NULL) {
        report_conflict(p, key, first, "is defined twice");
    }
    uint32_t index = node_new(p->doc);
    struct toml_node *node = node_at(p->doc, index);
    node_set_key(p->doc, node, key);
    if (first == NULL && table != NULL) {
        node_insert(p->doc, table, index);
    }
    return node;
}

/* keyval = key "=" value; key = simple-key { "." simple-key } */
bool parse_keyval(struct parser *p, struct toml_node *outer, uint32_t depth) {
    struct toml_node *table = outer; /* NULL: what the dotted key names is no table */
    struct key key;
    for (;;) {
        skip_blanks(p);
        if (!parse_simple_key(p, &key)) {
            outer->flags |= TOML_INCOMPLETE;
            return false;
        }
        skip_blanks(p);
        if (!at_char(p, '.')) {
            break;
        }
        p->at++;
        depth++;
        if (too_deep(p, key_from(p, &key), key_to(p, &key), depth)) {
            outer->flags |= TOML_INCOMPLETE;
            return false;
        }
        table = table == NULL ? NULL : enter_dotted(p, table, &key);
    }
    if (!at_char(p, '=')) {
        expected(p, "'=' after the key");
        outer->flags |= TOML_INCOMPLETE; /* it may not have been meant as a key */
        return false;
    }
    p->at++;
    struct toml_node *node = add_value(p, table, &key);
    node->kind = TOML_INVALID;
    skip_blanks(p);
    return parse_value(p, node, depth);
}
