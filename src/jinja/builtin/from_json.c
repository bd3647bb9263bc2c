// SPDX-License-Identifier: Apache-2.0
/* Values from JSON, through jansson. */
#include <jansson.h>

#include "jinja/builtin/builtin.h"

static void json_free_auto(json_t **j) {
    json_decref(*j);
}
#define AUTO_JSON __attribute__((cleanup(json_free_auto))) json_t *

/* jansson limits the nesting of what it parses. */
static struct jinja_value convert(struct arena *a, json_t *j) {
    const char *key;
    json_t *item;
    size_t i;
    struct jinja_value v = JINJA_NONE_VALUE;
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        v = jinja_dict_new(a);
        dict_reserve(v.dict, json_object_size(j));
        json_object_foreach(j, key, item) {
            jinja_dict_put(v, str_dup(a, str_from_c(key)), convert(a, item));
        }
        break;
    case JSON_ARRAY:
        v = jinja_list_new(a);
        list_reserve(v.list, json_array_size(j));
        json_array_foreach(j, i, item) {
            jinja_list_add(v, convert(a, item));
        }
        break;
    case JSON_STRING:
        v = jinja_string(str_dup(a, (str){ json_string_value(j), json_string_length(j) }));
        break;
    case JSON_INTEGER:
        v = jinja_int(json_integer_value(j));
        break;
    case JSON_REAL:
        v = jinja_float(json_real_value(j));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        v = jinja_bool(json_is_true(j));
        break;
    case JSON_NULL:
        break;
    }
    return v;
}

bool jinja_value_from_json(struct arena *a, str text, const char *name, struct jinja_value *ret,
                           struct err *err) {
    json_error_t error;
    AUTO_JSON j = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (j == NULL) {
        return err_set(err, "%s:%d:%d: %s", name, error.line, error.column, error.text);
    }
    *ret = convert(a, j);
    return true;
}
