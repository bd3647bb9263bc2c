// SPDX-License-Identifier: Apache-2.0
#include "embedded/devices_yaml.h"

#include <string.h>
#include <yaml.h>

enum {
    DEPTH_MAX = 64,
    NODES_MAX = 200 * 1000, /* aliases written out: a few can stand for billions */
};

struct loading {
    yaml_document_t *document;
    size_t nodes;
    struct err *err;
};

static json_t *make_value(struct loading *l, yaml_node_t *node, int depth);

static json_t *refuse(struct loading *l, const yaml_node_t *node, const char *what) {
    err_set(l->err, "line %zu: %s", node->start_mark.line + 1, what);
    return NULL;
}

static bool is_null(const yaml_node_t *node) {
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };
    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp((const char *)node->data.scalar.value, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *make_text(struct loading *l, const yaml_node_t *node) {
    json_t *text = json_stringn((const char *)node->data.scalar.value, node->data.scalar.length);
    return text != NULL ? text : refuse(l, node, "text that is not UTF-8");
}

static json_t *make_object(struct loading *l, const yaml_node_t *node, int depth) {
    json_t *object = json_object();
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *key = yaml_document_get_node(l->document, p->key);
        json_t *value = NULL;
        if (key->type != YAML_SCALAR_NODE) {
            refuse(l, key, "a key that is not text");
        } else {
            value = make_value(l, yaml_document_get_node(l->document, p->value), depth + 1);
        }
        if (value == NULL || json_object_setn_new(object, (const char *)key->data.scalar.value,
                                                  key->data.scalar.length, value) < 0) {
            json_decref(object);
            return value == NULL ? NULL : refuse(l, key, "a key that is not UTF-8");
        }
    }
    return object;
}

static json_t *make_array(struct loading *l, const yaml_node_t *node, int depth) {
    json_t *array = json_array();
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
         i++) {
        json_t *value = make_value(l, yaml_document_get_node(l->document, *i), depth + 1);
        if (value == NULL) {
            json_decref(array);
            return NULL;
        }
        json_array_append_new(array, value);
    }
    return array;
}

static json_t *make_value(struct loading *l, yaml_node_t *node, int depth) {
    if (depth > DEPTH_MAX) {
        return refuse(l, node, "nested too deeply");
    }
    if (++l->nodes > NODES_MAX) {
        return refuse(l, node, "too large; aliases may refer to other aliases");
    }
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return is_null(node) ? json_null() : make_text(l, node);
    case YAML_SEQUENCE_NODE:
        return make_array(l, node, depth);
    case YAML_MAPPING_NODE:
        return make_object(l, node, depth);
    case YAML_NO_NODE:
        break;
    }
    return refuse(l, node, "invalid YAML");
}

json_t *yaml_load(str text, struct err *err) {
    yaml_parser_t parser;
    yaml_document_t document;
    json_t *value = NULL;
    if (yaml_parser_initialize(&parser) == 0) {
        err_set(err, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    if (yaml_parser_load(&parser, &document) == 0) {
        err_set(err, "line %zu: %s", parser.problem_mark.line + 1,
                parser.problem != NULL ? parser.problem : "not YAML");
    } else {
        struct loading l = { .document = &document, .err = err };
        yaml_node_t *root = yaml_document_get_root_node(&document);
        value = root == NULL ? json_null() : make_value(&l, root, 0);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return value;
}
