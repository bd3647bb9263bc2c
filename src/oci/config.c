// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "oci/oci.h"

enum { SHORT_LIST = 32 }; /* pairs that are looked through one by one */

static struct oci_pair *find_pair(const struct oci_pairs *pairs, str key) {
    if (pairs->index != NULL) {
        size_t number = (size_t)(uintptr_t)map_find(pairs->index, key);
        return number > 0 ? &pairs->items[number - 1] : NULL;
    }
    for (size_t i = 0; i < pairs->len; i++) {
        if (str_eq(pairs->items[i].key, key)) {
            return &pairs->items[i];
        }
    }
    return NULL;
}

/* EXPOSE 1-65535 is one line. */
static void index_pairs(struct arena *a, struct oci_pairs *pairs) {
    size_t from = pairs->len - 1;
    if (pairs->index == NULL) {
        pairs->index = ARENA_NEW(a, struct map);
        map_init(pairs->index, a);
        from = 0;
    }
    for (size_t i = from; i < pairs->len; i++) {
        map_put(pairs->index, pairs->items[i].key, (void *)(uintptr_t)(i + 1));
    }
}

void oci_pairs_set(struct arena *a, struct oci_pairs *pairs, str key, str value) {
    struct oci_pair *there = find_pair(pairs, key);
    if (there != NULL) {
        there->value = value;
        return;
    }
    struct oci_pair fresh = { key, value };
    ARENA_PUSH(a, pairs->items, pairs->len, pairs->cap, fresh);
    if (pairs->len > SHORT_LIST) {
        index_pairs(a, pairs);
    }
}

const str *oci_pairs_find(const struct oci_pairs *pairs, str key) {
    const struct oci_pair *pair = find_pair(pairs, key);
    return pair == NULL ? NULL : &pair->value;
}

static struct oci_pairs copy_pairs(struct arena *a, const struct oci_pairs *from) {
    struct oci_pairs to = { .len = from->len, .cap = from->len };
    to.items = ARENA_ARRAY(a, struct oci_pair, from->len);
    if (from->len > 0) {
        memcpy(to.items, from->items, from->len * sizeof *from->items);
    }
    return to;
}

struct oci_config oci_config_copy(struct arena *a, const struct oci_config *from) {
    struct oci_config to = *from;
    to.env = copy_pairs(a, &from->env);
    to.labels = copy_pairs(a, &from->labels);
    to.exposed = copy_pairs(a, &from->exposed);
    to.volumes = copy_pairs(a, &from->volumes);
    return to;
}

/* Text that is not UTF-8 cannot be in JSON; jansson then gives NULL and the key is left out. */
static json_t *json_str(str s) {
    return json_stringn(s.ptr == NULL ? "" : s.ptr, s.len);
}

static void set_str(json_t *object, const char *key, str s) {
    if (s.len > 0) {
        json_object_set_new(object, key, json_str(s));
    }
}

static void set_strings(json_t *object, const char *key, struct oci_strings list) {
    if (list.items == NULL) {
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < list.len; i++) {
        json_array_append_new(array, json_str(list.items[i]));
    }
    json_object_set_new(object, key, array);
}

/* {"80/tcp": {}, ...} */
static void set_keys(json_t *object, const char *key, const struct oci_pairs *pairs) {
    if (pairs->len == 0) {
        return;
    }
    json_t *keys = json_object();
    for (size_t i = 0; i < pairs->len; i++) {
        json_object_setn_new(keys, pairs->items[i].key.ptr, pairs->items[i].key.len, json_object());
    }
    json_object_set_new(object, key, keys);
}

static void set_labels(json_t *object, const struct oci_pairs *labels) {
    if (labels->len == 0) {
        return;
    }
    json_t *keys = json_object();
    for (size_t i = 0; i < labels->len; i++) {
        json_object_setn_new(keys, labels->items[i].key.ptr, labels->items[i].key.len,
                             json_str(labels->items[i].value));
    }
    json_object_set_new(object, "Labels", keys);
}

static void set_env(json_t *object, const struct oci_pairs *env) {
    json_t *array = json_array();
    for (size_t i = 0; i < env->len; i++) {
        json_array_append_new(array, json_sprintf("%.*s=%.*s", STR_FMT(env->items[i].key),
                                                  STR_FMT(env->items[i].value)));
    }
    json_object_set_new(object, "Env", array);
}

static const struct duration_field {
    const char *key;
    size_t offset;
} duration_fields[] = {
    { "Interval", offsetof(struct oci_healthcheck, interval_ns) },
    { "Timeout", offsetof(struct oci_healthcheck, timeout_ns) },
    { "StartPeriod", offsetof(struct oci_healthcheck, start_period_ns) },
    { "StartInterval", offsetof(struct oci_healthcheck, start_interval_ns) },
    { "Retries", offsetof(struct oci_healthcheck, retries) },
};

