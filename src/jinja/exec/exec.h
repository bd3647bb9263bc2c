// SPDX-License-Identifier: Apache-2.0
/* The state of a render, and what values do in it. */
#pragma once

#include "jinja/syntax/env.h"
#include "jinja/syntax/syntax.h"
#include "jinja/value/value.h"

/* ---- state of a render: runtime.c ---- */

struct binding {
    uint32_t name;
    struct jinja_value value;
};

/* Names of one block of statements; the outermost names are in the module. */
struct scope {
    struct scope *parent;
    struct binding *items; /* `first`, as long as that is enough */
    size_t len;
    size_t cap;
    struct binding first[3];
};

/* All blocks of one name, the child's first. */
struct block_stack {
    const struct block **items;
    size_t len;
    size_t cap;
};

/* Top-level names of one template and those it extends: the context, and what they set. */
struct module {
    struct jinja_value context; /* dict */
    struct module *base;        /* its names are seen from here: an including template, or NULL */
    struct scope *base_scope;   /* the same, inside of it */
    struct map *blocks;         /* str -> struct block_stack */
    bool *autoescape;           /* what filters and macros go by */
    struct module_name {
        enum { NAME_NOT_LOOKED, NAME_ABSENT, NAME_OUTSIDE, NAME_OWN } state;
        bool exported; /* what an import gives */
        struct jinja_value value;
    } * names; /* by interned name */
    size_t name_count;
};

enum flow {
    FLOW_NEXT,
    FLOW_BREAK,
    FLOW_CONTINUE,
};

/* Whether output is escaped is known where it is written, but for autoescape with a variable. */
enum escaping {
    ESCAPE_OFF,
    ESCAPE_ON,
    ESCAPE_ASK, /* the module */
};

/* The top level of a template while it runs. */
struct root {
    const struct jinja_template *template;
    const struct jinja_template *parent; /* extended: from here on nothing is printed */
};

/* Where the template that runs was asked for. */
struct load_site {
    struct span span;
    const struct load_site *outer;
};

/* Where the parts of an output come from. */
struct run_list {
    struct jinja_run *items;
    size_t len;
    size_t cap;
};

/* A text that was captured, so that where it is printed its runs are known. */
struct captured {
    str text;
    struct run_list runs;
    uint32_t origin; /* of what is made of the text */
};

struct jinja_runtime {
    struct jinja_env *env;
    struct sources *sources;
    struct arena *arena;
    struct diag_sink *sink;
    struct module *module;
    struct scope *scope;
    struct root *root; /* NULL: in a macro, block or captured text, whose output always counts */
    const struct load_site *site;
    struct map modules; /* imported without context: str -> struct jinja_object */
    uint32_t self_name;
    uint32_t loop_name;
    enum escaping escaping;
    struct buf *out;
    enum flow flow;
    bool failed;
    uint64_t captures; /* scopes kept by macros: those are not used again */
    size_t depth;
    size_t depth_max;
    uint64_t steps;
    uint64_t steps_free; /* below it a step needs no look at the limits */
    size_t arena_start;
    uint64_t random; /* state of what is chosen: the same in each render */
    uint32_t failed_origin;
    uint32_t attribute_hint; /* see dict_find_text(): of what filters look up in each item */
    struct {
        const struct jinja_dict *dict;
        str name;
    } missed;             /* the last key that was not in a dict: for "did you mean" */
    struct run_list runs; /* of what is in `out` */
    struct captured *captured;
    size_t captured_len;
    size_t captured_cap;
};

