// SPDX-License-Identifier: Apache-2.0
/* Arguments of tools: their schema, and whether they are what it says. */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "mcp/internal.h"

/* ---- the schema ---- */

static const char *type_of(const struct mcp_param *p) {
    switch (p->kind) {
    case MCP_END:
    case MCP_TEXT:
    case MCP_WORD:
        return "string";
    case MCP_FLAG:
        return "boolean";
    case MCP_NUMBER:
        return "integer";
    case MCP_LIST:
        return "array";
    }
    return "string";
}

static json_t *property(const struct mcp_param *p, const char *help) {
    json_t *o = json_pack("{s:s, s:s}", "type", type_of(p), "description", help);
    if (p->kind == MCP_WORD) {
        json_t *words = json_array();
        for (size_t i = 0; p->words[i] != NULL; i++) {
            json_array_append_new(words, json_string(p->words[i]));
        }
        json_object_set_new(o, "enum", words);
        json_object_set_new(o, "default", json_string(p->words[0]));
    } else if (p->kind == MCP_NUMBER) {
        json_object_set_new(o, "minimum", json_integer(p->min));
        json_object_set_new(o, "maximum", json_integer(p->max));
    } else if (p->kind == MCP_LIST) {
        json_object_set_new(o, "items", json_pack("{s:s}", "type", "string"));
    }
    return o;
}

json_t *mcp_schema(const struct mcp_param *params) {
    AUTO_ARENA a = arena_new();
    json_t *properties = json_object();
    json_t *required = json_array();
    for (const struct mcp_param *p = params; p->kind != MCP_END; p++) {
        json_object_set_new(properties, p->name, property(p, p->help));
        if (p->alias != NULL) {
            const char *help = str_fmt(a, "The same as '%s'.", p->name).ptr;
            json_object_set_new(properties, p->alias, property(p, help));
        } else if (p->required) { /* of two names a schema requires neither: the call does */
            json_array_append_new(required, json_string(p->name));
        }
    }
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", 0);
}

/* ---- what was given ---- */

static const struct mcp_param *find_param(const struct mcp_param *params, const char *name) {
    for (const struct mcp_param *p = params; p->kind != MCP_END; p++) {
        if (strcmp(p->name, name) == 0 || (p->alias != NULL && strcmp(p->alias, name) == 0)) {
            return p;
        }
    }
    return NULL;
}

static bool check_text(const char *name, const json_t *value, struct err *err) {
    if (!json_is_string(value)) {
        return err_set(err, "the argument '%s' is not a string", name);
    }
    return strlen(json_string_value(value)) == json_string_length(value) ||
           err_set(err, "the argument '%s' holds a NUL character", name);
}

static bool check_word(const struct mcp_param *p, const json_t *value, struct err *err) {
    if (!check_text(p->name, value, err)) {
        return false;
    }
    AUTO_BUF words = BUF_INIT((size_t)ERR_FRAME_BYTES);
    for (size_t i = 0; p->words[i] != NULL; i++) {
        if (strcmp(p->words[i], json_string_value(value)) == 0) {
            return true;
        }
        buf_addf(&words, "%s%s",
                 i == 0                    ? ""
                 : p->words[i + 1] == NULL ? " or "
                                           : ", ",
                 p->words[i]);
    }
    return err_set(err, "the argument '%s' cannot be '%s'; it is %s", p->name,
                   json_string_value(value), words.ptr);
}

static bool check_number(const struct mcp_param *p, const json_t *value, struct err *err) {
    json_int_t number = json_integer_value(value);
    return (json_is_integer(value) && number >= p->min && number <= p->max) ||
           err_set(err, "the argument '%s' is not an integer from %" PRId64 " to %" PRId64, p->name,
                   p->min, p->max);
}

static bool check_list(const struct mcp_param *p, const json_t *value, struct err *err) {
    if (!json_is_array(value)) {
        return err_set(err, "the argument '%s' is not an array", p->name);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!check_text(p->name, json_array_get(value, i), err)) {
            return false;
        }
    }
    return true;
}

static bool check_value(const struct mcp_param *p, const json_t *value, struct err *err) {
    switch (p->kind) {
    case MCP_END:
    case MCP_TEXT:
        return check_text(p->name, value, err);
    case MCP_WORD:
        return check_word(p, value, err);
    case MCP_FLAG:
        return json_is_boolean(value) ||
               err_set(err, "the argument '%s' is not a boolean", p->name);
    case MCP_NUMBER:
        return check_number(p, value, err);
    case MCP_LIST:
        return check_list(p, value, err);
    }
    return false;
}

static bool is_given(const json_t *arguments, const char *name) {
    const json_t *value = name != NULL ? json_object_get(arguments, name) : NULL;
    return value != NULL && !json_is_null(value);
}

bool mcp_arguments_check(const struct mcp_param *params, const json_t *arguments, struct err *err) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)arguments, key, value) {
        const struct mcp_param *p = find_param(params, key);
        if (p == NULL) {
            return err_set(err, "unknown argument '%s'", key);
        }
        if (!json_is_null(value) && !check_value(p, value, err)) {
            return false;
        }
    }
    for (const struct mcp_param *p = params; p->kind != MCP_END; p++) {
        bool named = is_given(arguments, p->name), other = is_given(arguments, p->alias);
        if (p->required && !named && !other) {
            return err_set(err, "the argument '%s' is missing", p->name);
        }
        if (named && other) {
            return err_set(err, "the arguments '%s' and '%s' set the same value", p->name,
                           p->alias);
        }
    }
    return true;
}

/* By the name of its row. */
static const json_t *value_of(const struct mcp_call *call, const char *name,
                              const struct mcp_param **ret) {
    const struct mcp_param *p = find_param(call->tool->params, name);
    ASSERT(p != NULL);
    *ret = p;
    return json_object_get(call->arguments, is_given(call->arguments, p->name) || p->alias == NULL
                                                ? p->name
                                                : p->alias);
}

const char *mcp_text(const struct mcp_call *call, const char *name) {
    const struct mcp_param *p;
    return json_string_value(value_of(call, name, &p));
}

const char *mcp_word(const struct mcp_call *call, const char *name) {
    const struct mcp_param *p;
    const char *word = json_string_value(value_of(call, name, &p));
    return word != NULL ? word : p->words[0];
}

bool mcp_flag(const struct mcp_call *call, const char *name) {
    const struct mcp_param *p;
    return json_is_true(value_of(call, name, &p));
}

int64_t mcp_number(const struct mcp_call *call, const char *name, int64_t otherwise) {
    const struct mcp_param *p;
    const json_t *value = value_of(call, name, &p);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

size_t mcp_list(const struct mcp_call *call, const char *name, const char *const **ret) {
    const struct mcp_param *p;
    const json_t *value = value_of(call, name, &p);
    size_t count = json_array_size(value);
    const char **items = ARENA_ARRAY(call->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        items[i] = json_string_value(json_array_get(value, i));
    }
    *ret = items;
    return count;
}
