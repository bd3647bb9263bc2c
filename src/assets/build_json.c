// SPDX-License-Identifier: Apache-2.0
/*
 * build.json. jansson tells of missing memory at each step; objects are filled without looking,
 * and a value that could not be made makes `set` and so the whole fail.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "assets/internal.h"
#include "base/clock.h"

/* Takes over `value`; NULL is a failure. */
static bool set(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

static bool set_str(json_t *object, const char *key, str value) {
    return set(object, key, asset_json_str(value));
}

static bool set_u64(json_t *object, const char *key, uint64_t value) {
    return set(object, key, json_integer((json_int_t)value));
}

static bool set_time(json_t *object, const char *key, int64_t epoch_s) {
    AUTO_ARENA scratch = arena_new();
    str text = time_to_iso(scratch, epoch_s);
    return text.len > 0 ? set_str(object, key, text) : set(object, key, json_null());
}

static json_t *inputs_array(const struct assets_template *r) {
    AUTO_JSON list = json_array();
    for (size_t i = 0; i < r->input_count; i++) {
        const struct assets_input *input = &r->inputs[i];
        AUTO_JSON row = json_object();
        if (!set_str(row, "kind", input->kind) || !set_str(row, "name", input->name) ||
            (input->digest.len > 0 && !set_str(row, "digest", input->digest)) ||
            json_array_append(list, row) < 0) {
            return NULL;
        }
    }
    return json_incref(list);
}

static json_t *steps_array(const struct assets_template *r) {
    AUTO_JSON list = json_array();
    for (size_t i = 0; i < r->step_count; i++) {
        const struct assets_step *step = &r->steps[i];
        AUTO_JSON row = json_object();
        if ((step->stage.len > 0 && !set_str(row, "stage", step->stage)) ||
            !set_str(row, "instruction", step->instruction) ||
            (step->key.len > 0 && !set_str(row, "key", step->key)) ||
            !set(row, "cached", json_boolean(step->cached)) ||
            !set_u64(row, "duration_ms", step->duration_ms) || json_array_append(list, row) < 0) {
            return NULL;
        }
    }
    return json_incref(list);
}

static json_t *sizes_object(const struct assets_template *r) {
    AUTO_ARENA scratch = arena_new();
    AUTO_JSON sizes = json_object();
    for (size_t i = 0; i < r->size_count; i++) {
        if (!set_u64(sizes, str_to_c(scratch, r->sizes[i].name), r->sizes[i].bytes)) {
            return NULL;
        }
    }
    return json_incref(sizes);
}

static json_t *template_object(const struct assets_template *r) {
    AUTO_JSON object = json_object();
    size_t hits = 0;
    for (size_t i = 0; i < r->step_count; i++) {
        hits += r->steps[i].cached;
    }
    bool ok = set_time(object, "started", r->started_s) &&
              set_u64(object, "duration_ms", r->duration_ms) &&
              set_u64(object, "steps_cached", hits) &&
              set_u64(object, "steps_run", r->step_count - hits) &&
              set(object, "inputs", inputs_array(r)) && set(object, "steps", steps_array(r)) &&
              set(object, "sizes", sizes_object(r));
    return ok ? json_incref(object) : NULL;
}

/* What the build.json that is there says about templates; NULL when nothing. Borrowed from
 * *keep. */
static json_t *old_templates(struct arena *a, int dirfd, const char *arch, json_t **keep) {
    str text = { 0 };
    const char *path = path_join(a, arch, "build.json");
    if (!fs_load(a, dirfd, path, BUILD_JSON_BYTES_MAX, &text, NULL)) {
        return NULL;
    }
    *keep = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    json_t *templates = json_object_get(*keep, "templates");
    return json_is_object(templates) ? templates : NULL;
}

/* The same steps and inputs, whatever time it took and whoever ran them. */
static bool is_same_work(const json_t *one, const json_t *other) {
    static const char *const fields[] = { "stage", "instruction", "key" };
    const json_t *a = json_object_get(one, "steps");
    const json_t *b = json_object_get(other, "steps");
    bool same = json_equal(json_object_get(one, "inputs"), json_object_get(other, "inputs")) &&
                json_equal(json_object_get(one, "sizes"), json_object_get(other, "sizes")) &&
                json_array_size(a) == json_array_size(b);
    for (size_t i = 0; same && i < json_array_size(a); i++) {
        for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
            const json_t *x = json_object_get(json_array_get(a, i), fields[f]);
            const json_t *y = json_object_get(json_array_get(b, i), fields[f]);
            same &= (x == NULL && y == NULL) || json_equal(x, y) == 1;
        }
    }
    return same;
}

/* A build that ran nothing says nothing new: what is known of the last one that did stays. */
static json_t *newer_of(json_t *old, json_t *now) {
    json_int_t run = json_integer_value(json_object_get(now, "steps_run"));
    if (old == NULL || now == NULL || run > 0 || !is_same_work(old, now)) {
        return now;
    }
    json_decref(now);
    return json_incref(old);
}

static json_t *templates_object(struct arena *a, json_t *old, const struct assets_build *build) {
    AUTO_JSON all = old != NULL ? json_copy(old) : json_object();
    for (size_t i = 0; i < build->template_count; i++) {
        const struct assets_template *r = &build->templates[i];
        const char *name = str_to_c(a, r->name);
        if (!set(all, name, newer_of(json_object_get(all, name), template_object(r)))) {
            return NULL;
        }
    }
    return json_incref(all);
}

static json_t *asset_sizes_object(const struct asset_sums *sums, const char *arch) {
    AUTO_JSON sizes = json_object();
    for (enum asset asset = 0; asset < ASSET_COUNT; asset++) {
        const struct asset_sum *row = asset_sums_find(sums, arch, asset);
        if (row != NULL && !set_u64(sizes, asset_names[asset], row->size_bytes)) {
            return NULL;
        }
    }
    return json_incref(sizes);
}

bool asset_build_json(struct arena *a, int dirfd, const char *arch,
                      const struct assets_build *build, const struct asset_sums *sums, str *ret,
                      struct err *err) {
    AUTO_JSON keep = NULL;
    json_t *old = old_templates(a, dirfd, arch, &keep);
    AUTO_JSON root = json_object();
    bool ok = set_str(root, "program", S("capsem-builder " CAPSEM_VERSION)) &&
              set_str(root, "image", build->image_name) &&
              set_str(root, "version", build->image_version) &&
              set_str(root, "arch", str_from_c(arch)) && set_str(root, "engine", build->engine) &&
              set(root, "source_date_epoch", json_integer(build->source_date_epoch)) &&
              set(root, "templates", templates_object(a, old, build)) &&
              set(root, "sizes", asset_sizes_object(sums, arch));
    if (!ok) {
        return err_sys(err, ENOMEM, "write build.json");
    }
    return asset_json_dump(a, root, ret, err);
}
