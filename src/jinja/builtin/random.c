// SPDX-License-Identifier: Apache-2.0
/*
 * The filter random and the function lipsum. What they choose looks random, but is the same in
 * each render of the same template: the same inputs give the same image.
 */
#include "jinja/builtin/builtin.h"

/* splitmix64, from 0 at the start of a render */
static uint64_t next_random(struct jinja_runtime *rt) {
    uint64_t z = rt->random += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

/* From low up to, but not, high. */
static int64_t choose(struct jinja_runtime *rt, int64_t low, int64_t high) {
    return (int64_t)((uint64_t)low + next_random(rt) % ((uint64_t)high - (uint64_t)low));
}

static bool filter_random(struct jinja_call *call, struct jinja_value *ret) {
    struct jinja_value v = call->args[0];
    if (v.kind == JINJA_UNDEFINED && call->runtime->env->options.strict) {
        return rt_undefined(call->runtime, call->span, v);
    }
    if (v.kind != JINJA_UNDEFINED && !value_is_sized(v)) {
        return jinja_call_fail(call, "a '%s' value has no length", value_type_name(v));
    }
    size_t len = v.kind == JINJA_UNDEFINED ? 0 : value_length(v);
    if (len == 0) {
        *ret = value_undefined(S("No random item, sequence was empty."), UNDEFINED_EMPTY);
        return true;
    }
    int64_t index = choose(call->runtime, 0, (int64_t)len);
    if (!rt_item(call->runtime, call->span, v, jinja_int(index), ret)) {
        return false;
    }
    return ret->kind != JINJA_UNDEFINED ||
           jinja_call_fail(call, "a '%s' value has no items by number", value_type_name(v));
}

static const str words[] = {
    S_INIT("lorem"),    S_INIT("ipsum"),       S_INIT("dolor"),   S_INIT("sit"),
    S_INIT("amet"),     S_INIT("consectetur"), S_INIT("elit"),    S_INIT("sed"),
    S_INIT("eiusmod"),  S_INIT("tempor"),      S_INIT("labore"),  S_INIT("magna"),
    S_INIT("aliqua"),   S_INIT("enim"),        S_INIT("minim"),   S_INIT("veniam"),
    S_INIT("quis"),     S_INIT("nostrud"),     S_INIT("ullamco"), S_INIT("nisi"),
    S_INIT("commodo"),  S_INIT("duis"),        S_INIT("aute"),    S_INIT("velit"),
    S_INIT("cillum"),   S_INIT("fugiat"),      S_INIT("nulla"),   S_INIT("sint"),
    S_INIT("occaecat"), S_INIT("culpa"),       S_INIT("officia"), S_INIT("mollit"),
};

/* A paragraph of so many words: sentences of four to a dozen, some with a comma. */
static void add_paragraph(struct jinja_runtime *rt, int64_t count, struct buf *out) {
    int64_t sentence = 0; /* words left in it */
    size_t last = ARRAY_LEN(words);
    for (int64_t i = 0; i < count && !out->full; i++) {
        bool first = sentence == 0;
        size_t at = (size_t)choose(rt, 0, (int64_t)ARRAY_LEN(words));
        at = at == last ? (at + 1) % ARRAY_LEN(words) : at;
        sentence = first ? choose(rt, 4, 13) : sentence;
        buf_add(out, i > 0 ? S(" ") : S(""));
        buf_add_char(out, (char)(words[at].ptr[0] - (first ? 'a' - 'A' : 0)));
        buf_add(out, str_slice(words[at], 1, words[at].len));
        sentence--;
        bool end = sentence == 0 || i + 1 == count;
        buf_add(out, end ? S(".") : !first && choose(rt, 0, 6) == 0 ? S(",") : S(""));
        last = at;
    }
    buf_add(out, count > 0 ? S("") : S("."));
}

static bool global_lipsum(struct jinja_call *call, struct jinja_value *ret) {
    enum { N, HTML, MIN, MAX };
    int64_t n;
    int64_t low;
    int64_t high;
    bool html;
    AUTO_BUF out = call_buf(call);
    if (!call_int(call, N, 5, &n) || !call_bool(call, HTML, true, &html) ||
        !call_int(call, MIN, 20, &low) || !call_int(call, MAX, 100, &high)) {
        return false;
    }
    if (n > 0 && low >= high) {
        return jinja_call_fail(call, "min is not less than max");
    }
    for (int64_t i = 0; i < n && !out.full; i++) {
        int64_t count = choose(call->runtime, low, high);
        if (!call_step(call, count > 0 ? (uint64_t)count : 1)) {
            return false;
        }
        buf_add(&out, i == 0 ? S("") : html ? S("\n") : S("\n\n"));
        buf_add(&out, html ? S("<p>") : S(""));
        add_paragraph(call->runtime, count, &out);
        buf_add(&out, html ? S("</p>") : S(""));
    }
    if (!call_take(call, &out, ret)) {
        return false;
    }
    ret->markup = html;
    return true;
}

static const struct jinja_callable filter_rows[] = {
    { S_INIT("random"), "seq", 1, filter_random, "One of the items; the same in each render." },
};
static const struct jinja_callable global_rows[] = {
    { S_INIT("lipsum"), "n html min max", 0, global_lipsum, "Paragraphs of filler text." },
};

const struct callable_table filters_random_table = { filter_rows, ARRAY_LEN(filter_rows) };
const struct callable_table globals_random_table = { global_rows, ARRAY_LEN(global_rows) };