static void set_healthcheck(json_t *object, const struct oci_healthcheck *h) {
    if (h->test.items == NULL) {
        return;
    }
    json_t *check = json_object();
    set_strings(check, "Test", h->test);
    for (size_t i = 0; i < ARRAY_LEN(duration_fields); i++) {
        uint64_t value;
        memcpy(&value, (const char *)h + duration_fields[i].offset, sizeof value);
        if (value > 0) {
            json_object_set_new(check, duration_fields[i].key, json_integer((json_int_t)value));
        }
    }
    json_object_set_new(object, "Healthcheck", check);
}

str oci_config_encode(struct arena *a, const struct oci_config *c) {
    json_t *root = json_object();
    set_str(root, "author", c->author);
    set_str(root, "architecture", c->platform.architecture);
    set_str(root, "os", c->platform.os);
    set_str(root, "variant", c->platform.variant);
    json_t *config = json_object();
    set_str(config, "User", c->user);
    set_keys(config, "ExposedPorts", &c->exposed);
    set_env(config, &c->env);
    set_strings(config, "Entrypoint", c->entrypoint);
    set_strings(config, "Cmd", c->cmd);
    set_healthcheck(config, &c->healthcheck);
    set_keys(config, "Volumes", &c->volumes);
    set_str(config, "WorkingDir", c->working_dir);
    set_strings(config, "OnBuild", c->onbuild);
    set_labels(config, &c->labels);
    set_str(config, "StopSignal", c->stop_signal);
    set_strings(config, "Shell", c->shell);
    json_object_set_new(root, "config", config);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    str result = str_dup(a, str_from_c(text));
    free(text);
    return result;
}

static str get_str(struct arena *a, const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value)) {
        return S("");
    }
    return str_dup(a, (str){ json_string_value(value), json_string_length(value) });
}

static struct oci_strings get_strings(struct arena *a, const json_t *object, const char *key) {
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array)) {
        return (struct oci_strings){ 0 };
    }
    size_t count = json_array_size(array);
    str *items = ARENA_ARRAY(a, str, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        items[i] = json_is_string(value)
                       ? str_dup(a, (str){ json_string_value(value), json_string_length(value) })
                       : S("");
    }
    return (struct oci_strings){ items, count };
}

static void get_pairs(struct arena *a, json_t *object, const char *key, struct oci_pairs *ret) {
    json_t *table = json_object_get(object, key);
    const char *name;
    json_t *value;
    json_object_foreach(table, name, value) {
        str text = json_is_string(value)
                       ? str_dup(a, (str){ json_string_value(value), json_string_length(value) })
                       : S("");
        oci_pairs_set(a, ret, str_dup(a, str_from_c(name)), text);
    }
}

static void get_env(struct arena *a, const json_t *config, struct oci_pairs *ret) {
    struct oci_strings env = get_strings(a, config, "Env");
    for (size_t i = 0; i < env.len; i++) {
        str value = env.items[i];
        str key = str_cut(&value, '=');
        oci_pairs_set(a, ret, key, value);
    }
}

static void get_healthcheck(struct arena *a, const json_t *config, struct oci_healthcheck *ret) {
    const json_t *check = json_object_get(config, "Healthcheck");
    ret->test = get_strings(a, check, "Test");
    for (size_t i = 0; i < ARRAY_LEN(duration_fields); i++) {
        json_int_t number = json_integer_value(json_object_get(check, duration_fields[i].key));
        uint64_t value = number > 0 ? (uint64_t)number : 0;
        memcpy((char *)ret + duration_fields[i].offset, &value, sizeof value);
    }
}

bool oci_config_decode(struct arena *a, str json, struct oci_config *ret, struct err *err) {
    json_error_t why;
    json_t *root = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        json_decref(root);
        return err_set(err, "an image config is not a JSON object: %s", why.text);
    }
    struct oci_config c = { 0 };
    c.author = get_str(a, root, "author");
    c.platform.os = get_str(a, root, "os");
    c.platform.architecture = get_str(a, root, "architecture");
    c.platform.variant = get_str(a, root, "variant");
    json_t *config = json_object_get(root, "config");
    c.user = get_str(a, config, "User");
    c.working_dir = get_str(a, config, "WorkingDir");
    c.stop_signal = get_str(a, config, "StopSignal");
    get_env(a, config, &c.env);
    get_pairs(a, config, "Labels", &c.labels);
    get_pairs(a, config, "ExposedPorts", &c.exposed);
    get_pairs(a, config, "Volumes", &c.volumes);
    c.entrypoint = get_strings(a, config, "Entrypoint");
    c.cmd = get_strings(a, config, "Cmd");
    c.shell = get_strings(a, config, "Shell");
    c.onbuild = get_strings(a, config, "OnBuild");
    get_healthcheck(a, config, &c.healthcheck);
    json_decref(root);
    *ret = c;
    return true;
}
