// SPDX-License-Identifier: Apache-2.0
/*
 * What is printed, and where it came from. A text that is captured (a macro's, a block's) keeps the
 * runs of its own: printed as it is, they go with it.
 */
#include "jinja/exec/exec.h"

/* In an origin: the rest is the index of a captured text. */
#define ORIGIN_CAPTURED (UINT32_C(1) << 31)

static const struct captured *find_captured(const struct jinja_runtime *rt, uint32_t origin) {
    return (origin & ORIGIN_CAPTURED) != 0 ? &rt->captured[origin & ~ORIGIN_CAPTURED] : NULL;
}

/* Remembers where the output from `start` on comes from. */
static void mark(struct jinja_runtime *rt, size_t start, struct span span, uint32_t origin) {
    struct run_list *runs = &rt->runs;
    struct jinja_run run = { start, span, origin };
    if (runs->len > 0 && runs->items[runs->len - 1].start == start) {
        runs->items[runs->len - 1] = run; /* what was marked before printed nothing */
        return;
    }
    ARENA_PUSH(rt->arena, runs->items, runs->len, runs->cap, run);
}

/* The same for a value that is about to be printed at `span`. */
static bool mark_value(struct jinja_runtime *rt, struct span span, struct jinja_value v) {
    const struct captured *c = find_captured(rt, v.origin);
    if (c == NULL || v.kind != JINJA_STRING || v.string.ptr != c->text.ptr ||
        v.string.len != c->text.len) {
        mark(rt, rt->out->len, span, c != NULL ? c->origin : v.origin);
        return true;
    }
    if (!rt_reserve(rt, span, c->runs.len * sizeof *c->runs.items)) {
        return false;
    }
    for (size_t i = 0; i < c->runs.len; i++) {
        const struct jinja_run *run = &c->runs.items[i];
        mark(rt, rt->out->len + run->start, run->span, run->origin);
    }
    return true;
}

bool exec_fail_full(struct jinja_runtime *rt, struct span span) {
    return rt_fail(rt, span, "the output is larger than %zu bytes", rt->out->max);
}

void exec_mark(struct jinja_runtime *rt, struct span span, uint32_t origin) {
    mark(rt, rt->out->len, span, origin);
}

bool exec_print_value(struct jinja_runtime *rt, struct span span, struct jinja_value v) {
    if (v.kind != JINJA_STRING) {
        return rt_fail(rt, span, "the result is printed, so it must be text, not a '%s' value",
                       value_type_name(v));
    }
    return exec_print_any(rt, span, span, &v);
}

bool exec_print_any(struct jinja_runtime *rt, struct span span, struct span value_span,
                    const struct jinja_value *v) {
    if (rt->env->options.mapped && !mark_value(rt, span, *v)) {
        return false;
    }
    if (v->kind == JINJA_STRING) {
        buf_add(rt->out, v->string);
    } else if (v->kind == JINJA_INT) {
        text_add_integer(rt->out, v->integer);
    } else if (!value_add_text(*v, rt->out) && !rt->out->full) {
        return rt_fail(rt, value_span, "a value is nested too deeply to be printed");
    }
    return !rt->out->full || exec_fail_full(rt, span);
}

void capture_begin(struct jinja_runtime *rt, struct capture *c) {
    *c = (struct capture){ .out = rt_buf(rt), .outer = rt->out, .outer_runs = rt->runs };
    rt->out = &c->out;
    rt->runs = (struct run_list){ 0 };
}

/* The first origin that is a value's. */
static uint32_t first_origin(const struct run_list *runs) {
    for (size_t i = 0; i < runs->len; i++) {
        if (runs->items[i].origin != 0) {
            return runs->items[i].origin;
        }
    }
    return 0;
}

bool capture_end(struct jinja_runtime *rt, struct span span, struct capture *c, bool ok,
                 struct jinja_value *ret) {
    struct captured captured = { .runs = rt->runs };
    rt->out = c->outer;
    rt->runs = c->outer_runs;
    *ret = jinja_string((str){ 0 });
    ok = ok && rt_take_text(rt, span, &c->out, &captured.text);
    buf_done(&c->out);
    if (!ok) {
        return false;
    }
    ret->string = captured.text;
    if (captured.runs.len > 0 && rt->captured_len < ORIGIN_CAPTURED) {
        captured.origin = first_origin(&captured.runs);
        ret->origin = ORIGIN_CAPTURED | (uint32_t)rt->captured_len;
        ARENA_PUSH(rt->arena, rt->captured, rt->captured_len, rt->captured_cap, captured);
    }
    return true;
}
