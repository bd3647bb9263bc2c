// SPDX-License-Identifier: Apache-2.0
/* Reads everything again. */
#include <jansson.h>
#include <string.h>

#include "store/internal.h"

struct verifying {
    struct store *store;
    struct arena *arena;
    struct store_finding *findings;
    size_t len;
    size_t cap;
};

static void add(struct verifying *v, const char *name, str what) {
    struct store_finding finding = { name, str_to_c(v->arena, what) };
    ARENA_PUSH(v->arena, v->findings, v->len, v->cap, finding);
}

static bool trash(struct verifying *v, const char *path, const char *what, struct err *err) {
    add(v, path, str_from_c(what));
    return store_trash(v->store, path, err);
}

/* What was dropped since the last call. */
static void add_damages(struct verifying *v) {
    struct store_damage d;
    while (store_damage_next(v->store, &d)) {
        str what = d.what;
        if (d.text.len > 0) {
            what = str_fmt(v->arena, "%.*s (%.*s)", STR_FMT(what), STR_FMT(d.text));
        }
        if (d.more > 0) {
            what = str_fmt(v->arena, "%.*s; %zu layers made from it are also removed",
                           STR_FMT(what), d.more);
        }
        add(v, str_fmt(v->arena, "layers/%s", d.key.hex).ptr, what);
    }
}

static bool check_layer(struct verifying *v, const char *name, struct err *err) {
    const char *path = path_join(v->arena, "layers", name);
    if (strlen(name) != STORE_KEY_HEX) {
        return trash(v, path, "not a layer", err);
    }
    if (fs_exists(v->store->fd, path)) { /* else it went with one before */
        (void)!layer_read_again(v->store, name);
        add_damages(v);
    }
    return true;
}

static const char *check_record(struct verifying *v, str json) {
    json_t *record = json_loadb(json.ptr, json.len, 0, NULL);
    const json_t *layers = json_object_get(record, "layers");
    const char *problem = json_is_array(layers) ? NULL : "the record is damaged";
    for (size_t i = 0; problem == NULL && i < json_array_size(layers); i++) {
        const char *hex = json_string_value(json_array_get(layers, i));
        struct store_key key = { 0 };
        if (hex == NULL || strlen(hex) != STORE_KEY_HEX) {
            problem = "the record is damaged";
            break;
        }
        memcpy(key.hex, hex, STORE_KEY_HEX);
        problem = store_layer_has(v->store, &key) ? NULL : "one of its layers is missing";
    }
    json_decref(record);
    return problem;
}

static bool check_image(struct verifying *v, const char *name, struct err *err) {
    const char *path = path_join(v->arena, "images", name);
    str json;
    const char *problem = !record_read(v->store, v->arena, path, &json, NULL) ? "cannot be read"
                          : json.len == 0 ? "the record is damaged"
                                          : check_record(v, json);
    return problem == NULL || trash(v, path, problem, err);
}

static bool check_result(struct verifying *v, const char *name, struct err *err) {
    const char *path = path_join(v->arena, "results", name);
    str json;
    const char *problem = !record_read(v->store, v->arena, path, &json, NULL) ? "cannot be read"
                          : json.len == 0 ? "the record is damaged"
                                          : NULL;
    return problem == NULL || trash(v, path, problem, err);
}

static bool check_blob(struct verifying *v, const char *name, struct err *err) {
    const char *problem = store_blob_check(v->store, v->arena, name);
    return problem == NULL || trash(v, path_join(v->arena, "blobs", name), problem, err);
}

bool store_verify(struct store *s, struct arena *a, struct store_finding **ret, size_t *ret_count,
                  struct err *err) {
    static const struct {
        const char *folder;
        bool (*check)(struct verifying *v, const char *name, struct err *err);
    } checks[] = { { "layers", check_layer },
                   { "images", check_image },
                   { "results", check_result },
                   { "blobs", check_blob } };
    struct verifying v = { .store = s, .arena = a };
    for (size_t c = 0; c < ARRAY_LEN(checks); c++) {
        const char **names;
        size_t count;
        if (!fs_list(a, s->fd, checks[c].folder, &names, &count, err)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            bool is_being_written = names[i][0] == '.';
            if (!is_being_written && !checks[c].check(&v, names[i], err)) {
                return false;
            }
        }
    }
    *ret = v.findings;
    *ret_count = v.len;
    return true;
}