bool rt_fail(struct jinja_runtime *rt, struct span span, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
/* Counts work, and checks the limits of steps and memory. */
/* What it costs to go through a value when that is a string; other values are free. */
bool rt_step_text(struct jinja_runtime *rt, struct span span, struct jinja_value v);
bool rt_step_check(struct jinja_runtime *rt, struct span span, uint64_t steps);
/* One step at a span that need not be copied. */
static inline bool rt_tick(struct jinja_runtime *rt, const struct span *span) {
    if (rt->steps_free - rt->steps > 1) {
        rt->steps++;
        return true;
    }
    return rt_step_check(rt, *span, 1);
}
static inline bool rt_step(struct jinja_runtime *rt, struct span span, uint64_t steps) {
    if (steps < rt->steps_free - rt->steps) {
        rt->steps += steps;
        return true;
    }
    return rt_step_check(rt, span, steps);
}
/* Asks for memory about to be used; false: reported. */
bool rt_reserve(struct jinja_runtime *rt, struct span span, size_t bytes);
bool rt_fail_depth(struct jinja_runtime *rt, struct span span) __attribute__((cold));
static inline bool rt_enter(struct jinja_runtime *rt, struct span span) {
    if (rt->depth >= rt->depth_max) {
        return rt_fail_depth(rt, span);
    }
    rt->depth++;
    return true;
}
static inline void rt_leave(struct jinja_runtime *rt) {
    rt->depth--;
}
/* A buf for building text, with the output limit. */
struct buf rt_buf(const struct jinja_runtime *rt);
/* Its content in the render's arena; false: it was full, reported. */
bool rt_take_text(struct jinja_runtime *rt, struct span span, const struct buf *b, str *ret);

/* Whether what is printed here is escaped. */
static inline bool rt_escapes(const struct jinja_runtime *rt) {
    return rt->escaping == ESCAPE_ASK ? *rt->module->autoescape : rt->escaping == ESCAPE_ON;
}
/* A module with empty names; `base` NULL: it sees only the context. */
struct module *module_new(struct jinja_runtime *rt, struct module *base, struct scope *base_scope);
/* Copies what is seen from a scope of a module: later changes there are not seen. */
void module_copy_names(struct jinja_runtime *rt, struct module *to, struct module *from,
                       const struct scope *scope);
/* A top-level name that is set, but not exported. */
void module_set_private(struct jinja_runtime *rt, uint32_t name, struct jinja_value value);
struct scope *scope_push(struct jinja_runtime *rt);
void scope_pop(struct jinja_runtime *rt);
void scope_set(struct jinja_runtime *rt, uint32_t name, struct jinja_value value);
/* NULL: no scope has it. */
static inline const struct jinja_value *scope_find(const struct scope *s, uint32_t name) {
    for (; s != NULL; s = s->parent) {
        for (size_t i = 0; i < s->len; i++) {
            if (s->items[i].name == name) {
                return &s->items[i].value;
            }
        }
    }
    return NULL;
}
/* A top-level name, or one from outside of the template. */
const struct jinja_value *module_get(struct jinja_runtime *rt, uint32_t name, str text);
/* What a name stands for, undefined when for nothing; stays as it is until the name is set. */
static inline const struct jinja_value *scope_get(struct jinja_runtime *rt, uint32_t name,
                                                  str text) {
    const struct jinja_value *local = scope_find(rt->scope, name);
    return local != NULL ? local : module_get(rt, name, text);
}
bool rt_assign(struct jinja_runtime *rt, const struct target *target, struct jinja_value value);

/* Undefined in strict mode is reported: every use but `is defined` and `default` goes through. */
bool rt_use(struct jinja_runtime *rt, struct span span, struct jinja_value v);
/* Reports what is not there; returns false. */
bool rt_undefined(struct jinja_runtime *rt, struct span span, struct jinja_value v);
bool rt_truth(struct jinja_runtime *rt, struct span span, struct jinja_value v, bool *ret);
bool rt_text(struct jinja_runtime *rt, struct span span, struct jinja_value v, str *ret);
bool rt_equal(struct jinja_runtime *rt, struct span span, struct jinja_value a,
              struct jinja_value b, bool *ret);
/* -1, 0, 1, and 2 beside a NaN; false: the values have no order, reported. */
bool rt_compare(struct jinja_runtime *rt, struct span span, struct jinja_value a,
                struct jinja_value b, int *ret);
/* One comparison of an expression, `in` among them. */
bool rt_compare_by(struct jinja_runtime *rt, struct span span, enum compare_op op,
                   struct jinja_value a, struct jinja_value b, bool *ret);
bool rt_contains(struct jinja_runtime *rt, struct span span, struct jinja_value container,
                 struct jinja_value item, bool *ret);
bool rt_attr(struct jinja_runtime *rt, struct span span, struct jinja_value v, str name,
             struct jinja_value *ret);
bool rt_item(struct jinja_runtime *rt, struct span span, struct jinja_value v,
             struct jinja_value key, struct jinja_value *ret);
bool rt_slice(struct jinja_runtime *rt, struct span span, struct jinja_value v,
              const struct jinja_value bounds[3], struct jinja_value *ret);
bool rt_binary(struct jinja_runtime *rt, struct span span, enum token_kind op, struct jinja_value a,
               struct jinja_value b, struct jinja_value *ret);
bool rt_dict_key_other(struct jinja_runtime *rt, struct span span, const struct jinja_value *key);
/* Whether a value can be a key; false: reported. */
static inline bool rt_dict_key(struct jinja_runtime *rt, struct span span,
                               const struct jinja_value *key) {
    bool small = key->kind == JINJA_STRING ? key->string.len < 64 : key->kind == JINJA_INT;
    return small || rt_dict_key_other(rt, span, key);
}

/* Iteration over anything iterable. */
struct iter {
    struct jinja_value source;
    size_t pos;
};
bool iter_init(struct jinja_runtime *rt, struct span span, struct jinja_value v, struct iter *ret);
bool iter_next_other(struct iter *it, struct jinja_value *ret);
static inline bool iter_next(struct iter *it, struct jinja_value *ret) {
    if (it->source.kind != JINJA_LIST && it->source.kind != JINJA_TUPLE) {
        return iter_next_other(it, ret);
    }
    if (it->pos >= it->source.list->len) {
        return false;
    }
    *ret = it->source.list->items[it->pos++];
    return true;
}
/* All items as a list of their own. */
bool rt_list(struct jinja_runtime *rt, struct span span, struct jinja_value v,
             struct jinja_value *ret);

/* ---- calls: call.c ---- */

bool rt_run_callable(struct jinja_runtime *rt, const struct callable *c, struct span span,
                     const struct jinja_value *self, const struct call_values *args,
                     struct jinja_value *ret);
bool rt_call(struct jinja_runtime *rt, struct span span, struct jinja_value callee,
             const struct call_values *args, struct jinja_value *ret);
/* The method of a value as a function; false when there is none. */
bool rt_method(struct jinja_runtime *rt, struct jinja_value v, str name, struct jinja_value *ret);
/* A filter or test by name, for map, select and the like. NULL: there is none, reported. */
const struct callable *call_find(struct jinja_call *call, str name, bool test);
/* Finds and applies one. */
bool rt_apply(struct jinja_call *call, str name, bool test, struct jinja_value v,
              const struct call_values *args, struct jinja_value *ret);

/* ---- output.c: what is printed, and where it came from ---- */

/* Remembers that the output from here on comes from `span` and a value of this origin. */
void exec_mark(struct jinja_runtime *rt, struct span span, uint32_t origin);
bool exec_fail_full(struct jinja_runtime *rt, struct span span) __attribute__((cold));
/* Text that comes from `span`. */
static inline bool exec_print(struct jinja_runtime *rt, const struct span *span, str text) {
    if (rt->env->options.mapped) {
        exec_mark(rt, *span, 0);
    }
    buf_add(rt->out, text);
    return !rt->out->full || exec_fail_full(rt, *span);
}
/* The result of a filter or call block: a string, as it is. */
bool exec_print_value(struct jinja_runtime *rt, struct span span, struct jinja_value v);
/* What any value prints, by the statement at `span`. */
bool exec_print_any(struct jinja_runtime *rt, struct span span, struct span value_span,
                    const struct jinja_value *v);

/* While output is captured. */
struct capture {
    struct buf out;
    struct buf *outer;
    struct run_list outer_runs;
};
void capture_begin(struct jinja_runtime *rt, struct capture *c);
/* Must follow each begin, also of what failed (`ok` false). Gives a string value. */
bool capture_end(struct jinja_runtime *rt, struct span span, struct capture *c, bool ok,
                 struct jinja_value *ret);

/* ---- evaluation: eval.c, exec.c, macro.c, loop.c ---- */

bool eval(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_truth(struct jinja_runtime *rt, const struct expr *e, bool *ret);
/* Where the value is: most are in their place already, others are put into `room`. NULL: reported.
 * It stays as it is while the expression around it is evaluated. Names and literals are part of
 * the step of that expression, so this is not for lists of any length. */
static inline const struct jinja_value *eval_ref(struct jinja_runtime *rt, const struct expr *e,
                                                 struct jinja_value *room) {
    if (e->kind != EXPR_NAME && e->kind != EXPR_LITERAL) {
        return eval(rt, e, room) ? room : NULL;
    }
    return e->kind == EXPR_NAME ? scope_get(rt, e->name, e->text) : &e->literal;
}
/* An EXPR_ATTR of what is on its left. */
bool eval_attr_of(struct jinja_runtime *rt, const struct expr *e, const struct jinja_value *left,
                  struct jinja_value *ret);
/* eval_make.c */
bool eval_list(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_dict(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_sign(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_concat(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_slice(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
/* eval_call.c */
bool eval_call(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_filter(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_test(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
/* Where a few arguments fit; it must live as long as they are used. */
struct arg_room {
    struct jinja_value positional[4];
    struct jinja_keyword keywords[2];
};
bool eval_args(struct jinja_runtime *rt, const struct call_args *args, struct arg_room *room,
               struct call_values *ret);
bool eval_compare(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
/* A chain of filters whose innermost left is NULL, on `input`. */
bool eval_filter_chain(struct jinja_runtime *rt, const struct expr *e, struct jinja_value input,
                       struct jinja_value *ret);
bool exec_body(struct jinja_runtime *rt, const struct stmt_list *body);
/* exec_scoped.c */
bool exec_set_block(struct jinja_runtime *rt, const struct stmt *s);
bool exec_filter_block(struct jinja_runtime *rt, const struct stmt *s);
bool exec_with(struct jinja_runtime *rt, const struct stmt *s);
bool exec_autoescape(struct jinja_runtime *rt, const struct stmt *s);
extern const struct object_ops loop_ops;
/* An attribute of a loop object, by an EXPR_ATTR. */
void loop_get(struct jinja_runtime *rt, struct jinja_object *o, const struct expr *e,
              struct jinja_value *ret);
/* Output of the body as text. */
bool exec_capture(struct jinja_runtime *rt, struct span span, const struct stmt_list *body,
                  struct jinja_value *ret);
bool exec_for(struct jinja_runtime *rt, const struct stmt *s);
struct jinja_value macro_new(struct jinja_runtime *rt, const struct macro *m);
bool exec_call_block(struct jinja_runtime *rt, const struct stmt *s);

/* ---- other templates: load.c, include.c, inherit.c ---- */

/* The template of this name; a name that is not found gives NULL and true. False: reported. */
bool template_find(struct jinja_runtime *rt, struct span span, struct jinja_value name,
                   const struct jinja_template **ret);
bool template_fail_missing(struct jinja_runtime *rt, struct span span, struct jinja_value name);
/* Runs a template and those it extends, in a module with its blocks, as asked for at `span`. */
bool exec_template(struct jinja_runtime *rt, struct span span, struct module *m,
                   const struct jinja_template *t);
bool exec_include(struct jinja_runtime *rt, const struct stmt *s);
bool exec_import(struct jinja_runtime *rt, const struct stmt *s);
bool exec_from(struct jinja_runtime *rt, const struct stmt *s);
bool exec_extends(struct jinja_runtime *rt, const struct stmt *s);
bool exec_block(struct jinja_runtime *rt, const struct stmt *s);

/* ---- markup.c: text that is escaped already ---- */

bool value_is_markup(struct jinja_value v);
/* The text of a value, escaped unless it is markup. */
bool rt_escape(struct jinja_runtime *rt, struct span span, struct jinja_value v, str *ret);
/* A method of a string that is markup: texts among its arguments are escaped, its result is
 * markup. */
bool markup_call(struct jinja_runtime *rt, const struct callable *c, struct span span,
                 const struct jinja_value *self, const struct call_values *args,
                 struct jinja_value *ret);

/* ---- filters ---- */

static inline bool call_step(struct jinja_call *call, uint64_t steps) {
    return rt_step(call->runtime, call->span, steps);
}
bool call_truth(struct jinja_call *call, struct jinja_value v, bool *ret);
/* The argument's value as what the filter needs; the default when not given. False: reported. */
bool call_int(struct jinja_call *call, unsigned param, int64_t otherwise, int64_t *ret);
/* The first argument is a string; what is undefined is none, also when it is lenient. */
bool call_needs_string(struct jinja_call *call);
bool call_bool(struct jinja_call *call, unsigned param, bool otherwise, bool *ret);
bool call_str(struct jinja_call *call, unsigned param, str otherwise, str *ret);
/* Looks up "a.b.0" in a value, as `attribute=` parameters do. */
bool call_attribute(struct jinja_call *call, struct jinja_value v, struct jinja_value path,
                    struct jinja_value *ret);
/* A number, or a string that is one. */
bool call_float(struct jinja_call *call, unsigned param, double *ret);
struct buf call_buf(const struct jinja_call *call);
/* Room in the arena for a text of a length that is known; NULL: reported. */
char *call_room(struct jinja_call *call, size_t len);
/* A string value with the buf's content. */
bool call_take(struct jinja_call *call, const struct buf *b, struct jinja_value *ret);
/* Sorts a list in place: stable; `by` as attribute path or UNDEFINED; false: reported. */
bool call_sort(struct jinja_call *call, struct jinja_list *list, struct jinja_value by,
               bool case_sensitive, bool reverse);
/* The same, but equal keys may be of a kind without an order. */
bool call_sort_equal(struct jinja_call *call, struct jinja_list *list, struct jinja_value by,
                     bool case_sensitive, bool reverse);
/* What is compared: lower case for strings unless case matters. */
bool call_fold_text(struct jinja_call *call, str text, struct jinja_value *ret);
static inline bool call_fold(struct jinja_call *call, const struct jinja_value *v,
                             bool case_sensitive, struct jinja_value *ret) {
    if (!case_sensitive && v->kind == JINJA_STRING) {
        return call_fold_text(call, v->string, ret);
    }
    *ret = *v;
    return true;
}
/* str.strip(): `set` NULL is white space. */
str text_strip(str s, const str *set, bool left, bool right);
bool call_step_strip(struct jinja_call *call, str s, str set);
/* str.replace(); count below 0: all. */
void text_replace(struct buf *out, str s, str old, str with, int64_t count);
/* Takes one line, as str.splitlines() does, and the length of its line end. */
bool text_cut_line(str *rest, str *ret_line, size_t *ret_end);
struct jinja_value dict_pairs(struct arena *a, const struct jinja_dict *d);
/* format.c: "%s" % args */
bool text_format(struct jinja_runtime *rt, struct span span, struct jinja_value format,
                 struct jinja_value args, struct jinja_value *ret);
/* format_spec.c: format(v, spec) */
bool text_format_value(struct jinja_runtime *rt, struct span span, struct jinja_value v, str spec,
                       struct buf *out);
/* to_json.c */
bool value_to_json(struct jinja_call *call, struct jinja_value v, int64_t indent, struct buf *out);
