// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "embedded/internal.h"

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

/* The instruction that made a layer of this build. */
static str made_by(const struct builder *b, const struct store_key *layer) {
    const struct build_result *r = b->result;
    for (size_t i = 0; i < r->record_count; i++) {
        if (memcmp(&r->records[i].key, layer, sizeof *layer) == 0) {
            return r->records[i].text;
        }
    }
    return S("");
}

static struct images_origin origin_of(const struct builder *b, const struct stage *s) {
    struct images_origin origin = s->origin;
    size_t above = s->stack.len - origin.count;
    origin.made_by = ARENA_ARRAY(b->arena, str, above);
    for (size_t i = 0; i < above; i++) {
        size_t at = origin.count + i;
        bool inherited = at < s->inherited && s->origin.made_by != NULL;
        origin.made_by[i] = inherited ? s->origin.made_by[i] : made_by(b, &s->stack.layers[at]);
    }
    return origin;
}

static bool run_target(struct builder *b) {
    size_t target;
    if (!read_dockerfile(b, &target) || (!b->request->look && !foreign_check(b, target)) ||
        !context_open(b) || !epoch_find(b) || (!b->request->look && !bases_find(b, target)) ||
        !stage_build(b, target)) {
        return false;
    }
    struct stage *s = &b->stages[target];
    b->result->config = s->config;
    b->result->source_date_epoch = b->epoch_s;
    b->result->epoch_is_now = !b->epoch_is_set;
    b->result->layers = stack_paths(b, &s->stack, &b->result->layer_count);
    b->result->origin = origin_of(b, s);
    b->result->layer_keys = s->stack.layers;
    b->result->layer_key_count = s->stack.len;
    b->result->key = s->stack.key;
    return true;
}

/* A step that failed may have read what is damaged; what is going to be read must not be. */
static bool is_whole(struct builder *b, bool ok) {
    const struct build_request *request = b->request;
    bool reads = ok && request->reads != NULL && request->reads(request->reads_self, b->result);
    if (request->look || is_cancelled(b) || (ok && !reads)) {
        return true;
    }
    if (ok) {
        return store_layers_check(request->store, b->result->layer_keys,
                                  b->result->layer_key_count);
    }
    bool whole = true;
    for (size_t i = 0; b->stages != NULL && i < b->file->stage_count; i++) {
        const struct images_stack *stack = &b->stages[i].stack;
        whole &= store_layers_check(request->store, stack->layers, stack->len);
    }
    /* What is below those that were used is found with them: a layer says what it was made from. */
    return store_layers_check(request->store, b->used, b->used_len) && whole;
}

static bool run_once(struct builder *b, bool *ret_whole) {
    bases_begin(b);
    bool ok = run_target(b);
    if (b->finder.failed_output.len > 0) {
        b->result->failed_output = b->finder.failed_output;
    }
    host_settings_done(b);
    store_work_done(&b->work.store);
    context_close(b->context);
    *ret_whole = is_whole(b, ok);
    tell_damages(b);
    return ok;
}

bool embedded_run(struct arena *a, const struct build_request *request, struct diag_sink *sink,
                  struct build_result *ret, struct err *err) {
    enum { TRIES = 5 }; /* each finds more damage */
    const struct diag_sink before = *sink;
    for (int i = 0; i < TRIES; i++) {
        struct builder b = {
            .request = request,
            .arena = a,
            .sink = sink,
            .err = err,
            .result = ret,
            .work = STEP_WORK_INIT,
        };
        bool whole;
        *ret = (struct build_result){ 0 };
        bool ok = run_once(&b, &whole);
        if (whole) {
            return ok;
        }
        /* What failed is tried again without what was damaged. */
        *sink = before;
        *err = ERR_INIT;
    }
    err_set(err, "the store '%s' keeps getting damaged", store_path(request->store));
    return err_help(err, "check the disk; 'capsem-builder cache verify' reads the whole store");
}

bool embedded_check_platforms(struct arena *a, const struct build_request *request,
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
