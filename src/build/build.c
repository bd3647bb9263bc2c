// SPDX-License-Identifier: Apache-2.0
#include "build/build.h"

#include <jansson.h>
#include <string.h>

#include "build/internal.h"

static bool find_target(struct builder *b, size_t *ret) {
    const char *target = b->request->target;
    if (target == NULL) {
        *ret = b->file->stage_count - 1;
        return true;
    }
    *ret = dockerfile_find_stage(b->file, str_from_c(target));
    if (*ret != DOCKERFILE_NO_STAGE) {
        return true;
    }
    str *names = ARENA_ARRAY(b->arena, str, b->file->stage_count);
    size_t count = 0;
    for (size_t i = 0; i < b->file->stage_count; i++) {
        str name = b->file->stages[i].from->from.name.text;
        if (name.ptr != NULL) {
            names[count++] = name;
        }
    }
    struct span whole = { b->request->dockerfile, 0, 0 };
    struct diag *d = diag_report(b->sink, "E403", whole, "there is no stage '%s'", target);
    str near = nearest_word(str_from_c(target), names, count);
    if (near.ptr != NULL) {
        diag_help(b->sink, d, "did you mean '%.*s'?", STR_FMT(near));
    }
    return false;
}

static bool read_dockerfile(struct builder *b, size_t *ret_target) {
    if (!dockerfile_parse(b->arena, b->sink, b->request->dockerfile, &b->file)) {
        return false;
    }
    b->build_platform = oci_platform_host();
    b->stages = ARENA_ARRAY(b->arena, struct stage, b->file->stage_count);
    vars_global(b);
    struct dockerfile_expander e = vars_global_expander(b);
    return dockerfile_check_stages(b->file, &e, b->sink) && find_target(b, ret_target);
}

static bool run_target(struct builder *b) {
    size_t target;
    if (!read_dockerfile(b, &target) || (!b->request->look && !foreign_check(b, target)) ||
        !context_open(b) || !stage_build(b, target)) {
        return false;
    }
    struct stage *s = &b->stages[target];
    b->result->config = s->config;
    b->result->layers = stack_paths(b, &s->stack, &b->result->layer_count);
    b->result->layer_keys = s->stack.layers;
    b->result->layer_key_count = s->stack.len;
    b->result->key = s->stack.key;
    return true;
}

void build_times(struct store *s, struct arena *a, const struct build_result *result,
                 struct build_time **ret, size_t *ret_count) {
    *ret = ARENA_ARRAY(a, struct build_time, result->record_count);
    *ret_count = 0;
    for (size_t i = 0; i < result->record_count; i++) {
        str text;
        if (!store_layer_meta(s, a, &result->records[i].key, &text)) {
            continue;
        }
        json_t *meta = json_loadb(text.ptr, text.len, 0, NULL);
        const json_t *began = json_object_get(meta, "began_ms");
        const json_t *ended = json_object_get(meta, "ended_ms");
        if (json_is_integer(began) && json_is_integer(ended)) {
            (*ret)[(*ret_count)++] =
                (struct build_time){ json_integer_value(began), json_integer_value(ended) };
        }
        json_decref(meta);
    }
}

bool build_run(struct arena *a, const struct build_request *request, struct diag_sink *sink,
               struct build_result *ret, struct err *err) {
    *ret = (struct build_result){ 0 };
    struct builder b = {
        .request = request,
        .arena = a,
        .sink = sink,
        .err = err,
        .result = ret,
        .work = STEP_WORK_INIT,
    };
    map_init(&b.bases, a);
    map_init(&b.unreachable, a);
    bool ok = run_target(&b);
    host_settings_done(&b);
    store_work_done(&b.work.store);
    context_close(b.context);
    return ok;
}

bool build_check_platforms(struct arena *a, const struct build_request *request,
                           struct diag_sink *sink) {
    struct err err = ERR_INIT;
    struct build_result result = { 0 };
    struct builder b = {
        .request = request,
        .arena = a,
        .sink = sink,
        .err = &err,
        .result = &result,
    };
    size_t target;
    return read_dockerfile(&b, &target) && foreign_check(&b, target);
}

bool build_base_find(struct arena *a, const struct build_request *request,
                     const struct dockerfile_word *word, const struct oci_platform *platform,
                     struct diag_sink *sink, struct build_image *ret, struct err *err) {
    struct build_result result = { 0 };
    struct builder b = {
        .request = request,
        .arena = a,
        .sink = sink,
        .err = err,
        .result = &result,
    };
    map_init(&b.bases, a);
    map_init(&b.unreachable, a);
    return base_find(&b, *word, platform, ret);
}
